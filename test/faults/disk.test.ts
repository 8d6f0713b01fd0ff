/**
 * A disk that fails under the built command: whatever it was doing, it says what is wrong, leaves nothing damaged, and the
 * same command comes to the same result when the cause is gone.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { type Done, ended, type Place, place } from "../cli/Flujo.js"
import * as Long from "../Long.js"
import { cannot, chain, Page, sound, typed } from "./Machine.js"

const took: Array<number> = []
const told = (what: string) => {
  const sorted = took.splice(0).sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(0)
  console.log(
    `${what}: ${sorted.length} times, from the fault to the end of the process ${at(0.5)} ms, at most ${at(1)}`
  )
}

const wanted = "x-0-1-2"
const command = "run chain.yaml --input x --run-id r --no-steps"

/** Goes on where it was left, or tells what it came to. */
const again = async (here: Place): Promise<Done> => {
  const done = await here.flujo(command)
  return done.stderr.includes("it completed already") ? here.flujo("lens show r") : done
}

describe("a write that fails", () => {
  const kinds = {
    "the disk is full from then on": { FAULT_CODE: "ENOSPC" },
    "it fails once": { FAULT_CODE: "EIO", once: "yes" },
    "the disk is full in the middle of it": { FAULT_CODE: "ENOSPC", FAULT_CUT: "1" }
  } as const
  const start = () => {
    const here = place({ "flujo.toml": "", "chain.yaml": chain(3) })
    return { here, page: new Page(here), folder: { FAULT_FOLDER: here.at(".flujo") } }
  }

  it(
    "whichever of a run it is: a typed error or the result, and the same command gives the result after it",
    async (test) => {
      if (cannot.shim !== undefined) return test.skip(cannot.shim)
      const whole = start()
      const clean = await whole.here.flujo(command, { env: whole.page.env(whole.folder) })
      ended(clean, 0)
      assert.strictEqual(clean.stdout, `${wanted}\n`)
      const count = whole.page.writes
      assert.isAbove(count, 60)

      const all = Object.entries(kinds)
      const points = Array.from({ length: count }, (_, i) => i + 1).flatMap((n) =>
        all.map((kind) => [n, kind] as const)
      )
      const stride = Math.ceil(points.length / Long.runs(5, points.length))
      for (const [n, [name, { ...fault }]] of points.filter((_, i) => i % stride === 0)) {
        const { here, page, folder } = start()
        const once = "once" in fault ? { FAULT_LAST: String(n) } : {}
        const done = await here.flujo(command, {
          env: page.env({ ...folder, ...fault, ...once, FAULT_FIRST: String(n) })
        })
        const where = `${n} of ${count}, ${name}: ${done.stderr}`
        took.push(page.since)
        assert.isAbove(page.fired, 0, where)
        if (done.status !== 0) typed(done)
        const rest = done.status === 0 ? done : await again(here)
        assert.strictEqual(rest.status, 0, `${where}\n${rest.stderr}`)
        assert.include(rest.stdout, wanted, where)
        await sound(here, ["r"])
        rmSync(here.folder, { recursive: true })
      }
      told("a write that fails")
    },
    Long.runs(300_000, 3_600_000)
  )

  it("to the key of the ledger leaves no half of a key", async (test) => {
    if (cannot.shim !== undefined) return test.skip(cannot.shim)
    const { here } = start()
    ended(await here.flujo(command), 0)
    rmSync(here.at(".flujo/state.db.key"))
    const made = await here.flujo("ledger keys rotate")
    assert.strictEqual(made.status, 2, made.stderr)
    for (const n of [1, 2]) {
      const page = new Page(here)
      const done = await here.flujo("ledger keys init --new-origin", {
        env: page.env({ FAULT_FOLDER: here.at(".flujo/state.db.key"), FAULT_FIRST: String(n), FAULT_LAST: String(n) })
      })
      assert.strictEqual(page.fired, 1)
      typed(done)
      assert.isFalse(here.has(".flujo/state.db.key"))
    }
    ended(await here.flujo("ledger keys init --new-origin"), 0)
    ended(await here.flujo("ledger checkpoint"), 0)
  })
})

/** A file system of so many KiB in memory, at `disk` of the place. */
const mounted = async (
  here: Place,
  kib: number,
  use: (at: (options: string) => void) => Promise<void>
): Promise<void> => {
  const disk = here.at("disk")
  mkdirSync(disk)
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", disk])
  try {
    await use((options) => execFileSync("mount", ["-o", `remount,${options}`, disk]))
  } finally {
    execFileSync("umount", ["-l", disk])
  }
}

describe("a disk", () => {
  const uri = "--state-uri sqlite:///disk/state.db"
  const question = '  - { kind: hitl, name: review, message: "Go on?" }\n  - { name: end, input: "{{ steps.s2 }}!" }'

  it(
    "that is full, at any moment of a run: it says so, and the run goes on when there is room",
    async (test) => {
      if (cannot.mount !== undefined) return test.skip(cannot.mount)
      const big = "y".repeat(20_000)
      const words = `run chain.yaml --input-file big.txt --run-id r --no-steps ${uri}`
      const seen = new Set<string>()
      const step = Long.runs(200, 8)
      for (let free = 16; ; free += step) {
        const here = place({ "chain.yaml": chain(3), "big.txt": big })
        let isEnough = false
        await mounted(here, 4096, async (remount) => {
          writeFileSync(here.at("disk/filler"), Buffer.alloc((4096 - free) * 1024))
          const done = await here.flujo(words)
          if (done.status === 0) isEnough = true
          else seen.add(typed(done))
          if (!isEnough) assert.match(done.stderr, /the disk is full/, `${free} KiB`)
          remount("size=16m")
          const final = isEnough ? done : await here.flujo(words)
          ended(final, 0)
          assert.isTrue(final.stdout === `${big}-0-1-2\n`)
          await sound(
            {
              at: (name: string) => here.at(name),
              flujo: (line: string) => here.flujo(`${line} ${uri}`)
            } as Place,
            ["r"],
            "disk/state.db"
          )
        })
        if (isEnough) break
      }
      assert.includeMembers([...seen], ["FLJ-JOURNAL-7"])
    },
    Long.runs(300_000, 1_800_000)
  )

  it("that may hold no larger file: the same", async () => {
    const here = place({ "flujo.toml": "", "chain.yaml": chain(3), "big.txt": "y".repeat(60_000) })
    const words = "run chain.yaml --input-file big.txt --run-id r --no-steps"
    for (const kib of [40, 100, 160]) {
      const done = await here.shell(`ulimit -f ${kib}; flujo ${words}`)
      assert.notStrictEqual(done.status, 0, `${kib} KiB`)
      typed(done)
    }
    const final = await here.flujo(words)
    ended(final, 0)
    assert.isTrue(final.stdout === `${"y".repeat(60_000)}-0-1-2\n`)
    await sound(here, ["r"])
  })

  it("that is read-only: what is there can be looked at, what would be written is refused, and goes on later", async (test) => {
    if (cannot.mount !== undefined) return test.skip(cannot.mount)
    const here = place({ "ask.yaml": chain(3, question) })
    await mounted(here, 4096, async (remount) => {
      ended(await here.flujo(`run ask.yaml --input x --run-id r --no-input ${uri}`), 0)
      remount("ro")
      for (const words of ["approve r", "run ask.yaml --input x --run-id other", "cancel r"]) {
        const done = await here.flujo(`${words} ${uri}`)
        assert.strictEqual(typed(done), "FLJ-JOURNAL-6", done.stderr)
      }
      for (const words of ["lens show r", "lens trace r", "lens list", "tasks", "ledger verify r", "lens replay r"]) {
        ended(await here.flujo(`${words} ${uri}`), 0)
      }
      remount("rw")
      const done = await here.flujo(`approve r ${uri}`)
      ended(done, 0)
      assert.strictEqual(done.stdout, `${wanted}!\n`)
      ended(await here.flujo(`ledger verify r ${uri}`), 0)
    })
  })
})
