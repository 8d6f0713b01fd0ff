import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, DateTime, Either, FastCheck as fc, Option, Schema } from "effect"
import * as Json from "../../src/domain/Json.js"
import * as Shape from "../../src/pipeline/Shape.js"
import { runs } from "../Long.js"

class Point extends Schema.Class<Point>("Point")({ x: Schema.Finite, y: Schema.Finite }) {}
class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String, points: Schema.Array(Point) }) {}
interface Tree {
  readonly value: number
  readonly below: ReadonlyArray<Tree>
}
const Tree: Schema.Schema<Tree> = Schema.Struct({
  value: Schema.Int,
  below: Schema.Array(Schema.suspend(() => Tree))
})

// biome-ignore lint/suspicious/noExplicitAny: a family of schemas of any type.
const family: Readonly<Record<string, Schema.Schema<any, any>>> = {
  text: Schema.String,
  number: Schema.Finite,
  integer: Schema.Int,
  truth: Schema.Boolean,
  literal: Schema.Literal("a", 1, true, null),
  nothing: Schema.Null,
  void: Schema.Void,
  json: Json.Json,
  list: Schema.Array(Schema.String),
  tuple: Schema.Tuple(Schema.String, Schema.Finite),
  record: Schema.Record({ key: Schema.String, value: Schema.Int }),
  struct: Schema.Struct({ a: Schema.String, b: Schema.Struct({ c: Schema.NullOr(Schema.Finite) }) }),
  optional: Schema.Struct({ a: Schema.optionalWith(Schema.String, { exact: true }), b: Schema.Int }),
  "optional as option": Schema.Struct({ a: Schema.optionalWith(Schema.String, { as: "Option" }) }),
  union: Schema.Union(Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.Int }), Schema.String),
  option: Schema.Option(Schema.Finite),
  either: Schema.Either({ left: Schema.String, right: Schema.Finite }),
  map: Schema.Map({ key: Schema.String, value: Schema.BigInt }),
  set: Schema.HashSet(Schema.Int),
  bigint: Schema.BigInt,
  "number in text": Schema.NumberFromString.pipe(Schema.compose(Schema.Finite)),
  class: Point,
  error: Refused,
  branded: Schema.String.pipe(Schema.maxLength(20), Schema.brand("Short")),
  bytes: Schema.Uint8ArrayFromBase64,
  url: Schema.URL,
  tree: Tree,
  trimmed: Schema.Struct({ a: Schema.Trim })
}

const read = (shape: Shape.Shape, value: unknown) => Either.flatMap(shape.encode(value), (json) => shape.decode(json))

describe("what is written reads back the same", () => {
  for (const [name, schema] of Object.entries(family)) {
    it(name, () => {
      const shape = Shape.fromSchema(schema)
      // Two schemas of the family know no equality of their own.
      const same: (a: Json.Json, b: Json.Json) => boolean =
        schema === Json.Json ? Json.equals : name === "void" ? () => true : Schema.equivalence(schema)
      fc.assert(
        fc.property(Arbitrary.make<Json.Json, Json.Json, never>(schema), (value) => {
          const json = shape.encode(value)
          fc.pre(name !== "record" || !Object.hasOwn(value as object, "__proto__"))
          if (Either.isLeft(json)) return assert.fail(json.left.detail)
          // What is written is JSON, by way of text as a store would have it.
          const stored = json.right === undefined ? undefined : JSON.parse(Json.canonical(json.right))
          const back = Either.getOrThrow(shape.decode(stored))
          assert.isTrue(same(back as Json.Json, value === 0 ? 0 : value), `${JSON.stringify(stored)}`)
          // And goes on unchanged: once crossed, crossing again changes nothing.
          assert.deepStrictEqual(shape.encode(back), json)
        }),
        { numRuns: runs(100, 2_000) }
      )
    })
  }
  it("dates, as instants", () => {
    const shape = Shape.fromSchema(Schema.Struct({ at: Schema.Date, utc: Schema.DateTimeUtc }))
    const value = { at: new Date("2024-06-01T00:00:00.123Z"), utc: DateTime.unsafeMake(1e12) }
    assert.deepStrictEqual(Either.getOrThrow(shape.encode(value)), {
      at: "2024-06-01T00:00:00.123Z",
      utc: "2001-09-09T01:46:40.000Z"
    })
    assert.deepStrictEqual(Either.getOrThrow(read(shape, value)), value)
  })
  it("an error comes back as an instance of its class", () => {
    const back = Either.getOrThrow(read(Shape.fromSchema(Refused), new Refused({ why: "no", points: [] })))
    assert.instanceOf(back, Refused)
    assert.instanceOf(back, Error)
  })
  it("a field that the schema does not know is dropped on the way, once and for all", () => {
    const shape = Shape.fromSchema(Schema.Struct({ n: Schema.Int }))
    assert.deepStrictEqual(Either.getOrThrow(read(shape, { n: 1, extra: 2 })), { n: 1 })
  })
  it("minus zero crosses as zero", () => {
    assert.isTrue(Object.is(Either.getOrThrow(read(Shape.fromSchema(Schema.Number), -0)), 0))
  })
  it("a key __proto__ of a record is refused, since schemas lose it", () => {
    const shape = Shape.fromSchema(Schema.Record({ key: Schema.String, value: Json.Json }))
    const deep = Shape.fromSchema(
      Schema.Array(
        Schema.Struct({ a: Schema.NullOr(Schema.HashSet(Schema.Record({ key: Schema.String, value: Json.Json }))) })
      )
    )
    for (const text of ['{"__proto__":{"a":1}}', '{"__proto__":1}', '{"a":[{"__proto__":null}]}']) {
      assert.isTrue(Either.isLeft(shape.encode(JSON.parse(text))), text)
      assert.isTrue(Either.isLeft(shape.decode(JSON.parse(text))), text)
      assert.isTrue(Either.isLeft(deep.decode([{ a: [JSON.parse(text)] }])), text)
    }
    assert.isTrue(Either.isRight(deep.decode([{ a: [{ b: 1 }] }])))
    const whole = Either.getOrThrow(Shape.fromSchema(Json.Json).encode(JSON.parse('{"__proto__":{"a":1}}')))
    assert.strictEqual(Json.canonical(whole!), '{"__proto__":{"a":1}}')
  })
})

describe("absence", () => {
  it("Void is written as nothing and read as nothing, whatever a function happened to answer", () => {
    const shape = Shape.fromSchema(Schema.Void)
    for (const value of [undefined, 1, "text", new Map(), Number.NaN]) {
      assert.deepStrictEqual(shape.encode(value), Either.right(undefined))
    }
    assert.deepStrictEqual(shape.decode(undefined), Either.right(undefined))
    assert.deepStrictEqual(shape.decode("text"), Either.right(undefined))
  })
  it("an optional field that is undefined is an absent one", () => {
    const shape = Shape.fromSchema(Schema.Struct({ a: Schema.optional(Schema.String) }))
    assert.deepStrictEqual(shape.encode({ a: undefined }), Either.right({}))
    assert.deepStrictEqual(shape.decode({}), Either.right({}))
  })
  it("any JSON: nothing reads as null", () => {
    assert.deepStrictEqual(Shape.any.decode(undefined), Either.right(null))
    assert.isTrue(Either.isLeft(Shape.any.encode(undefined)))
  })
  it("a step without declared error neither writes nor reads one", () => {
    assert.isTrue(Either.isLeft(Shape.never.encode("x")))
    assert.isTrue(Either.isLeft(Shape.never.decode("x")))
  })
})

describe("a misfit names the place", () => {
  const detail = (answer: Either.Either<unknown, Shape.Misfit>) =>
    Either.match(answer, { onLeft: (misfit) => misfit.detail, onRight: () => assert.fail("it fits") })
  const shape = Shape.fromSchema(
    Schema.Struct({ name: Schema.String, points: Schema.Array(Schema.Struct({ x: Schema.Int })), n: Schema.Number })
  )
  const good = { name: "a", points: [{ x: 1 }], n: 1 }
  it("when read", () => {
    assert.match(detail(shape.decode({ ...good, points: [{ x: 1 }, { x: "1" }] })), /^at points\.1\.x: Expected .*"1"/)
    assert.match(detail(shape.decode({ ...good, name: undefined } as never)), /^at name: .*string/)
    assert.match(detail(shape.decode("text")), /^Expected/)
  })
  it("when written, before anything is committed", () => {
    assert.match(detail(shape.encode({ ...good, points: [{ x: 0.5 }] })), /^at points\.0\.x: /)
    assert.strictEqual(
      detail(shape.encode({ ...good, n: Number.NaN })),
      "the value at /n is NaN or infinite, which JSON cannot hold"
    )
    assert.match(detail(shape.encode({ ...good, name: "\ud800" })), /^the value at \/name .*lone surrogate/)
  })
  it("of many faults, the first ten", () => {
    const many = Shape.fromSchema(Schema.Array(Schema.Int))
    assert.isAtMost(detail(many.decode(Array.from({ length: 50 }, () => "x"))).split("; ").length, 10)
  })
})

describe("as JSON Schema", () => {
  const jsonSchema = (schema: Schema.Schema.AnyNoContext) => Shape.fromSchema(schema).jsonSchema
  it("a struct is closed, and its optional fields are not required", () => {
    assert.deepStrictEqual(jsonSchema(Schema.Struct({ a: Schema.String, b: Schema.optional(Schema.Number) })), {
      type: "object",
      required: ["a"],
      properties: { a: { type: "string" }, b: { type: "number" } },
      additionalProperties: false
    })
  })
  it("what JSON Schema cannot say is opaque, under its name, and does not throw", () => {
    const opaque = Schema.declare((value: unknown): value is string => typeof value === "string", { identifier: "Odd" })
    assert.deepStrictEqual(jsonSchema(opaque), { opaque: "Odd" })
  })
  it("all of the family are described, as JSON", () => {
    for (const [name, schema] of Object.entries(family)) {
      const described = jsonSchema(schema)
      assert.deepStrictEqual(JSON.parse(Json.canonical(described)), described, name)
      assert.isUndefined(Json.get(described, "$schema"))
    }
  })
  it("one schema has one shape", () => {
    assert.strictEqual(Shape.fromSchema(Point), Shape.fromSchema(Point))
    assert.notStrictEqual(Shape.fromSchema(Schema.Array(Point)), Shape.fromSchema(Schema.Array(Point)))
  })
})

describe("a list of shapes", () => {
  it("reads and writes each item, and wants a list", () => {
    const list = Shape.list(Shape.fromSchema(Schema.Struct({ at: Schema.Date })))
    const value = [{ at: new Date(0) }]
    assert.deepStrictEqual(Either.getOrThrow(list.encode(value)), [{ at: "1970-01-01T00:00:00.000Z" }])
    assert.deepStrictEqual(Either.getOrThrow(read(list, value)), value)
    assert.isTrue(Either.isLeft(list.decode({ 0: 1 })))
    assert.isTrue(Either.isLeft(list.decode([{ at: 1 }])))
    assert.deepStrictEqual(Option.getOrThrow(Option.some(Shape.list(Shape.any))), Shape.any)
  })
})

describe("a schema in code is described as a person would have written it", () => {
  const words = (json: Json.Json): ReadonlyArray<string> =>
    JSON.stringify(json).match(/"(\$id|\$ref|\$defs|title|description)"/g) ?? []
  const numbers = [
    ...[Schema.int(), Schema.finite(), Schema.nonNaN(), Schema.positive(), Schema.negative()],
    ...[Schema.nonNegative(), Schema.nonPositive(), Schema.greaterThan(5), Schema.greaterThanOrEqualTo(5)],
    ...[Schema.lessThan(5), Schema.lessThanOrEqualTo(5), Schema.between(1, 2), Schema.multipleOf(-2.5)]
  ].map((filter) => filter(Schema.Number))
  const texts = [
    ...[
      Schema.maxLength(3),
      Schema.minLength(3),
      Schema.length(1),
      Schema.length(3),
      Schema.length({ min: 1, max: 3 })
    ],
    ...[Schema.pattern(/a/), Schema.startsWith("a\n"), Schema.endsWith("a"), Schema.includes("a"), Schema.lowercased()],
    ...[Schema.uppercased(), Schema.capitalized(), Schema.uncapitalized(), Schema.nonEmptyString(), Schema.trimmed()]
  ].map((filter) => filter(Schema.String))
  const lists = [Schema.minItems(2), Schema.maxItems(3), Schema.itemsCount(3)].map((f) =>
    f(Schema.Array(Schema.String))
  )
  const named = [Schema.Int, Schema.NonEmptyString, Schema.UUID, Schema.ULID, Schema.Char, Schema.Uint8, Point]
  for (const schema of [...numbers, ...texts, ...lists, ...named] as ReadonlyArray<Schema.Schema<unknown, Json.Json>>) {
    it(`${schema.ast}`, () => assert.deepStrictEqual(words(Shape.fromSchema(schema).jsonSchema), []))
  }

  it("what somebody wrote stays, also beside a filter and under names that are keywords", () => {
    const Size = Schema.Int.annotations({ title: "Size", description: "in metres" })
    const schema = Schema.Struct({ title: Size, enum: Schema.Literal("an integer"), default: Schema.Int })
    assert.deepStrictEqual(Shape.fromSchema(schema).jsonSchema, {
      type: "object",
      required: ["title", "enum", "default"],
      properties: {
        title: { type: "integer", title: "Size", description: "in metres" },
        enum: { type: "string", enum: ["an integer"] },
        default: { type: "integer" }
      },
      additionalProperties: false
    })
  })

  it("a schema that contains itself keeps the name that it refers to", () => {
    type Part = { readonly below: ReadonlyArray<Part> }
    const Part: Schema.Schema<Part> = Schema.Struct({ below: Schema.Array(Schema.suspend(() => Part)) }).annotations({
      identifier: "Part"
    })
    const described = Shape.fromSchema(Part).jsonSchema
    assert.deepStrictEqual(Json.get(Json.get(Json.get(described, "$defs"), "Part"), "type"), "object")
  })
})
