/** The outside world of the gate: a file to which every effect adds a line, so that what really happened is counted. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"

/** What happened: which effect, at which path and attempt, under which idempotency key, in which process. */
export interface Happened {
  readonly name: string
  readonly path: string
  readonly key: string
  readonly pid: number
}

let file: string | undefined
let options: Options = {}

interface Options {
  /** The process kills itself right after this effect. */
  readonly killAt?: string | undefined
  /** This effect takes place and its call does not return. */
  readonly stallAt?: string | undefined
  /** Slow steps take so many times as long, because what another process does meanwhile takes longer here. */
  readonly patience?: number | undefined
}

/** From now on effects of this process are written to `path`. */
export const open = (path: string, given: Options): void => {
  file = path
  options = given
}

export const patience = (): number => options.patience ?? 1

/** Durable when it returns, also if the process dies right after. */
export const happen = (name: string, path: string, key: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (file === undefined) throw new Error(`${name} happened where nothing may happen`)
    const descriptor = fs.openSync(file, "a")
    fs.writeSync(descriptor, `${JSON.stringify({ name, path, key, pid: process.pid })}\n`)
    fs.fsyncSync(descriptor)
    fs.closeSync(descriptor)
    if (options.killAt === name) die()
    return options.stallAt === name ? Effect.never : Effect.void
  })

export const read = (path: string): ReadonlyArray<Happened> =>
  fs.existsSync(path)
    ? fs
        .readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Happened)
    : []

/** As if the power went off: nothing of this process runs after it. */
export const die = (): void => {
  process.kill(process.pid, "SIGKILL")
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
