/**
 * An Effect backend that makes one of its jobs durable: a discharge letter is composed from the backend's own records,
 * read by a physician, and sent once. The services are the backend's; flujo only remembers what they answered.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Pipeline, Step } from "flujo"

export const Visit = Schema.Struct({ patient: Schema.String, diagnosis: Schema.String, discharged: Schema.Date })
export const Letter = Schema.Struct({ patient: Schema.String, text: Schema.String })
export const Receipt = Schema.Struct({ id: Schema.String, at: Schema.Date })

export class NoSuchVisit extends Schema.TaggedError<NoSuchVisit>()("NoSuchVisit", { visit: Schema.String }) {}
export class LineBusy extends Schema.TaggedError<LineBusy>()("LineBusy", {}) {}

/** The records of the house. */
export class Records extends Context.Tag("backend/Records")<
  Records,
  { readonly visit: (id: string) => Effect.Effect<typeof Visit.Type, NoSuchVisit> }
>() {}

/** The post. The same key sends the same letter once. */
export class Post extends Context.Tag("backend/Post")<
  Post,
  { readonly send: (letter: typeof Letter.Type, key: string) => Effect.Effect<typeof Receipt.Type, LineBusy> }
>() {}

const find = Step.make("find", {
  input: Schema.String,
  output: Visit,
  error: NoSuchVisit,
  effect: "read",
  run: (id) => Effect.flatMap(Records, (records) => records.visit(id))
})

const compose = Step.fn("compose", (visit: typeof Visit.Type) => ({
  patient: visit.patient,
  text: `${visit.patient} was treated for ${visit.diagnosis} and discharged on ${visit.discharged.toISOString().slice(0, 10)}.`
}))

const review = Step.approve("review", {
  message: (letter: typeof Letter.Type) => `Send to the family physician of ${letter.patient}?\n\n${letter.text}`
})

const send = Step.make("send", {
  input: Letter,
  output: Receipt,
  error: LineBusy,
  run: (letter, { idempotencyKey }) => Effect.flatMap(Post, (post) => post.send(letter, idempotencyKey))
}).pipe(Step.retry({ times: 5, base: "200 millis", while: ["LineBusy"] }), Step.timeout("1 minute"))

/** Needs `Records` and `Post`; fails with `NoSuchVisit`, `Rejected`, `LineBusy` or `StepTimedOut`. */
export const discharge = find.pipe(
  Step.andThen(compose),
  Step.andThen(review),
  Step.andThen(send),
  Pipeline.make("discharge")
)
