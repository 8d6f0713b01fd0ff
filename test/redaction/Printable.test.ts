import { assert, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { excerpt, printable } from "../../src/redaction/Printable.js"

it("control characters and terminal escapes are written out", () => {
  assert.strictEqual(printable("\u001b[31mred\u001b[0m"), "\\x1b[31mred\\x1b[0m")
  assert.strictEqual(printable("a\rb\u0007\u0000\u007f\u009b2J"), "a\\rb\\x07\\x00\\x7f\\x9b2J")
  assert.strictEqual(printable("\u001b]8;;http://evil\u0007link"), "\\x1b]8;;http://evil\\x07link")
})

it("what reorders or hides text is written out", () => {
  assert.strictEqual(
    printable("a\u202eb\u2066c\u2069\u200f\ufeff\u2028\u061c"),
    "a\\u202eb\\u2066c\\u2069\\u200f\\ufeff\\u2028\\u061c"
  )
  assert.strictEqual(printable("x\u{e0041}y\ud800"), "x\\u{e0041}y\\ud800")
})

it("line feeds, tabs, letters of all scripts and emoji stay", () => {
  const text = "a\n\tb é ñ 漢字 עברית عربى 👩‍👩‍👧 می‌خواهم"
  assert.strictEqual(printable(text), text)
})

it("no control character is left, and a second pass changes nothing", () => {
  const units = fc.oneof(
    fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    fc.string({ unit: "binary" })
  )
  fc.assert(
    fc.property(
      fc.array(units).map((parts) => parts.join("")),
      (given) => {
        const shown = printable(given)
        assert.notMatch(shown, /(?![\n\t])[\p{Cc}\p{Bidi_Control}\p{Surrogate}]/u)
        assert.strictEqual(printable(shown), shown)
      }
    ),
    { numRuns: 2_000 }
  )
})

it("an excerpt is one line of at most so many characters", () => {
  assert.strictEqual(excerpt("  <html>\n\n  <body>\u001b ", 80), "<html> <body>\\x1b")
  assert.strictEqual(excerpt("abcdef", 4), "abc…")
  assert.strictEqual(excerpt("abcd", 4), "abcd")
  assert.isAtMost(excerpt("\u0000".repeat(1_000_000), 80).length, 80)
  assert.isTrue(excerpt("😀😀😀😀", 4).isWellFormed())
})
