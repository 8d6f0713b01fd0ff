import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { jsonrepair } from "jsonrepair"
import * as Repair from "../../src/agent/Repair.js"
import type { Json } from "../../src/domain/Json.js"
import * as Render from "../../src/lens/Render.js"
import * as Trace from "../../src/lens/Trace.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Shape from "../../src/pipeline/Shape.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import * as World from "../gate/world.js"
import * as Models from "./models.js"

const Town = Schema.Struct({ name: Schema.String, people: Schema.Number })
const town = Shape.fromSchema(Town)
const oslo = { name: "Oslo", people: 7 }

const settle = (text: string, level: Agent.Repair = "syntax", shape = town, wrapped = false) =>
  Repair.settle(Repair.regions(text), { shape, wrapped }, level, jsonrepair)

const valueOf = (outcome: Repair.Outcome): Json | string => ("value" in outcome ? outcome.value : outcome.detail)

describe("the repair of a reply", () => {
  it("takes the value out of a fence or out of prose, and says so", () => {
    const inProse = settle('It is {"name": "Oslo", "people": 7}. Not [1], though; {nothing} else.')
    assert.deepStrictEqual(inProse, { value: oslo, done: ["it was taken out of the text around it"] })
    const fenced = settle('Here:\n```json\n{"name": "Oslo", "people": 7}\n```\nBye (and {so on}).')
    assert.deepStrictEqual(fenced, { value: oslo, done: ["it was taken out of a fence"] })
  })

  it("mends syntax", () => {
    for (const text of [
      "{'name': 'Oslo', 'people': 7}",
      '{name: "Oslo", people: 7,}',
      '{"name": "Oslo" /* the capital */, "people": 7}',
      '{"name": "Oslo"\n"people": 7}'
    ]) {
      assert.deepStrictEqual(settle(text), { value: oslo, done: ["its syntax was mended"] }, text)
    }
  })

  it("takes neither of two values that fit, and one that is said twice", () => {
    const two = settle('{"name": "Oslo", "people": 7} or {name: "Rome", people: 8}')
    assert.include(valueOf(two), "2 values that fit")
    assert.deepStrictEqual(valueOf(settle('{"name": "Oslo", "people": 7}, I say: {people: 7, name: "Oslo"}')), oslo)
  })

  it("guesses nothing that was left out or broken off", () => {
    const shape = Shape.fromSchema(Schema.Struct({ a: Schema.NullOr(Schema.String), b: Schema.optional(Schema.Any) }))
    for (const text of [
      '{"a": "x"',
      '{"a": "x',
      '{"a": "x", "b": [1, 2',
      '{"a": }',
      '{"a": "x", "b": [1, 2, ...]}',
      '{"a": "x", "b": [1,,2]}',
      "{'a': '}', 'b': 1}",
      "{'a': '}'}",
      "{'a': '}",
      '{"a": "x"}}',
      '{"a": "x", "b": [1}}',
      '{"a": "x", "b": [1}',
      '{"a": null, "b": 2e}',
      "{a: null, b: 2.}",
      "{a: null, b: -}",
      'See [1 and {"a": "x"}'
    ]) {
      assert.isFalse("value" in settle(text, "types", shape), text)
    }
  })

  it("does not look for a fitting value inside of one that does not fit", () => {
    assert.include(valueOf(settle('{"town": {"name": "Oslo", "people": 7}}')), "does not fit")
    assert.include(valueOf(settle('{town: {"name": "Oslo", "people": 7}}')), "does not fit")
  })

  it("takes what was asked for as { value } without it", () => {
    const list = Shape.fromSchema(Schema.Array(Schema.Number))
    const bare = settle("[1, 2]", "syntax", list, true)
    assert.deepStrictEqual(bare, { value: [1, 2], done: ["it stood without its { value }"] })
    assert.deepStrictEqual(valueOf(settle('So: {"value": [1]}', "syntax", list, true)), [1])
  })

  it("reads texts as numbers and truth values where it may, and only where no text is wanted", () => {
    const shape = Shape.fromSchema(
      Schema.Struct({
        n: Schema.Int,
        ok: Schema.NullOr(Schema.Boolean),
        s: Schema.String,
        either: Schema.Union(Schema.String, Schema.Number),
        list: Schema.Array(Schema.Number)
      })
    )
    const text = '{"n": "1", "ok": "true", "s": "2", "either": "3", "list": ["4.5", 5]}'
    assert.isFalse("value" in settle(text, "syntax", shape))
    assert.deepStrictEqual(settle(text, "types", shape), {
      value: { n: 1, ok: true, s: "2", either: "3", list: [4.5, 5] },
      done: [
        "the text at /n was read as a number",
        "the text at /ok was read as a truth value",
        "the text at /list/0 was read as a number"
      ]
    })
    const large = JSON.stringify({ n: 1, ok: null, s: "", either: "", list: ["9007199254740993"] })
    assert.isFalse("value" in settle(large, "types", shape))
    for (const n of ["1.5", "one", "", " 1", "0x1", "9007199254740993", "1e999", "007"]) {
      const said = JSON.stringify({ n, ok: null, s: "", either: "", list: [] })
      assert.isFalse("value" in settle(said, "types", shape), n)
    }
  })
})

const word = FastCheck.stringMatching(/^[bcd]{1,6}$/)
const scalar = FastCheck.oneof(FastCheck.integer(), FastCheck.boolean(), FastCheck.string(), word)
const value: FastCheck.Arbitrary<Json> = FastCheck.letrec<{ json: Json; object: Json }>((tie) => ({
  json: FastCheck.oneof({ depthSize: "small" }, scalar, FastCheck.array(tie("json"), { maxLength: 3 }), tie("object")),
  object: FastCheck.dictionary(word, tie("json"), { minKeys: 1, maxKeys: 4, noNullPrototype: true })
})).object.map((json) => JSON.parse(JSON.stringify(json).toWellFormed()) as Json)

/** A schema that this value fits, and others of its form. */
const schemaOf = (json: Json): Schema.Schema<Json, Json> => {
  const made =
    typeof json === "string"
      ? Schema.String
      : typeof json === "number"
        ? Schema.Number
        : typeof json === "boolean"
          ? Schema.Boolean
          : Array.isArray(json)
            ? Schema.Tuple(...json.map(schemaOf))
            : Schema.Struct(
                Object.fromEntries(Object.entries(json ?? {}).map(([key, inner]) => [key, schemaOf(inner)]))
              )
  return made as unknown as Schema.Schema<Json, Json>
}

/** As models write it: quotes dropped where a word stands, and a comma too many. */
const sloppy = (json: Json, drop: boolean, comma: string): string => {
  if (typeof json === "string") return drop && /^[bcd]+$/.test(json) ? json : JSON.stringify(json)
  if (Array.isArray(json)) {
    return json.length === 0 ? "[]" : `[${json.map((inner) => sloppy(inner, drop, comma)).join(", ")}${comma}]`
  }
  if (typeof json !== "object" || json === null) return JSON.stringify(json)
  const said = Object.entries(json).map(
    ([key, inner]) => `${drop ? key : JSON.stringify(key)}: ${sloppy(inner, drop, comma)}`
  )
  return said.length === 0 ? "{}" : `{${said.join(", ")}${comma}}`
}

const wrap = FastCheck.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => `\`\`\`json\n${text}\n\`\`\``,
  (text) => `Sure, it's this:\n\n~~~~\n${text}\n~~~~\nIs it "good"?`,
  (text) => `The answer is ${text}. That's all.`
)

describe("the law of repair", () => {
  it("what was wrapped, unquoted or given a comma too many is the same value again", () => {
    FastCheck.assert(
      FastCheck.property(
        value,
        wrap,
        FastCheck.boolean(),
        FastCheck.constantFrom("", ","),
        (json, around, drop, comma) => {
          const shape = Shape.fromSchema(schemaOf(json))
          assert.deepStrictEqual(valueOf(settle(around(sloppy(json, drop, comma)), "types", shape)), json)
        }
      ),
      { numRuns: 400 }
    )
  })

  it("no text gives a value that does not fit, or throws", () => {
    const shapes = [town, Shape.fromSchema(Schema.Struct({ b: Schema.optional(Schema.Int) }))]
    const piece = FastCheck.constantFrom(
      ...'{ } [ ] : , " \' \\ ``` ~~~ \n name people b 1 "7" "name" "b" null ... // /* NaN é'.split(" "),
      '{"name": "Oslo", ',
      '"people": "7"}'
    )
    const text = FastCheck.oneof(
      FastCheck.string(),
      FastCheck.array(piece, { maxLength: 20 }).map((all) => all.join(""))
    )
    const level = FastCheck.constantFrom<Agent.Repair>("syntax", "types")
    FastCheck.assert(
      FastCheck.property(
        text,
        level,
        FastCheck.constantFrom(...shapes),
        FastCheck.boolean(),
        (said, of, shape, wrapped) => {
          const outcome = settle(said, of, shape, wrapped)
          if ("value" in outcome) assert.isTrue(Either.isRight(shape.decode(outcome.value)))
        }
      ),
      { numRuns: 2000 }
    )
  })

  it("deep and long replies are refused", () => {
    assert.isFalse("value" in settle(`${"[".repeat(100_000)}x${"]".repeat(100_000)}`))
    assert.isFalse("value" in settle(`${'{"name": "Oslo", "people": 7}'}${" é".repeat(Repair.bytesMax / 3)}x`))
  })
})

const agentOf = (repair?: Agent.Repair) =>
  Agent.make("scout", { model: "test:m", system: "Look.", output: Town, repair })

const pipelineOf = (repair?: Agent.Repair) => Step.agent("find", agentOf(repair)).pipe(Pipeline.make("finding"))

const ran = (reply: string, repair?: Agent.Repair) =>
  World.start(pipelineOf(repair), "go").pipe(
    Effect.provide(World.make().boot()),
    Effect.provide(Models.layer(() => reply))
  )

const paths = (entries: Effect.Effect.Success<ReturnType<typeof ran>>["entries"]) =>
  entries.flatMap(({ event }) => (event.kind === "Answered" ? [event.path] : []))

describe("an agent whose reply is not just JSON", () => {
  it.effect("has it repaired, and what was done is written down before it is used", () =>
    Effect.gen(function* () {
      const { entries, value } = yield* ran("Well:\n```\n{name: 'Oslo', people: 7}\n```")
      assert.deepStrictEqual(value, oslo)
      assert.deepStrictEqual(paths(entries), [World.at("find/turn[0]"), World.at("find/turn[0]/repair")])
      const answers = entries.flatMap(({ event }) => (event.kind === "Answered" ? [event.payload.answer] : []))
      assert.deepStrictEqual(answers[1], {
        value: { value: oslo, done: ["it was taken out of a fence", "its syntax was mended"] }
      })
    })
  )

  it.effect("whose reply is sound has it left alone", () =>
    Effect.gen(function* () {
      const { entries, value } = yield* ran(' {"people": 7, "name": "{name: \'Oslo\'}"}')
      assert.deepStrictEqual(value, { name: "{name: 'Oslo'}", people: 7 })
      assert.deepStrictEqual(paths(entries), [World.at("find/turn[0]")])
    })
  )

  it.effect("is shown in the trace with what was done", () =>
    Effect.gen(function* () {
      const { entries } = yield* ran("{name: 'Oslo', people: 7}")
      const node = Option.getOrThrow(Trace.find(Trace.make(entries, { held: false }), World.at("find/turn[0]/repair")))
      assert.deepStrictEqual(node.output, Option.some({ value: oslo, done: ["its syntax was mended"] }))
      const options = { redaction: Redaction.make(), color: false, width: 100, previewLength: 60, verbose: false }
      const lines = Render.trace(Trace.make(entries, { held: false }), options)
      assert.match(lines.join("\n"), /repair/)
    })
  )

  it.effect("comes to the same wherever its process dies, and the model is not asked again", () =>
    Effect.gen(function* () {
      const asked: Array<Models.Asked> = []
      const pipeline = pipelineOf("types") as unknown as Pipeline.Pipeline<string, unknown, unknown>
      const { points, whole } = yield* World.everyCut(pipeline, "go", {
        before: () => {
          asked.length = 0
        },
        after: (_, first) => {
          const isAnswered = first.some(({ event }) => event.kind === "Answered")
          assert.isAtMost(asked.length, isAnswered ? 1 : 2)
        }
      }).pipe(Effect.provide(Models.layer(() => "So: {name: 'Oslo', people: '7'}.", asked)))
      assert.isAtLeast(points, 3)
      assert.include(paths(whole.entries), World.at("find/turn[0]/repair"))
    })
  )

  it.effect("fails where two values fit, and where repair is off", () =>
    Effect.gen(function* () {
      const both = yield* ran('{"name": "Oslo", "people": 7} {"name": "Rome", "people": 8}')
      assert.strictEqual(both.tag, "Failed")
      const off = yield* ran('```json\n{"name": "Oslo", "people": 7}\n```', "off")
      assert.strictEqual(off.tag, "Failed")
      assert.deepStrictEqual(paths(off.entries), [World.at("find/turn[0]")])
      const types = '{"name": "Oslo", "people": "7"}'
      assert.strictEqual((yield* ran(types)).tag, "Failed")
      assert.deepStrictEqual((yield* ran(types, "types")).value, oslo)
    })
  )
})
