import { assert, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as SchemaFromJson from "../../src/blueprint/SchemaFromJson.js"
import * as Shape from "../../src/pipeline/Shape.js"

const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] }

it("takes the values that fit, as they are, and no others", () => {
  const is = Schema.is(SchemaFromJson.make(schema))
  assert.deepStrictEqual([{ n: 1 }, { n: 1, more: null }].map(is), [true, true])
  assert.deepStrictEqual([{ n: 1.5 }, {}, "n", undefined, { n: 1, f: () => 1 }].map(is), [
    false,
    false,
    false,
    false,
    false
  ])
})

it("stands in a plan as the schema that it was made of", () => {
  const shape = Shape.fromSchema(SchemaFromJson.make(schema))
  assert.deepStrictEqual(shape.jsonSchema, schema)
  assert.deepStrictEqual(Either.getOrThrow(shape.decode({ n: 1 })), { n: 1 })
  const misfit = shape.decode({ n: "secret" })
  assert.isTrue(Either.isLeft(misfit) && misfit.left.message === "at n: it must be integer")
})
