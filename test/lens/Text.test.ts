import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as Text from "../../src/lens/Text.js"
import * as Redaction from "../../src/redaction/Redaction.js"
import * as Long from "../Long.js"

const options: Text.Options = {
  redaction: Redaction.make(),
  color: false,
  width: 20,
  previewLength: 40,
  verbose: false
}

describe("width", () => {
  it("counts columns: wide characters two, marks none", () => {
    const widths = {
      abc: 3,
      zażółć: 6,
      漢字: 4,
      한글: 4,
      "🎉": 2,
      "👩‍👩‍👧": 2,
      "🇵🇱": 2,
      "e\u0301": 1,
      "✓": 1,
      "": 0,
      ﾊﾝ: 2,
      ＡＢ: 4
    }
    for (const [text, columns] of Object.entries(widths)) assert.strictEqual(Text.width(text), columns, text)
  })

  it("of what was taken is never more than asked, and nothing is taken apart", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat({ max: 30 }), (text, columns) => {
        const taken = Text.take(text, columns)
        assert.isAtMost(Text.width(taken), columns)
        assert.isTrue(text.startsWith(taken))
        assert.isTrue(taken.isWellFormed() || !text.isWellFormed())
      }),
      { numRuns: Long.runs(300, 10_000) }
    )
  })
})

describe("a line", () => {
  it("is never wider than the terminal, with colour or without", () => {
    const spans = fc.array(
      fc.record({ text: fc.string({ unit: "grapheme" }), style: fc.constantFrom("plain", "red", "dim") }),
      { maxLength: 5 }
    )
    fc.assert(
      fc.property(spans, fc.integer({ min: 1, max: 40 }), (given, width) => {
        const safe = given.map(({ style, text }) => Text.foreign(text, options, style as Text.Style))
        const plain = Text.line(safe, { ...options, width })
        const colored = Text.line(safe, { ...options, width, color: true })
        assert.isAtMost(Text.width(plain), width)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of them.
        assert.strictEqual(colored.replace(/\u001b\[\d+m/g, "").trimEnd(), plain)
      }),
      { numRuns: Long.runs(300, 10_000) }
    )
  })

  it("says where something was left out", () => {
    assert.strictEqual(Text.line([Text.span("12345"), Text.span("678")], { ...options, width: 8 }), "12345678")
    assert.strictEqual(Text.line([Text.span("12345"), Text.span("6789")], { ...options, width: 8 }), "1234567…")
    assert.strictEqual(Text.line([Text.span("123456789")], { ...options, width: 8, ascii: true }), "12345...")
    assert.strictEqual(Text.line([Text.span("漢字漢字漢字")], { ...options, width: 8 }), "漢字漢…")
  })

  it("ends every colour that it began", () => {
    const line = Text.line([Text.span("12345678", "red"), Text.span("90", "green")], {
      ...options,
      width: 6,
      color: true
    })
    assert.strictEqual(line, "\u001b[31m12345\u001b[0m…")
  })
})

describe("values", () => {
  it("stand on one line, masked and cut after masking", () => {
    const key = "sk-proj-abcdefghijklmnopqrstuvwxyz"
    assert.strictEqual(Text.value({ a: `x\n${key}` }, options).text, '{"a":"x\\n[redacted]"}')
    assert.strictEqual(Text.value({ password: "p" }, options).text, '{"password":"[redacted]"}')
    assert.strictEqual(Text.foreign(`${"x".repeat(35)} ${key}`, options).text, `${"x".repeat(35)} [re…`)
  })

  it("of errors are said by tag and words", () => {
    const said = (error: Parameters<typeof Text.failure>[0]) => Text.failure(error, options).text
    assert.strictEqual(said({ _tag: "Rejected", path: "a", reason: "too long" }), "Rejected: too long")
    assert.strictEqual(said({ _tag: "StepTimedOut", path: "a", millis: 50 }), "StepTimedOut: millis 50")
    assert.strictEqual(said({ _tag: "Gone" }), "Gone")
    assert.strictEqual(said("just text"), "just text")
    assert.strictEqual(said({ code: 3 }), '{"code":3}')
    assert.strictEqual(said(null), "null")
    assert.strictEqual(said({ _tag: "Auth", token: "abc" }), "Auth: token [redacted]")
  })
})

describe("JSON text", () => {
  it("has nothing that a terminal obeys, and reads back as it was", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const text = Text.jsonText(value as never, 2)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
        assert.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/)
        assert.deepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)))
      }),
      { numRuns: Long.runs(300, 10_000) }
    )
    assert.strictEqual(Text.jsonText("ż 漢 \u{e0041}\u009b"), '"ż 漢 \\udb40\\udc41\\u009b"')
  })
})

it("durations and counts are said in words", () => {
  const durations = {
    0: "0 ms",
    999: "999 ms",
    1000: "1.0 s",
    59900: "59.9 s",
    59960: "1 min",
    125000: "2 min 5 s",
    3599600: "1 h",
    3720000: "1 h 2 min",
    86400000: "1 d",
    273600000: "3 d 4 h"
  }
  for (const [millis, text] of Object.entries(durations)) assert.strictEqual(Text.duration(Number(millis)), text)
  assert.strictEqual(Text.grouped(1234567), "1,234,567")
  assert.strictEqual(Text.grouped(999), "999")
  assert.strictEqual(Text.tokens(1), "1 token")
  assert.strictEqual(Text.instant(0), "1970-01-01 00:00:00Z")
  assert.strictEqual(Text.instant(Number.NaN), "?")
})
