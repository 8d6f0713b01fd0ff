/** The fields that steps of one pipeline share, as a service that pipelines take out of `R`. */
import * as Context from "effect/Context"
import type * as Schema from "effect/Schema"
import type { ContextSpec } from "./Node.js"
import * as Shape from "./Shape.js"

export interface Fields {
  readonly [name: string]: Schema.Schema.AnyNoContext
}

/** A field is written to the journal, so its encoded side must be JSON; else the field itself is what does not compile. */
type Writable<F extends Fields> = {
  readonly [K in keyof F]: Schema.Schema.Encoded<F[K]> extends Shape.Crossing
    ? F[K]
    : Schema.Schema<Schema.Schema.Type<F[K]>, Shape.Crossing>
}

/** What a step sees of the context: the fields written before it. */
export type Snapshot<F extends Fields> = { readonly [K in keyof F]?: Schema.Schema.Type<F[K]> }

export interface ContextClass<Self, F extends Fields> extends Context.Tag<Self, Snapshot<F>> {
  new (): Context.TagClassShape<string, Snapshot<F>>
  readonly fields: F
  readonly spec: ContextSpec
}

/**
 * Declares the context of a pipeline: `class Report extends Pipeline.Context<Report>()("report", { topic:
 * Schema.String }) {}`. Reading it (`yield* Report`) puts `Report` in a step's `R`; `Pipeline.make` takes it out. A step
 * sees the fields that earlier steps wrote; a parallel branch sees those from before the branching, and its own.
 */
export const make =
  <Self>() =>
  <F extends Fields>(id: string, fields: F & Writable<F>): ContextClass<Self, F> => {
    const shapes = Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, Shape.fromSchema(schema)]))
    const Tag = Context.Tag(`flujo/context/${id}`)<Self, Snapshot<F>>()
    const spec: ContextSpec = { id, fields: shapes, tag: Tag as unknown as Context.Tag<unknown, unknown> }
    return Object.assign(Tag, { fields, spec }) as unknown as ContextClass<Self, F>
  }
