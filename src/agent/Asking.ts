/**
 * One question of an agent's turn, put to its model, and where that fails to those that stand in for it, each once and in
 * their order. Every try is a call of its own: under its own path (`turn[4]`, then `turn[4]/model[1]`) it is asked, paid for
 * and written down, and a run that goes on, or is replayed, finds each failure as it was.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../domain/Json.js"
import { Live } from "../domain/Live.js"
import * as Model from "../domain/Model.js"
import * as Once from "../domain/Once.js"
import * as Chunks from "../llm/Chunks.js"
import * as Fallback from "../llm/Fallback.js"
import { type AnyAgent, modelsOf } from "../pipeline/Agent.js"

export interface Asked {
  readonly reply: Model.ModelReply
  /** Which of the agent's models answered. */
  readonly model: number
}

/** Whose turn it is. `from`: the first of the agent's models that is asked. */
export interface Place {
  readonly path: string
  readonly turn: number
  readonly from: number
  /** What is written down beside the request: where in it a conversation is told. */
  readonly history?: Json.Json | undefined
  /** Whether a reply may stand for that of another call. */
  readonly isOfUse: (reply: Model.ModelReply) => boolean
}

export const ask = (
  agent: AnyAgent,
  request: Model.ModelAsk,
  { from, history, isOfUse, path, turn }: Place
): Effect.Effect<Asked, Model.ModelError, Once.Once | Model.Models> => {
  const names = modelsOf(agent)
  const choices = [{ on: [] }, ...agent.fallbacks]
  const tried = (
    index: number,
    failures: ReadonlyArray<Model.ModelError>
  ): Effect.Effect<Asked, Model.ModelError, Once.Once | Model.Models> =>
    Effect.matchEffect(
      call(
        agent,
        { ...request, model: names[index]! },
        { path, turn, index, history, isFirst: index === from, isOfUse }
      ),
      {
        onSuccess: (reply) => Effect.succeed({ reply, model: index }),
        onFailure: (error) => {
          const all = [...failures, error]
          const next = Fallback.nextOf(choices, index, error)
          return next === -1 ? Effect.fail(Fallback.together(all)) : tried(next, all)
        }
      }
    )
  return tried(from, [])
}

/** One model call, written down before anything reads it. */
const call = (
  agent: AnyAgent,
  request: Model.ModelAsk,
  {
    history,
    index,
    isFirst,
    isOfUse,
    path,
    turn
  }: Omit<Place, "from"> & { readonly index: number; readonly isFirst: boolean }
) =>
  Once.run(
    {
      ...(isFirst ? { key: `turn[${turn}]` } : { within: `turn[${turn}]`, key: `model[${index}]` }),
      request: Either.getOrThrow(Json.fromUnknown(history === undefined ? request : { ...request, history })),
      success: Model.ModelReply,
      failure: Model.ModelError,
      per: "attempt",
      effect: "model",
      ...(agent.cacheMillis === undefined ? {} : { cache: { ttlMillis: agent.cacheMillis, isOfUse } }),
      describe: ({ model, usage }) => ({ model, usage })
    },
    (info) =>
      Effect.gen(function* () {
        const models = yield* Model.Models
        const { driver, model } = yield* models.driver(request.model, { path, agent: agent.name, turn })
        const live = yield* Effect.serviceOption(Live)
        const asked = { ...request, model }
        return yield* Option.isNone(live) || info.path === undefined
          ? driver.call(asked, info)
          : Chunks.told(driver, asked, info, { path: info.path, tell: live.value.tell })
      })
  )
