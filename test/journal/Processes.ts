/** Real second processes for tests, made from `Child.ts`. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as esbuild from "esbuild"
import type * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import type { Command, Reply } from "./Child.js"

export interface Child {
  readonly pid: number
  /** What it says first: ready, or why it could not open the journal. */
  readonly opened: Reply
  readonly ask: (command: Command) => Effect.Effect<Reply>
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
  readonly ended: Effect.Effect<void>
}

/** A folder that everybody may read. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const made = fs.mkdtempSync(path.join(os.tmpdir(), "flujo-journal-"))
    fs.chmodSync(made, 0o755)
    return made
  }),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
)

const modules = fileURLToPath(new URL("../../node_modules", import.meta.url))

let bundled: string | undefined

/** Once for each test file: bundling takes half a second. */
const bundle = (): string => {
  if (bundled !== undefined) return bundled
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "flujo-child-"))
  fs.chmodSync(home, 0o755)
  fs.symlinkSync(modules, path.join(home, "node_modules"))
  const file = path.join(home, "child.mjs")
  esbuild.buildSync({
    entryPoints: [fileURLToPath(new URL("./Child.ts", import.meta.url))],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["better-sqlite3"],
    logLevel: "error"
  })
  process.on("exit", () => fs.rmSync(home, { recursive: true, force: true }))
  bundled = file
  return file
}

export const start = (
  options: JournalSqlite.Options,
  how: SpawnOptions = {}
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.flatMap(run([bundle(), JSON.stringify(options)], how), ({ child, line, lines }) =>
    Effect.map(
      line,
      (opened): Child => ({
        pid: child.pid!,
        opened: JSON.parse(opened),
        ask: (command) =>
          Effect.suspend(() => {
            child.stdin?.write(`${JSON.stringify(command)}\n`)
            return Effect.map(lines, (text): Reply => JSON.parse(text))
          }),
        signal: (name) => Effect.sync(() => child.kill(name)),
        ended: ended(child)
      })
    )
  )

/** Node with these arguments, and what it prints, line by line. Killed at the end if it is still there. */
export const run = (args: ReadonlyArray<string>, how: SpawnOptions = {}) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], ...how })),
      (child) =>
        Effect.zipRight(
          Effect.sync(() => child.kill("SIGKILL")),
          ended(child)
        )
    ),
    (child) => {
      const iterator = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
      const lines = Effect.promise(async () => {
        const { done, value } = await iterator.next()
        if (done === true) throw new Error("the child has ended")
        return value
      })
      return { child, line: lines, lines }
    }
  )

const ended = (child: ChildProcess): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })
