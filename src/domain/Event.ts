/**
 * What can happen in a run. An event is `(path, kind, ordinal, data, payload)`; its logical key `(path, kind, ordinal)`
 * is unique in the run. `data` holds structure and is hashed with the entry; `payload` holds what users and models
 * said and is only committed to, so that it can be encrypted or erased. Fields listed under `clock` are instants.
 *
 * Two executions are *the same* when their events are equal, keyed logically, without clock fields, without what is
 * derived from the run's id, and without *life* events, which are facts of one execution only.
 */
import * as Schema from "effect/Schema"
import { Amount, Denial, Mode, OnBudget } from "./Budget.js"
import { Digest } from "./Digest.js"
import { Grant } from "./Grant.js"
import { Json, type JsonObject } from "./Json.js"
import { NanoUsd } from "./NanoUsd.js"
import type { RunId } from "./RunId.js"
import type { StepPath } from "./StepPath.js"
import { Usage } from "./Usage.js"

const Instant = Schema.Int
const Path = Schema.String as unknown as Schema.Schema<StepPath, string>

/** `Schema.Struct({})` lets anything through that is not null; this only what has no property. */
const Empty = Schema.Struct({}).pipe(
  Schema.filter((value) => typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0, {
    message: () => "nothing is expected here",
    arbitrary: () => (fc) => fc.constant({})
  })
)

/** A value written here, or the path of the step whose output it equals. */
export const Carried = Schema.Union(Schema.Struct({ value: Json }), Schema.Struct({ from: Path }), Empty)
export type Carried = typeof Carried.Type

/** What a resting run waits for. `Step`: a step that was cut while it ran. */
export const Wait = Schema.Union(
  Schema.Struct({ _tag: Schema.Literal("Task"), path: Path }),
  Schema.Struct({ _tag: Schema.Literal("Timer"), path: Path, due: Instant }),
  Schema.Struct({ _tag: Schema.Literal("Signal"), path: Path, signal: Schema.String }),
  Schema.Struct({ _tag: Schema.Literal("Step"), path: Path })
)
export type Wait = typeof Wait.Type

/** A file that a run was made from, kept so that the run can go on without it. */
export const Source = Schema.Struct({ path: Schema.String, text: Schema.String })
export type Source = typeof Source.Type

/** Said of what a fork was given in place of what its parent has. */
const edited = Schema.optional(Schema.Literal(true))

/** Changes of the pipeline that the run came past before they were made: there it keeps the old way. */
const keeps = Schema.optional(Schema.Array(Schema.String))

/** What the run may spend, and the digest of the prices that it is settled at. */
export const RunBudget = Schema.Struct({
  maxCost: Schema.NullOr(NanoUsd),
  maxTokens: Schema.NullOr(Schema.Int.pipe(Schema.nonNegative())),
  mode: Mode,
  onBudget: Schema.optionalWith(OnBudget, { exact: true }),
  prices: Digest
})
export type RunBudget = typeof RunBudget.Type

interface KindOptions<D extends Schema.Struct.Fields, P extends Schema.Struct.Fields> {
  /** Facts of one execution; never compared. */
  readonly life?: boolean
  readonly clock?: ReadonlyArray<keyof D & string>
  /** Fields of the payload that follow from the run's id and from what is compared; a fork has them from its parent. */
  readonly derived?: ReadonlyArray<keyof P & string>
  readonly data: D
  readonly payload?: P
}

const kind = <D extends Schema.Struct.Fields, P extends Schema.Struct.Fields = Record<never, never>>(
  options: KindOptions<D, P>
) => ({
  life: options.life === true,
  clock: (options.clock ?? []) as ReadonlyArray<string>,
  derived: (options.derived ?? []) as ReadonlyArray<string>,
  data: struct(options.data),
  payload: struct((options.payload ?? {}) as P)
})

/** A struct; one without fields holds nothing. */
const struct = <F extends Schema.Struct.Fields>(fields: F): Schema.Struct<F> =>
  Object.keys(fields).length === 0 ? (Empty as never) : Schema.Struct(fields)

export const kinds = {
  /** The premise: what was run, on what. */
  RunStarted: kind({
    life: true,
    data: {
      pipeline: Schema.String,
      plan: Digest,
      labels: Schema.Array(Schema.Tuple(Schema.String, Schema.String)),
      /** Of a fork: the run that its first entries were copied from, and the step where it parts from it. */
      parent: Schema.optional(Schema.Struct({ run: Schema.String, from: Path })),
      /** Of a fork: as its parent. */
      keeps,
      budget: Schema.optional(RunBudget)
    },
    /** `prices`: the table whose digest the budget has. */
    payload: { input: Carried, sources: Schema.Array(Source), prices: Schema.optional(Json) }
  }),
  /** `prompt`: of the text that an agent's prompt is filled in from. */
  StepStarted: kind({
    data: {
      step: Schema.Literal("code", "agent", "skill"),
      version: Schema.String,
      prompt: Schema.optional(Digest),
      edited
    },
    payload: { input: Carried }
  }),
  StepSucceeded: kind({ data: { edited }, payload: { output: Carried } }),
  /** `Failure`: as the step declares. `Engine`: one of flujo's own errors. `Defect`: a broken step, never retried. */
  StepFailed: kind({ data: { reason: Schema.Literal("Failure", "Engine", "Defect") }, payload: { error: Json } }),
  StepInterrupted: kind({ data: { because: Path } }),
  /** What a pure function answered. */
  Computed: kind({ data: {}, payload: { output: Carried } }),
  BranchTaken: kind({ data: { branch: Schema.String }, payload: { on: Json } }),
  ItemsPlanned: kind({ data: { count: Schema.Int } }),
  IterationEnded: kind({ data: { end: Schema.Literal("again", "done", "max") } }),
  /** The ordinal is the attempt that failed. */
  RetryDecided: kind({
    clock: ["now", "wake"],
    data: { again: Schema.Boolean, now: Instant, wake: Schema.NullOr(Instant) }
  }),
  /** The composite failed: below it nothing starts any more. */
  Closed: kind({ data: { by: Schema.Array(Path) } }),
  /** A step with an undo ended well. `kept`: in the run that this one was forked from, which alone undoes it. */
  UndoPlanned: kind({ data: { kept: edited } }),
  /** How an undo ended; the ordinal counts its tries by hand. `at`: where a failed one failed. */
  Undone: kind({
    data: { end: Schema.Literal("done", "failed"), at: Schema.Array(Path) },
    payload: { error: Schema.optional(Json) }
  }),
  /** What the cache had for a cached step; nothing, or an answer and where it is from. */
  CacheRead: kind({
    data: { key: Digest, from: Schema.optional(Schema.Struct({ run: Schema.String, path: Path })) },
    payload: {
      answer: Schema.optional(Carried),
      writes: Schema.optional(Schema.Array(Schema.Struct({ field: Schema.String, json: Json })))
    }
  }),
  /** What a cached step answered is kept for others. */
  CacheWritten: kind({ life: true, data: { key: Digest } }),
  Asked: kind({
    derived: ["idempotencyKey"],
    data: { effect: Schema.Literal("pure", "read", "write", "external", "model") },
    payload: { request: Json, idempotencyKey: Schema.String }
  }),
  /** `from`: it was taken from the cache, where that call had left it; then it used nothing. */
  Answered: kind({
    data: {
      model: Schema.optional(Schema.String),
      usage: Schema.optional(Usage),
      from: Schema.optional(Schema.Struct({ run: Schema.String, path: Path })),
      /** What it cost, where that is said beforehand. */
      charge: Schema.optionalWith(Schema.Struct({ of: Schema.String, cost: NanoUsd }), { exact: true })
    },
    payload: { answer: Carried }
  }),
  /** The ordinal is the attempt of the step that it holds for. */
  Refused: kind({ data: {}, payload: { error: Json } }),
  /** A call was cut: it may have happened. */
  Interrupted: kind({ life: true, data: {} }),
  /**
   * The worst case of a model call is set aside before it is made. `under`: the steps with limits of their own that it
   * stands in. The ordinal counts the tries of one call.
   */
  Reserved: kind({
    life: true,
    data: {
      model: Schema.String,
      ...Amount.fields,
      under: Schema.Array(Path),
      /** Limits shared with other runs that it counts for, too, by their names. */
      pools: Schema.optional(Schema.Array(Schema.String))
    }
  }),
  /** A model call was not made. The ordinal is the attempt of the step that it holds for. */
  Denied: kind({ data: Denial.fields }),
  /**
   * What a reserved call is taken to have cost; its ordinal is that of the reservation. `usage`: as counted. `refused`:
   * the count cannot be true, so the worst case. `failed`, `cut`: it may have been billed, so the worst case. `free`: it
   * was not billed. `pools`: shared limits that it counts for, and what was reserved of them.
   */
  Settled: kind({
    life: true,
    data: {
      ...Amount.fields,
      basis: Schema.Literal("usage", "refused", "failed", "cut", "free"),
      pools: Schema.optional(Schema.Struct({ names: Schema.Array(Schema.String), held: Amount }))
    }
  }),
  TaskOpened: kind({
    /** `denial`: of a task that asks for more than a limit allows. */
    data: {
      task: Schema.Literal("approve", "ask", "uncertain", "budget"),
      denial: Schema.optionalWith(Denial, { exact: true })
    },
    payload: { message: Schema.String, schema: Json }
  }),
  TaskAnswered: kind({
    data: {},
    payload: { answer: Json, by: Schema.optional(Schema.String) }
  }),
  /** What the answer to a task of the same path allows beyond a limit. */
  Granted: kind({ life: true, data: Grant.fields, payload: { by: Schema.optional(Schema.String) } }),
  TaskClosed: kind({ data: { because: Path } }),
  /** Told from outside, whether a step waits for it or not: which one takes it, that step says. */
  SignalReceived: kind({
    life: true,
    data: { signal: Schema.String },
    payload: { data: Json, by: Schema.optional(Schema.String) }
  }),
  SignalAwaited: kind({ data: { signal: Schema.String } }),
  SignalTaken: kind({ data: { signal: Schema.String }, payload: { data: Json } }),
  TimerSet: kind({ clock: ["due"], data: { due: Instant } }),
  TimerFired: kind({ data: {} }),
  RunSuspended: kind({ life: true, data: { waits: Schema.Array(Wait) } }),
  /** So many times in a row its process died and it came no further; `at`: the steps that were running. */
  RunStuck: kind({ life: true, data: { recoveries: Schema.Int, at: Schema.Array(Path) } }),
  /** `again`: failed steps that are tried once more. `plan`, `sources`: another version, which it goes by from here on. */
  RunResumed: kind({
    life: true,
    data: { again: Schema.Array(Path), plan: Schema.optional(Digest), keeps },
    payload: { sources: Schema.optional(Schema.Array(Source)) }
  }),
  /** A step that had started and not ended is run again. */
  Recovered: kind({ life: true, data: {} }),
  RunCompleted: kind({ life: true, data: {}, payload: { output: Carried } }),
  RunFailed: kind({
    life: true,
    data: { reason: Schema.Literal("Failure", "Engine", "Defect"), at: Schema.Array(Path) },
    payload: { error: Json }
  }),
  /** A cancelled run takes back what it did before it ends. */
  RunCancelling: kind({ life: true, data: {}, payload: { reason: Schema.String } }),
  RunCancelled: kind({ life: true, data: {}, payload: { reason: Schema.String } }),
  /** What was said in the run is no more: its payloads with their salts, its letters, what the cache kept of it, its key. */
  RunErased: kind({
    life: true,
    data: { reason: Schema.String, by: Schema.optional(Schema.String), payloads: Schema.Int }
  })
} as const

export type Kind = keyof typeof kinds
export type Data<K extends Kind> = (typeof kinds)[K]["data"]["Type"]
export type Payload<K extends Kind> = (typeof kinds)[K]["payload"]["Type"]

export interface EventOf<K extends Kind> {
  readonly path: StepPath
  readonly kind: K
  readonly ordinal: number
  readonly data: Data<K>
  readonly payload: Payload<K>
}
export type Event = { [K in Kind]: EventOf<K> }[Kind]
/** What an event's entry says without its payload, which may be encrypted or erased. */
export type Headed = { [K in Kind]: Omit<EventOf<K>, "payload"> }[Kind]

/** An event in its place: who wrote it (`epoch` of its lease), when (`at`, milliseconds since 1970) and as which entry. */
export interface Entry<E extends Headed = Event> {
  readonly run: RunId
  readonly seq: number
  readonly at: number
  readonly epoch: number
  readonly event: E
}

export const isKind = (name: string): name is Kind => Object.hasOwn(kinds, name)

/** The logical key. */
export const key = (path: StepPath, kind: Kind, ordinal: number): string => `${kind}:${ordinal}:${path}`

/** `data` as it is compared: without clock fields. */
export const comparable = (kind: Kind, data: JsonObject): JsonObject => {
  const { clock } = kinds[kind]
  if (clock.length === 0) return data
  return Object.fromEntries(Object.entries(data).filter(([name]) => !clock.includes(name)))
}
