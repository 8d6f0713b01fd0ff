import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type ModelAsk, Models } from "../../src/domain/Model.js"
import * as Llm from "../../src/llm/Models.js"

const folder = mkdtempSync(join(tmpdir(), "flujo-scripted-"))
let files = 0
const script = (content: unknown): string => {
  const name = `script${files++}.json`
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content))
  return name
}

const ask: ModelAsk = { model: "any", messages: [], output: { _tag: "Text" }, settings: {} }
const call = (file: string, from: { path?: string; agent?: string } = {}) =>
  Effect.gen(function* () {
    const models = yield* Models
    const { driver } = yield* models.driver(`scripted:${file}`, {
      path: from.path ?? "draft",
      agent: from.agent ?? "writer"
    })
    return yield* driver.call(ask, { idempotencyKey: "k" })
  })
const text = (...given: Parameters<typeof call>) => Effect.map(call(...given), (reply) => reply.text)
const provided = <A, E>(effect: Effect.Effect<A, E, Models>) =>
  Effect.provide(effect, Llm.layer({ scriptedFolder: folder })).pipe(Effect.provide(NodeContext.layer))

it.effect("replies come in the order of calls and are never repeated", () =>
  Effect.gen(function* () {
    const file = script({ writer: ["one", "two"] })
    assert.strictEqual(yield* text(file), "one")
    assert.strictEqual(yield* text(file), "two")
    const error = yield* Effect.flip(text(file))
    assert.strictEqual(error.reason, "Unscripted")
    assert.match(error.message, /call 3 of "writer" \(step "draft"\) has no reply: the script holds 2/)
  }).pipe(provided)
)

it.effect("a script outside of where scripts may lie is not read, also behind a link", () =>
  Effect.gen(function* () {
    const inside = join(folder, "inside")
    mkdirSync(inside)
    const outside = script(["secret"])
    symlinkSync(join(folder, outside), join(inside, "link.json"))
    writeFileSync(join(inside, "own.json"), JSON.stringify({ "*": ["hello"] }))
    const within = <A, E>(effect: Effect.Effect<A, E, Models>) =>
      Effect.provide(effect, Llm.layer({ scriptedFolder: inside, scriptedWithin: [inside] })).pipe(
        Effect.provide(NodeContext.layer)
      )
    for (const file of [`../${outside}`, join(folder, outside), "link.json"]) {
      const error = yield* Effect.flip(within(text(file)))
      assert.match(error.message, /outside the project/)
    }
    assert.strictEqual(yield* within(text("own.json")), "hello")
    assert.match((yield* Effect.flip(within(text("none.json")))).message, /does not exist/)
  })
)

it.effect("a step path goes before the agent, the agent before the star", () =>
  Effect.gen(function* () {
    const file = script({ "*": ["star"], writer: ["agent"], "refine[3]/draft": ["path"] })
    assert.strictEqual(yield* text(file, { path: "refine[3]/draft" }), "path")
    assert.strictEqual(yield* text(file, { path: "refine[2]/draft" }), "agent")
    assert.strictEqual(yield* text(file, { agent: "critic" }), "star")
    const spent = yield* Effect.flip(text(file, { path: "refine[3]/draft" }))
    assert.match(spent.message, /call 2 of "refine\[3\]\/draft"/)
  }).pipe(provided)
)

it.effect("keys count by themselves, and a key shared by two steps is counted once", () =>
  Effect.gen(function* () {
    const file = script({ a: ["a1", "a2"], "*": ["s1", "s2"] })
    const first = [yield* text(file, { agent: "a" }), yield* text(file, { agent: "b" })]
    const second = [yield* text(file, { agent: "a" }), yield* text(file, { agent: "c" })]
    assert.deepStrictEqual(
      [first, second],
      [
        ["a1", "s1"],
        ["a2", "s2"]
      ]
    )
  }).pipe(provided)
)

it.effect("concurrent first callers share one count", () =>
  Effect.gen(function* () {
    const file = script({ "*": ["1", "2", "3", "4"] })
    const got = yield* Effect.all(
      Array.from({ length: 4 }, () => text(file)),
      { concurrency: "unbounded" }
    )
    assert.deepStrictEqual(got.toSorted(), ["1", "2", "3", "4"])
  }).pipe(provided)
)

it.effect("an agent called like a member of Object has no reply unless it is scripted", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(text(script({ writer: ["x"] }), { agent: "constructor", path: "toString" }))
    assert.strictEqual(error.reason, "Unscripted")
    assert.match(error.message, /no replies for step "toString", for agent "constructor" or for "\*"/)
  }).pipe(provided)
)

it.effect("a reply may carry output, usage, finish and model", () =>
  Effect.gen(function* () {
    const file = script({
      writer: [{ output: { tags: ["a"] }, usage: { input: 7, reasoning: 2 }, finish: "length", model: "m-1" }, {}]
    })
    assert.deepStrictEqual(yield* call(file), {
      text: '{"tags":["a"]}',
      finish: "length",
      usage: { input: 7, cachedInput: 0, output: 0, reasoning: 2 },
      model: "m-1"
    })
    assert.deepStrictEqual(yield* call(file), {
      text: "",
      finish: "stop",
      usage: { input: 0, cachedInput: 0, output: 0, reasoning: 0 },
      model: "scripted"
    })
  }).pipe(provided)
)

it.effect("a scripted error fails as a provider would, and the next call gets the next reply", () =>
  Effect.gen(function* () {
    const file = script({ writer: [{ error: { reason: "RateLimited", detail: "slow down", status: 429 } }, "fine"] })
    const error = yield* Effect.flip(call(file))
    assert.deepStrictEqual([error.reason, error.detail, error.status], ["RateLimited", "slow down", 429])
    assert.strictEqual(yield* text(file), "fine")
  }).pipe(provided)
)

it.effect("a wrong shape is told with a JSON pointer, and nothing is guessed", () =>
  Effect.gen(function* () {
    const cases: ReadonlyArray<readonly [unknown, RegExp]> = [
      [{ writer: "x" }, /at \/writer:/],
      [{ writer: ["x", { txt: "y" }] }, /at \/writer\/1\/txt: is unexpected/],
      [{ "a/b": [{ finish: "done" }] }, /at \/a~1b\/0\/finish/],
      [{ writer: [{ usage: { input: -1 } }] }, /at \/writer\/0\/usage\/input/],
      [{ writer: [{ text: "a", output: 1 }] }, /at \/writer\/0: give one of text, output and error/],
      [["x"], /at its root/],
      ["{", /is not JSON/]
    ]
    for (const [content, expected] of cases) {
      const error = yield* Effect.flip(call(script(content)))
      assert.strictEqual(error.reason, "Unknown")
      assert.match(error.message, expected)
    }
  }).pipe(provided)
)

it.effect(
  "a file that is not there, a folder and a file that is no script are told by path, and nothing of them is quoted",
  () =>
    Effect.gen(function* () {
      mkdirSync(join(folder, "sub"), { recursive: true })
      const missing = yield* Effect.flip(call("nowhere.json"))
      assert.strictEqual(missing.reason, "Unknown")
      assert.include(missing.message, `script ${join(folder, "nowhere.json")} does not exist`)
      assert.match((yield* Effect.flip(call("sub"))).message, /is a folder/)
      const foreign = yield* Effect.flip(call(script("root:x:0:0:hunter2")))
      assert.notInclude(foreign.message, "root:x")
      assert.notInclude(foreign.message, "hunter2")
    }).pipe(provided)
)

it.effect("a script that was refused may be corrected and asked again", () =>
  Effect.gen(function* () {
    const file = script("{")
    assert.isTrue(Either.isLeft(yield* Effect.either(call(file))))
    writeFileSync(join(folder, file), JSON.stringify({ writer: ["fixed"] }))
    assert.strictEqual(yield* text(file), "fixed")
  }).pipe(provided)
)

it.effect("a script may call tools, beside a text or without, and write what is no JSON", () =>
  Effect.gen(function* () {
    const file = script({
      writer: [
        { text: "Let me see.", toolCalls: [{ name: "news", arguments: { a: 1 } }] },
        { toolCalls: [{ id: "mine", name: "news", arguments: '{"a' }], finish: "length" }
      ]
    })
    const first = yield* call(file)
    assert.deepStrictEqual(
      [first.text, first.finish, first.parts],
      [
        "Let me see.",
        "tool-calls",
        [
          { _tag: "Text", text: "Let me see." },
          { _tag: "ToolCall", id: "writer-1-1", name: "news", arguments: '{"a":1}' }
        ]
      ]
    )
    const second = yield* call(file)
    assert.deepStrictEqual(
      [second.finish, second.parts],
      ["length", [{ _tag: "ToolCall", id: "mine", name: "news", arguments: '{"a' }]]
    )
    const both = script({ writer: [{ toolCalls: [], error: { reason: "Cut" } }] })
    assert.match((yield* Effect.flip(call(both))).message, /give toolCalls or an error, not both/)
  }).pipe(provided)
)
