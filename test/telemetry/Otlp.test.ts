import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { vi } from "vitest"
import * as Attributes from "../../src/telemetry/Attributes.js"
import * as Otlp from "../../src/telemetry/Otlp.js"

const loaded = vi.hoisted(() => new Set<string>())
vi.mock("@effect/opentelemetry/Otlp", async (original) => {
  loaded.add("Otlp")
  return await original()
})
vi.mock("@effect/platform/FetchHttpClient", async (original) => {
  loaded.add("FetchHttpClient")
  return await original()
})

interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: {
    readonly resourceSpans: ReadonlyArray<{
      readonly resource: { readonly attributes: ReadonlyArray<KeyValue> }
      readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
    }>
  }
}
interface KeyValue {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number }
}
interface Span {
  readonly name: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: ReadonlyArray<KeyValue>
}

/** A collector on the loopback, and what it was sent. */
const collector = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly received: Array<Received>; readonly close: () => void }>((resume) => {
    const received: Array<Received> = []
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        received.push({
          path: request.url!,
          headers: request.headers,
          body: JSON.parse(Buffer.concat(chunks).toString()) as Received["body"]
        })
        response.writeHead(200, { "content-type": "application/json" }).end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      resume(Effect.succeed({ url, received, close: () => server.closeAllConnections() ?? server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const environment = (variables: Record<string, string>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

const work = Effect.void.pipe(
  Effect.withSpan(Attributes.spanStep, {
    attributes: { [Attributes.stepPath]: "refine[3]/draft", [Attributes.stepAttempt]: 2 }
  }),
  Effect.withSpan(Attributes.spanRun, { attributes: { [Attributes.runId]: "run-1" } })
)

// This one goes first: what another test loads stays loaded.
it.effect("without an endpoint nothing of the exporter is loaded", () =>
  Effect.gen(function* () {
    for (const variables of [
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: " " },
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://x", OTEL_SDK_DISABLED: "true" }
    ]) {
      yield* Effect.provide(work, Layer.provide(Otlp.layerConfig, environment(variables)))
    }
    assert.deepStrictEqual([...loaded], [])
  })
)

it.scopedLive("spans arrive at the collector with their attributes, their parents and the service's name", () =>
  Effect.gen(function* () {
    const { received, url } = yield* collector
    const configured = environment({
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20t0ken, x-team = flows",
      OTEL_SERVICE_NAME: "my flows"
    })
    yield* Effect.provide(work, Layer.provide(Otlp.layerConfig, configured))
    assert.isTrue(loaded.has("Otlp"))
    const traces = received.filter(({ path }) => path === "/v1/traces")
    assert.isAbove(traces.length, 0)
    assert.strictEqual(traces[0]!.headers.authorization, "Bearer t0ken")
    assert.strictEqual(traces[0]!.headers["x-team"], "flows")
    const { resource, scopeSpans } = traces[0]!.body.resourceSpans[0]!
    assert.strictEqual(resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue, "my flows")
    const spans = scopeSpans.flatMap(({ spans }) => spans)
    const step = spans.find(({ name }) => name === "flujo.Engine.step")!
    const run = spans.find(({ name }) => name === "flujo.Engine.run")!
    assert.strictEqual(step.parentSpanId, run.spanId)
    const attribute = (span: Span, name: string) => span.attributes.find(({ key }) => key === name)?.value
    assert.strictEqual(attribute(step, "flujo.step.path")?.stringValue, "refine[3]/draft")
    assert.strictEqual(Number(attribute(step, "flujo.step.attempt")?.intValue), 2)
    assert.strictEqual(attribute(run, "flujo.run.id")?.stringValue, "run-1")
  })
)

it.scopedLive("withheld, spans arrive with what is ours, and nothing that anybody said", () =>
  Effect.gen(function* () {
    const { received, url } = yield* collector
    const word = "canary-7f3a91"
    const own = Effect.fail({ _tag: "Refused", message: word, patient: word }).pipe(
      Effect.tapErrorCause((cause) => Effect.logError(word, cause)),
      Effect.withSpan(`a patient called ${word}`, { attributes: { name: word } })
    )
    const defect = Effect.withSpan(Effect.die(new Error(word)), Attributes.spanStep, {
      attributes: { [Attributes.stepPath]: "draft", input: word }
    })
    const event = Effect.flatMap(Effect.currentSpan, (span) =>
      Effect.sync(() => {
        span.event(word, 1n, { said: word })
        span.addLinks([{ _tag: "SpanLink", span, attributes: { said: word } }])
      })
    )
    const all = Effect.all([Effect.exit(own), Effect.exit(defect), Effect.orDie(event), work]).pipe(
      Effect.withSpan(Attributes.spanRun)
    )
    yield* Effect.provide(all, Otlp.layer({ url, withheld: true }))
    const sent = JSON.stringify(received)
    assert.notInclude(sent, word)
    assert.deepStrictEqual([...new Set(received.map(({ path }) => path))], ["/v1/traces"])
    const spans = received.flatMap(({ body }) =>
      body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    )
    assert.sameMembers(
      spans.map(({ name }) => name),
      ["span", Attributes.spanStep, Attributes.spanStep, Attributes.spanRun, Attributes.spanRun]
    )
    assert.include(sent, "Refused")
    assert.include(sent, "draft")
    // The same spans say it where it is not withheld.
    received.length = 0
    yield* Effect.provide(all, Otlp.layer({ url }))
    assert.include(JSON.stringify(received), word)
  })
)

it.scopedLive("a collector that is not there neither fails the work nor holds up its end", () =>
  Effect.gen(function* () {
    const start = performance.now()
    const value = yield* Effect.provide(
      Effect.as(work, 7),
      Otlp.layer({ url: "http://127.0.0.1:9", shutdownTimeout: "200 millis" })
    )
    assert.strictEqual(value, 7)
    assert.isBelow(performance.now() - start, 3_000)
  })
)

it.effect("a malformed endpoint or header is a configuration error that does not show the header", () =>
  Effect.gen(function* () {
    const attempt = (variables: Record<string, string>) =>
      Effect.exit(Effect.provide(Effect.void, Layer.provide(Otlp.layerConfig, environment(variables))))
    const endpoint = yield* attempt({ OTEL_EXPORTER_OTLP_ENDPOINT: "localhost" })
    assert.isTrue(Exit.isFailure(endpoint))
    assert.include(JSON.stringify(endpoint), "OTEL_EXPORTER_OTLP_ENDPOINT")
    for (const bad of ["s3cret-without-key", "a=%zz", "=s3cret", "a=b%0d%0ac: d"]) {
      const exit = yield* attempt({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://x", OTEL_EXPORTER_OTLP_HEADERS: bad })
      assert.isTrue(Exit.isFailure(exit), bad)
      assert.notInclude(JSON.stringify(exit), "s3cret")
    }
  })
)

it.effect("header values may hold equals signs and percent-encoded commas", () =>
  Effect.gen(function* () {
    const provider = ConfigProvider.fromMap(new Map([["H", "a=b=c,,d=e%2Cf"]]))
    const headers = yield* Effect.withConfigProvider(Otlp.headers("H"), provider)
    assert.deepStrictEqual(
      Object.entries(headers).map(([name, value]) => [name, Redacted.value(value)]),
      [
        ["a", "b=c"],
        ["d", "e,f"]
      ]
    )
  })
)
