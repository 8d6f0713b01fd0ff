/**
 * Signals to the built command while it drives: the first one lets it write what it has and give the run back, within
 * eight seconds; the second ends it. Whatever was cut off goes on to the same end.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Done, ended, type Place, place, type Running } from "../cli/Flujo.js"
import * as Long from "../Long.js"
import { chain, sound } from "./Machine.js"

/** Says when it begins, and ends for nobody. */
const stubborn = `import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Skill from "flujo/Skill"
import { existsSync } from "node:fs"

export const wait = Skill.make("test.wait", {
  description: "waits where a file says so",
  input: Schema.String,
  output: Schema.String,
  effect: "pure",
  run: (text) =>
    Effect.suspend(() => {
      process.stderr.write("began\\n")
      return existsSync("hang") ? Effect.uninterruptible(Effect.never) : Effect.delay(Effect.succeed(text + "!"), "5 millis")
    })
})
`
const hanging = (): Place =>
  place({
    "flujo.toml": "",
    hang: "",
    "skills/wait.ts": stubborn,
    "wait.yaml": chain(3, "  - { name: waits, skill: test.wait }")
  })

const goesOn = async (here: Place, wanted: string): Promise<void> => {
  const done = await here.shell("rm -f hang; flujo resume r")
  ended(done, 0)
  assert.strictEqual(done.stdout, wanted)
  await sound(here, ["r"])
}

const isAlive = ({ child }: Running): boolean => child.exitCode === null && child.signalCode === null

describe.concurrent("a signal to what does not let itself be interrupted", () => {
  it("SIGTERM: the process ends by itself all the same, with 143, and says so; the run goes on", async () => {
    const here = hanging()
    const running = here.start("run wait.yaml --input x --run-id r")
    await running.until("began")
    const start = performance.now()
    running.child.kill("SIGTERM")
    const done = await running.done
    console.log(
      `SIGTERM, with something that cannot be interrupted: ended after ${(performance.now() - start).toFixed(0)} ms`
    )
    ended(done, 143)
    assert.include(done.stderr, "did not end within 7 s")
    await goesOn(here, "x-0-1-2!\n")
  })

  it("the first Ctrl-C lets it end, the second ends it at once, with 130; the run goes on", async () => {
    const here = hanging()
    const running = here.start("run wait.yaml --input x --run-id r")
    await running.until("began")
    running.child.kill("SIGINT")
    await running.until("a second time ends it")
    assert.isTrue(isAlive(running))
    const start = performance.now()
    running.child.kill("SIGINT")
    const done = await running.done
    console.log(`the second Ctrl-C: ended after ${(performance.now() - start).toFixed(0)} ms`)
    ended(done, 130)
    assert.notInclude(done.stderr, "did not end within")
    await goesOn(here, "x-0-1-2!\n")
  })
})

describe.concurrent("a signal in the middle of many steps", () => {
  const count = 80
  const wanted = `x${"!".repeat(count)}\n`
  const steps = Array.from({ length: count }, (_, i) => `  - { name: s${i}, skill: test.wait }`)
  const long = ['version: "0.1"', "name: long", "steps:", ...steps].join("\n")
  const signals = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const

  /** Sent when so many steps have been seen to end. */
  const cut = async (here: Place, signal: keyof typeof signals, after: number): Promise<Done> => {
    const running = here.start("run long.yaml --input x --run-id r")
    await running.until(`✓ s${after} `)
    running.child.kill(signal)
    return running.done
  }

  for (const [signal, code] of Object.entries(signals) as ReadonlyArray<[keyof typeof signals, number]>) {
    it(`${signal} ends with ${code}; no finished step is run again, and the end is the same`, async () => {
      for (const after of [0, 20, 40].slice(0, Long.runs(1, 3))) {
        const here = place({ "flujo.toml": "", "skills/wait.ts": stubborn, "long.yaml": long })
        const done = await cut(here, signal, after)
        ended(done, code)
        assert.strictEqual(done.stdout, "")
        assert.include(done.stderr, "to go on: flujo resume r")
        const rest = await here.flujo("resume r")
        ended(rest, 0)
        assert.strictEqual(rest.stdout, wanted)
        const finished = ({ stderr }: Done) => [...stderr.matchAll(/^✓ (s\d+) /gm)].map(([, name]) => name)
        const [before, later] = [finished(done), new Set(finished(rest))]
        assert.isAbove(before.length, after)
        for (const name of before) assert.isFalse(later.has(name), `${name} ran before it was cut off`)
        await sound(here, ["r"])
      }
    })
  }
})
