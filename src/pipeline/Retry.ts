/**
 * When a failed step is tried again, as data: what YAML prints. The wait before the k-th retry is
 * `min(max, base · factor^(k-1))`, jittered by up to a fifth either way unless told otherwise.
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

export const Retry = Schema.Struct({
  /** How many tries follow the first; at most 100. */
  times: Schema.Int.pipe(Schema.between(0, 100)),
  baseMillis: Schema.Int.pipe(Schema.nonNegative()),
  factor: Schema.Finite.pipe(Schema.greaterThanOrEqualTo(1)),
  maxMillis: Schema.Int.pipe(Schema.nonNegative()),
  jitter: Schema.Boolean,
  /** Tags of the errors that are worth another try; all where absent. */
  while: Schema.optional(Schema.Array(Schema.String))
})
export type Retry = typeof Retry.Type

export interface RetryOptions {
  readonly times: number
  /** Default 1 second. */
  readonly base?: Duration.DurationInput | undefined
  /** Default 2. */
  readonly factor?: number | undefined
  /** Default 1 minute. */
  readonly max?: Duration.DurationInput | undefined
  /** Default true. */
  readonly jitter?: boolean | undefined
  readonly while?: ReadonlyArray<string> | undefined
}

export const make = (options: RetryOptions): Retry => ({
  times: options.times,
  baseMillis: Math.ceil(Duration.toMillis(options.base ?? "1 second")),
  factor: options.factor ?? 2,
  maxMillis: Math.ceil(Duration.toMillis(options.max ?? "1 minute")),
  jitter: options.jitter ?? true,
  ...(options.while === undefined ? {} : { while: options.while })
})

/** Whether an error with this tag is worth another try. */
export const covers = (retry: Retry, tag: string | undefined): boolean =>
  retry.while === undefined || (tag !== undefined && retry.while.includes(tag))

export const toSchedule = (retry: Retry): Schedule.Schedule<unknown, unknown> => {
  const waits = Schedule.exponential(Duration.millis(retry.baseMillis), retry.factor).pipe(
    Schedule.either(Schedule.spaced(Duration.millis(retry.maxMillis)))
  )
  return (retry.jitter ? Schedule.jittered(waits) : waits).pipe(Schedule.intersect(Schedule.recurs(retry.times)))
}
