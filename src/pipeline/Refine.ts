/**
 * Generator and critic in turns, made of steps that there are: a loop whose body drafts and judges. The generator is
 * given `{ input, draft, feedback }`, the last two nothing at first; the critic is given the draft; the loop ends when
 * the verdict says so, and answers the last draft.
 */
import * as Template from "../expression/Template.js"
import type { Node, Params } from "./Node.js"

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
