/**
 * `Once` as the engine keeps it: what is asked is written before, what is answered after. One door is made per attempt
 * of a step and closes with it; a call made inside a call goes through a door of its own and lives below the outer one,
 * whose answer then stands for both. Trouble of the journal never comes out of the door as a failure that user code could
 * catch: the run is stopped from outside and the call does not return.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import { BudgetExceeded, type Denial } from "../domain/Budget.js"
import * as Digest from "../domain/Digest.js"
import type * as Event from "../domain/Event.js"
import type { Wait } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import { isUnbilled, ModelError, Models } from "../domain/Model.js"
import { type Ask, type CallInfo, Once } from "../domain/Once.js"
import type { People, Question } from "../domain/People.js"
import type { RunId } from "../domain/RunId.js"
import * as StepPath from "../domain/StepPath.js"
import type { Scope } from "../governance/Quota.js"
import * as Shape from "../pipeline/Shape.js"
import { SkillError } from "../pipeline/Skill.js"
import { StepUncertain } from "../pipeline/StepError.js"
import * as Allowance from "./Allowance.js"
import type { Cache } from "./Cache.js"
import * as CachedCall from "./CachedCall.js"
import type { Record, Said } from "./Record.js"
import { Diverged } from "./RunError.js"
import type { Hold, Spending } from "./Spending.js"
import { isYes } from "./Waiting.js"

/** What a door needs of its drive. */
interface Drive {
  readonly run: RunId
  readonly record: Record
  /** Stops the run from outside. */
  readonly halt: (diverged: Diverged) => void
  /** Calls answered from the record: what stands below them is accounted for. */
  readonly answered: Set<string>
  readonly payloadBytes: number
  readonly spending: Spending | undefined
  /** Absent in a replay, which never looks. */
  readonly cache: Cache | undefined
  readonly services: Context.Context<never>
}

/** Where a step stands, as money sees it. */
export interface Standing {
  readonly caps: ReadonlyArray<Scope>
  /** Whether the plan counts the calls that the step makes. */
  readonly isPriced: boolean
}

export class Door implements Context.Tag.Service<typeof Once> {
  private flying: Set<string> | undefined
  private ending: Deferred.Deferred<void> | undefined
  private denied: BudgetExceeded | StepUncertain | undefined
  private isResting = false

  constructor(
    private readonly drive: Drive,
    private readonly path: StepPath.StepPath,
    private readonly attempt: number,
    private readonly standing: Standing,
    /** The call that this door stands in; undefined for the step itself. */
    private readonly outer?: { readonly at: StepPath.StepPath; readonly door: Door }
  ) {}

  /** Why the step fails, whatever its own code makes of it. */
  get denial(): BudgetExceeded | StepUncertain | undefined {
    return this.outer === undefined ? this.denied : this.outer.door.denial
  }

  /** What the step rests for, in the midst of it: calls that it makes side by side may each wait for an answer. */
  get waits(): ReadonlyArray<Wait> {
    if (this.outer !== undefined) return this.outer.door.waits
    return this.isResting ? this.drive.record.askedWithin(this.path) : []
  }

  /** Where calls cost money, and a limit holds for this step. */
  get isLimited(): boolean {
    return this.drive.spending?.isLimited(this.standing.caps) === true
  }

  /** What a step's own code reaches: models only through this door, where a limit holds. */
  guarded(services: Context.Context<never>): Context.Context<never> {
    if (!this.isLimited || Option.isNone(Context.getOption(services, Models))) return services
    return Context.add(services, Models, {
      driver: (model) => {
        const denial: Denial = { reason: "Unasked", model, scope: "", asked: 0, left: 0, limit: 0 }
        return Effect.suspend(() => this.deny(StepPath.call(this.path, "model"), denial))
      }
    })
  }

  /** The step fails by this, from outside: its code does not hear of it, and cannot go on as if nothing were. */
  private deny(at: StepPath.StepPath, data: Denial): Effect.Effect<never> {
    const { drive, path } = this
    const told = drive.record.tell(false, { path: at, kind: "Denied", ordinal: this.attempt, data, payload: {} })
    if (told instanceof Diverged) drive.halt(told)
    else if (told !== "Held") this.fail(new BudgetExceeded({ path: StepPath.standing(path), ...data }))
    Deferred.unsafeDone(this.end, Exit.void)
    return Effect.interruptible(Effect.never)
  }

  private fail(denial: BudgetExceeded | StepUncertain): void {
    if (this.outer === undefined) this.denied ??= denial
    else this.outer.door.fail(denial)
  }

  /** Completed where a replayed journal ends inside this step, and where the step is denied what it asks for. */
  get end(): Deferred.Deferred<void> {
    if (this.outer !== undefined) return this.outer.door.end
    this.ending ??= Deferred.unsafeMake(FiberId.none)
    return this.ending
  }

  /** What calls made here stand below, with the attempts of the step. */
  private get base(): StepPath.StepPath {
    return this.outer?.at ?? this.path
  }

  private placeOf(
    { key, within }: { readonly key: string; readonly within?: string | undefined },
    base: StepPath.StepPath
  ) {
    return StepPath.call(within === undefined ? base : StepPath.call(base, within), key)
  }

  readonly run: Context.Tag.Service<typeof Once>["run"] = (ask, effect) =>
    Effect.suspend(() => {
      this.flying ??= new Set()
      const { flying } = this
      if (ask.key === "") return Effect.dieMessage("Once: the key is empty")
      if (this.isEnded) return Effect.dieMessage(`Once: "${ask.key}" was asked after its step had ended`)
      const at = this.placeOf(ask, ask.per === "attempt" ? this.base : StepPath.standing(this.base))
      if (flying.has(at)) return Effect.dieMessage(`Once: "${ask.key}" is asked twice at once`)
      flying.add(at)
      return Effect.ensuring(
        this.remembered(ask, effect, at),
        Effect.sync(() => flying.delete(at))
      )
    })

  /** `People`'s contract: the step comes to rest at a question that nobody has answered. */
  readonly ask: Context.Tag.Service<typeof People>["ask"] = ({ key, message, schema, task, within }: Question) =>
    this.question(StepPath.call(StepPath.call(this.base, within), key), task, message, schema)

  private question(
    path: StepPath.StepPath,
    task: Event.Data<"TaskOpened">["task"],
    message: string,
    schema: Json.Json
  ): Effect.Effect<Json.Json> {
    return Effect.suspend(() => {
      const { record } = this.drive
      const told = record.tell(false, { path, kind: "TaskOpened", data: { task }, payload: { message, schema } })
      if (told instanceof Diverged) return this.halted(told)
      const answered = record.get(path, "TaskAnswered")
      if (answered !== undefined) return Effect.succeed(answered.payload.answer)
      if (told !== "Held") this.rest()
      return Effect.zipRight(Deferred.succeed(this.end, undefined), Effect.interruptible(Effect.never))
    })
  }

  private rest(): void {
    if (this.outer === undefined) this.isResting = true
    else this.outer.door.rest()
  }

  private halted(diverged: Diverged): Effect.Effect<never> {
    return Effect.zipRight(
      Effect.sync(() => this.drive.halt(diverged)),
      Effect.interruptible(Effect.never)
    )
  }

  /**
   * A call that was in flight when its process died, and may not simply be made again. Each time that happens there is
   * one more question; what was answered before was about an earlier time.
   */
  private uncertain(at: StepPath.StepPath, policy: "ask" | "fail", isOld: boolean): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      const { record } = this.drive
      let wasCut = isOld
      for (let time = 0; ; time++) {
        const task = StepPath.at(StepPath.child(at, "uncertain"), time)
        if (!record.has(task, "TaskOpened")) {
          if (!wasCut || record.isReplay) return
          if (policy === "fail") return yield* this.broken(at)
        }
        const message = `${at} was running when its process died, and may have taken effect. Run it again?`
        if (!isYes(yield* this.question(task, "uncertain", message, {}))) return yield* this.broken(at)
        if (!record.has(at, "Recovered", time)) record.life({ path: at, kind: "Recovered", data: {}, payload: {} })
        wasCut = record.isOld(at, "Recovered", time)
      }
    })
  }

  /**
   * What people were asked to allow for a call, and said: what they granted counts from here on. Answers where the next
   * question would stand; where one is open the step rests, and where somebody said no the call is denied.
   */
  private funded(at: StepPath.StepPath, refusedAt: StepPath.StepPath): Effect.Effect<StepPath.StepPath> {
    return Effect.suspend(() => {
      const found = Allowance.find(this.drive.record, at)
      for (const { by, grant, task } of found.grants) this.drive.spending?.grant(task, grant, by)
      if (found.denial !== undefined) return this.deny(refusedAt, found.denial)
      if (!found.isOpen) return Effect.succeed(found.task)
      this.rest()
      return Effect.zipRight(Deferred.succeed(this.end, undefined), Effect.interruptible(Effect.never))
    })
  }

  /** The step fails, for nobody knows whether this call took effect. */
  private broken(at: StepPath.StepPath): Effect.Effect<never> {
    this.fail(new StepUncertain({ path: at }))
    return Effect.zipRight(Deferred.succeed(this.end, undefined), Effect.interruptible(Effect.never))
  }

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
    const { attempt, base, drive, path, standing } = this
    const { record, run } = drive
    const halt = (diverged: Diverged) => this.halted(diverged)
    const say = <K extends Event.Kind>(said: Said<K>) => Effect.catchAll(record.say(false, said), halt)
    // An attempt of a composite is one of the step, too, and only the path tells them apart.
    const refusedAt = this.placeOf(ask, base)
    // What a tool does by itself is no part of what the plan counts of its agent.
    const within = ask.effect === "model" ? standing : { ...standing, isPriced: false }
    const inner = new Door(drive, path, attempt, within, { at: refusedAt, door: this })
    /** Where a replayed journal ends, the call was not made or not answered: nothing more happens in this step. */
    const rest = Effect.zipRight(Deferred.succeed(this.end, undefined), Effect.interruptible(Effect.never))
    return Effect.gen(this, function* () {
      const success = Shape.fromSchema(ask.success)
      const failure = ask.failure === undefined ? Shape.never : Shape.fromSchema(ask.failure)
      const request = yield* Effect.orDie(Json.fromUnknown(ask.request))
      yield* fits(request, "the request of", ask, drive.payloadBytes)
      const idempotencyKey = Digest.of([run, StepPath.standing(at), ask.key, Digest.of(request)])
      const asked = record.get(at, "Asked")
      const isOld = record.isOld(at, "Asked")
      if (asked !== undefined && !record.isReplay && !Json.equals(asked.payload.request, request)) {
        return yield* Effect.dieMessage(
          `OnceDiverged: "${ask.key}" was asked before with another request; a new request needs a key of its own`
        )
      }
      const data = { effect: ask.effect ?? ("external" as const) }
      const policy = ask.onUncertain ?? "retry"
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
      const denied = record.get(refusedAt, "Denied", attempt)
      if (denied !== undefined) return yield* this.deny(refusedAt, denied.data)
      const task = yield* this.funded(at, refusedAt)
      if (policy !== "retry") yield* this.uncertain(at, policy, isOld)
      if (record.mode._tag === "Replay") {
        if (!record.mode.ended) return yield* rest
        const detail = "the outside is shut, and no answer is recorded"
        return yield* halt(new Diverged({ path: at, kind: "Answered", field: "", detail }))
      }
      const made = Effect.gen(this, function* () {
        let hold: Hold | undefined
        let isMade = false
        const called = Effect.suspend(() => {
          isMade = true
          const call =
            hold === undefined
              ? effect({ idempotencyKey, path: at })
              : paid(drive, effect({ idempotencyKey, path: at, isPaid: true }))
          return Effect.provideService(data.effect === "model" ? call : unpaid(inner, call), Once, inner)
        })
        let answer: Json.Json | undefined
        /** What happened is said, and paid for, in one step that nothing can come between. */
        const conclude = (exit: Exit.Exit<A, E>): Effect.Effect<never, E> | undefined => {
          if (Exit.isFailure(exit) && Cause.isInterrupted(exit.cause)) {
            if (isMade) record.life({ path: at, kind: "Interrupted", data: {}, payload: {} })
            hold?.ended(isMade ? "cut" : "free")
            return undefined
          }
          if (Exit.isSuccess(exit)) {
            const charge = ask.cost === undefined ? {} : { charge: { of: ask.cost.of, cost: ask.cost.most } }
            const told = { ...ask.describe?.(exit.value), ...charge }
            const encoded = fitting(success.encode(exit.value), "the answer to", ask, drive.payloadBytes)
            if (Either.isLeft(encoded)) {
              hold?.ended("failed")
              return Effect.die(encoded.left)
            }
            answer = encoded.right
            const payload = { answer: answer === undefined ? {} : { value: answer } }
            const stood = record.tell(false, { path: at, kind: "Answered", data: told, payload })
            hold?.counted(told.usage)
            return stood instanceof Diverged ? halt(stood) : undefined
          }
          const error = Cause.failureOption(exit.cause)
          hold?.ended(Option.isSome(error) && isFree(error.value) ? "free" : "failed")
          if (Option.isNone(error) || ask.failure === undefined) return undefined
          const encoded = fitting(failure.encode(error.value), "the failure of", ask, drive.payloadBytes)
          if (Either.isLeft(encoded)) return Effect.die(encoded.left)
          const payload = { error: encoded.right ?? null }
          const stood = record.tell(false, { path: refusedAt, kind: "Refused", ordinal: attempt, data: {}, payload })
          if (stood instanceof Diverged) return halt(stood)
          // As after a restart.
          return Effect.flatMap(Effect.orDie(failure.decode(encoded.right)), (error) => Effect.fail(error as E))
        }
        const { spending } = drive
        const saidOf = (denial: Denial): Said<"Denied"> | Said<"TaskOpened"> =>
          spending?.pauses(denial) === true
            ? Allowance.said(task, StepPath.standing(path), denial)
            : { path: refusedAt, kind: "Denied", ordinal: attempt, data: denial, payload: {} }
        /** The step fails, or rests for a person who may allow more. */
        const lacking = (denial: Denial): Effect.Effect<never> => {
          if (spending?.pauses(denial) !== true) return this.deny(refusedAt, denial)
          const told = record.tell(false, saidOf(denial))
          if (told instanceof Diverged) return halt(told)
          if (told !== "Held") this.rest()
          return rest
        }
        let trouble: Effect.Effect<never, E> | undefined
        // A journal that cannot be written stops the run from outside: user code does not hear of it.
        const barrier = Effect.catchAll(record.barrier, () => Effect.interruptible(Effect.never))
        // What is held is settled, whatever comes between.
        const held = Effect.uninterruptibleMask((restore) =>
          Effect.suspend(() => {
            if ((data.effect === "model" || ask.cost !== undefined) && this.isLimited) {
              const seat = { ...standing, denied: saidOf }
              const reserved =
                ask.cost === undefined
                  ? spending!.reserve(at, request, seat)
                  : spending!.reserveFixed(at, ask.cost.of, ask.cost.most, seat)
              if ("reason" in reserved) return lacking(reserved)
              hold = reserved
            }
            const call = Effect.onExit(restore(Effect.zipRight(barrier, called)), (exit) =>
              Effect.sync(() => {
                trouble = conclude(exit)
              })
            )
            if (hold?.isClaim !== true) return call
            // Before it is known whether the store granted it, there is nothing that could be settled.
            return Effect.flatMap(barrier, () => {
              const denial = hold?.denial()
              return denial === undefined ? call : lacking(denial)
            })
          })
        )
        const exit = yield* Effect.exit(held)
        if (trouble !== undefined) return yield* trouble
        if (Exit.isSuccess(exit)) return yield* decoded(success, answer, ask)
        return yield* exit
      })
      const { cache } = drive
      if (ask.cache === undefined || data.effect !== "model" || cache === undefined) return yield* made
      const { isOfUse, ttlMillis } = ask.cache
      const key = CachedCall.keyOf(request)
      const lookedUp = Effect.gen(this, function* () {
        const taken = yield* CachedCall.taken(cache, key, at, { now: record.now(), success, ttlMillis })
        if (Option.isSome(taken)) {
          const { from, value } = taken.value
          const answer = yield* decoded(success, value, ask)
          const { model } = ask.describe?.(answer) ?? {}
          const stood = record.tell(false, {
            path: at,
            kind: "Answered",
            data: { model, from },
            payload: { answer: { value } }
          })
          return stood instanceof Diverged ? yield* halt(stood) : answer
        }
        const answer = yield* made
        const encoded = success.encode(answer)
        if (isOfUse(answer) && Either.isRight(encoded) && encoded.right !== undefined) {
          yield* CachedCall.kept({ cache, record, run }, at, { answer: encoded.right, key, ttlMillis })
        }
        return answer
      })
      return yield* cache.alone(key, lookedUp)
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

/** The call itself is where a step reaches models, whatever its own code may. */
const paid = <A, E, R>(drive: Pick<Drive, "services">, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Option.match(Context.getOption(drive.services, Models), {
    onNone: () => effect,
    onSome: (models) =>
      Effect.mapInputContext(effect, (context: Context.Context<R>) => Context.add(context, Models, models))
  })

/** Elsewhere a step reaches models only through its door, where a limit holds. */
const unpaid = <A, E, R>(door: Door, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  door.isLimited
    ? Effect.mapInputContext(
        effect,
        (context: Context.Context<R>) => door.guarded(context as Context.Context<never>) as typeof context
      )
    : effect

const isFree = (error: unknown): boolean =>
  error instanceof ModelError ? isUnbilled(error) : error instanceof SkillError && error.reason === "Refused"

const fits = (
  json: Json.Json | undefined,
  what: string,
  ask: { readonly key: string },
  limit: number
): Effect.Effect<void> => Effect.asVoid(Effect.orDie(fitting(Either.right(json), what, ask, limit)))

const fitting = (
  encoded: Either.Either<Json.Json | undefined, unknown>,
  what: string,
  ask: { readonly key: string },
  limit: number
): Either.Either<Json.Json | undefined, unknown> =>
  Either.flatMap(encoded, (json) => {
    const size = json === undefined ? 0 : Buffer.byteLength(Json.canonical(json), "utf8")
    return size <= limit
      ? Either.right(json)
      : Either.left(
          new Cause.RuntimeException(`Once: ${what} "${ask.key}" has ${size} bytes, over the limit of ${limit}`)
        )
  })
