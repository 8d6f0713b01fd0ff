/**
 * A kind of step of one's own for blueprints: a schema of what stands below it, and a pure function from that to a pipeline
 * of known kinds, which becomes the step. So it is checked, priced, drawn, run and replayed like any other, and nothing
 * else has to know of it.
 *
 * ```ts
 * export const translate_all = Kind.make({
 *   about: "A text in several languages.",
 *   document: Schema.Struct({ languages: Schema.Array(Schema.String) }),
 *   example: { languages: ["de", "fr"] },
 *   make: ({ languages }, { name }) => Step.parallel("each", branches(languages)).pipe(Pipeline.make(name))
 * })
 * ```
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Json, JsonObject } from "../domain/Json.js"
import type { Models } from "../domain/Model.js"
import * as Pipeline from "./Pipeline.js"
import * as Shape from "./Shape.js"

/** Told from other values that a file exports. */
export const TypeId: unique symbol = Symbol.for("flujo/pipeline/Kind")
export type TypeId = typeof TypeId

/** Where a document does not fit, from its top on. */
export interface Misfit {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

/** `Misfits`: the document is not as the schema says. `Thrown`: the function has no pipeline for it. */
export type Failure =
  | { readonly _tag: "Misfits"; readonly misfits: ReadonlyArray<Misfit> }
  | { readonly _tag: "Thrown"; readonly thrown: unknown }

export interface Kind {
  readonly [TypeId]: TypeId
  readonly about: string
  /** Of the keys that stand at the step beside those of every step: a schema of a map. */
  readonly jsonSchema: Json
  readonly example: JsonObject
  /** The pipeline that a document says, for a step of this name. */
  readonly expand: (document: JsonObject, name: string) => Either.Either<Pipeline.Pipeline.Any, Failure>
}

export const make = <A, I extends Shape.Crossing & object>(options: {
  /** What it is for, in a sentence. */
  readonly about: string
  readonly document: Schema.Schema<A, I>
  readonly example: NoInfer<I>
  /** Pure: a run that goes on makes its pipeline anew, and must come to the same. */
  readonly make: (document: A, step: { readonly name: string }) => Pipeline.Pipeline<never, unknown, unknown, Models>
}): Kind => {
  const decode = Schema.decodeUnknownEither(options.document, { errors: "all", onExcessProperty: "error" })
  return {
    [TypeId]: TypeId,
    about: options.about,
    jsonSchema: Shape.fromSchema(options.document).jsonSchema,
    example: options.example as unknown as JsonObject,
    expand: (document, name) =>
      Either.flatMap(Either.mapLeft(decode(document), misfits), (decoded) =>
        Either.filterOrLeft(
          Either.try({
            try: () => options.make(decoded, { name }),
            catch: (thrown): Failure => ({ _tag: "Thrown", thrown })
          }),
          Pipeline.isPipeline,
          (): Failure => ({ _tag: "Thrown", thrown: new Error("it answers no pipeline") })
        )
      )
  }
}

export const isKind = (value: unknown): value is Kind => Predicate.hasProperty(value, TypeId)

const misfits = (error: ParseResult.ParseError): Failure => ({
  _tag: "Misfits",
  misfits: ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => ({
    message,
    path: path.map((key) => (typeof key === "symbol" ? String(key) : key))
  }))
})
