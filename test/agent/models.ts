/** Models that answer by a function of what they are asked, and count what they were asked. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ModelAsk, type ModelReply, Models, type ReplyPart } from "../../src/domain/Model.js"

export interface Call {
  readonly name: string
  readonly arguments: string
}

/** Text, or the tools to call. */
export type Answer = string | ReadonlyArray<Call>

export const usage = { input: 5, cachedInput: 0, output: 2, reasoning: 0 }

export const replyOf = (answer: Answer, turn: number): ModelReply => {
  if (typeof answer === "string") return { text: answer, finish: "stop", usage, model: "m" }
  const parts = answer.map((call, index): ReplyPart => ({ _tag: "ToolCall", id: `call_${turn}_${index}`, ...call }))
  return { text: "", parts, finish: "tool-calls", usage, model: "m" }
}

/** The turn that a request is for: how often the model has answered in it. */
export const turnOf = ({ messages }: ModelAsk): number => messages.filter(({ role }) => role === "assistant").length

export const toolMessages = ({ messages }: ModelAsk) =>
  messages.flatMap((message) => (message.role === "tool" ? [message] : []))

export interface Asked {
  readonly key: string
  readonly ask: ModelAsk
}

export const layer = (
  answer: (ask: ModelAsk, turn: number) => Answer | ModelReply,
  asked: Array<Asked> = []
): Layer.Layer<Models> =>
  Layer.succeed(Models, {
    driver: (name) =>
      Effect.succeed({
        model: name,
        driver: {
          call: (ask, { idempotencyKey }) =>
            Effect.sync(() => {
              asked.push({ key: idempotencyKey, ask })
              const turn = turnOf(ask)
              const said = answer(ask, turn)
              return typeof said === "object" && "usage" in said ? said : replyOf(said, turn)
            })
        }
      })
  })
