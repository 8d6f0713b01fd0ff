/**
 * `npm run simulate -- --from 1 --count 100000 --processes 2`: the engine under that many seeds, over generated pipelines.
 * Prints how far it is, so that it can be gone on with; ends with 1 where a seed breaks something, or a fault never struck.
 */
import { fork } from "node:child_process"
import { parseArgs } from "node:util"
import * as Simulate from "../../src/testing/Simulate.js"
import * as Explore from "../../src/testing/simulation/Explore.js"
import { all, type Kind } from "../../src/testing/simulation/Faults.js"
import { modelErrors } from "../../src/testing/simulation/Outside.js"
import { settingOf } from "./setting.js"

const piece = 100

interface Done extends Omit<Explore.Explored, "found" | "never"> {
  readonly from: number
  /** What broke, in words. */
  readonly broken: string | undefined
}

const explore = async (from: number, count: number): Promise<Done> => {
  const { found, never: _, ...explored } = await Explore.explore(settingOf, { from, count })
  const broken =
    found === undefined
      ? undefined
      : [
          `seed ${found.outcome.seed}: ${found.broken.invariant}: ${found.broken.detail}`,
          `faults: ${found.outcome.fired.map(({ index, kind }) => `${kind}@${index}`).join(", ") || "none"}`,
          ...Simulate.trace(found.outcome)
        ].join("\n")
  return { ...explored, from, broken }
}

const child = () => {
  // Thousands of failures are made on purpose: where each was made is not of interest.
  Error.stackTraceLimit = 0
  process.on("message", ({ count, from }: { readonly count: number; readonly from: number }) => {
    explore(from, count).then(
      (done) => process.send?.(done),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      }
    )
  })
}

const main = async () => {
  const { values } = parseArgs({
    options: {
      from: { type: "string", default: "1" },
      count: { type: "string", default: "100000" },
      processes: { type: "string", default: "2" },
      /** Ends by itself after so many seconds, and says from where to go on. */
      seconds: { type: "string", default: "0" }
    }
  })
  const [from, count, processes, seconds] = [values.from, values.count, values.processes, values.seconds].map(Number)
  const until = seconds! > 0 ? performance.now() + seconds! * 1_000 : Number.POSITIVE_INFINITY
  const end = from! + count!
  const began = performance.now()
  const counts: Record<string, number> = {}
  const ends: Record<string, number> = {}
  let [next, seeds, lives, entries, told] = [from!, 0, 0, 0, 0]
  let broken: Done | undefined
  const running = new Set<number>()
  const line = () => {
    const rate = (seeds * 1_000) / (performance.now() - began)
    const through = Math.min(next, ...running)
    return `${seeds} seeds from ${from} (all below ${through}), ${rate.toFixed(1)}/s, ${lives} lives, ${entries} entries`
  }
  const add = (into: Record<string, number>, more: Readonly<Record<string, number>>) => {
    for (const [name, n] of Object.entries(more)) into[name] = (into[name] ?? 0) + n
  }
  await Promise.all(
    Array.from({ length: processes! }, async () => {
      const worker = fork(process.argv[1]!, ["--child"], { execArgv: ["--max-semi-space-size=64"] })
      const ask = (from: number, count: number) =>
        new Promise<Done>((resolve, reject) => {
          worker.removeAllListeners()
          worker.once("message", (done) => resolve(done as Done))
          worker.once("exit", (code) => reject(new Error(`a process ended with ${code}`)))
          worker.send({ from, count })
        })
      while (next < end && broken === undefined && performance.now() < until) {
        const at = next
        next = Math.min(end, at + piece)
        running.add(at)
        const done = await ask(at, next - at)
        running.delete(at)
        add(counts, done.fired)
        add(ends, done.ends)
        seeds += done.seeds
        lives += done.lives
        entries += done.entries
        if (done.broken !== undefined) broken = done
        if (performance.now() - told > 30_000) {
          told = performance.now()
          console.log(line())
        }
      }
      worker.removeAllListeners()
      worker.kill()
    })
  )
  console.log(line())
  console.log(`runs: ${JSON.stringify(ends)}`)
  console.log(`faults: ${JSON.stringify(counts)}`)
  if (broken !== undefined) {
    console.log(`The first seed that breaks something:\n${broken.broken}`)
    process.exitCode = 1
  }
  const wanted: ReadonlyArray<string> = [...all, ...modelErrors.map((reason) => `model-error:${reason}`)]
  const never = wanted.filter((name) => counts[name as Kind] === undefined)
  if (never.length > 0 && seeds >= 2_000) {
    console.log(`Never struck: ${never.join(", ")}`)
    process.exitCode = 1
  }
  if (next < end) console.log(`Go on with: npm run simulate -- --from ${next} --count ${end - next}`)
}

if (process.argv.includes("--child")) child()
else await main()
