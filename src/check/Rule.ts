/**
 * What the checker looks for beyond what keeps a blueprint from running: mistakes that are no faults of the language, and
 * are found in a pipeline that could run. A code never changes its meaning; the old rule ids keep theirs.
 */
import * as Blueprint from "../blueprint/Rules.js"
import * as Plan from "../plan/Finding.js"

export type Severity = "error" | "warning"

export interface Rule {
  readonly severity: Severity
  readonly title: string
  /** One sentence: why it matters. */
  readonly why: string
  /** The rule in full, and what to do. */
  readonly explanation: string
}

export const rules = {
  "V-A1": {
    severity: "warning",
    title: "a step that does nothing",
    why: "it passes on what it is given, and writes it nowhere",
    explanation:
      "A step without an agent or a skill passes its input on. Alone that is of no use; with `input` it makes a value, with `sink_to` it keeps one. Name what it should do with `uses` or `skill`, or remove it."
  },
  "V-A2": {
    severity: "error",
    title: "a step is given what it cannot take",
    why: "it would be refused when the step runs",
    explanation:
      "What comes before the step, or its `input`, is of another type than the skill, or the step's input_schema, declares. Give it an `input` of the right type, or put another step between the two."
  },
  "V-A5": {
    severity: "warning",
    title: "an answer that nobody reads",
    why: "an agent is paid for an answer that goes nowhere",
    explanation:
      "The next step has an input of its own, no template reads the step by its name, and `sink_to` does not keep what it answers. Read it with {{ previous_step }} or {{ steps.NAME }}, or remove the step. A skill that changes the world is not meant: it may be called for what it does."
  },
  "V-S2": {
    severity: "warning",
    title: "a structured value within a text",
    why: "the text will hold it as JSON, which is rarely what was meant",
    explanation:
      "The value is a list or a map. Name one of its fields, use join for a list, or write `| tojson` to say that JSON is meant."
  },
  "V-T1": {
    severity: "error",
    title: "previous_step is the answer itself",
    why: "the answer is no map, so it has no field `output`",
    explanation: "previous_step is what the step before answered: write {{ previous_step }}."
  },
  "V-T5": {
    severity: "error",
    title: "a field of something that has no fields",
    why: "the template would fail when the step runs",
    explanation:
      "By its schema the value is a text, a number, true or false, or a list. Read it as it is, give a list an index, or let the step before answer a map."
  },
  "V-T6": {
    severity: "error",
    title: "JSON as text where a value is wanted",
    why: "text is never turned into a value by guessing",
    explanation: "Write the value in YAML, without quotes around it: input: { name: value }."
  },
  "V-C3": {
    severity: "warning",
    title: "a very long text",
    why: "it is sent to a model or kept in the journal each time the step runs",
    explanation:
      "A text of more than 10,000 characters is better a file: give it with --input-file, or read it by a step."
  },
  "V-CF1": {
    severity: "warning",
    title: "a loop of very many turns without an exit",
    why: "each run takes all of them",
    explanation:
      "The loop has no exit that it could take, and more than 1,000 turns. Give it an exit_expression that reads what its body does, or fewer turns."
  },
  "FLJ-CHECK-1": {
    severity: "warning",
    title: "a branch that is never taken",
    why: "the condition cannot answer its name",
    explanation:
      "By its form or by the schema of what it reads, the condition answers other values than this. A comparison answers true or false. Remove the branch, or rename it."
  },
  "FLJ-CHECK-2": {
    severity: "warning",
    title: "an answer without a branch",
    why: "the run fails when the condition answers it",
    explanation:
      "The condition can answer a value for which there is no branch, and there is no default_branch. Add one of the two."
  },
  "FLJ-CHECK-3": {
    severity: "warning",
    title: "a condition that never changes",
    why: "it reads nothing, so it answers the same each time",
    explanation: "Read a value in it, or write the branch that is meant without a conditional."
  },
  "FLJ-CHECK-4": {
    severity: "warning",
    title: "a secret in a blueprint",
    why: "blueprints are shared, kept in version control and written into the journal of every run",
    explanation:
      "The text holds something of the form of a key, a token or a password. Put it into the environment or the project's environment file, and replace it where it is used: whoever saw the file has it."
  },
  "FLJ-CHECK-5": {
    severity: "warning",
    title: "a text that is always empty",
    why: "the step is given nothing to work on",
    explanation: "The template comes to nothing whatever is put in. Read a value in it, or leave the key out."
  },
  "FLJ-CHECK-6": {
    severity: "warning",
    title: "a retry that may do it twice",
    why: "the first try may have worked although it failed to say so",
    explanation:
      "The skill acts on the world outside and does not promise to know a call that it has seen before. Leave the retry out, or use a skill that honours the idempotency key."
  },
  "FLJ-CHECK-7": {
    severity: "warning",
    title: "no time for a second try",
    why: "the time for all tries ends no later than that for the first",
    explanation: "`total_timeout` holds for all tries and the waits between them, `timeout` for one. Make it longer."
  },
  "FLJ-CHECK-8": {
    severity: "warning",
    title: "an ignore comment without effect",
    why: "it hides nothing today, and may hide something else tomorrow",
    explanation:
      "`# flujo: ignore CODE` stands on the line of the finding or alone on the line before, and names codes: V-A5, or V-* for all that begin so. Findings that keep a blueprint from running cannot be ignored. Remove what is not needed."
  },
  "FLJ-CHECK-9": {
    severity: "warning",
    title: "a required field that is not described",
    why: "a value must have it, and nobody is told what it is",
    explanation: "Each name under `required` should stand under `properties` too. Is one of the two misspelt?"
  },
  "FLJ-CHECK-10": {
    severity: "warning",
    title: "a state that is never entered",
    why: "its steps never run",
    explanation:
      "The machine does not start there, and from no state that it can be in does a transition lead there. Write one, or remove the state."
  },
  "FLJ-CHECK-11": {
    severity: "warning",
    title: "a machine that cannot end",
    why: "each run of it fails, at a state without a fitting transition or at its limit",
    explanation:
      "From the start state on, no transitions lead to one of end_states. Write a transition to one from a state that is entered."
  },
  "FLJ-CHECK-12": {
    severity: "warning",
    title: "a transition that is never taken",
    why: "the first transition that fits holds, and this one never fits first",
    explanation:
      "Transitions are tried in their order. Behind one for the same state and event without a condition, no other is reached; and a condition that reads nothing and is false never holds. Put the one with the condition first, or remove it."
  },
  "FLJ-CHECK-13": {
    severity: "warning",
    title: "a state that is also an end",
    why: "the machine ends as soon as it comes there, before the steps of the state",
    explanation:
      "A name stands in states and in end_states. The end holds. Give the end another name and go to it from the state, or take it out of end_states."
  },
  "FLJ-CHECK-14": {
    severity: "warning",
    title: "an input that nobody reads",
    why: "what was meant for the step goes nowhere",
    explanation:
      "A skill with `params` is given these; the step's own input fills one more of them only where the skill names it for that. A question and a wait for a signal take no input, but their texts may read it as {{ previous_step }}. Write the value where it is read, or leave `input` out."
  }
} as const satisfies Record<string, Rule>

export type Code = keyof typeof rules

/** Of the language, of plans, and these: all that a check can find. */
export type AnyCode = Code | Blueprint.Code | Plan.Code

const sentence = (text: string): string => /^.*?(?=[.:](?:\s|$))/s.exec(text)?.[0] ?? text

const ofPlan = (): Record<string, Rule> =>
  Object.fromEntries(
    Object.entries(Plan.rules).map(([code, rule]) => [code, { ...rule, why: sentence(rule.explanation) }])
  )

/** Every rule by its code. */
export const all: Readonly<Record<string, Rule>> = { ...Blueprint.rules, ...ofPlan(), ...rules }

export const find = (code: string): Rule | undefined => (Object.hasOwn(all, code) ? all[code] : undefined)

/** Whether such a finding keeps a blueprint from running, so that no setting and no comment takes it away. */
export const isFixed = (code: string): boolean => !Object.hasOwn(rules, code) && find(code)?.severity === "error"

/** Old ids of rules that are one of ours today. */
export const aliases: Readonly<Record<string, AnyCode>> = {
  "CTX-OUTPUT-KEYS": "FLJ-BLUEPRINT-25",
  "V-A2-STRICT": "V-A2",
  "V-A2-TYPE": "V-A2",
  "V-C1": "FLJ-BLUEPRINT-25",
  "V-F1": "V-A2",
  "V-P1": "FLJ-PLAN-9",
  "V-T2": "FLJ-PLAN-7",
  "V-T4": "FLJ-PLAN-7"
}
