/**
 * The driver for everything that speaks OpenAI's chat completions: OpenAI itself, compatible servers and Ollama. One
 * whole request, one whole reply, never a stream. A reply is only a reply when the server says why it ended; what was
 * cut is an error, as it may have been billed.
 *
 * Whether to try again is decided here, for what may pass by itself, and under the same `Idempotency-Key`; a server that
 * does not know that header may bill each try, so a call that is paid for once is not tried again after a try that may
 * have been billed. The environment is not read: the package's own reading of it
 * (organization, project, custom headers, logging) is turned off or overruled.
 */

import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import OpenAI from "openai"
import type { ChatCompletionCreateParamsNonStreaming } from "openai/resources/chat/completions"
import { isUnbilled, type ModelAsk, type ModelDriver, type ModelError, type ModelReply } from "../domain/Model.js"
import * as Attributes from "../telemetry/Attributes.js"
import { replyOf } from "./internal/Completion.js"
import { type Explain, explainer, type Failed, failedBy, final } from "./internal/Failure.js"
import { bounded } from "./internal/Fetch.js"
import { qualifiesForStrict } from "./internal/Strict.js"

export interface Limits {
  /** For one try, until the last byte. Default: 120 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Of a response, decompressed. Default: 16 MiB. */
  readonly bytesMax?: number | undefined
  /** After the first try. Default: 4. */
  readonly retries?: number | undefined
  /** The wait before the first retry, doubled for each further one. Default: 500 milliseconds. */
  readonly retryBase?: Duration.DurationInput | undefined
}

export interface Options {
  /** Stands before the model's name in errors, and decides how settings are called: `openai` or a server like it. */
  readonly prefix: string
  /** Absent: a call fails and names the variable that is missing. */
  readonly baseUrl: string | undefined
  readonly apiKey: Redacted.Redacted | undefined
  /** Whether a call without a key fails before anything is sent. */
  readonly keyNeeded: boolean
  readonly limits?: Limits | undefined
}

/** Servers that ask for more are asked again after this long. */
const retryAfterMillisMax = 60_000

/** Exponential with jitter, at most `retries` times, and never sooner than the server asks for. */
export const retrying = (retries: number, base: Duration.DurationInput) =>
  Schedule.identity<Failed>().pipe(
    Schedule.intersect(Schedule.jittered(Schedule.exponential(base))),
    Schedule.intersect(Schedule.recurs(retries)),
    Schedule.modifyDelay(([[{ retryAfterMillis }]], delay) =>
      Duration.millis(Math.min(retryAfterMillisMax, Math.max(retryAfterMillis ?? 0, Duration.toMillis(delay))))
    ),
    Schedule.whileInput((failed: Failed) => failed.mayPass)
  )

export const make = (options: Options): ModelDriver => {
  const {
    bytesMax = 16 * 1024 * 1024,
    retries = 4,
    retryBase = "500 millis",
    timeout = "120 seconds"
  } = options.limits ?? {}
  const key = options.apiKey === undefined ? "" : Redacted.value(options.apiKey).trim()
  const policy = retrying(retries, retryBase)
  const origin = options.baseUrl !== undefined && URL.canParse(options.baseUrl) ? new URL(options.baseUrl).origin : ""
  const aboutKey =
    options.prefix === "ollama"
      ? "ollama: sends no key; write compatible: for a server that wants one"
      : `${key === "" ? "set" : "check"} OPENAI_API_KEY`
  let made: OpenAI | undefined

  const client = (): OpenAI => {
    made ??= new OpenAI({
      baseURL: options.baseUrl!,
      // The package insists on a key; where there is none the header is left out below.
      apiKey: key === "" ? "none" : key,
      organization: null,
      project: null,
      adminAPIKey: null,
      webhookSecret: null,
      maxRetries: 0,
      logLevel: "off",
      // Ours is the one that counts; this one only has to be later.
      timeout: Math.min(Math.ceil(Duration.toMillis(timeout)) + 60_000, 2 ** 31 - 1),
      fetch: bounded(bytesMax)
    })
    return made
  }

  const once = (ask: ModelAsk, idempotencyKey: string, explain: Explain): Effect.Effect<ModelReply, Failed> =>
    Effect.tryPromise({
      try: (signal) =>
        client()
          .chat.completions.create(paramsOf(options.prefix, ask), {
            signal,
            headers: {
              "Idempotency-Key": idempotencyKey,
              ...(key === "" ? { Authorization: null } : { Authorization: `Bearer ${key}` })
            }
          })
          .asResponse()
          .then((response) => response.text()),
      catch: (cause) => cause
    }).pipe(
      Effect.catchAll((cause) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.fail(failedBy(cause, { explain, origin, now, aboutKey }))
        )
      ),
      Effect.flatMap((body) => Effect.mapError(replyOf(body, ask, explain), final)),
      Effect.timeoutFail({
        duration: timeout,
        onTimeout: (): Failed => ({
          error: explain("TimedOut", `no whole reply within ${Duration.format(timeout)}`),
          mayPass: true
        })
      })
    )

  return {
    call: Effect.fn(Attributes.spanModelCall)(function* (ask, { idempotencyKey, isPaid = false }) {
      yield* Effect.annotateCurrentSpan(Attributes.ofAsk(options.prefix, ask))
      const explain = explainer(`${options.prefix}:${ask.model}`, key)
      yield* ready(options, key, explain)
      const reply = yield* once(ask, idempotencyKey, explain).pipe(
        Effect.retry({ schedule: policy, while: ({ error }) => !isPaid || isUnbilled(error) }),
        // Drawn from the key of the call, so that a retry takes no random number from the run.
        Effect.withRandom(Random.make(idempotencyKey)),
        Effect.mapError(({ error }) => error),
        Effect.tapError(({ reason }) => Effect.annotateCurrentSpan(Attributes.errorType, reason))
      )
      yield* Effect.annotateCurrentSpan(Attributes.ofReply(reply))
      return reply
    })
  }
}

/** Finds what is missing before anything is sent. */
const ready = (options: Options, key: string, explain: Explain): Effect.Effect<void, ModelError> => {
  if (options.baseUrl === undefined) {
    return explain(
      "Unknown",
      "the server's address is not known: set OPENAI_BASE_URL, such as http://127.0.0.1:8000/v1"
    )
  }
  const url = URL.canParse(options.baseUrl) ? new URL(options.baseUrl) : undefined
  const variable = options.prefix === "ollama" ? "OLLAMA_BASE_URL" : "OPENAI_BASE_URL"
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return explain("Unknown", `the server's address in ${variable} is not an http or https URL`)
  }
  if (url.username !== "" || url.password !== "") {
    return explain(
      "Unknown",
      `the server's address in ${variable} holds a password; give the key in OPENAI_API_KEY instead`
    )
  }
  if (key === "" && options.keyNeeded) {
    return explain("Auth", "the key is missing: set OPENAI_API_KEY. (The model offline:any needs no key.)")
  }
  // A header that cannot be sent is quoted whole in the error of `fetch`.
  return /^[\x21-\x7e]*$/.test(key)
    ? Effect.void
    : explain("Auth", "the key in OPENAI_API_KEY holds spaces or characters that no key has; copy it again")
}

const paramsOf = (
  prefix: string,
  { messages, model, output, settings }: ModelAsk
): ChatCompletionCreateParamsNonStreaming => ({
  model,
  messages: messages.map(({ content, role }) => ({ role, content: content.toWellFormed() })),
  ...(output._tag === "Text"
    ? {}
    : {
        response_format: {
          type: "json_schema",
          json_schema: {
            name: nameOf(output.name),
            schema: output.schema as Record<string, unknown>,
            strict: qualifiesForStrict(output.schema)
          }
        }
      }),
  // OpenAI's newer models refuse `max_tokens`; most servers like it know nothing else.
  ...(settings.maxTokens === undefined
    ? {}
    : prefix === "openai"
      ? { max_completion_tokens: settings.maxTokens }
      : { max_tokens: settings.maxTokens }),
  ...(settings.temperature === undefined ? {} : { temperature: settings.temperature }),
  ...(settings.topP === undefined ? {} : { top_p: settings.topP }),
  ...(settings.seed === undefined ? {} : { seed: settings.seed })
})

/** OpenAI takes letters, digits, `_` and `-`, at most 64. */
const nameOf = (name: string): string => name.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 64) || "output"
