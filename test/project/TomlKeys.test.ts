import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Toml from "smol-toml"
import * as TomlKeys from "../../src/project/TomlKeys.js"

const shown = (text: string) =>
  TomlKeys.keys(text).map(
    ({ column, isHeader, line, path }) => `${line}:${column} ${isHeader ? "# " : ""}${path.join("/")}`
  )

describe("keys of a TOML document", () => {
  it("are found past values of every kind", () => {
    const text = [
      "# [no]",
      'a = "x = [1] # \\" b = 2"',
      "  b.c = 'it # = [' # [no]",
      'd = """',
      "[no]",
      'no = 1 \\""" no = 2"""',
      "e = '''",
      "no = 1''''",
      "f = [ # [no]",
      '  "]", [1, 2],',
      "  { no = 1 }",
      "]",
      "g = { no = { no = [",
      "] } }",
      "\"h i\".'j' = 2024-01-01",
      "",
      " [ k . 'l' ] # [no]",
      "m=1",
      "[[n]]",
      "o = -1.5e3"
    ].join("\n")
    Toml.parse(text)
    assert.deepStrictEqual(shown(text), [
      "2:1 a",
      "3:3 b/c",
      "4:1 d",
      "7:1 e",
      "9:1 f",
      "13:1 g",
      "15:1 h i/j",
      "17:2 # k/l",
      "18:1 k/l/m",
      "19:1 # n",
      "20:1 n/o"
    ])
  })

  it("are found with lines that end in any way", () => {
    assert.deepStrictEqual(shown("\ufeffa = 1\r\n\r\n[b]\r\nc = 2"), ["1:1 a", "3:1 # b", "4:1 b/c"])
  })

  it("a place inside a value is where its key stands", () => {
    const keys = TomlKeys.keys("\na = { b = 1 }\n")
    assert.deepInclude(TomlKeys.find(keys, ["a", "b"]), { line: 2, column: 1 })
    assert.deepInclude(TomlKeys.find(keys, ["z"]), { line: 1, column: 1 })
  })

  it("any text is read to its end", () => {
    const pieces = FastCheck.constantFrom(
      "a",
      "=",
      ".",
      "[",
      "]",
      "{",
      "}",
      '"',
      "'",
      '"""',
      "'''",
      "\\",
      "\n",
      "#",
      " "
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(pieces, { maxLength: 40 }), (parts) => {
        TomlKeys.keys(parts.join(""))
      }),
      { numRuns: 2000 }
    )
  })
})
