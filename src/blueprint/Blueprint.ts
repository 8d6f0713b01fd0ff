/**
 * A blueprint: YAML text that says a pipeline, the same tree that TypeScript builds. Reading is pure and answers either
 * a pipeline, with the place in the text of each of its nodes, or all that is wrong with the text at once.
 *
 * ```ts
 * const blueprint = Blueprint.parse({ path: "pipeline.yaml", bytes }, { skills: () => undefined, skillIds: [] })
 * if (Either.isLeft(blueprint)) console.error(Diagnostics.renderAll(blueprint.left))
 * ```
 */
import * as Either from "effect/Either"
import type { BudgetExceeded } from "../domain/Budget.js"
import type { Json } from "../domain/Json.js"
import type { ModelError, Models } from "../domain/Model.js"
import type { Span, TemplateError } from "../expression/Template.js"
import type { AgentError } from "../pipeline/Agent.js"
import { type Node, nameOf } from "../pipeline/Node.js"
import * as Pipeline from "../pipeline/Pipeline.js"
import type { SkillError } from "../pipeline/Skill.js"
import * as Step from "../pipeline/Step.js"
import type * as StepError from "../pipeline/StepError.js"
import * as Agents from "./Agents.js"
import * as Bytes from "./Bytes.js"
import * as Context from "./Context.js"
import * as Decode from "./Decode.js"
import * as Diagnostics from "./Diagnostics.js"
import type { Child, Env, Options } from "./Env.js"
import * as Imports from "./Imports.js"
import type * as Prompt from "./internal/Prompt.js"
import * as JsonSchema from "./JsonSchema.js"
import { Origins, type Text } from "./Origins.js"
import * as Read from "./Read.js"
import * as Source from "./Source.js"
import * as Steps from "./Steps.js"
import type { Tree } from "./Tree.js"
import * as Validators from "./Validators.js"

export type { Given } from "./Bytes.js"
export type { Options } from "./Env.js"

/** How a step of a blueprint can fail by itself. */
export type Failure =
  | AgentError
  | BudgetExceeded
  | ModelError
  | SkillError
  | StepError.InvariantViolated
  | StepError.ItemsRefused
  | StepError.LoopExhausted
  | StepError.NoBranch
  | StepError.NoTransition
  | StepError.Rejected
  | StepError.SchemaMismatch
  | StepError.StepTimedOut
  | StepError.StepUncertain
  | StepError.ValidationFailed
  | StepError.ValueRefused
  | TemplateError

export interface Blueprint {
  /** What its skills need beside models is known to who looked them up. */
  readonly pipeline: Pipeline.Pipeline<Json, Json, Failure, Models>
  /** The texts that it was made of: what a run keeps. */
  readonly sources: ReadonlyArray<{ readonly path: string; readonly text: string }>
  readonly warnings: ReadonlyArray<Diagnostics.Diagnostic>
  /** Where a node was written, all of it and what to point at. */
  readonly locate: (node: Node) => Located | undefined
  /** The text as it was read, with the place of every part. */
  readonly tree: Tree
  /** Private to this room. */
  readonly source: Source.Source
  /** Private to this room. */
  readonly origins: Origins
  /** Private to this room: where the name of the whole stands. */
  readonly nameSpan: Span
}

export interface Located {
  readonly file: string
  readonly whole: Source.Place
  readonly head: Source.Place
}

/** What a planner finds in a tree, as far as it is needed to show it in the text. */
export interface PlanFinding {
  readonly code: string
  readonly severity: "error" | "warning"
  readonly path: string
  readonly message: string
  readonly hint: string | undefined
  readonly node: Node
  readonly template: { readonly source: string; readonly span: Span } | undefined
  /** A piece of that template, and what is to stand in its place. */
  readonly repair?: Diagnostics.Repair | undefined
}

/** Titles and explanations by code, as the planner has them. */
export type PlanRules = Readonly<
  Record<string, { readonly title: string; readonly explanation: string; readonly why?: string }>
>

export const parse = (
  given: Bytes.Given,
  options: Options
): Either.Either<Blueprint, ReadonlyArray<Diagnostics.Diagnostic>> => {
  const { blueprint, diagnostics } = draft(given, options)
  return blueprint === undefined || diagnostics.some(({ severity }) => severity === "error")
    ? Either.left(diagnostics)
    : Either.right(blueprint)
}

/**
 * `parse`, and with it what `plan` finds, so that somebody who writes sees all there is at once. It is asked about a
 * text with faults too, where what follows from these is left out.
 */
export const check = (
  given: Bytes.Given,
  options: Options,
  plan: {
    readonly find: (pipeline: Pipeline.Pipeline.Any) => ReadonlyArray<PlanFinding>
    readonly rules: PlanRules
  }
): { readonly blueprint: Blueprint | undefined; readonly diagnostics: ReadonlyArray<Diagnostics.Diagnostic> } => {
  const { blueprint, diagnostics } = draft(given, options)
  if (blueprint === undefined) return { blueprint, diagnostics }
  // A template that cannot be read was reported already, by its own reader.
  const keyOf = ({ file, message, place }: Diagnostics.Diagnostic) => `${file}:${place.span.start}:${message}`
  const said = new Set(diagnostics.map(keyOf))
  const planned = diagnose(blueprint, plan.find(blueprint.pipeline), plan.rules)
  const news = planned.filter((one) => !said.has(keyOf(one)))
  const all = Diagnostics.sorted([...diagnostics, ...news])
  return { blueprint: all.some(({ severity }) => severity === "error") ? undefined : blueprint, diagnostics: all }
}

/** What a planner found, at its place in the text. */
export const diagnose = (
  blueprint: Blueprint,
  findings: ReadonlyArray<PlanFinding>,
  rules: PlanRules
): ReadonlyArray<Diagnostics.Diagnostic> => {
  const { nameSpan, origins, source } = blueprint
  // Two equal texts of one node are told apart by their order, which the planner keeps.
  const seen = new Map<Node, Map<string, number>>()
  const nth = (node: Node, key: string): number => {
    const counts = seen.get(node) ?? new Map<string, number>()
    seen.set(node, counts)
    const count = counts.get(key) ?? 0
    counts.set(key, count + 1)
    return count
  }
  const found = findings.flatMap((finding) => {
    const { code, hint, message, node, severity, template } = finding
    if (origins.isFaulty(node)) return []
    if (code === "FLJ-PLAN-7" && !origins.isContextWhole && message.startsWith("context has no field")) return []
    const origin = origins.nearest(node)
    const texts = template === undefined ? [] : (origin?.texts.filter((text) => text.source === template.source) ?? [])
    const key = template === undefined ? "" : `${code}:${template.span.start}:${template.span.end}:${template.source}`
    const own = texts.length === 0 ? undefined : texts[Math.min(nth(node, key), texts.length - 1)]
    const prompt = node._tag === "Agent" ? node.agent.prompt : undefined
    const ofPrompt = prompt === undefined || template === undefined ? [] : origins.promptTexts(prompt)
    const text = own ?? ofPrompt.find(({ source }) => source === template?.source)
    const branch = [...(origin?.branches ?? [])].find(([name]) =>
      ["branch", "state"].some((word) => message.includes(`${word} ${JSON.stringify(name)}`))
    )
    const span =
      text !== undefined && template !== undefined
        ? text.within(template.span)
        : finding.path === "" && code === "FLJ-PLAN-1"
          ? nameSpan
          : (branch?.[1] ?? origin?.head ?? nameSpan)
    const unnamed = code === "FLJ-PLAN-2" && origin !== undefined && !origin.isNamed
    const rule = Object.hasOwn(rules, code) ? rules[code] : undefined
    return [
      Diagnostics.make(
        text?.file ?? origin?.source ?? source,
        {
          code,
          severity,
          title: rule?.title ?? message,
          why: rule?.why ?? firstSentence(rule?.explanation ?? message)
        },
        span,
        message,
        {
          repair: finding.repair === undefined || text === undefined ? undefined : placed(finding.repair, text),
          hint: unnamed ? `give it a \`name\`: without one it is called ${nameOf(node) ?? "after its kind"}` : hint
        }
      )
    ]
  })
  // A file that is imported twice has its findings once.
  const byKey = new Map(
    found.map((one) => [`${one.code} ${one.file} ${one.place.span.start} ${one.place.span.end} ${one.message}`, one])
  )
  return Diagnostics.sorted([...byKey.values()])
}

/** Only where the piece stands in the file as it is. */
const placed = ({ span, text }: Diagnostics.Repair, { within }: Text): Diagnostics.Repair | undefined => {
  const at = within(span)
  return at.end - at.start === span.end - span.start ? { span: at, text } : undefined
}

const firstSentence = (text: string): string => /^.*?(?=\.(?:\s|$))/s.exec(text)?.[0] ?? text

/** What is read for one blueprint, of all the files that it is made of. */
interface Reading {
  readonly options: Options
  readonly origins: Origins
  /** Texts in the order in which they are first imported; the first is the blueprint's own. */
  readonly sources: Array<Source.Source>
  readonly found: Array<Diagnostics.Diagnostic>
  /** A file is read once, however many import it. */
  readonly children: Map<string, Child["inner"]>
  readonly prompts: Prompt.Prompts
  /** The files on the way here. */
  readonly way: Array<string>
}

const draft = (
  given: Bytes.Given,
  options: Options
): { readonly blueprint: Blueprint | undefined; readonly diagnostics: ReadonlyArray<Diagnostics.Diagnostic> } => {
  const source = Bytes.read(given)
  if (Either.isLeft(source)) return { blueprint: undefined, diagnostics: source.left }
  const origins = Origins.of(source.right)
  const prompts: Prompt.Prompts = { files: options.files ?? new Map(), byPath: new Map(), found: [] }
  const reading: Reading = { options, origins, sources: [], found: [], children: new Map(), prompts, way: [] }
  const found = one(reading, source.right)
  const diagnostics = Diagnostics.sorted([...reading.found, ...prompts.found])
  if (found === undefined) return { blueprint: undefined, diagnostics }
  const { context, name, nameSpan, root, tree } = found
  return {
    diagnostics,
    blueprint: {
      pipeline: Pipeline.undefinedVariables(
        { ...Pipeline.make(name)(Step.fromNode<Json, Json, Failure, Models>(root)), context },
        options.undefinedVariables ?? "strict"
      ),
      sources: [...reading.sources, ...promptSources(reading)].map(({ path, text }) => ({ path, text })),
      warnings: diagnostics.filter(({ severity }) => severity === "warning"),
      locate: (node) => {
        const origin = origins.get(node)
        if (origin === undefined) return undefined
        return {
          file: origin.source.path,
          whole: Source.place(origin.source, origin.whole),
          head: Source.place(origin.source, origin.head)
        }
      },
      tree,
      source: source.right,
      origins,
      nameSpan
    }
  }
}

/** Prompt files that are not among the blueprints. */
const promptSources = ({ prompts, sources }: Reading): ReadonlyArray<Source.Source> =>
  [...prompts.byPath.values()].flatMap((read) =>
    read === undefined || sources.some(({ path }) => path === read.source.path) ? [] : [read.source]
  )

/** One file, and before it is done those that it imports. */
const one = (reading: Reading, source: Source.Source) => {
  const report = new Diagnostics.Report(source)
  reading.sources.push(source)
  reading.way.push(source.path)
  // What is wrong with this file comes before what is wrong with those that it imports.
  const at = reading.found.length
  const tree = Read.read(report)
  const found = tree === undefined ? undefined : document(report, tree, reading, reading.origins.within(source))
  reading.found.splice(at, 0, ...report.found)
  reading.way.pop()
  return found
}

const importsOf = (
  report: Diagnostics.Report,
  tree: Tree | undefined,
  reading: Reading
): ReadonlyMap<string, Child> => {
  const children = new Map<string, Child>()
  for (const { key, path, span } of Imports.declared(report, tree)) {
    children.set(key.text, { key, inner: path === undefined ? undefined : childOf(report, path, span, reading) })
  }
  return children
}

const childOf = (report: Diagnostics.Report, path: string, span: Span, reading: Reading): Child["inner"] => {
  const { children, options, way } = reading
  if (way.includes(path)) {
    const circle = [...way.slice(way.indexOf(path)), path].join(" → ")
    report.add("V-I3", span, `these files import one another: ${circle}`, { hint: "take one of the imports out" })
    return undefined
  }
  if (children.has(path)) return children.get(path)
  const given = options.files?.get(path)
  if (given === undefined) {
    const isFull = (options.files?.size ?? 0) >= Imports.filesMax
    report.add("V-I1", span, isFull ? `more than ${Imports.filesMax} files are imported` : `there is no file ${path}`)
    return undefined
  }
  if (Imports.isRefused(given)) {
    report.add("V-I1", span, `${path} is not read: ${given.refused}`, { hint: given.hint })
    return undefined
  }
  const source = Bytes.read({ ...given, path })
  if (Either.isLeft(source)) {
    reading.found.push(...source.left)
    children.set(path, undefined)
    return undefined
  }
  const before = reading.found.length
  const found = one(reading, source.right)
  const isSound = !reading.found.slice(before).some(({ severity }) => severity === "error")
  const inner = found !== undefined && isSound ? found : undefined
  children.set(path, inner)
  return inner
}

/** A pipeline without a name, so that moving a file does not make it another pipeline. */
const nameDefault = "pipeline"

const documentKeys = [
  "version",
  "name",
  "description",
  "input_schema",
  "output_schema",
  "context",
  "imports",
  "agents",
  "static_invariants",
  "steps"
]

const document = (report: Diagnostics.Report, tree: Tree, reading: Reading, origins: Origins) => {
  if (tree._tag !== "Map") {
    Decode.map(report, tree, "a blueprint", "for instance steps: [{ name: first, uses: agents.writer }]")
    return undefined
  }
  const fields = Decode.fields(report, tree, "a blueprint", { of: "a blueprint", known: documentKeys })!
  const version = fields.value("version")
  if (version !== undefined) versionOf(report, version)
  const nameTree = fields.value("name")
  const name = nameTree === undefined ? undefined : Decode.word(report, nameTree, "`name`")
  const description = fields.value("description")
  if (description !== undefined) Decode.text(report, description, "`description`")
  const imports = importsOf(report, fields.value("imports"), reading)
  const agents = Agents.read(report, { ...reading.options, origins, prompts: reading.prompts }, fields.value("agents"))
  const steps = Decode.required(report, fields, "steps", {
    at: Decode.headOf(tree),
    of: "the blueprint",
    hint: "a list of steps, each with a name and what it does"
  })
  if (steps === undefined) return undefined
  const env: Env = {
    report,
    options: reading.options,
    agents,
    imports,
    used: new Set(),
    origins,
    step: (tree) => Steps.step(env, tree),
    body: (tree) => Steps.body(env, tree)
  }
  const context = Context.read(report, fields.value("context"))
  const shape = (name: string) => {
    const tree = fields.value(name)
    return tree === undefined ? undefined : JsonSchema.read(report, tree, `\`${name}\``)
  }
  const input = shape("input_schema")
  const output = shape("output_schema")
  const inner = Validators.everywhere(env, fields.value("static_invariants"), Steps.list(env, steps, "`steps`"))
  const root: Node =
    input === undefined && output === undefined ? inner : { _tag: "Check", whole: true, step: inner, input, output }
  if (root !== inner) origins.put(root, { whole: tree.span, head: Decode.headOf(tree), isNamed: false })
  if (!report.hasErrors) {
    for (const [agent, { key }] of agents) {
      if (!env.used.has(agent)) report.add("FLJ-BLUEPRINT-23", key.span, `no step uses the agent \`${agent}\``)
    }
    for (const [alias, { key }] of imports) {
      if (env.used.has(`imports.${alias}`)) continue
      report.add("FLJ-BLUEPRINT-26", key.span, `no step uses the import \`${alias}\``)
    }
  }
  return {
    name: name?.value.trim() ?? nameDefault,
    nameSpan: name?.span ?? Decode.headOf(tree),
    root,
    context,
    tree
  }
}

const versionOf = (report: Diagnostics.Report, tree: Tree): void => {
  const isRight = tree._tag === "Scalar" && tree.text === "0.1" && tree.value !== null
  if (isRight || tree._tag === "Broken") return
  const isLoose = tree._tag === "Scalar" && tree.value !== null && typeof tree.value !== "boolean"
  if (!isLoose) {
    Decode.text(report, tree, "`version`")
    return
  }
  report.add("FLJ-BLUEPRINT-19", tree.span, `this flujo reads version 0.1 of the language`, {
    hint: 'write version: "0.1"',
    repair: { span: tree.span, text: '"0.1"' }
  })
}
