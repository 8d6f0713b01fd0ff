/** Where a provider is reached, with which key, and what calls to it may take. */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { GateLimits } from "./internal/Gate.js"

/** Of each provider by itself. What is absent is as `limitsDefault` says. */
export interface Limits extends GateLimits {
  /** For one try of a call, until the last byte. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Between two pieces of a stream, and before the first. */
  readonly idleTimeout?: Duration.DurationInput | undefined
  /** For one whole stream. */
  readonly streamTimeout?: Duration.DurationInput | undefined
  /** Of a response, decompressed. */
  readonly bytesMax?: number | undefined
  /** After the first try. */
  readonly retries?: number | undefined
  /** The wait before the first retry, doubled for each further one. */
  readonly retryBase?: Duration.DurationInput | undefined
}

export const limitsDefault = {
  timeout: "120 seconds",
  idleTimeout: "60 seconds",
  streamTimeout: "10 minutes",
  bytesMax: 16 * 1024 * 1024,
  retries: 4,
  retryBase: "500 millis"
} as const satisfies Limits

export interface Endpoint {
  /** Stands before the model's name in errors. */
  readonly prefix: string
  /** Stands between the two where the user named the endpoint: `compatible:GROUP/MODEL`. */
  readonly group?: string | undefined
  /** Absent: a call fails and says where it can be said. */
  readonly baseUrl: string | undefined
  /** Where the address is said, such as `OPENAI_BASE_URL`. */
  readonly baseUrlFrom: string
  readonly apiKey: Redacted.Redacted | undefined
  /** Where the key is said, such as `OPENAI_API_KEY`. Absent: none is ever sent. */
  readonly keyVariable: string | undefined
  /** Whether a call without a key fails before anything is sent. */
  readonly keyNeeded: boolean
  /** Default: `authorization`, as a bearer token. */
  readonly keyHeader?: "authorization" | "api-key" | "x-api-key" | undefined
  readonly limits?: Limits | undefined
}
