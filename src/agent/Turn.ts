/**
 * One turn of an agent: its prompt and the step's input go to the model, and the reply is decoded to the wanted output.
 * The model is called through `Once`, so the reply is journaled, and never asked for again, before anything reads it.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import * as Model from "../domain/Model.js"
import * as Once from "../domain/Once.js"
import * as Tokens from "../llm/Tokens.js"
import { type Agent, AgentError } from "../pipeline/Agent.js"

/** What the reply must be, as the model is told. A schema whose root is no object travels as `{ value }`. */
const wanted = (agent: Agent): { readonly output: Model.ModelOutput; readonly wrapped: boolean } => {
  const schema = agent.output?.jsonSchema
  if (schema === undefined || Json.get(schema, "type") === "string") return { output: { _tag: "Text" }, wrapped: false }
  const name = agent.name.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 64)
  if (Json.get(schema, "type") === "object") return { output: { _tag: "Object", name, schema }, wrapped: false }
  const value = { type: "object", properties: { value: schema }, required: ["value"], additionalProperties: false }
  return { output: { _tag: "Object", name, schema: value }, wrapped: true }
}

/** What an agent answered before that was not accepted, and why. */
export interface Refused {
  readonly answer: Json.Json
  readonly feedback: ReadonlyArray<string>
}

/** What is sent for `text`, and with it, where there is such, what came of the try before. */
export const askOf = (agent: Agent, text: string, refused?: Refused): Model.ModelAsk => ({
  model: agent.model,
  messages: [
    ...(agent.system === "" ? [] : [{ role: "system" as const, content: agent.system }]),
    { role: "user" as const, content: text },
    ...(refused === undefined
      ? []
      : [
          { role: "assistant" as const, content: textOf(refused.answer) },
          { role: "user" as const, content: feedbackText(refused.feedback) }
        ])
  ],
  output: wanted(agent).output,
  settings: agent.settings
})

const textOf = (json: Json.Json): string => (typeof json === "string" ? json : Json.canonical(json))

const feedbackText = (feedback: ReadonlyArray<string>): string =>
  ["Your answer was not accepted:", ...feedback.map((one) => `- ${one}`), "Answer again."].join("\n")

/** Tokens that a turn on a text of so many bytes uses at most; `output` is absent where the agent has no limit. */
export const most = (
  agent: Agent,
  textBytes: number
): { readonly input: number; readonly output: number | undefined } => ({
  input: Tokens.boundOfAsk(askOf(agent, "")) + textBytes,
  output: agent.settings.maxTokens
})

/**
 * Answers the decoded output. `path` is the standing path of the step. Fails with `ModelError` when there was no reply,
 * and with `AgentError` when there was one that is of no use; it is in the journal all the same.
 */
export const take = (
  agent: Agent,
  input: Json.Json,
  path: string,
  refused?: Refused
): Effect.Effect<unknown, Model.ModelError | AgentError, Model.Models | Once.Once> =>
  Effect.gen(function* () {
    const { output, wrapped } = wanted(agent)
    const ask = askOf(agent, textOf(input), refused)
    const reply = yield* Once.run(
      {
        key: "turn[0]",
        request: Either.getOrThrow(Json.fromUnknown(ask)),
        success: Model.ModelReply,
        failure: Model.ModelError,
        per: "attempt",
        effect: "model",
        describe: ({ model, usage }) => ({ model, usage })
      },
      (info) =>
        Effect.gen(function* () {
          const models = yield* Model.Models
          const { driver, model } = yield* models.driver(agent.model, { path, agent: agent.name })
          return yield* driver.call({ ...ask, model }, info)
        })
    )
    if (reply.finish === "length" || reply.finish === "content-filter") {
      const detail =
        reply.finish === "length"
          ? `the reply was cut at ${agent.settings.maxTokens ?? "the provider's limit of"} tokens; allow more with max_tokens`
          : "the provider withheld the reply (content filter)"
      return yield* new AgentError({ agent: agent.name, reason: "Incomplete", detail })
    }
    if (output._tag === "Text") return reply.text
    const json = yield* objectIn(agent.name, reply.text)
    const value = wrapped ? Json.get(json, "value") : json
    return yield* Either.mapLeft(
      agent.output!.decode(value),
      (misfit) =>
        new AgentError({
          agent: agent.name,
          reason: "Misfit",
          detail: `the reply does not fit the wanted output: ${misfit.detail}`
        })
    )
  })

/** The JSON of a reply: the whole of it, or what stands in a fence. */
const objectIn = (agent: string, text: string): Either.Either<Json.Json, AgentError> => {
  const fenced = /```(?:json)?\s*\n([\s\S]*?)\n\s*```/.exec(text)?.[1]
  for (const candidate of fenced === undefined ? [text] : [text, fenced]) {
    const parsed = Json.parse(candidate.trim())
    if (Either.isRight(parsed)) return Either.right(parsed.right)
  }
  const start = text.trim().slice(0, 60)
  return Either.left(
    new AgentError({
      agent,
      reason: "NotObject",
      detail:
        start === ""
          ? "the reply is empty, and JSON was wanted"
          : `JSON was wanted, and the reply starts ${JSON.stringify(start)}`
    })
  )
}
