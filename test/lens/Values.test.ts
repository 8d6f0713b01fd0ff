import { assert, it } from "@effect/vitest"
import { Option } from "effect"
import type { Carried, Entry, Event } from "../../src/domain/Event.js"
import * as StepPath from "../../src/domain/StepPath.js"
import * as Values from "../../src/lens/Values.js"

const path = (text: string) => text as StepPath.StepPath
const entry = (kind: Event["kind"], at: string, payload: object): Entry =>
  ({
    run: "r",
    seq: 0,
    at: 0,
    epoch: 1,
    event: { path: path(at), kind, ordinal: 0, data: {}, payload }
  }) as unknown as Entry

const output = (at: string, carried: Carried, kind: Event["kind"] = "StepSucceeded") =>
  entry(kind, at, { output: carried })

it("a value is itself, and nothing is nothing", () => {
  const values = Values.make([])
  assert.deepStrictEqual(values.of({ value: null }), Option.some(null))
  assert.deepStrictEqual(values.of({ value: { from: "a" } }), Option.some({ from: "a" }))
  assert.deepStrictEqual(values.of({}), Option.none())
})

it("what is recorded elsewhere is found, over any number of steps", () => {
  const values = Values.make([
    entry("RunStarted", "", { input: { value: "in" }, sources: [] }),
    output("a", { value: [1] }),
    output("b#2", { from: path("a") }, "Computed"),
    output("c[3]/d", { from: path("b#2") }),
    output("e", { from: StepPath.root })
  ])
  assert.deepStrictEqual(values.of({ from: path("c[3]/d") }), Option.some([1]))
  assert.deepStrictEqual(values.outputAt(path("b#2")), Option.some([1]))
  assert.deepStrictEqual(values.outputAt(path("b")), Option.none())
  assert.deepStrictEqual(values.outputAt(path("e")), Option.some("in"))
})

it("what these entries do not tell of, and what goes in circles, is nothing", () => {
  const values = Values.make([
    output("a", { from: path("b") }),
    output("b", { from: path("a") }),
    output("c", { from: path("gone") }),
    output("d", {})
  ])
  for (const at of ["a", "b", "c", "d", "gone"]) assert.deepStrictEqual(values.outputAt(path(at)), Option.none(), at)
})

it("a step's own result goes before what was computed beside it", () => {
  const entries = [output("a", { value: 1 }), output("a", { value: 2 }, "Computed")]
  for (const order of [entries, entries.toReversed()]) {
    assert.deepStrictEqual(Values.make(order).outputAt(path("a")), Option.some(1))
  }
})
