/**
 * `Once` as the engine keeps it: what is asked is written before, what is answered after. One door is made per attempt
 * of a step and closes with it; a call made inside a call goes through a door of its own and lives below the outer one,
 * whose answer then stands for both. Trouble of the journal never comes out of the door as a failure that user code could
 * catch: the run is stopped from outside and the call does not return.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Digest from "../domain/Digest.js"
import type * as Event from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import { type Ask, type CallInfo, Once } from "../domain/Once.js"
import * as StepPath from "../domain/StepPath.js"
import * as Shape from "../pipeline/Shape.js"
import type { Record, Said } from "./Record.js"
import { Diverged } from "./RunError.js"

/** What a door needs of its drive. */
interface Drive {
  readonly run: string
  readonly record: Record
  /** Stops the run from outside. */
  readonly halt: (diverged: Diverged) => void
  /** Calls answered from the record: what stands below them is accounted for. */
  readonly answered: Set<string>
  readonly payloadBytes: number
}

export class Door implements Context.Tag.Service<typeof Once> {
  private flying: Set<string> | undefined
  private ending: Deferred.Deferred<void> | undefined

  constructor(
    private readonly drive: Drive,
    private readonly path: StepPath.StepPath,
    private readonly attempt: number,
    /** The call that this door stands in; undefined for the step itself. */
    private readonly outer?: { readonly at: StepPath.StepPath; readonly door: Door }
  ) {}

  /** Completed where a replayed journal ends inside this step. */
  get end(): Deferred.Deferred<void> {
    if (this.outer !== undefined) return this.outer.door.end
    this.ending ??= Deferred.unsafeMake(FiberId.none)
    return this.ending
  }

  /** What calls made here stand below, with the attempts of the step. */
  private get base(): StepPath.StepPath {
    return this.outer?.at ?? this.path
  }

  readonly run: Context.Tag.Service<typeof Once>["run"] = (ask, effect) =>
    Effect.suspend(() => {
      this.flying ??= new Set()
      const { flying } = this
      if (ask.key === "") return Effect.dieMessage("Once: the key is empty")
      if (this.isEnded) return Effect.dieMessage(`Once: "${ask.key}" was asked after its step had ended`)
      const at = StepPath.call(ask.per === "attempt" ? this.base : StepPath.standing(this.base), ask.key)
      if (flying.has(at)) return Effect.dieMessage(`Once: "${ask.key}" is asked twice at once`)
      flying.add(at)
      return Effect.ensuring(
        this.remembered(ask, effect, at),
        Effect.sync(() => flying.delete(at))
      )
    })

  private get isEnded(): boolean {
    const { path } = this
    const { isReplay } = this.drive.record
    return !isReplay && ends.some((kind) => this.drive.record.has(path, kind))
  }

  private remembered<A, I extends Json.Encoded, R, E, EI extends Json.Encoded>(
    ask: Ask<A, I, E, EI>,
    effect: (info: CallInfo) => Effect.Effect<A, E, R>,
    at: StepPath.StepPath
  ): Effect.Effect<A, E, R> {
    const { attempt, base, drive, path } = this
    const { record, run } = drive
    const halt = (diverged: Diverged): Effect.Effect<never> =>
      Effect.zipRight(
        Effect.sync(() => drive.halt(diverged)),
        Effect.interruptible(Effect.never)
      )
    const say = <K extends Event.Kind>(said: Said<K>) => Effect.catchAll(record.say(false, said), halt)
    // An attempt of a composite is one of the step, too, and only the path tells them apart.
    const refusedAt = StepPath.call(base, ask.key)
    const inner = new Door(drive, path, attempt, { at: refusedAt, door: this })
    /** Where a replayed journal ends, the call was not made or not answered: nothing more happens in this step. */
    const rest = Effect.zipRight(Deferred.succeed(this.end, undefined), Effect.interruptible(Effect.never))
    return Effect.gen(function* () {
      const success = Shape.fromSchema(ask.success)
      const failure = ask.failure === undefined ? Shape.never : Shape.fromSchema(ask.failure)
      const request = yield* Effect.orDie(Json.fromUnknown(ask.request))
      yield* fits(request, "the request of", ask, drive.payloadBytes)
      const idempotencyKey = Digest.of([run, StepPath.standing(at), ask.key, Digest.of(request)])
      const asked = record.get(at, "Asked")
      if (asked !== undefined && !record.isReplay && !Json.equals(asked.payload.request, request)) {
        return yield* Effect.dieMessage(
          `OnceDiverged: "${ask.key}" was asked before with another request; a new request needs a key of its own`
        )
      }
      const data = { effect: ask.effect ?? ("external" as const) }
      if (!(yield* say({ path: at, kind: "Asked", data, payload: { request, idempotencyKey } }))) return yield* rest
      // First, for a later attempt may have been answered.
      const refused = record.get(refusedAt, "Refused", attempt)
      if (refused !== undefined) {
        drive.answered.add(refusedAt).add(StepPath.standing(refusedAt))
        const error = yield* Effect.orDie(failure.decode(refused.payload.error))
        return yield* Effect.fail(error as E)
      }
      const answered = record.get(at, "Answered")
      if (answered !== undefined) {
        const { answer } = answered.payload
        drive.answered.add(refusedAt).add(StepPath.standing(refusedAt))
        return yield* decoded(success, "value" in answer ? answer.value : undefined, ask)
      }
      if (record.mode._tag === "Replay") {
        if (!record.mode.ended) return yield* rest
        const detail = "the outside is shut, and no answer is recorded"
        return yield* halt(new Diverged({ path: at, kind: "Answered", field: "", detail }))
      }
      // A journal that cannot be written stops the run from outside: user code does not hear of it.
      yield* Effect.catchAll(record.barrier, () => Effect.interruptible(Effect.never))
      const exit = yield* Effect.exit(
        Effect.onInterrupt(Effect.provideService(effect({ idempotencyKey }), Once, inner), () =>
          Effect.sync(() => record.life({ path: at, kind: "Interrupted", data: {}, payload: {} }))
        )
      )
      if (Exit.isSuccess(exit)) {
        const json = yield* Effect.orDie(success.encode(exit.value))
        yield* fits(json, "the answer to", ask, drive.payloadBytes)
        const told = ask.describe?.(exit.value) ?? {}
        const answer = json === undefined ? {} : { value: json }
        yield* say({ path: at, kind: "Answered", data: told, payload: { answer } })
        return yield* decoded(success, json, ask)
      }
      const error = Cause.failureOption(exit.cause)
      if (Option.isSome(error) && ask.failure !== undefined) {
        const json = yield* Effect.orDie(failure.encode(error.value))
        yield* fits(json, "the failure of", ask, drive.payloadBytes)
        yield* say({ path: refusedAt, kind: "Refused", ordinal: attempt, data: {}, payload: { error: json ?? null } })
        // As after a restart.
        return yield* Effect.fail((yield* Effect.orDie(failure.decode(json))) as E)
      }
      return yield* exit
    })
  }
}

const ends = ["StepSucceeded", "StepFailed", "StepInterrupted"] as const

const decoded = <A, I extends Json.Encoded, E, EI extends Json.Encoded>(
  shape: Shape.Shape,
  json: Json.Json | undefined,
  ask: Ask<A, I, E, EI>
): Effect.Effect<A> =>
  Effect.mapBoth(shape.decode(json), {
    onFailure: (misfit) => new Error(`Once: the answer to "${ask.key}" does not fit its schema: ${misfit.detail}`),
    onSuccess: (value) => value as A
  }).pipe(Effect.orDie)

const fits = (
  json: Json.Json | undefined,
  what: string,
  ask: { readonly key: string },
  limit: number
): Effect.Effect<void> => {
  const size = json === undefined ? 0 : Buffer.byteLength(Json.canonical(json), "utf8")
  return size <= limit
    ? Effect.void
    : Effect.dieMessage(`Once: ${what} "${ask.key}" has ${size} bytes, over the limit of ${limit}`)
}
