/**
 * `npm run bench`: what flujo costs, as ratios to raw better-sqlite3 doing the same writes in the same program (1.00
 * would be no cost at all). Rounds of flujo and of the floor take turns, and the median of their ratios is printed:
 * absolute times are the machine's. `npm run bench -- W1 W4` runs some of it, `--rounds 9` more of each.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { build } from "esbuild"
import { RunId } from "../src/domain/RunId.js"
import * as Flujo from "../src/engine/Flujo.js"
import type { Driver } from "../src/journal/Driver.js"
import { Journal } from "../src/journal/Journal.js"
import * as JournalMake from "../src/journal/JournalMake.js"
import * as JournalSqlite from "../src/journal/JournalSqlite.js"
import * as Floor from "./Floor.js"
import * as Pipelines from "./Pipelines.js"

type Durability = "full" | "normal"

const asked = process.argv.slice(2).filter((name) => /^W\d$/.test(name))
const wants = (name: string): boolean => asked.length === 0 || asked.includes(name)
const roundsAt = process.argv.indexOf("--rounds")
const rounds = roundsAt < 0 ? 5 : Number(process.argv[roundsAt + 1])

const folder = join(tmpdir(), `flujo-bench-${process.pid}`)
const file = join(folder, "flujo", "state.db")
const floorFile = join(folder, "floor", "state.db")

interface Took {
  readonly wall: number
  readonly cpu: number
  readonly commits: number
}

/** A fresh store, counting its commits. */
const onSqlite = async <A>(
  durability: Durability,
  effect: Effect.Effect<A, unknown, Journal>,
  keep = false
): Promise<Took> => {
  if (!keep) rmSync(join(folder, "flujo"), { recursive: true, force: true })
  let commits = 0
  const program = Effect.scoped(
    Effect.gen(function* () {
      const driver = yield* JournalSqlite.makeDriver({ path: file, durability })
      const counting: Driver = {
        ...driver,
        commit: (slices) => {
          commits++
          return driver.commit(slices)
        }
      }
      const journal = yield* JournalMake.make(counting)
      const cpu = process.cpuUsage()
      const start = performance.now()
      yield* Effect.provideService(effect, Journal, journal)
      const wall = performance.now() - start
      const { system, user } = process.cpuUsage(cpu)
      return { wall, cpu: (system + user) / 1000, commits }
    })
  )
  return Effect.runPromise(program)
}

const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

interface Measured {
  readonly name: string
  readonly steps: number
  readonly durability: Durability
  readonly effect: Effect.Effect<unknown, unknown, Journal>
  /** Rows in one commit of the floor. */
  readonly perCommit: number
}

const measure = async ({ durability, effect, name, perCommit, steps }: Measured): Promise<void> => {
  const ratios: Array<number> = []
  const cpus: Array<number> = []
  const floorCpus: Array<number> = []
  let last: Took | undefined
  let data: Floor.Recorded | undefined
  for (let round = 0; round < rounds; round++) {
    last = await onSqlite(durability, effect)
    data = Floor.recorded(file)
    const floor = Floor.write(floorFile, durability, data.rows, perCommit)
    ratios.push(floor.wall / last.wall)
    cpus.push(last.cpu / steps)
    floorCpus.push(floor.cpu / steps)
  }
  const perStep = (value: number): string => (value / steps).toFixed(2)
  say(
    `${name} ${durability}: ${median(ratios).toFixed(2)} of the floor (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}); ` +
      `per step ${(median(cpus) * 1000).toFixed(0)} µs CPU (floor ${(median(floorCpus) * 1000).toFixed(0)}), ${perStep(data!.rows.length)} rows, ${perStep(data!.bytes)} bytes, ${perStep(last!.commits)} commits`
  )
}

const chain1000 = Pipelines.chain(1000)
const chain10 = Pipelines.chain(10)
const visits = (count: number) => Array.from({ length: count }, (_, id) => ({ ...Pipelines.visit, id }))
const many = Effect.forEach(Array.from({ length: 1000 }), () => Flujo.run(chain10, Pipelines.visit), {
  concurrency: 64
})

/** A program of its own, bundled as the command line is. */
const bundled = async (name: string): Promise<string> => {
  const outfile = join(process.cwd(), "node_modules/.cache/flujo", `bench-${name}-${process.pid}.mjs`)
  await build({
    entryPoints: [`bench/${name}.ts`],
    outfile,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node20.18",
    external: ["better-sqlite3"],
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    logLevel: "error"
  })
  return outfile
}

const spawned = (
  script: string,
  ...args: ReadonlyArray<string>
): { readonly wall: number; readonly out: string; readonly rss: number } => {
  const start = performance.now()
  const done = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" })
  const wall = performance.now() - start
  const out = done.stdout.trim()
  if (done.status !== 0 && done.signal !== "SIGKILL") throw new Error(`${args.join(" ")}: ${done.stderr}`)
  return { wall, out, rss: Number(/rss=(\d+)/.exec(out)?.[1] ?? 0) }
}

mkdirSync(folder, { recursive: true })
try {
  say(`Node ${process.version}; ${rounds} rounds of each; ratios are floor/flujo, higher is better, 1.00 is the floor`)
  await onSqlite("normal", many)

  for (const durability of ["full", "normal"] as const) {
    if (wants("W1")) {
      const effect = Flujo.run(chain1000, Pipelines.visit)
      await measure({ name: "W1 one run of 1,000 steps", steps: 1000, durability, effect, perCommit: 2 })
    }
    if (wants("W2")) {
      await measure({
        name: "W2 1,000 runs of 10 steps, 64 at a time, floor shares commits",
        steps: 10_000,
        durability,
        effect: many,
        perCommit: 128
      })
    }
    if (wants("W3")) {
      const effect = Flujo.run(Pipelines.fanOut(1000), visits(1000))
      await measure({
        name: "W3 one fan-out of 1,000, floor shares commits",
        steps: 1000,
        durability,
        effect,
        perCommit: 128
      })
    }
    if (wants("W5")) {
      const effect = Flujo.run(Pipelines.large(100, 256 * 1024), "x")
      await measure({ name: "W5 100 steps of 256 KiB", steps: 100, durability, effect, perCommit: 2 })
    }
  }

  if (wants("W4") || wants("W6")) {
    const script = await bundled("Child")
    if (wants("W4")) {
      for (const durability of ["full", "normal"] as const) {
        const ratios: Array<number> = []
        let rerun = ""
        for (let round = 0; round < rounds; round++) {
          rmSync(join(folder, "flujo"), { recursive: true, force: true })
          spawned(script, "start", file, durability)
          const resumed = spawned(script, "resume", file, durability)
          rerun = resumed.out
          const floor = spawned(script, "floor", file, floorFile, durability)
          ratios.push(resumed.wall / floor.wall)
        }
        say(
          `W4 ${durability}: a 1,000-step run killed at 900, fresh process to done: ${median(ratios).toFixed(2)}× the floor ` +
            `(${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}); ${rerun}`
        )
      }
    }
    if (wants("W6")) {
      // Without Effect, too: what a program of nothing but these writes would take.
      const raw = await bundled("Raw")
      const walls: Array<number> = []
      const rawWalls: Array<number> = []
      let rss = ""
      for (let round = 0; round < rounds; round++) {
        rmSync(join(folder, "flujo"), { recursive: true, force: true })
        const ours = spawned(script, "three", file)
        const floor = spawned(script, "raw", file, floorFile)
        const alone = spawned(raw, file, floorFile)
        walls.push(ours.wall / floor.wall)
        rawWalls.push(ours.wall / alone.wall)
        rss = [ours, floor, alone].map(({ rss }) => `${(rss / 1024).toFixed(0)} MB`).join(", ")
      }
      say(
        `W6 fresh process, three steps: ${median(walls).toFixed(2)}× the wall time of the floor in the same bundle, ` +
          `${median(rawWalls).toFixed(2)}× that of raw writes alone; memory of the three ${rss}`
      )
    }
  }

  if (wants("W7")) {
    const growth = async (count: number, from: number): Promise<number> => {
      const stamps: Array<number> = []
      await onSqlite(
        "normal",
        Flujo.run(
          Pipelines.stamped(count, () => stamps.push(performance.now())),
          Pipelines.visit
        )
      )
      return (stamps[from + 100 - 1]! - stamps[from]!) / (stamps[200 - 1]! - stamps[100]!)
    }
    const at = async (count: number, from: number): Promise<string> => {
      const ratios: Array<number> = []
      for (let round = 0; round < rounds; round++) ratios.push(await growth(count, from))
      return median(ratios).toFixed(2)
    }
    say(
      `W7 growth: steps 901 to 1,000 cost ${await at(1000, 900)}× steps 101 to 200; steps 4,901 to 5,000 ${await at(5000, 4900)}×`
    )
  }

  if (wants("W8")) {
    const took = await onSqlite(
      "normal",
      Effect.forEach(Array.from({ length: 2000 }), () => Flujo.run(Pipelines.waiting, Pipelines.visit), {
        concurrency: 64
      })
    )
    globalThis.gc?.()
    const before = process.memoryUsage().rss
    let list = 0
    let one = 0
    await onSqlite(
      "normal",
      Effect.gen(function* () {
        const journal = yield* Journal
        let start = performance.now()
        const page = yield* journal.runs({ status: ["suspended"], limit: 50 })
        list = performance.now() - start
        start = performance.now()
        const run = RunId.make(page[0]!.run)
        const [task] = yield* journal.tasks({ run, limit: 1 })
        yield* Flujo.answer(run, task!.path, { approved: true })
        yield* Flujo.resume(Pipelines.waiting, run)
        one = performance.now() - start
        yield* Stream.runDrain(journal.read(run))
      }),
      true
    )
    say(
      `W8 2,000 runs waiting: made in ${(took.wall / 2000).toFixed(2)} ms each, ${(statSync(file).size / 2000 / 1024).toFixed(1)} KiB each; ` +
        `a page of 50 listed in ${list.toFixed(1)} ms; one answered and driven to its end in ${one.toFixed(1)} ms; ` +
        `memory ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MB (${(before / 2 ** 20).toFixed(0)} before)`
    )
  }

  if (wants("W9")) {
    await onSqlite("normal", Flujo.run(chain1000, Pipelines.visit, { runId: RunId.make("replayed") }))
    const took = await onSqlite("normal", Effect.repeatN(Flujo.replay(chain1000, RunId.make("replayed")), 9), true)
    say(`Replay: ${((10 * 2002) / (took.wall / 1000)).toFixed(0)} entries per second`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
