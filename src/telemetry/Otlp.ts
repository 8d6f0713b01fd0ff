/**
 * Spans, metrics and logs sent to an OpenTelemetry collector as OTLP/HTTP with JSON, by the exporter that
 * `@effect/opentelemetry` brings along (no OpenTelemetry SDK runs). It is loaded when an endpoint is configured and not
 * before. A collector that does not answer costs nothing but the telemetry: the exporter gives up for a minute and
 * says so in a debug message; at the end it is waited for no longer than `shutdownTimeout`. Nothing of a run depends on it.
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

export interface Options {
  /** Where the collector listens, such as `http://localhost:4318`; `/v1/traces`, `/v1/metrics` and `/v1/logs` are added. */
  readonly url: string
  /** Sent with every request. Redacted, as they usually hold a token. */
  readonly headers?: Readonly<Record<string, Redacted.Redacted>> | undefined
  readonly serviceName?: string | undefined
  readonly serviceVersion?: string | undefined
  /** How often what has gathered is sent. Default: 5 seconds. */
  readonly exportInterval?: Duration.DurationInput | undefined
  /** How long the end waits for the last export. Default: 3 seconds. */
  readonly shutdownTimeout?: Duration.DurationInput | undefined
  /** Spans only, and of them nothing that anybody said; see `Withheld`. */
  readonly withheld?: boolean | undefined
}

export const serviceNameDefault = "flujo"

export const layer = (options: Options): Layer.Layer<never> =>
  options.withheld === true ? layerWithheld(options) : layerWhole(options)

/** Spans alone: what logs and metrics of a user's own may say, nobody can tell. */
const layerWithheld = (options: Options): Layer.Layer<never> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() =>
        Promise.all([
          import("@effect/opentelemetry/OtlpTracer"),
          import("@effect/opentelemetry/OtlpSerialization"),
          import("@effect/platform/FetchHttpClient"),
          import("./Withheld.js")
        ])
      ),
      ([OtlpTracer, OtlpSerialization, FetchHttpClient, Withheld]) =>
        Layer.unwrapScoped(
          Effect.map(
            OtlpTracer.make({
              url: `${options.url.replace(/\/$/, "")}/v1/traces`,
              resource: resourceOf(options),
              headers: headersOf(options),
              exportInterval: options.exportInterval ?? "5 seconds",
              shutdownTimeout: options.shutdownTimeout ?? "3 seconds"
            }),
            (tracer) => Layer.setTracer(Withheld.tracer(tracer))
          )
        ).pipe(Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer]))
    )
  )

const resourceOf = ({ serviceName, serviceVersion }: Options) => ({
  serviceName: serviceName ?? serviceNameDefault,
  serviceVersion
})

const headersOf = ({ headers }: Options): Record<string, string> =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, Redacted.value(value)]))

const layerWhole = (options: Options): Layer.Layer<never> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() =>
        Promise.all([import("@effect/opentelemetry/Otlp"), import("@effect/platform/FetchHttpClient")])
      ),
      ([Otlp, FetchHttpClient]) =>
        Otlp.layerJson({
          baseUrl: options.url,
          resource: resourceOf(options),
          headers: headersOf(options),
          tracerExportInterval: options.exportInterval ?? "5 seconds",
          metricsExportInterval: options.exportInterval ?? "5 seconds",
          loggerExportInterval: options.exportInterval ?? "5 seconds",
          shutdownTimeout: options.shutdownTimeout ?? "3 seconds"
        }).pipe(Layer.provide(FetchHttpClient.layer))
    )
  )

/**
 * `key=value` pairs with commas between, values percent-encoded as in the OpenTelemetry specification ("Specifying headers
 * via environment variables").
 */
export const headers = (name: string): Config.Config<Readonly<Record<string, Redacted.Redacted>>> =>
  Config.string(name).pipe(
    Config.mapOrFail((text) => {
      const pairs: Record<string, Redacted.Redacted> = {}
      for (const pair of text.split(",")) {
        if (pair.trim() === "") continue
        const equals = pair.indexOf("=")
        const key = pair.slice(0, equals).trim()
        const value = decoded(pair.slice(equals + 1).trim())
        if (equals < 1 || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(key) || value === undefined) {
          // The pair may hold a token, so it is not quoted.
          return Either.left(ConfigError.InvalidData([name], "expected key=value pairs with commas between"))
        }
        pairs[key] = Redacted.make(value)
      }
      return Either.right(pairs)
    })
  )

/** What a header can carry, or `undefined`. */
const decoded = (text: string): string | undefined => {
  try {
    const value = decodeURIComponent(text)
    return /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * What the environment says, in OpenTelemetry's own variables: `OTEL_EXPORTER_OTLP_ENDPOINT`,
 * `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`. No endpoint, or `OTEL_SDK_DISABLED=true`: none.
 */
export const options: Config.Config<Option.Option<Options>> = Config.all({
  url: Config.option(Config.string("OTEL_EXPORTER_OTLP_ENDPOINT")),
  headers: Config.withDefault(headers("OTEL_EXPORTER_OTLP_HEADERS"), {}),
  serviceName: Config.withDefault(Config.string("OTEL_SERVICE_NAME"), ""),
  disabled: Config.withDefault(Config.string("OTEL_SDK_DISABLED"), "")
}).pipe(
  Config.mapOrFail(({ disabled, headers, serviceName, url }) => {
    const address = Option.getOrElse(url, () => "").trim()
    if (address === "" || disabled.trim().toLowerCase() === "true") return Either.right(Option.none())
    if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
      return Either.left(ConfigError.InvalidData(["OTEL_EXPORTER_OTLP_ENDPOINT"], "expected an http or https URL"))
    }
    return Either.right(
      Option.some({ url: address, headers, serviceName: serviceName.trim() === "" ? undefined : serviceName.trim() })
    )
  })
)

/** Exports where the environment names an endpoint; otherwise does nothing and loads nothing. */
export const layerConfigWith = (more: Pick<Options, "withheld">): Layer.Layer<never, ConfigError.ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(
      options,
      Option.match({
        onNone: () => Layer.empty,
        onSome: (some) => layer({ ...some, ...more })
      })
    )
  )

export const layerConfig: Layer.Layer<never, ConfigError.ConfigError> = layerConfigWith({})
