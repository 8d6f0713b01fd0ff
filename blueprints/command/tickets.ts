/**
 * A pipeline as a program of its own: its flags come from what it takes.
 *
 *     node scripts/ts.mjs blueprints/command/tickets.ts run --title "Broken link" --severity high --tag web --tag docs
 *     node scripts/ts.mjs blueprints/command/tickets.ts answer last yes
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Pipeline, Step } from "flujo"
import * as FlujoCli from "flujo/FlujoCli"

const Ticket = Schema.Struct({
  title: Schema.String.annotations({ description: "What is wrong" }),
  severity: Schema.Literal("low", "high").annotations({ description: "How bad it is" }),
  hours: Schema.optionalWith(Schema.Number, { default: () => 1 }).annotations({ description: "How long it will take" }),
  urgent: Schema.optional(Schema.Boolean),
  tag: Schema.Array(Schema.String),
  reporter: Schema.optional(Schema.Struct({ name: Schema.String, mail: Schema.String }))
})

const score = Step.make("score", {
  input: Ticket,
  output: Schema.Struct({ title: Schema.String, score: Schema.Number }),
  effect: "pure",
  run: ({ hours, severity, tag, title, urgent }) =>
    Effect.succeed({ title, score: (severity === "high" ? 10 : 1) * hours + tag.length + (urgent === true ? 100 : 0) })
})

const accept = Step.approve("accept", {
  message: ({ score, title }: { readonly title: string; readonly score: number }) => `Accept "${title}" at ${score}?`
})

export const tickets = score.pipe(Step.andThen(accept), Pipeline.make("tickets"))

const main = FlujoCli.program(tickets, { version: "1.0.0", state: process.env.TICKETS ?? "tickets.db" })
NodeRuntime.runMain(main(process.argv), { disableErrorReporting: true })
