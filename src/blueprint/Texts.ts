/**
 * Texts with `{{ … }}` in them, and values whose texts are such. Every problem in a template is reported here, at the
 * wrong word in the file, so that a pipeline from a blueprint has no template that cannot be read.
 */
import { names as filterNames } from "../expression/Filters.js"
import * as Template from "../expression/Template.js"
import * as Words from "../expression/Words.js"
import type { Params } from "../pipeline/Node.js"
import * as Step from "../pipeline/Step.js"
import type { Report } from "./Diagnostics.js"
import type { Text } from "./Origins.js"
import type { Source } from "./Source.js"
import * as Tree from "./Tree.js"

export interface Read {
  readonly template: Template.Template
  readonly origins: ReadonlyArray<Text>
}

export const text = (report: Report, scalar: Tree.Scalar): Read => fromSource(report, scalar, Template.parse)

/** A whole file. */
export const whole = (report: Report, source: Source): Read => {
  const template = Template.parse(source.text)
  const within = (span: Template.Span) => span
  problems(report, template, { within })
  return { template, origins: [{ source: template.source, within }] }
}

/** A condition, with or without braces. */
export const expression = (report: Report, scalar: Tree.Scalar): Read =>
  fromSource(report, scalar, Template.parseExpression)

const fromSource = (report: Report, scalar: Tree.Scalar, parse: (source: string) => Template.Template): Read => {
  const template = parse(scalar.text)
  problems(report, template, scalar)
  return { template, origins: [{ source: template.source, within: scalar.within }] }
}

const problems = (
  report: Report,
  { problems, source }: Template.Template,
  scalar: Pick<Tree.Scalar, "within">
): void => {
  for (const { hint, message, span, topic } of problems) {
    const code = topic === "block" ? "TEMPLATE-001" : topic === undefined ? "FLJ-BLUEPRINT-21" : "V-T3"
    const meant = topic === "filter" ? Words.closest(source.slice(span.start, span.end), filterNames) : undefined
    const at = scalar.within(span)
    // Only where the place is that of the word itself, and not of the whole text.
    const isExact = at.end - at.start === span.end - span.start
    report.add(code, at, message, {
      hint,
      repair: meant === undefined || !isExact ? undefined : { span: at, text: meant }
    })
  }
}

export interface Value {
  readonly params: Params
  readonly origins: ReadonlyArray<Text>
}

/** Every text of a value as a template of its own. */
export const params = (report: Report, tree: Tree.Tree): Value => {
  const origins: Array<Text> = []
  for (const part of Tree.parts(tree)) {
    if (part._tag === "Map") for (const { key } of part.entries) keyProblem(report, key)
    if (part._tag !== "Scalar" || typeof part.value !== "string") continue
    if (!part.value.includes("{") && part.value.isWellFormed()) continue
    const template = Template.parse(part.value)
    problems(report, template, part)
    origins.push({ source: template.source, within: part.within })
  }
  return { params: Step.params(Tree.toJson(tree)), origins }
}

const keyProblem = (report: Report, key: Tree.Key): void => {
  if (!key.text.includes("{{")) return
  report.add("FLJ-BLUEPRINT-27", key.span, `the key ${Words.quoted(key.text)} stays as it is written`, {
    hint: "write a key that is known, and the template as its value"
  })
}

/** `params` of what must say something. */
export const made = (report: Report, tree: Tree.Tree, what: string): Value | undefined => {
  if (tree._tag === "Broken") return undefined
  if (tree._tag !== "Scalar" || tree.value !== null) return params(report, tree)
  report.add("FLJ-BLUEPRINT-17", tree.span, `${what} says nothing`, { hint: "leave it out" })
  return undefined
}
