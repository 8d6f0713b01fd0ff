/**
 * One driver for every protocol over HTTP: it says an ask in the words of a `Wire`, sends it, and makes of what comes
 * back a reply or a typed error. A reply is only a reply when the server says why it ended; what was cut is an error, as
 * it may have been billed.
 *
 * Whether to try again is decided here, for what may pass by itself, and under the same `Idempotency-Key`; a server that
 * does not know that header may bill each try. A stream is only tried again as long as nothing of it was shown.
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Json from "../../domain/Json.js"
import {
  isUnbilled,
  type ModelAsk,
  type ModelChunk,
  type ModelDriver,
  type ModelError,
  type ModelReply
} from "../../domain/Model.js"
import type { CallInfo } from "../../domain/Once.js"
import * as Attributes from "../../telemetry/Attributes.js"
import { begun } from "../Chunks.js"
import { type Endpoint, type Limits, limitsDefault } from "../Endpoint.js"
import { type Circumstances, type Explain, explainer, type Failed, failedBy, failedIn, final } from "./Failure.js"
import { reading, textOf } from "./Fetch.js"
import * as Gate from "./Gate.js"
import * as Sse from "./Sse.js"
import { jsonOf, type Request, type Wire } from "./Wire.js"

/** Sends a request; answers a success whose body is not read yet. Throws what `failedBy` understands. */
export type Send = (
  request: Request,
  options: {
    readonly headers: Readonly<Record<string, string>>
    readonly signal: AbortSignal
  }
) => Promise<Response>

export interface Options {
  readonly endpoint: Endpoint
  /** Which protocol an ask is sent in. */
  readonly wireOf: (ask: ModelAsk) => Wire
  /** Made when something is sent for the first time. */
  readonly makeSend: (baseUrl: string) => Send
}

/** Servers that ask for more are asked again after this long. */
export const retryAfterMillisMax = 60_000

/** Exponential with jitter, at most `retries` times, and never sooner than the server asks for. */
const retrying = (retries: number, base: Duration.DurationInput) =>
  Schedule.identity<Failed>().pipe(
    Schedule.intersect(Schedule.jittered(Schedule.exponential(base))),
    Schedule.intersect(Schedule.recurs(retries)),
    Schedule.modifyDelay(([[{ error }]], delay) =>
      Duration.millis(Math.min(retryAfterMillisMax, Math.max(error.retryAfterMillis ?? 0, Duration.toMillis(delay))))
    ),
    Schedule.whileInput((failed: Failed) => failed.mayPass)
  )

export const make = ({ endpoint, makeSend, wireOf }: Options): ModelDriver => {
  const limits: Limits = endpoint.limits ?? {}
  const {
    bytesMax = limitsDefault.bytesMax,
    idleTimeout = limitsDefault.idleTimeout,
    retries = limitsDefault.retries,
    retryBase = limitsDefault.retryBase,
    streamTimeout = limitsDefault.streamTimeout,
    timeout = limitsDefault.timeout
  } = limits
  const key = endpoint.apiKey === undefined ? "" : Redacted.value(endpoint.apiKey).trim()
  const policy = retrying(retries, retryBase)
  const gate = Gate.make(limits)
  const origin =
    endpoint.baseUrl !== undefined && URL.canParse(endpoint.baseUrl) ? new URL(endpoint.baseUrl).origin : ""
  const whole = (model: string) =>
    `${endpoint.prefix}:${endpoint.group === undefined ? "" : `${endpoint.group}/`}${model}`
  let send: Send | undefined

  const circumstances = (explain: Explain): Effect.Effect<Circumstances> =>
    Effect.map(Clock.currentTimeMillis, (now) => ({
      explain,
      origin,
      now,
      aboutKey:
        endpoint.keyVariable === undefined
          ? `${endpoint.prefix}: sends no key; write compatible: for a server that wants one`
          : `${key === "" ? "set" : "check"} ${endpoint.keyVariable}`
    }))

  const prepared = (ask: ModelAsk, streamed: boolean, explain: Explain): Either.Either<Request, ModelError> =>
    Either.flatMap(ready(endpoint, key, explain), () =>
      Either.mapLeft(wireOf(ask).request(ask, streamed), (what) =>
        explain("BadRequest", `${endpoint.prefix}: cannot be asked for ${what}`)
      )
    )

  const open = (request: Request, idempotencyKey: string, signal: AbortSignal): Promise<Response> => {
    send ??= makeSend(endpoint.baseUrl!)
    return send(request, { signal, headers: { ...headersOf(endpoint, key), "Idempotency-Key": idempotencyKey } })
  }
  const failing = (cause: unknown, explain: Explain): Effect.Effect<never, Failed> =>
    Effect.flatMap(circumstances(explain), (around) => Effect.fail(failedBy(cause, around)))

  const replyFrom = (json: Json.Json, ask: ModelAsk, explain: Explain): Effect.Effect<ModelReply, Failed> =>
    Effect.flatMap(circumstances(explain), (around) => {
      const failed = failedIn(json, around)
      return failed === undefined ? Either.mapLeft(wireOf(ask).reply(json, ask, explain), final) : Effect.fail(failed)
    })

  const once = (
    request: Request,
    ask: ModelAsk,
    idempotencyKey: string,
    explain: Explain
  ): Effect.Effect<ModelReply, Failed> =>
    Effect.tryPromise({
      try: (signal) => open(request, idempotencyKey, signal).then((response) => textOf(response, bytesMax)),
      catch: (cause) => cause
    }).pipe(
      Effect.catchAll((cause) => failing(cause, explain)),
      Effect.flatMap((body) => Either.mapLeft(jsonOf(body, explain), final)),
      Effect.flatMap((json) => replyFrom(json, ask, explain)),
      Effect.timeoutFail({
        duration: timeout,
        onTimeout: (): Failed => ({
          error: explain("TimedOut", `no whole reply within ${Duration.format(timeout)}`),
          mayPass: true
        })
      })
    )

  /** One try, told in pieces of at least one chunk. */
  const streamed = (
    request: Request,
    ask: ModelAsk,
    idempotencyKey: string,
    explain: Explain
  ): Stream.Stream<ModelChunk, Failed> =>
    Stream.unwrapScoped(
      Effect.gen(function* () {
        const abort = yield* Effect.acquireRelease(
          Effect.sync(() => new AbortController()),
          (controller) => Effect.sync(() => controller.abort())
        )
        const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(streamTimeout)
        const patiently = <A>(effect: Effect.Effect<A, Failed>): Effect.Effect<A, Failed> =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            const idle = Duration.toMillis(idleTimeout)
            const isLate = deadline - now < idle
            const detail = isLate
              ? `no whole reply within ${Duration.format(streamTimeout)}`
              : `nothing came for ${Duration.format(idleTimeout)}`
            return Effect.timeoutFail(effect, {
              duration: Duration.millis(isLate ? Math.max(0, deadline - now) : idle),
              onTimeout: (): Failed => ({ error: explain("TimedOut", detail), mayPass: true })
            })
          })
        const asked = <A>(promise: () => Promise<A>): Effect.Effect<A, Failed> =>
          Effect.tryPromise({ try: promise, catch: (cause) => cause }).pipe(
            Effect.catchAll((cause) => failing(cause, explain)),
            patiently
          )
        const response = yield* asked(() => open(request, idempotencyKey, abort.signal))
        const read = reading(response, bytesMax)
        const events = Sse.make()
        const gathering = wireOf(ask).gather(ask)
        // Until there is an event, in case that it is no stream at all.
        let plain: Array<Uint8Array> | undefined = []
        let isOver = false

        const taken = (data: string): Effect.Effect<ReadonlyArray<ModelChunk>, Failed> =>
          Effect.gen(function* () {
            const json = yield* Either.mapLeft(jsonOf(data, explain), final)
            const failed = failedIn(json, yield* circumstances(explain))
            return failed === undefined ? gathering.take(json) : yield* Effect.fail(failed)
          })
        const reply = Effect.suspend(() =>
          Effect.flatMap(
            plain === undefined
              ? Either.right(gathering.whole())
              : Either.mapLeft(jsonOf(Buffer.concat(plain).toString("utf8"), explain), final),
            (json) => replyFrom(json, ask, explain)
          )
        )
        let late: Failed | undefined
        /** What the next pieces show. A failure behind something that was shown comes after it. */
        const more = Effect.gen(function* () {
          if (late !== undefined) return yield* Effect.fail(late)
          const chunks: Array<ModelChunk> = []
          const outcome = yield* Effect.either(
            Effect.gen(function* () {
              while (chunks.length === 0) {
                const piece = yield* asked(read)
                const datas = piece === undefined ? events.end() : events.feed(piece)
                const done = datas.indexOf("[DONE]")
                if (datas.length > 0) plain = undefined
                else if (piece !== undefined) plain?.push(piece)
                for (const data of done === -1 ? datas : datas.slice(0, done)) chunks.push(...(yield* taken(data)))
                isOver = piece === undefined || done !== -1 || gathering.isOver()
                if (isOver) chunks.push({ _tag: "Reply", reply: yield* reply })
              }
            })
          )
          if (Either.isRight(outcome)) return chunks
          if (chunks.length === 0) return yield* Effect.fail(outcome.left)
          late = outcome.left
          return chunks
        })
        return Stream.repeatEffectChunkOption(
          Effect.suspend(() =>
            isOver && late === undefined
              ? Effect.fail(Option.none<Failed>())
              : Effect.mapBoth(more, { onFailure: Option.some, onSuccess: Chunk.unsafeFromArray })
          )
        )
      })
    )

  /** Draws jitter from the key of the call, so that a retry takes no random number from the run. */
  const again =
    ({ idempotencyKey, isPaid = false }: CallInfo) =>
    <A, R>(attempt: Effect.Effect<A, Failed, R>): Effect.Effect<A, ModelError, R> =>
      attempt.pipe(
        // What may have been billed is not tried again where it is paid for once.
        Effect.retry({ schedule: policy, while: ({ error }: Failed) => !isPaid || isUnbilled(error) }),
        Effect.withRandom(Random.make(idempotencyKey)),
        Effect.mapError(({ error }) => error),
        Effect.tapError(({ reason }) => Effect.annotateCurrentSpan(Attributes.errorType, reason))
      )
  const saw = ({ error }: Failed) => gate.saw(error.reason)

  return {
    call: Effect.fn(Attributes.spanModelCall)(function* (ask, info) {
      yield* Effect.annotateCurrentSpan(Attributes.ofAsk(endpoint.prefix, ask))
      const explain = explainer(whole(ask.model), key)
      const request = yield* prepared(ask, false, explain)
      const reply = yield* gate.enter(explain).pipe(
        Effect.zipRight(
          Effect.tapBoth(once(request, ask, info.idempotencyKey, explain), {
            onFailure: saw,
            onSuccess: () => gate.saw(undefined)
          })
        ),
        Effect.scoped,
        again(info)
      )
      yield* Effect.annotateCurrentSpan(Attributes.ofReply(reply))
      return reply
    }),

    stream: (ask, info) =>
      Stream.unwrapScoped(
        Effect.gen(function* () {
          const explain = explainer(whole(ask.model), key)
          const request = yield* prepared(ask, true, explain)
          const opened = streamed(request, ask, info.idempotencyKey, explain).pipe(
            Stream.tapError(saw),
            Stream.tap((chunk) =>
              chunk._tag === "Reply"
                ? Effect.zipRight(gate.saw(undefined), Effect.annotateCurrentSpan(Attributes.ofReply(chunk.reply)))
                : Effect.void
            ),
            (stream) => Stream.unwrapScoped(Effect.as(gate.enter(explain), stream))
          )
          return Stream.mapError(yield* again(info)(begun(opened)), ({ error }) => error)
        })
      ).pipe(
        Stream.tapError(({ reason }) => Effect.annotateCurrentSpan(Attributes.errorType, reason)),
        Stream.withSpan(Attributes.spanModelCall, { attributes: Attributes.ofAsk(endpoint.prefix, ask) })
      )
  }
}

const headersOf = ({ keyHeader }: Endpoint, key: string): Readonly<Record<string, string>> => {
  if (key === "") return {}
  return keyHeader === undefined || keyHeader === "authorization"
    ? { Authorization: `Bearer ${key}` }
    : { [keyHeader]: key }
}

/** Finds what is missing before anything is sent. */
const ready = (endpoint: Endpoint, key: string, explain: Explain): Either.Either<void, ModelError> => {
  const { baseUrl, baseUrlFrom, keyNeeded, keyVariable } = endpoint
  const refuse = (reason: "Auth" | "Unknown", detail: string) => Either.left(explain(reason, detail))
  if (baseUrl === undefined) {
    return refuse("Unknown", `the server's address is not known: set ${baseUrlFrom}, such as http://127.0.0.1:8000/v1`)
  }
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return refuse("Unknown", `the server's address in ${baseUrlFrom} is not an http or https URL`)
  }
  if (url.username !== "" || url.password !== "") {
    const instead = keyVariable === undefined ? "" : `; give the key in ${keyVariable} instead`
    return refuse("Unknown", `the server's address in ${baseUrlFrom} holds a password${instead}`)
  }
  if (key === "" && keyNeeded) {
    return refuse("Auth", `the key is missing: set ${keyVariable}. (The model offline:any needs no key.)`)
  }
  // A header that cannot be sent is quoted whole in the error of `fetch`.
  return /^[\x21-\x7e]*$/.test(key)
    ? Either.void
    : refuse("Auth", `the key in ${keyVariable} holds spaces or characters that no key has; copy it again`)
}
