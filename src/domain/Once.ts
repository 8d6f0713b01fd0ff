/**
 * A door to the outside: a call made through it is made once and remembered. An answered call is never made again; one
 * in flight when its process dies is made again under the same idempotency key. The engine journals it; `layerPlain`
 * remembers nothing and is for tests of what stands behind the door.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import * as Digest from "./Digest.js"
import type { Encoded, Json } from "./Json.js"
import type { NanoUsd } from "./NanoUsd.js"
import type { StepPath } from "./StepPath.js"
import type { Usage } from "./Usage.js"

/** What a call does to the world: decides whether it may simply be made again when its end is unknown. */
export type EffectClass = "pure" | "read" | "write" | "external" | "model"

export interface Ask<A, I extends Encoded, E, EI extends Encoded> {
  /** Names the call within its step; not empty, and not used by two calls at once. */
  readonly key: string
  /** The call whose answer made this one: a place below it, such as `turn[4]` for `tool[1]`. */
  readonly within?: string | undefined
  /** What is asked. The same key with another request is a defect: the answer would be for something else. */
  readonly request: Json
  readonly success: Schema.Schema<A, I>
  /** Typed failures are remembered for their attempt only. */
  readonly failure?: Schema.Schema<E, EI> | undefined
  /** `step` (default): an answer holds for all attempts of the step. `attempt`: for this one. */
  readonly per?: "step" | "attempt" | undefined
  readonly effect?: EffectClass | undefined
  /**
   * What the call costs, where money is asked for something else than a model: it is set aside before, and counted when the
   * call is answered, was cut or failed. `of` names it, such as `skill:tools:sms`.
   */
  readonly cost?: { readonly of: string; readonly most: NanoUsd } | undefined
  /** Where a call was in flight when its process died: make it again (default), ask a person, or let the step fail. */
  readonly onUncertain?: "retry" | "ask" | "fail" | undefined
  /** Of a model call: the answer to the same request may be taken from the cache, and one that is of use is kept in it. */
  readonly cache?: { readonly ttlMillis: number; readonly isOfUse: (answer: A) => boolean } | undefined
  /** What the trace tells of an answer beside the answer itself. */
  readonly describe?: ((answer: A) => { readonly model?: string; readonly usage?: Usage }) | undefined
}

export interface CallInfo {
  /** The same for every try of this call, in this process and after a restart. */
  readonly idempotencyKey: string
  /** Where the call stands in its run. */
  readonly path?: StepPath | undefined
  /**
   * The call is paid for once: what may have been billed must not be tried again behind its back. A try that was
   * certainly not billed may be repeated.
   */
  readonly isPaid?: boolean | undefined
}

export class Once extends Context.Tag("flujo/domain/Once")<
  Once,
  {
    readonly run: <A, I extends Encoded, R, E = never, EI extends Encoded = never>(
      ask: Ask<A, I, E, EI>,
      effect: (info: CallInfo) => Effect.Effect<A, NoInfer<E>, R>
    ) => Effect.Effect<A, E, R>
  }
>() {}

/** Once's answer for `key`, or that of `effect`, which is then remembered. */
export const run = <A, I extends Encoded, R, E = never, EI extends Encoded = never>(
  ask: Ask<A, I, E, EI>,
  effect: (info: CallInfo) => Effect.Effect<A, NoInfer<E>, R>
): Effect.Effect<A, E, R | Once> => Effect.flatMap(Once, (once) => once.run(ask, effect))

/** Makes every call, remembers none. */
export const layerPlain: Layer.Layer<Once> = Layer.succeed(Once, {
  run: (ask, effect) => effect({ idempotencyKey: Digest.of([ask.key, ask.request]) })
})
