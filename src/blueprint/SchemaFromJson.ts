/** A JSON Schema as an Effect `Schema`, so that what is told in JSON can stand where code has its schemas. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Json from "../domain/Json.js"
import * as Shape from "../pipeline/Shape.js"
import * as JsonSchema from "./JsonSchema.js"

/** Takes the JSON values that fit (2020-12), as they are. A schema that is none is told by the first value. */
export const make = (jsonSchema: Json.Json): Schema.Schema<Json.Json> => {
  const shape = JsonSchema.shape(jsonSchema)
  const fits = (value: unknown): value is Json.Json => Either.isRight(shape.encode(value))
  return Shape.known(Schema.declare(fits, { jsonSchema: jsonSchema as object }), shape)
}
