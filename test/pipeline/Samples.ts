/** Schemas, services and steps that the tests of this room speak of. */
import { Context, Effect, Schema } from "effect"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"

export const Analysis = Schema.Struct({ topic: Schema.String, summary: Schema.String, sentiment: Schema.Number })
export interface Analysis extends Schema.Schema.Type<typeof Analysis> {}

export const Receipt = Schema.Struct({ id: Schema.String, note: Schema.optional(Schema.String), at: Schema.Date })
export interface Receipt extends Schema.Schema.Type<typeof Receipt> {}

export class PublishRejected extends Schema.TaggedError<PublishRejected>()("PublishRejected", { why: Schema.String }) {}
export class NetworkDown extends Schema.TaggedError<NetworkDown>()("NetworkDown", { code: Schema.Number }) {}

export class Publisher extends Context.Tag("Publisher")<
  Publisher,
  { readonly publish: (analysis: Analysis, key: string) => Effect.Effect<Receipt, PublishRejected> }
>() {}

export const research = Step.make("research", {
  input: Schema.String,
  output: Schema.String,
  run: (topic) => Effect.succeed(topic)
})
export const analyze = Step.make("analyze", {
  input: Schema.String,
  output: Analysis,
  run: (topic) => Effect.succeed({ topic, summary: topic, sentiment: 1 })
})
export const publish = Step.make("publish", {
  input: Analysis,
  output: Receipt,
  error: PublishRejected,
  run: (analysis, { idempotencyKey }) =>
    Effect.flatMap(Publisher, (publisher) => publisher.publish(analysis, idempotencyKey))
})

export const researcher = Agent.make("researcher", { model: "openai:gpt-4o", system: "You are a researcher." })
export const analyst = Agent.make("analyst", { model: "openai:gpt-4o", system: "Analyze the text.", output: Analysis })

export class Report extends Pipeline.Context<Report>()("report", { topic: Schema.String, score: Schema.Number }) {}
