import { assert, describe, it } from "@effect/vitest"
import canonicalizeModule from "canonicalize"
import { Either, FastCheck as fc, Schema } from "effect"
import * as Json from "../../src/domain/Json.js"
import { runs } from "../Long.js"

// The package is CommonJS and its declaration says otherwise.
const canonicalize = canonicalizeModule as unknown as (value: unknown) => string | undefined
const check = (property: fc.IRawProperty<unknown>) => fc.assert(property, { numRuns: runs(1_000, 30_000) })
const json = (value: unknown): Json.Json => Either.getOrThrow(Json.fromUnknown(value))
const refusal = (value: unknown) =>
  Either.match(Json.fromUnknown(value), {
    onLeft: ({ at, reason }) => `${reason} ${at}`,
    onRight: (answer) => assert.fail(`taken as ${JSON.stringify(answer)}`)
  })
const bits = (hex: string) => {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(`0x${hex}`))
  return view.getFloat64(0)
}

describe("canonical text is RFC 8785", () => {
  it("numbers: appendix B", () => {
    const table = {
      "0000000000000000": "0",
      "8000000000000000": "0",
      "0000000000000001": "5e-324",
      "8000000000000001": "-5e-324",
      "7fefffffffffffff": "1.7976931348623157e+308",
      ffefffffffffffff: "-1.7976931348623157e+308",
      "4340000000000000": "9007199254740992",
      c340000000000000: "-9007199254740992",
      "4430000000000000": "295147905179352830000",
      "44b52d02c7e14af5": "9.999999999999997e+22",
      "44b52d02c7e14af6": "1e+23",
      "44b52d02c7e14af7": "1.0000000000000001e+23",
      "444b1ae4d6e2ef4e": "999999999999999700000",
      "444b1ae4d6e2ef4f": "999999999999999900000",
      "444b1ae4d6e2ef50": "1e+21",
      "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
      "3eb0c6f7a0b5ed8d": "0.000001",
      "41b3de4355555553": "333333333.3333332",
      "41b3de4355555554": "333333333.33333325",
      "41b3de4355555555": "333333333.3333333",
      "41b3de4355555556": "333333333.3333334",
      "41b3de4355555557": "333333333.33333343",
      becbf647612f3696: "-0.0000033333333333333333",
      "43143ff3c1cb0959": "1424953923781206.2"
    }
    for (const [hex, text] of Object.entries(table)) {
      assert.strictEqual(Json.canonical(json(bits(hex))), text, hex)
    }
    for (const hex of ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"]) {
      assert.strictEqual(refusal(bits(hex)), "NotFinite ")
    }
  })
  it("keys by UTF-16 code units: section 3.2.3", () => {
    const sample = JSON.parse(
      `{"\\u20ac": "Euro Sign", "\\r": "Carriage Return", "\\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\\ud83d\\ude00": "Emoji: Grinning Face", "\\u0080": "Control", "\\u00f6": "Latin Small Letter O With Diaeresis"}`
    )
    assert.deepStrictEqual(
      Object.values(
        JSON.parse(
          `[${Json.canonical(json(sample))
            .slice(1, -1)
            .replace(/"(?:[^"\\]|\\.)*":/g, "")}]`
        )
      ),
      [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh"
      ]
    )
  })
  it("the sample of section 3.2.2, as the bytes of section 3.2.4", () => {
    const sample = JSON.parse(
      `{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}`
    )
    const bytes =
      "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d"
    assert.strictEqual(Buffer.from(Json.canonical(json(sample))).toString("hex"), bytes)
  })
  it("as the canonicalize package writes it", () => {
    check(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        assert.strictEqual(Json.canonical(json(value)), canonicalize(value))
      })
    )
  })
  it("reading it back gives the value, and the order in which keys came does not matter", () => {
    check(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const given = json(value)
        const text = Json.canonical(given)
        assert.deepStrictEqual(JSON.parse(text), given)
        assert.strictEqual(Json.canonical(Either.getOrThrow(Json.parse(text))), text)
        assert.isTrue(Json.equals(given, reversed(given)))
      })
    )
  })
})

const reversed = (value: Json.Json): Json.Json => {
  if (Array.isArray(value)) return value.map(reversed)
  if (!Json.isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)])
  )
}

describe("what JSON cannot hold is refused, with its place", () => {
  class Point {
    readonly x = 1
  }
  const misfits: Readonly<Record<string, readonly [unknown, string]>> = {
    NaN: [{ a: [Number.NaN] }, "NotFinite /a/0"],
    infinity: [[1, { b: Number.POSITIVE_INFINITY }], "NotFinite /1/b"],
    "a lone surrogate": [{ a: "x\ud800" }, "LoneSurrogate /a"],
    "a lone low surrogate": ["\udc00", "LoneSurrogate "],
    "a key with a lone surrogate": [{ "a\ud800": 1 }, "LoneSurrogate /a\ufffd"],
    "a Date": [{ a: new Date(0) }, "NotPlain /a"],
    "a Map": [new Map([[1, 2]]), "NotPlain "],
    "a Set": [new Set([1]), "NotPlain "],
    "an instance of a class": [[new Point()], "NotPlain /0"],
    "a boxed number": [{ a: Object(1) }, "NotPlain /a"],
    "a regular expression": [/a/, "NotPlain "],
    "an error": [new Error("x"), "NotPlain "],
    bytes: [new Uint8Array(2), "NotPlain "],
    "a function": [{ a: () => 1 }, "NotPlain /a"],
    "a symbol": [Symbol("a"), "NotPlain "],
    "a bigint": [{ a: 1n }, "NotPlain /a"],
    "an absent value": [undefined, "NotPlain "],
    "a key with / and ~": [{ "a/b": { "~": 1n } }, "NotPlain /a~1b/~0"]
  }
  for (const [name, [value, expected]] of Object.entries(misfits)) {
    it(name, () => {
      assert.strictEqual(refusal(value), expected)
      assert.isFalse(Schema.is(Json.Json)(value))
    })
  }
  it("a value that contains itself is told from one that is merely deep", () => {
    const list: Array<unknown> = [0]
    list.push(list)
    assert.strictEqual(refusal(list), "Circular /1")
    const a: Record<string, unknown> = {}
    const b: Record<string, unknown> = { "up/~": a, no: 1 }
    a.down = b
    assert.strictEqual(refusal(a), "Circular /down/up~1~0")
    assert.match(refusal(nested(300)), /^TooDeep (\/0){256}$/)
  })
  it("a value that stands twice in another is no cycle", () => {
    const twice = { n: 1 }
    assert.deepStrictEqual(json([twice, { twice }]), [{ n: 1 }, { twice: { n: 1 } }])
  })
  it("depth: what is at the limit is taken, one more is not, and a million is no crash", () => {
    assert.strictEqual(Json.canonical(json(nested(Json.depthMax))), "[".repeat(256) + "]".repeat(256))
    assert.strictEqual(refusal(nested(Json.depthMax + 1)).slice(0, 8), "TooDeep ")
    for (const text of ["[".repeat(1e6) + "]".repeat(1e6), `${'{"a":'.repeat(1e5)}1${"}".repeat(1e5)}`]) {
      const answer = Json.parse(text)
      assert.isTrue(Either.isLeft(answer) && answer.left instanceof Json.NotJson && answer.left.reason === "TooDeep")
    }
  })
  it("an error of the value's own getter is the caller's, not a misfit", () => {
    const hostile = Object.defineProperty({}, "a", {
      enumerable: true,
      get: () => {
        throw new RangeError("mine")
      }
    })
    assert.throws(() => Json.fromUnknown(hostile), "mine")
  })
  it("each says in words what is wrong", () => {
    for (const reason of ["NotFinite", "LoneSurrogate", "NotPlain", "TooDeep", "Circular"] as const) {
      assert.match(new Json.NotJson({ at: "/a", reason }).message, /^the value at \/a .{10,}/)
      assert.match(new Json.NotJson({ at: "", reason }).message, /^the value .{10,}/)
    }
  })
})

const nested = (depth: number): unknown => {
  let value: Array<unknown> = []
  for (let i = 1; i < depth; i++) value = [value]
  return value
}

describe("what is made of a value on the way", () => {
  it("minus zero is zero", () => {
    assert.isTrue(Object.is((json({ a: -0 }) as { readonly a: number }).a, 0))
    assert.strictEqual(Json.canonical(-0), "0")
  })
  it("absent properties are dropped, holes of lists are null", () => {
    assert.deepStrictEqual(json({ a: undefined, b: 1 }), { b: 1 })
    const sparse: Array<unknown> = []
    sparse[2] = 1
    assert.deepStrictEqual(json(sparse), [null, null, 1])
    assert.deepStrictEqual(json([undefined]), [null])
  })
  it("an object without prototype is plain, and nothing inherited is taken", () => {
    assert.deepStrictEqual(json(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
    assert.strictEqual(Json.get({ a: 1 }, "constructor"), undefined)
    assert.strictEqual(Json.get([1], "length"), undefined)
    assert.strictEqual(Json.get(null, "a"), undefined)
    assert.strictEqual(Json.get({ a: 0 }, "a"), 0)
  })
  it("a key __proto__ is a key like any other, and no way to a prototype", () => {
    const text = '{"__proto__":{"admin":true},"a":[{"__proto__":1}]}'
    const value = Either.getOrThrow(Json.parse(text)) as Json.JsonObject
    assert.strictEqual(Json.canonical(value), text)
    assert.strictEqual(Object.getPrototypeOf(value), Object.prototype)
    assert.strictEqual((value as { readonly admin?: unknown }).admin, undefined)
    assert.deepStrictEqual(Json.get(value, "__proto__"), { admin: true })
    // Also where something beside it must be changed, so that the whole is copied.
    const copied = json(JSON.parse('{"__proto__":{"admin":-0},"n":-0}'))
    assert.strictEqual(Json.canonical(copied), '{"__proto__":{"admin":0},"n":0}')
    assert.strictEqual(Object.getPrototypeOf(copied), Object.prototype)
    assert.isFalse(Json.equals(value, json({ a: [{}] })))
  })
  it("what had to be changed is a copy, and what went in is left as it was", () => {
    const inner = { n: -0, gone: undefined }
    const out = json({ inner }) as { readonly inner: object }
    assert.notStrictEqual<object>(out.inner, inner)
    assert.isTrue(Object.is(inner.n, -0) && "gone" in inner)
  })
  it("anything at all gives a value or the typed refusal, and a value is its own value", () => {
    check(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
          withObjectString: true,
          withBoxedValues: true,
          withUnicodeString: true
        }),
        (value) => {
          const answer = Json.fromUnknown(value)
          if (Either.isRight(answer)) assert.deepStrictEqual(Json.fromUnknown(answer.right), answer)
          else assert.instanceOf(answer.left, Json.NotJson)
        }
      )
    )
  })
})

describe("reading text", () => {
  it("answers the parser's own error for what is not JSON", () => {
    for (const text of ["", "{", "{'a':1}", "[1,]", "NaN", "undefined", "\u0000"]) {
      const answer = Json.parse(text)
      assert.isTrue(Either.isLeft(answer) && answer.left instanceof SyntaxError, text)
    }
  })
  it("finds a lone surrogate behind an escape", () => {
    const answer = Json.parse('{"a":["\\ud800"]}')
    assert.isTrue(Either.isLeft(answer) && answer.left instanceof Json.NotJson && answer.left.at === "/a/0")
  })
})
