/**
 * `Once` as the engine keeps it: what is asked is written before, what is answered after. One door is made per attempt
 * of a step and closes with it. Trouble of the journal never comes out of the door as a failure that user code could
 * catch: the run is stopped from outside and the call does not return.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import type { Ask, CallInfo, Once } from "../domain/Once.js"
import * as StepPath from "../domain/StepPath.js"
import * as Shape from "../pipeline/Shape.js"
import type { Record } from "./Record.js"
import { Diverged } from "./RunError.js"

export interface DoorOptions {
  readonly record: Record
  readonly run: string
  readonly path: StepPath.StepPath
  readonly attempt: number
  /** Completed to stop the run from outside. */
  readonly stop: Deferred.Deferred<never, Diverged>
  /** Completed where a replayed journal ends inside this step. */
  readonly end: Deferred.Deferred<void>
  readonly payloadBytes: number
}

export interface Door {
  readonly once: Once["Type"]
  readonly close: () => void
}

export const make = (options: DoorOptions): Door => {
  const { attempt, end, path, record, run, stop } = options
  const flying = new Set<string>()
  let closed = false

  const halt = (diverged: Diverged): Effect.Effect<never> =>
    Effect.zipRight(Deferred.fail(stop, diverged), Effect.interruptible(Effect.never))

  /** Where a replayed journal ends, the call was not made or not answered: nothing more happens in this step. */
  const rest: Effect.Effect<never> = Effect.zipRight(
    Deferred.succeed(end, undefined),
    Effect.interruptible(Effect.never)
  )

  const call = <A, I extends Json.Encoded, R, E, EI extends Json.Encoded>(
    ask: Ask<A, I, E, EI>,
    effect: (info: CallInfo) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      if (ask.key === "") return yield* Effect.dieMessage("Once: the key is empty")
      if (closed) return yield* Effect.dieMessage(`Once: "${ask.key}" was asked after its step had ended`)
      const at = StepPath.call(ask.per === "attempt" ? path : StepPath.standing(path), ask.key)
      if (flying.has(at)) return yield* Effect.dieMessage(`Once: "${ask.key}" is asked twice at once`)
      flying.add(at)
      return yield* Effect.ensuring(
        remembered(ask, effect, at),
        Effect.sync(() => flying.delete(at))
      )
    })

  const remembered = <A, I extends Json.Encoded, R, E, EI extends Json.Encoded>(
    ask: Ask<A, I, E, EI>,
    effect: (info: CallInfo) => Effect.Effect<A, E, R>,
    at: StepPath.StepPath
  ): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const success = Shape.fromSchema(ask.success)
      const failure = ask.failure === undefined ? Shape.never : Shape.fromSchema(ask.failure)
      const request = yield* Effect.orDie(Json.fromUnknown(ask.request))
      const idempotencyKey = Digest.of([run, StepPath.standing(at), ask.key, Digest.of(request)])
      const asked = record.get(at, "Asked")
      if (asked !== undefined && !record.isReplay && !Json.equals(asked.payload.request, request)) {
        return yield* Effect.dieMessage(
          `OnceDiverged: "${ask.key}" was asked before with another request; a new request needs a key of its own`
        )
      }
      const said = yield* Effect.catchAll(
        record.say(false, {
          path: at,
          kind: "Asked",
          data: { effect: ask.effect ?? "external" },
          payload: { request, idempotencyKey }
        }),
        halt
      )
      if (!said) return yield* rest
      const answered = record.get(at, "Answered")
      if (answered !== undefined) {
        const { answer } = answered.payload as { readonly answer: { readonly value?: Json.Json } }
        return yield* decoded(success, answer.value, ask)
      }
      const refused = record.get(at, "Refused", attempt)
      if (refused !== undefined) {
        const error = yield* Effect.orDie(failure.decode(refused.payload.error))
        return yield* Effect.fail(error as E)
      }
      if (record.mode._tag === "Replay") {
        if (!record.mode.ended) return yield* rest
        const detail = "the outside is shut, and no answer is recorded"
        return yield* halt(new Diverged({ path: at, kind: "Answered", field: "", detail }))
      }
      yield* record.barrier
      const exit = yield* Effect.exit(
        Effect.onInterrupt(effect({ idempotencyKey }), () =>
          Effect.sync(() => record.life({ path: at, kind: "Interrupted", data: {}, payload: {} }))
        )
      )
      if (Exit.isSuccess(exit)) {
        const json = yield* Effect.orDie(success.encode(exit.value))
        const told = ask.describe?.(exit.value)
        yield* fits(json, ask)
        yield* Effect.catchAll(
          record.say(false, {
            path: at,
            kind: "Answered",
            data: told ?? {},
            payload: { answer: json === undefined ? {} : { value: json } }
          }),
          halt
        )
        return yield* decoded(success, json, ask)
      }
      const error = Cause.failureOption(exit.cause)
      if (Option.isSome(error) && ask.failure !== undefined) {
        const json = yield* Effect.orDie(failure.encode(error.value))
        yield* Effect.catchAll(
          record.say(false, {
            path: at,
            kind: "Refused",
            ordinal: attempt,
            data: {},
            payload: { error: json ?? null }
          }),
          halt
        )
      }
      return yield* exit
    })

  const decoded = <A, I extends Json.Encoded, E, EI extends Json.Encoded>(
    shape: Shape.Shape,
    json: Json.Json | undefined,
    ask: Ask<A, I, E, EI>
  ): Effect.Effect<A> =>
    Effect.mapBoth(shape.decode(json), {
      onFailure: (misfit) => new Error(`Once: the answer to "${ask.key}" does not fit its schema: ${misfit.detail}`),
      onSuccess: (value) => value as A
    }).pipe(Effect.orDie)

  const fits = (json: Json.Json | undefined, ask: { readonly key: string }): Effect.Effect<void> => {
    const size = json === undefined ? 0 : Json.canonical(json).length
    return size <= options.payloadBytes
      ? Effect.void
      : Effect.dieMessage(
          `Once: the answer to "${ask.key}" has ${size} characters, over the limit of ${options.payloadBytes}`
        )
  }

  return {
    once: { run: call },
    close: () => {
      closed = true
    }
  }
}
