/**
 * Generator and critic in turns, made of steps that there are: a loop whose body drafts and judges. The generator is
 * given `{ input, draft, feedback }`, the last two nothing at first; the critic is given the draft; the loop ends when
 * the verdict says so, and answers the last draft.
 */
import * as Template from "../expression/Template.js"
import { type Node, type Params, paramsJson } from "./Node.js"

/** What a verdict says that has nothing more to ask for. */
export const untilDefault = "previous_step.verdict.is_complete"

export const maxDefault = 5

const first = '{{ {"input": previous_step, "draft": none, "feedback": none} }}'
const judged = '{{ {"input": steps.given.input, "draft": steps.generate, "verdict": steps.critique} }}'
const again =
  '{{ {"input": previous_step.input, "draft": previous_step.draft, "feedback": previous_step.verdict.feedback | default(previous_step.verdict)} }}'

const made = (source: string): Params => ({ _tag: "Text", template: Template.parse(source) })

/** `until` sees `previous_step`: `{ input, draft, verdict }`. */
export const node = (
  name: string,
  options: {
    readonly generator: Node
    readonly critic: Node
    readonly until: Template.Template
    readonly max: number
    readonly onMax: "fail" | "continue"
  }
): Extract<Node, { readonly _tag: "Input" }> => ({
  _tag: "Input",
  input: made(first),
  step: {
    _tag: "Loop",
    name,
    body: {
      _tag: "Sequence",
      steps: [
        { _tag: "Pass", name: "given" },
        { _tag: "Scope", name: "generate", step: options.generator, pipeline: undefined },
        { _tag: "Scope", name: "critique", step: options.critic, pipeline: undefined },
        { _tag: "Input", input: made(judged), step: { _tag: "Pass", name: "refined" } }
      ]
    },
    until: options.until,
    max: options.max,
    onMax: options.onMax,
    next: made(again),
    output: made("{{ previous_step.draft }}")
  }
})

/** Whether two trees that `node` may have made differ in no part that it makes itself. */
export const isSame = (self: Node, that: Node): boolean => {
  const [a, b] = [own(self), own(that)]
  return a !== undefined && a === b
}

const own = (node: Node): string | undefined => {
  if (node._tag !== "Input" || node.step._tag !== "Loop") return undefined
  const { body, init, next, output, state } = node.step
  if (body._tag !== "Sequence" || body.steps.length !== 4 || init !== undefined || state !== undefined) return undefined
  const [given, generate, critique, refined] = body.steps
  if (given?._tag !== "Pass" || generate?._tag !== "Scope" || critique?._tag !== "Scope") return undefined
  if (refined?._tag !== "Input" || refined.step._tag !== "Pass" || next === undefined || output === undefined) {
    return undefined
  }
  if (generate.pipeline !== undefined || critique.pipeline !== undefined) return undefined
  const names = [given.name, generate.name, critique.name, refined.step.name]
  return JSON.stringify([names, ...[node.input, refined.input, next, output].map(paramsJson)])
}
