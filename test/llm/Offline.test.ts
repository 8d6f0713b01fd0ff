import { assert, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Effect from "effect/Effect"
import type { Json } from "../../src/domain/Json.js"
import type { ModelAsk, ModelReply } from "../../src/domain/Model.js"
import * as Offline from "../../src/llm/Offline.js"

const article = `Coffee and sleep

Coffee is the most popular drink in the office. Many people drink coffee in the morning because coffee contains caffeine.
Caffeine blocks adenosine, and adenosine makes people sleepy. Maria Lopez of Stanford studied caffeine and sleep for ten years.
The weather was mild. Her study found that caffeine after lunch shortens deep sleep by an hour. People who drink coffee late sleep badly.
`

const driver = Effect.runSync(Offline.make)
const ask = (system: string, user: string, more: Partial<ModelAsk> = {}): ModelAsk => ({
  model: "any",
  messages: [
    ...(system === "" ? [] : [{ role: "system" as const, content: system }]),
    { role: "user" as const, content: user }
  ],
  output: { _tag: "Text" },
  settings: {},
  ...more
})
const call = (...given: Parameters<typeof ask>) => driver.call(ask(...given), { idempotencyKey: "k" })
const object = (schema: Json, text = article, system = "") =>
  Effect.map(call(system, text, { output: { _tag: "Object", name: "Facts", schema } }), (reply) => {
    const value: unknown = JSON.parse(reply.text)
    const ajv = new Ajv2020({ strict: false, logger: false })
    assert.isTrue(ajv.validate(schema as object, value), `${ajv.errorsText()} in ${reply.text}`)
    return value as Record<string, Json>
  })

it.effect("a summary is made of the text's own sentences, in their order", () =>
  Effect.gen(function* () {
    const { text } = yield* call("You summarize articles.", article)
    const flat = article.replace(/\s+/g, " ")
    const sentences = text.match(/[^.]+\./g)!.map((sentence) => sentence.trim())
    assert.strictEqual(sentences.length, 3)
    const places = sentences.map((sentence) => flat.indexOf(sentence))
    assert.isTrue(
      places.every((place) => place >= 0),
      text
    )
    assert.deepStrictEqual(
      places,
      places.toSorted((a, b) => a - b)
    )
    assert.notInclude(text, "weather")
  })
)

it.effect("the wanted number of sentences and bullets are taken from the instruction", () =>
  Effect.gen(function* () {
    const one = yield* call("Summarize in one sentence.", article)
    assert.strictEqual(one.text.match(/\./g)!.length, 1)
    const bullets = yield* call("Summarize as two bullet points.", article)
    assert.match(bullets.text, /^- [^\n]+\n- [^\n]+$/)
  })
)

it.effect("keywords and sentiment are told when they are asked for, several of them under headings", () =>
  Effect.gen(function* () {
    const keywords = (yield* call("Extract keywords.", article)).text.split(", ")
    assert.include(keywords, "coffee")
    assert.include(keywords, "caffeine")
    assert.notInclude(keywords, "the")
    assert.match(
      (yield* call("Classify the sentiment.", "I love this wonderful product, it is great!")).text,
      /^positive \(0\.\d+\)$/
    )
    assert.match(
      (yield* call("Classify the sentiment.", "This is a terrible, horrible failure. I hate it.")).text,
      /^negative \(-/
    )
    assert.match((yield* call("Classify the sentiment.", "The table has four legs.")).text, /^neutral \(0\)$/)
    assert.match((yield* call("Give a summary and keywords.", article)).text, /^Summary: .*\nKeywords: coffee/)
  })
)

it.effect("an instruction at the head of the message is not part of the text", () =>
  Effect.gen(function* () {
    const { text } = yield* call("", `Summarize this article in one sentence:\n\n${article}`)
    assert.notInclude(text, "Summarize")
    assert.strictEqual(text.match(/\./g)!.length, 1)
  })
)

it.effect("the points of a list are sentences of their own, without their marks", () =>
  Effect.gen(function* () {
    const { text } = yield* call(
      "Summarize in two sentences.",
      "# Plans\n\n- buy green apples\n- eat green apples\n- go home"
    )
    assert.strictEqual(text, "buy green apples eat green apples")
  })
)

it.effect("without any instruction it summarizes", () =>
  Effect.gen(function* () {
    assert.include((yield* call("", article)).text, "caffeine")
  })
)

it.effect("an object is filled by the names of its properties and satisfies its schema", () =>
  Effect.gen(function* () {
    const value = yield* object({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      additionalProperties: false,
      required: [
        "title",
        "summary",
        "keywords",
        "sentiment",
        "score",
        "topic",
        "language",
        "keyPoints",
        "people",
        "word_count"
      ],
      properties: {
        title: { type: "string", maxLength: 40 },
        summary: { type: "string" },
        keywords: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 3 },
        sentiment: { enum: ["positive", "negative", "neutral"] },
        score: { type: "number", minimum: 0, maximum: 1 },
        topic: { type: "string" },
        language: { type: "string" },
        keyPoints: { type: "array", items: { $ref: "#/$defs/Point" } },
        people: { type: "array", items: { type: "string" } },
        word_count: { type: "integer" }
      },
      $defs: { Point: { type: "string", minLength: 1 } }
    })
    assert.strictEqual(value.title, "Coffee and sleep")
    assert.include(value.summary, "caffeine")
    assert.strictEqual((value.keywords as ReadonlyArray<string>).length, 3)
    assert.strictEqual(value.topic, "coffee")
    assert.strictEqual(value.language, "en")
    assert.strictEqual((value.keyPoints as ReadonlyArray<string>).length, 3)
    assert.include(value.people, "Maria Lopez")
    assert.isAbove(value.word_count as number, 50)
  })
)

it.effect("properties that nothing is known about get plain values of the right type", () =>
  Effect.gen(function* () {
    const value = yield* object({
      type: "object",
      required: ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"],
      properties: {
        a: { type: "string", minLength: 5 },
        b: { type: "integer", minimum: 3 },
        c: { type: "boolean" },
        d: {
          type: "array",
          items: { type: "object", required: ["x"], properties: { x: { type: "number" } } },
          minItems: 2
        },
        e: { anyOf: [{ type: "null" }, { type: "string" }] },
        f: { const: 7 },
        g: { type: ["null", "integer"] },
        h: { type: "object", required: ["deep"], properties: { deep: { enum: ["low", "other"] } } },
        i: { type: "string", format: "date-time" },
        j: {
          allOf: [
            { type: "object", properties: { p: { type: "string" } }, required: ["p"] },
            { properties: { q: { type: "boolean" } }, required: ["q"] }
          ]
        },
        k: { type: "number", exclusiveMinimum: 0, multipleOf: 0.5 },
        optional: { type: "string" }
      }
    })
    assert.isFalse("optional" in value)
    assert.strictEqual((value.h as Record<string, Json>).deep, "other")
  })
)

it.effect("a schema that refers to itself ends", () =>
  object({
    $ref: "#/$defs/Node",
    $defs: {
      Node: {
        type: "object",
        properties: { name: { type: "string" }, items: { type: "array", items: { $ref: "#/$defs/Node" } } },
        required: ["name", "items"]
      }
    }
  })
)

it.effect("of the values of an enumeration the text's own word is chosen", () =>
  Effect.gen(function* () {
    const schema = {
      type: "object",
      required: ["category"],
      properties: { category: { enum: ["billing", "shipping", "other"] } }
    }
    assert.strictEqual((yield* object(schema, "My parcel is late. Shipping took three weeks.")).category, "shipping")
    assert.strictEqual((yield* object(schema, "Hello there.")).category, "other")
  })
)

it.effect("a number is placed from bad to good over the range that the schema gives", () =>
  Effect.gen(function* () {
    const schema = {
      type: "object",
      required: ["score"],
      properties: { score: { type: "integer", minimum: 1, maximum: 5 } }
    }
    assert.isAbove((yield* object(schema, "I love it. Wonderful, great, excellent!")).score as number, 3)
    assert.isBelow((yield* object(schema, "I hate it. Terrible, awful, horrible!")).score as number, 3)
  })
)

it.effect("it says that it cannot translate or write code, and who can", () =>
  Effect.gen(function* () {
    const refused: ReadonlyArray<readonly [string, string, RegExp]> = [
      ["You translate texts to German.", article, /cannot translate/],
      ["", "Translate to French: hello", /cannot translate/],
      ["", "Please write a Python function that sorts a list", /cannot write code/],
      ["You generate TypeScript code.", "a parser", /cannot write code/],
      ["", "Write a poem about the sea", /cannot write new text/]
    ]
    for (const [system, user, expected] of refused) {
      const error = yield* Effect.flip(call(system, user))
      assert.strictEqual(error.reason, "BadRequest")
      assert.match(error.message, expected)
      assert.match(error.message, /openai:|ollama:/)
    }
    const wanted = yield* Effect.flip(object({ type: "object", properties: { translation: { type: "string" } } }))
    assert.match(String(wanted), /cannot translate/)
  })
)

it.effect("a text about translation or code is only a text", () =>
  Effect.gen(function* () {
    yield* call(
      "Summarize.",
      "Translators translate books. They write code in Python. Machines translate too. It is fast."
    )
    yield* call("Summarize. Do not translate names.", article)
  })
)

it.effect("the same ask always gets the same reply", () =>
  Effect.gen(function* () {
    const other = yield* Offline.make
    const one = yield* call("Summarize and list keywords.", article)
    const two = yield* other.call(ask("Summarize and list keywords.", article), { idempotencyKey: "other" })
    assert.deepStrictEqual(one, two)
  })
)

it.effect("usage is counted and a reply longer than maxTokens is cut", () =>
  Effect.gen(function* () {
    const whole = yield* call("Summarize.", article)
    assert.strictEqual(whole.finish, "stop")
    assert.isAbove(whole.usage.input, whole.usage.output)
    assert.isAbove(whole.usage.output, 10)
    const cut: ModelReply = yield* call("Summarize.", article, { settings: { maxTokens: 6 } })
    assert.strictEqual(cut.finish, "length")
    assert.isAtMost(cut.usage.output, 6)
    assert.isTrue(whole.text.startsWith(cut.text))
  })
)

it.effect("odd texts end quickly and are answered well-formed", () =>
  Effect.gen(function* () {
    const odd = [
      "",
      " ",
      "\n\n",
      "!!!",
      "\ud800",
      "a".repeat(200_000),
      "ab1.".repeat(50_000),
      "😀".repeat(100_000),
      "w ".repeat(100_000)
    ]
    for (const text of odd) {
      const start = process.cpuUsage()
      const reply = yield* call("Summarize, keywords, sentiment.", text)
      assert.isTrue(reply.text.isWellFormed())
      assert.isBelow(process.cpuUsage(start).user / 1_000, 10_000)
      yield* object(
        {
          type: "object",
          required: ["summary", "title"],
          properties: { summary: { type: "string" }, title: { type: "string" } }
        },
        text
      )
    }
  })
)

it.effect("a text past the limit is refused", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(call("Summarize.", "word ".repeat(50_000)))
    assert.strictEqual(error.reason, "TooLong")
    assert.match(error.message, /249999 characters.*at most 200000/)
  })
)

it.effect("pictures and tools that must be called are beyond it, tools that may be called are not", () =>
  Effect.gen(function* () {
    const pictured = { messages: [{ role: "user", content: [{ _tag: "ImageUrl", url: "x" }] }] } as const
    assert.match((yield* Effect.flip(call("", "", pictured))).message, /cannot look at pictures/)
    const tools = [{ name: "news", description: "", jsonSchema: {} }]
    assert.match(
      (yield* Effect.flip(call("", article, { tools, toolChoice: "required" }))).message,
      /cannot call tools/
    )
    assert.strictEqual((yield* call("", article, { tools })).finish, "stop")
    const inParts = { messages: [{ role: "user", content: [{ _tag: "Text", text: article }] }] } as const
    assert.strictEqual((yield* call("", "", inParts)).text, (yield* call("", article)).text)
  })
)
