/** How steps fail, by the name of their error and, where it has one, its reason. One table for each room they come from. */
import type { ModelError } from "../../domain/Model.js"
import type { TemplateError } from "../../expression/TemplateError.js"
import type { AgentError } from "../../pipeline/Agent.js"
import type { SkillError } from "../../pipeline/Skill.js"
import type * as StepError from "../../pipeline/StepError.js"
import type { SkillRegistryError } from "../../skill/SkillRegistry.js"
import { type ExitCode, exits } from "../Fault.js"
import { type Explained, explained } from "./Explained.js"

const made =
  (room: string, exit: ExitCode) =>
  (n: number, title: string, explanation: string): Explained =>
    explained(`FLJ-${room}-${n}`, exit, title, explanation)

const step = made("PIPELINE", exits.failed)
const again = "`flujo resume RUN` tries the step again."

type StepErrorTag = {
  [K in keyof typeof StepError]: InstanceType<(typeof StepError)[K]>["_tag"]
}[keyof typeof StepError]

export const stepErrors: Readonly<Record<StepErrorTag, Explained>> = {
  Rejected: step(
    1,
    "a person said no",
    "An approval was rejected, and the pipeline does not say what to do then, so the run failed."
  ),
  StepTimedOut: step(
    2,
    "a deadline came first",
    `The step did not end within its time-out, which counts waiting and outages. Give it more time; ${again}`
  ),
  LoopExhausted: step(
    3,
    "a loop did not meet its exit",
    "The last allowed iteration did not meet the exit condition, and on_max says that this is a failure. Raise max_loops, or look at the condition."
  ),
  NoBranch: step(
    4,
    "no branch for this",
    "The condition gave a key that no branch has. Add the branch, or a default_branch."
  ),
  ItemsRefused: step(
    5,
    "not a list of items",
    "What a map was given as items is not a list, or is longer than max_items."
  ),
  StepUncertain: step(
    6,
    "nobody knows whether it took effect",
    "The step was running when its process died, and calling it a second time may do harm. Find out whether it took effect, and answer its task or resume the run."
  ),
  SchemaMismatch: step(
    12,
    "a value that does not fit its schema",
    `What went into a step or a pipeline, or came out of it, is not what its input_schema or output_schema says; the message says how. Change the schema, or what is before it; ${again}`
  ),
  ValueRefused: step(
    13,
    "a value that cannot be used so",
    "A step was told to do something with a value (to read it, to count votes, to take it for a time) that cannot be done with it. The message says what."
  ),
  NoTransition: step(
    14,
    "no transition fits",
    "A state of a state machine ended, and none of its transitions says where to go from there. Add one, or make the state a last one."
  ),
  ValidationFailed: step(
    21,
    "an answer that was not accepted",
    `What a step answered does not hold up to its validators; the message says what each of them found. With retries an agent is told so and answers again. ${again}`
  ),
  InvariantViolated: step(
    22,
    "an invariant that does not hold",
    "After a step something is not so that static_invariants says must always be so. Look at what the step answered and wrote: `flujo lens trace RUN -v`."
  )
}

/** A model call that was not made, because of what it could have cost. */
export const budgetExceeded = explained(
  "FLJ-GOVERNANCE-1",
  exits.failed,
  "Budget exceeded",
  "A model call is made only if its worst case fits into what is left of the budget of the run and of each step around it. This one did not, so it was not sent, and its step failed. What came before is kept: `flujo lens trace RUN` shows it, `flujo lens cost RUN` what was spent. The limits of a run stay what they were when it started; with `--on-budget pause` a person is asked to allow more instead."
)

export const agentErrors: Readonly<Record<AgentError["reason"], Explained>> = {
  NotObject: step(
    7,
    "a reply without data",
    `The agent has an output schema, and the model's reply holds no JSON that \`repair\` of the agent allows to be taken. The reply is in \`flujo lens trace RUN -v\`. ${again}`
  ),
  Misfit: step(
    8,
    "a reply that does not fit",
    `The model's reply is JSON and not of the wanted shape, or holds two values that are; the message says how. ${again} Say in the prompt what is wanted, or use a model with native JSON output.`
  ),
  Incomplete: step(
    9,
    "a reply that is not whole",
    "The reply was cut by its token limit, or withheld by the provider. Raise max_tokens of the agent, or ask for less. Or it calls a tool, and the agent has none."
  ),
  TooLong: step(
    15,
    "a reply that is too long",
    `A reply that calls tools goes into the next request as it is, and so its size is limited, by max_tokens of the agent. ${again}`
  ),
  TooManyCalls: step(
    16,
    "too many tool calls at once",
    `A reply may call 16 tools; one that calls more is refused as a whole, and none of them is called. Say in the prompt to take fewer at a time. ${again}`
  ),
  MaxTurns: step(
    17,
    "no answer within the allowed turns",
    "The agent called tools in its last turn, too. Every turn is in `flujo lens trace RUN -v`. Raise max_turns of the agent, or say in the prompt when it is done."
  ),
  NoProgress: step(
    18,
    "no progress",
    "Three turns in a row made the same tool calls with the same arguments and got the same results, so the agent was stopped. Say in the prompt what to do when a tool gives nothing new."
  )
}

export const skillErrors: Readonly<Record<SkillError["reason"], Explained>> = {
  Refused: step(
    10,
    "the skill refused",
    "The skill will not do this: a path outside of the project, a link, a value that it does not take. The message says why."
  ),
  Failed: step(11, "the skill failed", `The skill tried and could not. ${again}`)
}

const llm = made("LLM", exits.failed)

export const modelErrors: Readonly<Record<ModelError["reason"], Explained>> = {
  Auth: llm(
    1,
    "the key is missing or refused",
    "The provider wants a key. Set the variable that the message names, in the environment or in the project's .env. `flujo status` shows which keys are there."
  ),
  RateLimited: llm(
    2,
    "too many requests",
    `The provider asks to slow down, and went on doing so. Wait a little; ${again}`
  ),
  Overloaded: llm(3, "the provider is overloaded", `The provider answered with an error of its own. ${again}`),
  Network: llm(
    4,
    "the provider cannot be reached",
    `No connection came about, or it broke. Look at the network and at the base URL (OPENAI_BASE_URL, OLLAMA_BASE_URL); ${again}`
  ),
  TimedOut: llm(5, "the provider did not answer in time", `No answer came within the time allowed. ${again}`),
  TooLong: llm(
    6,
    "too long for the model",
    "The prompt and its input are longer than what the model takes. Shorten them, or use another model."
  ),
  BadRequest: llm(
    7,
    "the provider refused the request",
    "The provider says that the request is malformed; the message says what it said."
  ),
  Cut: llm(8, "the reply was cut", `The reply ended before it was complete, and may have been billed. ${again}`),
  BadReply: llm(
    9,
    "not a reply",
    "What came back is not what a model provider answers: often the page of a proxy, or a base URL that leads elsewhere."
  ),
  Unknown: llm(
    10,
    "no such model",
    "A model is named provider:name, as in openai:gpt-4o-mini, compatible:NAME, ollama:llama3.2, scripted:replies.json or offline:any."
  ),
  Unscripted: llm(
    11,
    "no reply left in the script",
    "A scripted model answers from its file only. Add the reply that the message names."
  ),
  Refused: llm(
    12,
    "the provider will not answer this",
    "The provider's rules on content forbid this request. Say it in other words, or use another model."
  )
}

const expression = made("EXPRESSION", exits.failed)

export const templateErrors: Readonly<Record<TemplateError["reason"], Explained>> = {
  Syntax: expression(
    1,
    "a template that cannot be read",
    "What stands between {{ and }} is one expression of flujo's template language."
  ),
  Undefined: expression(
    2,
    "a name that is not there",
    "A template reads a value that is not there when it runs. Write `{{ name | default('…') }}` where that may be."
  ),
  Type: expression(
    3,
    "a value of the wrong kind",
    "An operation of a template was given a kind of value that it cannot work on."
  ),
  Limit: expression(
    4,
    "too much for a template",
    "What a template may do is limited in work, text and nesting, so that none can hang a run."
  )
}

const skill = made("SKILL", exits.loading)

export const registryErrors: Readonly<Record<SkillRegistryError["reason"], Explained>> = {
  Duplicate: skill(
    1,
    "two skills with one id",
    "An id means one skill, so that no order of loading decides which is run. Rename one."
  ),
  Unnamed: skill(2, "no id for a skill", "An id is made of letters, digits, _ and -, in parts joined by dots.")
}
