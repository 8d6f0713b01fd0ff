/** Replays every history of the corpus and prints what came of each; started by `Corpus.test.ts` in other surroundings. */
import * as net from "node:net"
import * as Effect from "effect/Effect"
import * as Corpus from "./Corpus.js"

if (process.env.FLUJO_NO_SOCKETS === "1") {
  net.Socket.prototype.connect = () => {
    throw new Error("a replay must not connect to anything")
  }
}

const folder = process.argv[2]!
const all = Corpus.namesIn(folder).map((name) =>
  Effect.scoped(Effect.flatMap(Corpus.open(folder, name), ({ replay }) => replay())).pipe(
    Effect.match({ onFailure: String, onSuccess: ({ end, entries }) => `${end} ${entries}` }),
    Effect.map((came) => `${name}: ${came}`)
  )
)
console.log(new Date(0).toString(), Intl.DateTimeFormat().resolvedOptions().locale)
for (const line of await Effect.runPromise(Effect.all(all))) console.log(line)
