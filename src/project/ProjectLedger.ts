/** What a project says about the log of its ledger: who signs, with which key, and where checkpoints are sent. */
import type * as Path from "@effect/platform/Path"
import * as Either from "effect/Either"
import { ProjectError, quoted } from "./ProjectError.js"
import * as ProjectToml from "./ProjectToml.js"
import { byDefault, type Setting } from "./Setting.js"
import type * as StateUri from "./StateUri.js"

/** Where `ledger checkpoint` leaves a checkpoint beside what it prints. */
export type Anchor =
  | { readonly _tag: "File"; readonly path: string }
  /** Speaks C2SP `tlog-witness`. */
  | { readonly _tag: "Witness"; readonly url: string }

export interface ProjectLedger {
  /** Whether processes that write sign checkpoints as they go. */
  readonly checkpoints: Setting<boolean>
  /** The file of the private key; none for a state in memory. */
  readonly key: Setting<string> | undefined
  readonly anchors: ReadonlyArray<Setting<Anchor>>
}

export const read = (
  toml: ProjectToml.ProjectToml,
  where: { readonly base: string; readonly path: Path.Path; readonly state: StateUri.StateUri }
): Either.Either<ProjectLedger, ProjectError> => {
  const { base, path, state } = where
  const said = ProjectToml.setting(toml, "ledger.key", (document) => document.ledger?.key)
  const checkpoints = ProjectToml.setting(toml, "ledger.checkpoints", (document) => document.ledger?.checkpoints)
  const refuse = (key: string, detail: string, hint: string) =>
    Either.left(ProjectToml.pointAt(new ProjectError({ reason: "BadValue", detail, hint }), toml, key))
  if (said !== undefined && (said.value.trim() === "" || said.value.includes("\0"))) {
    return refuse("ledger.key", "ledger.key must name a file", 'for instance ledger.key = ".flujo/ledger.key"')
  }
  const anchors: Array<Setting<Anchor>> = []
  const named = ProjectToml.setting(toml, "ledger.anchors", (document) => document.ledger?.anchors)
  for (const text of named?.value ?? []) {
    const url = URL.canParse(text) ? new URL(text) : undefined
    const source = named?.source ?? byDefault
    if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") {
      anchors.push({ value: { _tag: "Witness", url: text }, source })
    } else if (text.startsWith("file:") && text.length > "file:".length && !text.includes("\0")) {
      anchors.push({ value: { _tag: "File", path: path.resolve(base, text.slice("file:".length)) }, source })
    } else {
      return refuse(
        "ledger.anchors",
        `ledger.anchors: ${quoted(text)} is neither a file nor a witness`,
        'write "file:checkpoints.txt", or the address of a witness without a password: "https://witness.example/add-checkpoint"'
      )
    }
  }
  return Either.right({
    checkpoints: checkpoints ?? { value: true, source: byDefault },
    key: said === undefined ? keyOf(state, base, path) : { value: path.resolve(base, said.value), source: said.source },
    anchors
  })
}

/** Beside the state, or, where that is no file, in the project's own folder for such things. */
const keyOf = (state: StateUri.StateUri, base: string, path: Path.Path): Setting<string> | undefined => {
  switch (state._tag) {
    case "Memory":
      return undefined
    case "Sqlite":
      return { value: `${state.path}.key`, source: byDefault }
    case "Postgres":
      return { value: path.join(base, ".flujo/ledger.key"), source: byDefault }
  }
}
