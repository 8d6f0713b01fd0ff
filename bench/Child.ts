/** The fresh processes of the benchmark: `start` kills itself at step 900, the others go on from what it left. */
import * as Effect from "effect/Effect"
import { RunId } from "../src/domain/RunId.js"
import * as Flujo from "../src/engine/Flujo.js"
import * as JournalOpen from "../src/journal/JournalOpen.js"
import * as Floor from "./Floor.js"
import * as Pipelines from "./Pipelines.js"
import * as Stores from "./Stores.js"

const [command, place, ...rest] = process.argv.slice(2) as [string, string, ...Array<string>]
const run = RunId.make("killed")
const durability = (name: string | undefined) => (name === "full" ? "full" : "normal")
const on = (mode: string | undefined) =>
  Effect.provide(JournalOpen.layer(Stores.where(place), { durability: durability(mode) }))
const rss = () => `rss=${Math.round(process.resourceUsage().maxRSS)}`

switch (command) {
  case "start": {
    let steps = 0
    const dies = Pipelines.stamped(1000, () => {
      if (++steps === 901) process.kill(process.pid, "SIGKILL")
    })
    await Effect.runPromise(Flujo.run(dies, Pipelines.visit, { runId: run }).pipe(on(rest[0])))
    break
  }
  case "resume": {
    let steps = 0
    const goesOn = Pipelines.stamped(1000, () => {
      steps += 1
    })
    await Effect.runPromise(Flujo.resume(goesOn, run).pipe(on(rest[0])))
    process.stdout.write(`${steps - 100} finished steps run again\n`)
    break
  }
  case "floor": {
    // What the resumed process did, raw: read and check the entries of 900 steps, write those of 100.
    const { rows } = Stores.isPostgres(place) ? await Stores.recordedIn(place) : Floor.recorded(place)
    const bytes = Floor.check(rows.slice(0, 1802))
    const last = rows.slice(1802)
    if (Stores.isPostgres(place)) await Stores.writeIn(rest[0]!, durability(rest[1]), last, 2)
    else Floor.write(rest[0]!, durability(rest[1]), last, 2)
    process.stdout.write(`${bytes}\n`)
    break
  }
  case "three":
    await Effect.runPromise(Flujo.run(Pipelines.chain(3), Pipelines.visit).pipe(on("full")))
    process.stdout.write(`${rss()}\n`)
    break
  case "raw":
    if (Stores.isPostgres(place)) {
      await Stores.writeIn(rest[0]!, "full", (await Stores.recordedIn(place)).rows, 2)
    } else Floor.again(place, rest[0]!)
    process.stdout.write(`${rss()}\n`)
    break
}
