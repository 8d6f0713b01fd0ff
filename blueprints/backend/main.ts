/**
 * `node scripts/ts.mjs blueprints/backend/main.ts start 7` begins a letter and rests at the review;
 * `… approve RUN` sends it, on this machine or another that opens the same file, today or next week.
 */
import { appendFileSync } from "node:fs"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Flujo, JournalSqlite, RunId, StepPath } from "flujo"
import { discharge, LineBusy, NoSuchVisit, Post, Records } from "./Discharge.js"

const visits = new Map([
  ["7", { patient: "A. Lindqvist", diagnosis: "pneumonia", discharged: new Date("2026-11-20T09:00:00Z") }]
])

export const RecordsLive = Layer.succeed(Records, {
  visit: (visit) => {
    const found = visits.get(visit)
    return found === undefined ? Effect.fail(new NoSuchVisit({ visit })) : Effect.succeed(found)
  }
})

/** Appends to a file; busy at the first call, as lines are. */
export const PostLive = (file: string) =>
  Layer.sync(Post, () => {
    let calls = 0
    return {
      send: (letter, key) =>
        Effect.suspend(() => {
          if (++calls === 1) return Effect.fail(new LineBusy())
          appendFileSync(file, `${key.slice(0, 12)} ${letter.text}\n`)
          return Effect.succeed({ id: key.slice(0, 12), at: new Date() })
        })
    }
  })

const main = Effect.gen(function* () {
  const [command, argument] = process.argv.slice(2)
  if (command === "start" && argument !== undefined) return yield* Flujo.run(discharge, argument)
  if (command === "approve" && argument !== undefined) {
    const run = RunId.RunId.make(argument)
    yield* Flujo.answer(run, StepPath.StepPath.make("review"), { approved: true }, "the physician on duty")
    return yield* Flujo.resume(discharge, run)
  }
  return yield* Effect.dieMessage("usage: start VISIT, or approve RUN")
})

const services = Layer.mergeAll(
  JournalSqlite.layer({ path: process.env.BACKEND_STATE ?? "backend.db" }),
  RecordsLive,
  PostLive(process.env.BACKEND_POST ?? "post.txt")
)

await Effect.runPromise(main.pipe(Effect.flatMap(Console.log), Effect.provide(services)))
