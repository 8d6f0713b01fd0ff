/**
 * What a machine does to a process: a disk that fills up, a write that fails, a clock that is set back. `shim` puts faults in
 * front of the C library of the built command; it is compiled when it is first wanted, and what cannot be had on this
 * machine is `undefined` with the reason, so that a test is skipped and says why.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert } from "@effect/vitest"
import Database from "better-sqlite3"
import { type Done, ended, envelope, type Place } from "../cli/Flujo.js"

export const cannot: { shim?: string; mount?: string } = {}

const scratch = mkdtempSync(join(tmpdir(), "flujo-faults-"))
const library = join(scratch, "shim.so")
try {
  const source = join(import.meta.dirname, "shim.c")
  execFileSync("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl"], { stdio: "pipe" })
} catch (error) {
  cannot.shim = `no library can be put in front of the C library here: ${error instanceof Error ? error.message : error}`
}
try {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", scratch], { stdio: "pipe" })
  execFileSync("umount", [scratch])
} catch {
  cannot.mount = "a file system cannot be mounted here"
}
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** What a process under the shim and the test both see. */
export class Page {
  readonly file: string

  constructor(place: Place) {
    this.file = place.write("page", Buffer.alloc(32))
  }

  private at(offset: number): number {
    return Number(readFileSync(this.file).readBigUInt64LE(offset))
  }

  get writes(): number {
    return this.at(0)
  }

  get fired(): number {
    return this.at(8)
  }

  /** From the fault to now, in milliseconds. */
  get since(): number {
    return Number(process.hrtime.bigint()) / 1e6 - this.at(16) / 1e6
  }

  /** The wall clock of the process from now on, against the true one. */
  setClock(seconds: number): void {
    const bytes = readFileSync(this.file)
    bytes.writeBigInt64LE(BigInt(seconds) * 1_000_000_000n, 24)
    // In place: the process has this very file in its memory.
    writeFileSync(this.file, bytes, { flag: "r+" })
  }

  env(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { LD_PRELOAD: library, FAULT_PAGE: this.file, ...more }
  }
}

/** Runs of the state in `place`, as SQLite, the ledger and a replay see them. */
export const sound = async (place: Place, runs: ReadonlyArray<string>, file = ".flujo/state.db"): Promise<void> => {
  const db = new Database(place.at(file))
  assert.strictEqual(db.pragma("integrity_check", { simple: true }), "ok")
  db.close()
  ended(await place.flujo("ledger verify"), 0)
  for (const run of runs) ended(await place.flujo(`lens replay ${run}`), 0)
}

export const statusOf = async (place: Place, run: string): Promise<string | undefined> => {
  const shown = await place.flujo(`lens show ${run} --json`)
  return shown.status === 0 ? envelope(shown).data.status : undefined
}

/** A typed error to a person, no result, and no end by a signal. */
export const typed = (done: Done): string => {
  assert.isNull(done.signal)
  assert.strictEqual(done.stdout.slice(0, 200), "", done.stderr)
  assert.notMatch(done.stderr, /^ {4}at /m)
  const code = /^error\[([A-Z]+-[A-Z0-9-]+)\]: /m.exec(done.stderr)?.[1]
  assert.isDefined(code, done.stderr)
  return code!
}

export const chain = (steps: number, more = ""): string =>
  [
    'version: "0.1"',
    "name: chain",
    "steps:",
    '  - { name: s0, input: "{{ initial_prompt }}-0" }',
    ...Array.from({ length: steps - 1 }, (_, i) => `  - { name: s${i + 1}, input: "{{ previous_step }}-${i + 1}" }`),
    more
  ].join("\n")
