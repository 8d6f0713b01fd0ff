/**
 * Several models as one: the first is asked, and what it fails with decides who is asked next. The list is gone through
 * once, from its beginning to its end, so it ends. Each model has its own idempotency key; none is asked after something
 * of a stream was shown, as two beginnings make no text.
 *
 * By default a model stands in for one that cannot be had at the moment. Whoever lists `Cut` or `BadReply` pays for both,
 * as the failed reply may have been billed.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type ModelAsk, type ModelChunk, type ModelDriver, ModelError, Models } from "../domain/Model.js"
import type { CallInfo } from "../domain/Once.js"
import * as Chunks from "./Chunks.js"

type Reason = ModelError["reason"]

/** What passes by itself, or with another provider. */
export const reasonsDefault: ReadonlyArray<Reason> = ["RateLimited", "Overloaded", "Network", "TimedOut"]

export interface Choice {
  readonly driver: ModelDriver
  /** As its driver calls it, without the prefix. */
  readonly model: string
  /** The failures before it for which it is asked; it is passed over for others. Default: `reasonsDefault`. */
  readonly on?: ReadonlyArray<Reason> | undefined
}

/** The model that is asked for is that of the choice: what the ask says is not looked at. */
export const make = (choices: Arr.NonEmptyReadonlyArray<Choice>): ModelDriver => {
  const tried = <A, R>(
    info: CallInfo,
    attempt: (choice: Choice, info: CallInfo) => Effect.Effect<A, ModelError, R>
  ): Effect.Effect<A, ModelError, R> => {
    const from = (index: number, failures: ReadonlyArray<ModelError>): Effect.Effect<A, ModelError, R> => {
      const key = index === 0 ? info.idempotencyKey : `${info.idempotencyKey}-${index + 1}`
      return Effect.catchAll(attempt(choices[index]!, { ...info, idempotencyKey: key }), (error) => {
        // What was set aside for the call is the price of the first model, and of one call.
        if (info.isPaid === true) return Effect.fail(error)
        const all = [...failures, error]
        const next = nextOf(choices, index, error)
        return next === -1 ? Effect.fail(together(all)) : from(next, all)
      })
    }
    return from(0, [])
  }
  const askOf = (ask: ModelAsk, { model }: Choice): ModelAsk => ({ ...ask, model })

  return {
    call: (ask, info) => tried(info, (choice, info) => choice.driver.call(askOf(ask, choice), info)),
    stream: (ask, info) =>
      Stream.unwrapScoped(
        tried<Stream.Stream<ModelChunk, ModelError>, Scope.Scope>(info, (choice, info) =>
          Chunks.begun(Chunks.streamOf(choice.driver)(askOf(ask, choice), info))
        )
      )
  }
}

/** `make` over whole names, such as `openai:gpt-4o`. A name that leads nowhere fails now, not when its turn comes. */
export const fromNames = (
  names: Arr.NonEmptyReadonlyArray<string | { readonly name: string; readonly on?: ReadonlyArray<Reason> }>,
  from: { readonly path: string; readonly agent: string }
): Effect.Effect<ModelDriver, ModelError, Models> =>
  Effect.gen(function* () {
    const models = yield* Models
    const choices = yield* Effect.forEach(names, (choice) => {
      const { name, on } = typeof choice === "string" ? { name: choice, on: undefined } : choice
      return Effect.map(models.driver(name, from), (found): Choice => ({ ...found, on }))
    })
    return make(choices)
  })

/** Who stands in for the choice at `index` after it failed so; -1: nobody. */
export const nextOf = (
  choices: ReadonlyArray<{ readonly on?: ReadonlyArray<Reason> | undefined }>,
  index: number,
  { reason }: ModelError
): number => choices.findIndex(({ on = reasonsDefault }, other) => other > index && on.includes(reason))

/** The last failure, with what was tried before it. */
export const together = (failures: ReadonlyArray<ModelError>): ModelError => {
  const last = failures[failures.length - 1]!
  if (failures.length === 1) return last
  const before = failures.slice(0, -1).map(({ model, reason }) => `${model} (${reason})`)
  return new ModelError({
    ...last,
    reason: last.reason,
    model: last.model,
    detail: `${last.detail}; tried before it: ${before.join(", ")}`
  })
}
