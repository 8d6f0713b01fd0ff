/** `file.ts#name` in the place of a blueprint: a pipeline that a TypeScript file exports, checked as its plan says. */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Diagnostics from "../blueprint/Diagnostics.js"
import * as Source from "../blueprint/Source.js"
import * as Rule from "../check/Rule.js"
import type { Finding } from "../plan/Finding.js"
import * as Plan from "../plan/Plan.js"
import * as CodeAllowed from "../project/CodeAllowed.js"
import type { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import type { Host } from "./Host.js"
import * as UserCode from "./UserCode.js"
import type { Checked, Workflow } from "./Workflow.js"
import * as Workspace from "./Workspace.js"

/** The file and the export of what somebody typed, or a run keeps; undefined where it is no file of code. */
export const parts = (named: string): { readonly file: string; readonly name: string } | undefined => {
  const hash = named.lastIndexOf("#")
  const file = hash === -1 ? named : named.slice(0, hash)
  if (!CodeAllowed.hasExtension(file)) return undefined
  const name = hash === -1 ? "default" : named.slice(hash + 1)
  return { file, name: name === "" ? "default" : name }
}

/** `file` is absolute. What is wrong with its pipeline is a finding; what keeps it from being loaded is a fault. */
export const read = (
  workspace: Workspace.Workspace,
  file: string,
  name: string
): Effect.Effect<Checked, Fault, FileSystem | Host | Path.Path> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const Pipelines = yield* Effect.promise(() => import("../code/Pipelines.js"))
    const shown = (yield* Workspace.shownPath(workspace, file)).split(path.sep).join("/")
    const modules = yield* UserCode.modules(workspace)
    const { layer, module, pipeline } = yield* Effect.mapError(Pipelines.exported(modules, shown, name), Faults.code)
    const diagnostics = Plan.make(pipeline).findings.map((finding) => diagnostic(shown, module.text, finding))
    const workflow: Workflow = {
      // What it takes, and how it fails, is told from its schemas when it runs.
      pipeline: pipeline as unknown as Workflow["pipeline"],
      sources: [{ path: `${shown}#${name}`, text: module.text }],
      warnings: diagnostics.filter(({ severity }) => severity === "warning"),
      layer
    }
    const isSound = workflow.warnings.length === diagnostics.length
    return {
      blueprint: isSound ? workflow : undefined,
      diagnostics: Diagnostics.sorted(diagnostics),
      path: shown,
      folder: path.dirname(file),
      code: []
    }
  })

/** At the first place where the step's name stands in quotes; code has no better one. */
const diagnostic = (file: string, text: string, { code, hint, message, path, severity }: Finding) => {
  const name = /([^/[\]#!]+)(?:[[#!][^/]*)?$/.exec(path)?.[1]
  const at = name === undefined ? -1 : Math.max(text.indexOf(`"${name}"`), text.indexOf(`'${name}'`))
  const span = at === -1 ? { start: 0, end: 0 } : { start: at, end: at + (name?.length ?? 0) + 2 }
  const { title, why } = Rule.find(code) ?? { title: message, why: message }
  const whole = path === "" ? message : `${path}: ${message}`
  return Diagnostics.make(Source.make(file, text), { code, severity, title, why }, span, whole, { hint })
}
