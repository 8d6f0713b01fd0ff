/** What is wrong with a pipeline, said before it runs: a code, where, why and what to do. */
import type { Span } from "../expression/Template.js"
import type { Node } from "../pipeline/Node.js"

export type Severity = "error" | "warning"

export interface Finding {
  readonly code: Code
  readonly severity: Severity
  /** Standing path of the step, with `[*]` for any iteration or item. */
  readonly path: string
  readonly message: string
  readonly hint: string | undefined
  /** The node at fault, by which a blueprint finds the text. */
  readonly node: Node
  /** Within a template of that node: its source and the piece at fault. */
  readonly template: { readonly source: string; readonly span: Span } | undefined
}

export interface Rule {
  readonly severity: Severity
  readonly title: string
  /** Why it matters, and what to do. */
  readonly explanation: string
}

export const rules = {
  "FLJ-PLAN-1": {
    severity: "error",
    title: "not a step name",
    explanation:
      "A step's name is part of its path, by which runs are resumed, compared and searched. It starts with a letter or an underscore, goes on with letters, digits, '_' and '-', and has at most 128 characters."
  },
  "FLJ-PLAN-2": {
    severity: "error",
    title: "two steps at one path",
    explanation:
      "A path must be unique in a run, or the journal could not tell the two steps apart. No counter is ever invented, because a counter would rename steps when another is added. Give one of them a name of its own."
  },
  "FLJ-PLAN-3": {
    severity: "error",
    title: "a wrapper around steps without a name",
    explanation:
      "A retry, a time-out, a map, a fallback, a schema and a condition to skip stand at the path of what they wrap, and a sequence has none. Give it one with Step.named (in YAML: a step with a name and 'steps')."
  },
  "FLJ-PLAN-4": {
    severity: "error",
    title: "two retries on one step",
    explanation: "Attempts are counted in the step's path, so there can be one count. Keep one retry."
  },
  "FLJ-PLAN-5": {
    severity: "warning",
    title: "a deadline over a human wait",
    explanation:
      "A time-out is an instant in the journal: it counts the time that a person takes, and the time that the machine is off. Wrap only the steps around the question, or make it long enough."
  },
  "FLJ-PLAN-6": {
    severity: "error",
    title: "a template that cannot be read",
    explanation: "What stands between {{ and }} is one expression of flujo's template language."
  },
  "FLJ-PLAN-7": {
    severity: "error",
    title: "a template reads what is not there",
    explanation:
      "A template sees: input, initial_prompt, previous_step, context, resume_input, steps.NAME for steps before it in its own or an enclosing sequence, and in a map also this and index."
  },
  "FLJ-PLAN-8": {
    severity: "error",
    title: "a context field that is not declared",
    explanation: "A pipeline with a declared context holds just those fields."
  },
  "FLJ-PLAN-9": {
    severity: "error",
    title: "two parallel steps write one context field",
    explanation:
      "Which of the two holds must not depend on which was faster. Write different fields, or say with merge_strategy which of the two holds by declared order; in TypeScript that is merge, or reduce of every sinkTo. What the items of a map answer is the list that the map answers, and needs no field."
  },
  "FLJ-PLAN-10": {
    severity: "error",
    title: "a limit out of range",
    explanation: "Everything that can grow has a limit, and a limit is a whole number in a stated range."
  },
  "FLJ-PLAN-11": {
    severity: "error",
    title: "nothing to do",
    explanation:
      "A pipeline, a branch and a loop body hold at least one step, and usage limits name at least one limit."
  },
  "FLJ-PLAN-12": {
    severity: "error",
    title: "a name that leads nowhere",
    explanation:
      "A branch, a state or a context field is named that is not there. Names are compared to the letter; write one of those that are."
  },
  "FLJ-PLAN-13": {
    severity: "error",
    title: "an undo that cannot be one",
    explanation:
      "A step has one undo, so that the journal can say whether it was taken back; an undo is never taken back itself; and a step that was skipped has done nothing, so the undo stands inside of the condition."
  },
  "FLJ-PLAN-14": {
    severity: "error",
    title: "a cache around what must happen each time",
    explanation:
      "Where the cache has an answer, nothing in it runs: no mail is sent, nothing is written, nobody is asked. Cache only what reads and thinks."
  },
  "FLJ-PLAN-15": {
    severity: "error",
    title: "a tool's name that cannot be used",
    explanation:
      "A model calls a tool by its name, so an agent has no two of one name, and providers accept letters, digits, '_' and '-', at most 64. A skill's tool is called by the last part of its id unless it is given a name."
  },
  "FLJ-PLAN-16": {
    severity: "error",
    title: "a conversation of what is not there",
    explanation:
      "A loop with a conversation gathers turns from steps of its body, by their names, and tells them to the agents in it. A name that no step of the body has would gather nothing, and a step outside of every conversation has no history that it could do without."
  },
  "FLJ-PLAN-17": {
    severity: "error",
    title: "a step that no run would have",
    explanation:
      "`since` a change a run has one step and `before` it another; a step within both would never be there, and within one of them twice is said once too often. A step that came with one change and went with a later one names two changes."
  },
  "FLJ-PLAN-18": {
    severity: "error",
    title: "turns that cannot end as said, or cannot be repeated",
    explanation:
      "A granular agent goes on until what stop_when says is so: a line at the end of a text, a property of its output, a tool, an expression. What its output or its tools do not have can never be so. And enforce_idempotency allows only tools that honour the key they are given, so that a call which was cut off by a crash can be made again."
  }
} as const satisfies Record<string, Rule>

export type Code = keyof typeof rules
