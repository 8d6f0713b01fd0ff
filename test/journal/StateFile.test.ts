/** A store as one file: no byte of it is free; and what retention may drop. */
import * as path from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as StepPath from "../../src/domain/StepPath.js"
import type { Journal } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalMemory from "../../src/journal/JournalMemory.js"
import * as Retention from "../../src/journal/Retention.js"
import * as StateFile from "../../src/journal/StateFile.js"
import * as Long from "../Long.js"
import * as Histories from "./Histories.js"
import { folder, goOn, keyAt, rest } from "./LogSuite.js"

const memory = Effect.suspend(() => JournalMake.make(JournalMemory.makeDriver()))

describe("a state file", () => {
  it.scoped("is found out by one flipped bit, by a line that is taken out, doubled or swapped, and if it is cut", () =>
    Effect.gen(function* () {
      const key = yield* keyAt(path.join(yield* folder, "ledger.key"))
      const journal = yield* memory
      for (const one of ["a", "b"]) yield* rest(journal, one)
      yield* journal.log.seal(key.holder)
      yield* goOn(journal, "a")
      yield* journal.deliver(Histories.id("b"), { _tag: "Cancel", reason: "enough" })
      const text = yield* Stream.mkString(StateFile.write(journal, undefined))
      const bytes = Buffer.from(text)
      const read = (file: Uint8Array) => Effect.exit(StateFile.read(Stream.make(file), () => Effect.void))
      assert.isTrue(Exit.isSuccess(yield* read(bytes)))
      for (let bit = 0; bit < bytes.length * 8; bit += Long.runs(61, 1)) {
        const flipped = Buffer.from(bytes)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        assert.isTrue(Exit.isFailure(yield* read(flipped)), `bit ${bit}`)
      }
      const lines = text.slice(0, -1).split("\n")
      for (const [i, line] of lines.entries()) {
        const others = [
          lines.toSpliced(i, 1),
          lines.toSpliced(i, 0, line),
          i === 0 ? [] : lines.with(i, lines[i - 1]!).with(i - 1, line),
          lines.slice(0, i)
        ]
        for (const [how, other] of others.entries()) {
          const file = Buffer.from(`${other.join("\n")}\n`)
          assert.isTrue(Exit.isFailure(yield* read(file)), `line ${i}, ${how}`)
        }
      }
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("retention", () => {
  const started = (journal: Journal["Type"], name: string, at: number, parent?: string) =>
    Effect.gen(function* () {
      const owned = yield* journal.create(Histories.id(name), Histories.plan)
      journal.stage(owned, {
        ...Histories.staged({
          path: StepPath.root,
          kind: "RunStarted",
          ordinal: 0,
          data: {
            pipeline: name < "m" ? "early" : "late",
            plan: Histories.plan.digest,
            labels: [],
            ...(parent === undefined ? {} : { parent: { run: parent, from: StepPath.root } })
          },
          payload: { input: { value: 1 }, sources: [] }
        }),
        at
      })
      return owned
    })

  it.scoped("drops what has ended, and never what a run that stays began as", () =>
    Effect.gen(function* () {
      const journal = yield* memory
      const end = (name: string, at: number, parent?: string, staged = Histories.completed) =>
        Effect.gen(function* () {
          const owned = yield* started(journal, name, at, parent)
          journal.stage(owned, { ...staged, at })
          yield* journal.release(owned)
        })
      yield* end("a", 1)
      yield* end("b", 2, "a")
      yield* end("c", 3)
      yield* end("d", 4, "c")
      yield* end("f", 5, undefined, Histories.failed)
      yield* end("n", 6)
      const open = yield* started(journal, "z", 7, "b")
      yield* journal.park(open, Histories.suspended())
      const found = (rule: Partial<Retention.Rule>) =>
        Effect.map(
          Retention.find(journal, { status: ["completed"], before: 100, pipeline: undefined, ...rule }),
          ({ drop, needed }) => ({
            drop: drop.map(({ row }) => row.run).join(""),
            needed: needed.map(({ by, run }) => `${run}<${by}`).join(" "),
            bytes: drop.every(({ bytes }) => bytes > 0)
          })
        )
      assert.deepStrictEqual(yield* found({}), { drop: "ndc", needed: "b<z a<b", bytes: true })
      assert.deepInclude(yield* found({ before: 4 }), { drop: "", needed: "c<d b<z a<b" })
      assert.deepInclude(yield* found({ pipeline: "late" }), { drop: "n" })
      assert.deepInclude(yield* found({ status: ["failed"] }), { drop: "f", needed: "" })
    })
  )
})
