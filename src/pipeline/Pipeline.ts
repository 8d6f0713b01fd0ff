/** A whole workflow: a step under a name, with the context that its steps share. */
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type { UndefinedVariables } from "../expression/Template.js"
import type { ContextSpec, Node } from "./Node.js"
import type { ContextClass, Fields } from "./PipelineContext.js"
import * as Shape from "./Shape.js"
import * as Step from "./Step.js"
import type { SchemaMismatch } from "./StepError.js"

export interface Pipeline<in In, out Out, out E = never, out R = never> {
  readonly name: string
  readonly root: Node
  readonly context: ContextSpec | undefined
  /**
   * What templates do with a name or key that is not there, and nothing allows for that. `strict` (default): the step
   * fails. `warn` and `ignore`: it reads as none, and `warn` logs it. It holds for all steps of a run.
   */
  readonly undefinedVariables?: UndefinedVariables | undefined
  readonly [Step.TypeId]?: Step.Variance<In, Out, E, R> | undefined
}

export declare namespace Pipeline {
  export type Any = Pipeline<never, unknown, unknown, unknown>
}

export { make as Context } from "./PipelineContext.js"

export const make: {
  (name: string): <In, Out, E, R>(step: Step.Step<In, Out, E, R>) => Pipeline<In, Out, E, R>
  <Self, F extends Fields>(
    name: string,
    options: { readonly context: ContextClass<Self, F> }
  ): <In, Out, E, R>(step: Step.Step<In, Out, E, R>) => Pipeline<In, Out, E, Exclude<R, Self>>
} =
  (name: string, options?: { readonly context: { readonly spec: ContextSpec } }) =>
  <In, Out, E, R>(step: Step.Step<In, Out, E, R>): Pipeline<In, Out, E, never> => ({
    name,
    root: step.node,
    context: options?.context.spec
  })

/**
 * Holds a whole pipeline to schemas: an input that does not fit is refused before a run starts, and an output that does
 * not fit fails it.
 */
export const withSchemas =
  <A, AI extends Shape.Crossing, B, BI extends Shape.Crossing>(schemas: {
    readonly input: Schema.Schema<A, AI>
    readonly output: Schema.Schema<B, BI>
  }) =>
  <In, Out, E, R>({
    context,
    name,
    root,
    undefinedVariables
  }: Pipeline<In, Out, E, R>): Pipeline<In & A, B, E | SchemaMismatch, R> => ({
    name,
    context,
    undefinedVariables,
    root: {
      _tag: "Check",
      whole: true,
      step: root,
      input: Shape.fromSchema(schemas.input),
      output: Shape.fromSchema(schemas.output)
    }
  })
/** The same pipeline, with names that are not there taken so. It is part of the plan, so a run keeps to it. */
export const undefinedVariables: {
  (how: UndefinedVariables): <In, Out, E, R>(self: Pipeline<In, Out, E, R>) => Pipeline<In, Out, E, R>
  <In, Out, E, R>(self: Pipeline<In, Out, E, R>, how: UndefinedVariables): Pipeline<In, Out, E, R>
} = dual(
  2,
  <In, Out, E, R>(self: Pipeline<In, Out, E, R>, how: UndefinedVariables): Pipeline<In, Out, E, R> => ({
    ...self,
    undefinedVariables: how
  })
)

/** Whether a value, such as what a file exports, is a pipeline. Told by its parts: it may be of another copy of flujo. */
export const isPipeline = (value: unknown): value is Pipeline.Any =>
  Predicate.isRecord(value) &&
  typeof value.name === "string" &&
  Predicate.isRecord(value.root) &&
  typeof value.root._tag === "string" &&
  "context" in value

/** A pipeline as one step of another: its steps stand below `name`, and its context is its own. */
export const asStep = <In, Out, E, R>(
  pipeline: Pipeline<In, Out, E, R>,
  name: string = pipeline.name
): Step.Step<In, Out, E, R> =>
  Step.fromNode({
    _tag: "Scope",
    name,
    step: pipeline.root,
    pipeline: { name: pipeline.name, context: pipeline.context }
  })
