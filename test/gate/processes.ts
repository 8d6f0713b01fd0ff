/** Starts processes of the gate. The program is bundled once per test file, so that a process starts in no time. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { build } from "esbuild"
import type { Journal } from "../../src/journal/Journal.js"
import * as JournalOpen from "../../src/journal/JournalOpen.js"
import type { Server } from "../postgres/Server.js"
import type { Order, Report } from "./child.js"
import * as Store from "./store.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** Inside node_modules, so that packages are found from there. */
const folder = join(root, "node_modules/.cache/flujo", `gate-${process.pid}`)
const program = join(folder, "child.mjs")

export const bundle = async (): Promise<void> => {
  mkdirSync(folder, { recursive: true })
  await build({
    absWorkingDir: root,
    entryPoints: ["test/gate/child.ts"],
    outfile: program,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.18",
    external: ["better-sqlite3", "openai", "hash-wasm", "pg", "pg-native"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    define: { FLUJO_VERSION: '"gate"' },
    logLevel: "warning"
  })
}

export const discard = (): void => rmSync(folder, { recursive: true, force: true })

export interface Ended {
  readonly pid: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
  /** Undefined if it was killed. */
  readonly report: Report | undefined
}

export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly ended: Promise<Ended>
}

export const start = (order: Order): Started => {
  const child = spawn(process.execPath, [program, JSON.stringify(order)], { stdio: ["ignore", "pipe", "pipe"] })
  let stdout = ""
  let stderr = ""
  child.stdout.on("data", (chunk) => {
    stdout += chunk
  })
  child.stderr.on("data", (chunk) => {
    stderr += chunk
  })
  const pid = child.pid ?? 0
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => {
      const line = stdout.trimEnd().split("\n").at(-1) ?? ""
      const report = line === "" ? undefined : (JSON.parse(line) as Report)
      resolve({ pid, code, signal, stderr, report })
    })
  })
  return { child, pid, ended }
}

export const run = (order: Order): Promise<Ended> => start(order).ended

export interface Place {
  /** The path of a SQLite file, or the URI of a Postgres database. */
  readonly store: string
  readonly effects: string
  readonly run: string
}

/** Gives each body a store of its own, and a folder with the file of its effects, thrown away afterwards. */
export type Places = <A>(body: (place: Place) => Promise<A>) => Promise<A>

const placesOf =
  (storeIn: (folder: string) => string): Places =>
  async (body) => {
    const folder = mkdtempSync(join(tmpdir(), "flujo-gate-"))
    try {
      return await body({ store: storeIn(folder), effects: join(folder, "effects"), run: "the-run" })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

export const inFolder: Places = placesOf((folder) => join(folder, "state.db"))

let schemas = 0

/** Each store is a schema of its own in the server's database. */
export const inPostgres = (server: () => Server): Places =>
  placesOf(() => {
    schemas += 1
    return Redacted.value(server().uri(`schema=gate_${schemas}&pool_max_conns=3`))
  })

/** Looks into a store from this process. */
export const look = <A, E>(store: string, effect: Effect.Effect<A, E, Journal>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, JournalOpen.layer(Store.where(store))))

export const until = async (what: string, isSo: () => boolean | Promise<boolean>, millis = 10_000): Promise<void> => {
  const end = Date.now() + millis
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited too long: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}

/** Two at a time: as many as there are processors. */
export const each = async <A>(items: ReadonlyArray<A>, body: (item: A) => Promise<void>): Promise<void> => {
  const queue = items.slice()
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await body(item)
  }
  await Promise.all([worker(), worker()])
}
