/** What is read fast is what the schemas would have read: for every event, and for events in which something was changed. */
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Event from "../../src/domain/Event.js"
import type * as Json from "../../src/domain/Json.js"
import * as Fits from "../../src/journal/Fits.js"
import * as Long from "../Long.js"
import * as Histories from "./Histories.js"

const agree = (schema: Schema.Schema.AnyNoContext, value: unknown): boolean => {
  const fits = Fits.of(schema)
  const decoded = Schema.decodeUnknownEither(schema, Fits.exact)(value)
  if (fits === undefined) return false
  assert.strictEqual(fits(value), Either.isRight(decoded), JSON.stringify(value))
  if (Either.isRight(decoded)) assert.deepStrictEqual(decoded.right, value)
  return true
}

/** Something else in one place of a value. */
const changed = (value: Json.Json, place: number, other: Json.Json): Json.Json => {
  if (value === null || typeof value !== "object") return other
  const keys = Object.keys(value)
  const at = place % (keys.length + 2)
  if (at === keys.length) return { ...value, more: other }
  if (at > keys.length) return other
  const key = keys[at]!
  if (place % 3 === 0) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
  const inner = changed((value as Json.JsonObject)[key]!, place >> 2, other)
  if (Array.isArray(value)) return value.with(at, inner)
  return { ...value, [key]: inner }
}

const anything = FastCheck.oneof(
  FastCheck.jsonValue({ maxDepth: 2 }).map(Histories.plain),
  FastCheck.constantFrom<Json.Json>(null, true, 1.5, -1, "", "a/b", [], {}, [[]], { from: "a" }, { value: 1 })
)

describe("what fits", () => {
  it("is what the schema decodes to itself, for data and payloads of every kind", () => {
    const asked = new Set<string>()
    FastCheck.assert(
      FastCheck.property(Histories.anyStaged, FastCheck.nat(), anything, ({ event }, place, other) => {
        const { data, payload } = Event.kinds[event.kind]
        for (const [schema, given] of [
          [data, event.data],
          [payload, event.payload]
        ] as const) {
          const value = Histories.plain(given)
          if (agree(schema, value)) asked.add(event.kind)
          agree(schema, changed(value, place, other))
        }
      }),
      { numRuns: Long.runs(3_000, 100_000) }
    )
    for (const kind of ["RunStarted", "StepStarted", "StepSucceeded", "Computed", "Asked", "RunSuspended"]) {
      assert.isTrue(asked.has(kind), kind)
    }
  })

  it("is not asked of a schema that transforms", () => {
    assert.isUndefined(Fits.of(Schema.Struct({ at: Schema.NumberFromString })))
    assert.isUndefined(Fits.of(Schema.Array(Schema.Date)))
  })
})
