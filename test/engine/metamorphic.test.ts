/**
 * Looking at a run changes nothing in it: with a tracer, with every log message, and with lens queries while it goes on, the
 * journal of a run is the same as without (non-life events by logical key, without clock fields).
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Diff from "../../src/lens/Diff.js"
import * as Render from "../../src/lens/Render.js"
import * as Spend from "../../src/lens/Spend.js"
import * as Trace from "../../src/lens/Trace.js"
import * as Why from "../../src/lens/Why.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import { logical, run, toEnd, withJournal } from "./driven.js"
import { generate, hash } from "./generated.js"

const isLong = process.env.FLUJO_LONG === "1"
const pipelines = isLong ? 5_000 : 60
const firstSeed = isLong ? hash(String(process.pid)) % 1_000_000 : 1

const seen = { spans: 0, logs: 0, queries: 0 }

const tracer = Tracer.make({
  span: (name, parent, context, links, startTime, kind) => {
    seen.spans += 1
    return {
      _tag: "Span",
      name,
      spanId: String(seen.spans),
      traceId: "1",
      parent,
      context,
      status: { _tag: "Started", startTime },
      attributes: new Map(),
      links,
      sampled: true,
      kind,
      end: () => {},
      attribute: () => {},
      event: () => {},
      addLinks: () => {}
    }
  },
  context: (f) => f()
})

const loud = Layer.merge(
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(() => {
      seen.logs += 1
    })
  ),
  Logger.minimumLogLevel(LogLevel.All)
)

const shown = { redaction: Redaction.make(), color: false, width: 100, previewLength: 100, verbose: true }

/** All that a lens can ask, again and again. */
const looking = Effect.gen(function* () {
  const journal = yield* Journal
  const entries = Array.from(yield* Stream.runCollect(journal.read(run)))
  yield* Effect.all([journal.runs({ limit: 5 }), journal.tasks({ limit: 5 }), journal.run(run), journal.holder(run)])
  if (entries.length > 0) {
    const trace = Trace.make(entries, { held: true })
    Diff.make(trace, trace)
    Spend.groups(
      Spend.charges(entries, () => undefined),
      "step"
    )
    Why.make(trace, entries, Option.none(), shown)
    Render.trace(trace, shown)
    Render.summary(trace.summary, shown)
    seen.queries += trace.summary.entries > 0 ? 1 : 0
  }
  // A moment, so that what sleeps within the run is not kept from waking.
  yield* Effect.sleep("2 millis")
}).pipe(Effect.forever)

const check = (seed: number) =>
  Effect.gen(function* () {
    const quiet = yield* withJournal(JournalMemory.makeDriver(), toEnd(generate(seed))).pipe(
      Logger.withMinimumLogLevel(LogLevel.None)
    )
    const watched = yield* withJournal(
      JournalMemory.makeDriver(),
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(Effect.withTracerEnabled(looking, false))
        const ended = yield* toEnd(generate(seed))
        yield* Fiber.interrupt(fiber)
        return ended
      })
    ).pipe(Effect.withTracer(tracer), Effect.provide(loud))
    assert.strictEqual(watched.outcome, quiet.outcome, `seed ${seed}`)
    assert.deepStrictEqual(logical(watched.entries), logical(quiet.entries), `seed ${seed}`)
  })

describe("generated pipelines", () => {
  it.live(
    `give the same journal whether anybody looks or not (${pipelines} pipelines from seed ${firstSeed})`,
    () =>
      Effect.gen(function* () {
        yield* Effect.forEach(
          Array.from({ length: pipelines }, (_, i) => firstSeed + i),
          check,
          { concurrency: 4, discard: true }
        )
        console.log(`${seen.spans} spans, ${seen.logs} log messages, ${seen.queries} looks at runs under way`)
        assert.isAbove(seen.spans, pipelines)
        assert.isAbove(seen.logs, 0)
        assert.isAbove(seen.queries, pipelines / 2)
      }),
    isLong ? 7_200_000 : 300_000
  )
})
