/** Where a provider is reached, with which key, and what calls to it may take. */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { GateLimits } from "./internal/Gate.js"

export interface Limits extends GateLimits {
  /** For one try of a call, until the last byte. Default: 120 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Between two pieces of a stream, and before the first. Default: 60 seconds. */
  readonly idleTimeout?: Duration.DurationInput | undefined
  /** For one whole stream. Default: 10 minutes. */
  readonly streamTimeout?: Duration.DurationInput | undefined
  /** Of a response, decompressed. Default: 16 MiB. */
  readonly bytesMax?: number | undefined
  /** After the first try. Default: 4. */
  readonly retries?: number | undefined
  /** The wait before the first retry, doubled for each further one. Default: 500 milliseconds. */
  readonly retryBase?: Duration.DurationInput | undefined
}

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
