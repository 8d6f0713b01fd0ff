import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Either, FastCheck as fc, Option, Schema } from "effect"
import * as Event from "../../src/domain/Event.js"
import * as Json from "../../src/domain/Json.js"
import * as Letter from "../../src/domain/Letter.js"
import * as StepPath from "../../src/domain/StepPath.js"
import { runs } from "../Long.js"

const names = Object.keys(Event.kinds) as ReadonlyArray<Event.Kind>
const numRuns = runs(200, 5_000)

/** As a store reads: more than the schema knows is refused. */
const decode = (schema: Schema.Schema.AnyNoContext) => Schema.decodeUnknownEither(schema, { onExcessProperty: "error" })

const roundTrips = (schema: Schema.Schema.AnyNoContext) =>
  fc.assert(
    fc.property(Arbitrary.make(schema), (value) => {
      const written = Either.getOrThrow(Json.fromUnknown(Schema.encodeSync(schema)(value)))
      const read = Either.getOrThrow(decode(schema)(JSON.parse(Json.canonical(written))))
      // Absent and `undefined` are one in what is generated, and absent in what is read.
      assert.deepStrictEqual(read, Either.getOrThrow(Json.fromUnknown(value)))
    }),
    { numRuns }
  )

describe("every kind comes back from JSON as it went in", () => {
  for (const name of names) {
    it(name, () => {
      roundTrips(Event.kinds[name].data)
      roundTrips(Event.kinds[name].payload)
    })
  }
  it("letters and waits too", () => {
    roundTrips(Letter.Letter)
    roundTrips(Event.Wait)
  })
})

describe("nothing but what a kind knows is read", () => {
  for (const name of names) {
    it(name, () => {
      for (const schema of [Event.kinds[name].data, Event.kinds[name].payload]) {
        const value = fc.sample(Arbitrary.make<object, never, never>(schema as never), { numRuns: 1, seed: 1 })[0]!
        const unknown = { ...(JSON.parse(JSON.stringify(value)) as object), unknown: 1 }
        assert.isTrue(Either.isLeft(decode(schema)(unknown)), JSON.stringify(unknown))
        for (const other of [null, 1, "text", [], [1]])
          assert.isTrue(Either.isLeft(decode(schema)(other)), String(other))
      }
    })
  }
  it("a carried value is one of three forms, and no mixture", () => {
    const read = decode(Event.Carried)
    for (const good of [{}, { value: null }, { value: { from: "a" } }, { from: "a/b" }]) {
      assert.deepStrictEqual(read(good), Either.right(good))
    }
    for (const bad of [{ valu: 1 }, { value: 1, from: "a" }, { from: 1 }, "text", [], null]) {
      assert.isTrue(Either.isLeft(read(bad)), JSON.stringify(bad))
    }
  })
})

describe("what is compared", () => {
  it("facts of one execution are not", () => {
    const life = names.filter((name) => Event.kinds[name].life)
    assert.deepStrictEqual(life, [
      "RunStarted",
      "CacheWritten",
      "Interrupted",
      "Reserved",
      "Settled",
      "Granted",
      "SignalReceived",
      "RunSuspended",
      "RunStuck",
      "RunResumed",
      "Recovered",
      "RunCompleted",
      "RunFailed",
      "RunCancelling",
      "RunCancelled",
      "RunErased"
    ])
  })
  it("instants are not, and just those fields are left out", () => {
    const clocks = names.flatMap((name) => Event.kinds[name].clock.map((field) => `${name}.${field}`))
    assert.deepStrictEqual(clocks, ["RetryDecided.now", "RetryDecided.wake", "TimerSet.due"])
    for (const name of names) {
      const { clock, data } = Event.kinds[name]
      for (const value of fc.sample(Arbitrary.make<object, never, never>(data as never), 20)) {
        const json = Either.getOrThrow(Json.fromUnknown(value)) as Json.JsonObject
        const kept = Object.keys(Event.comparable(name, json))
        assert.deepStrictEqual(
          kept,
          Object.keys(json).filter((field) => !clock.includes(field))
        )
      }
    }
    assert.deepStrictEqual(Event.comparable("RetryDecided", { again: true, now: 1, wake: null }), { again: true })
  })
})

describe("the logical key", () => {
  it("is one for each path, kind and ordinal", () => {
    const path = Arbitrary.make(StepPath.StepPath)
    const parts = fc.tuple(
      fc.oneof(path, fc.constantFrom(...["", "a", "a:1"].flatMap(pathOf))),
      fc.constantFrom(...names),
      fc.nat(12)
    )
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        assert.strictEqual(Event.key(...a) === Event.key(...b), JSON.stringify(a) === JSON.stringify(b))
      }),
      { numRuns: numRuns * 10 }
    )
  })
  it("knows its own kinds only", () => {
    for (const name of names) assert.isTrue(Event.isKind(name))
    for (const name of ["", "toString", "__proto__", "constructor", "runStarted"]) assert.isFalse(Event.isKind(name))
  })
})

const pathOf = (text: string): ReadonlyArray<StepPath.StepPath> => [
  Option.getOrElse(StepPath.fromString(text), () => StepPath.call(StepPath.root, text))
]

describe("letters", () => {
  it("the same thing said twice is one letter", () => {
    const path = StepPath.child(StepPath.root, "review")
    const other = StepPath.child(StepPath.root, "cancel")
    const answer = (path: StepPath.StepPath, answer: Json.Json) => Letter.idOf({ _tag: "Answer", path, answer })
    assert.strictEqual(answer(path, 1), answer(path, 2))
    assert.notStrictEqual(answer(path, 1), answer(other, 1))
    assert.strictEqual(Letter.idOf({ _tag: "Cancel", reason: "a" }), Letter.idOf({ _tag: "Cancel", reason: "b" }))
    assert.notStrictEqual(answer(other, 1), Letter.idOf({ _tag: "Cancel", reason: "" }))
    const signal = (id: string, signal: string, data: Json.Json) => Letter.idOf({ _tag: "Signal", id, signal, data })
    assert.strictEqual(signal("1", "paid", 1), signal("1", "paid", 2))
    assert.notStrictEqual(signal("1", "paid", 1), signal("2", "paid", 1))
    assert.notStrictEqual(signal("1", "paid", 1), signal("1", "sent", 1))
  })
})
