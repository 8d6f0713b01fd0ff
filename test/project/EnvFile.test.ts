import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as EnvFile from "../../src/project/EnvFile.js"

const values = (text: string) =>
  Either.match(EnvFile.parse(text), {
    onLeft: (error) => error.message,
    onRight: (variables) => Object.fromEntries(Array.from(variables, ([name, { value }]) => [name, value]))
  })
const lines = (text: string) =>
  Object.fromEntries(Array.from(Either.getOrThrow(EnvFile.parse(text)), ([name, { line }]) => [name, line]))

describe("environment files", () => {
  it("reads names and values in every form", () => {
    const text = [
      "# a comment",
      "",
      "A=1",
      "export B = two words  ",
      "C='single # \\n $X'",
      'D="double \\"q\\" \\n\\t\\\\ \\$ \\x"',
      "E=bare # comment",
      "F=a#b",
      "G=",
      'H="" # empty',
      "I=a=b==",
      "  J=indented",
      "K.L-M=dotted",
      "A=last"
    ].join("\n")
    assert.deepStrictEqual(values(text), {
      A: "last",
      B: "two words",
      C: "single # \\n $X",
      D: 'double "q" \n\t\\ $ \\x',
      E: "bare",
      F: "a#b",
      G: "",
      H: "",
      I: "a=b==",
      J: "indented",
      "K.L-M": "dotted"
    })
  })

  it("quotes go over lines, and lines are still counted", () => {
    const text = "A='one\n# two\nthree'\nB=\"x\n\ny\" # c\nC=1\n"
    assert.deepStrictEqual(values(text), { A: "one\n# two\nthree", B: "x\n\ny", C: "1" })
    assert.deepStrictEqual(lines(text), { A: 1, B: 4, C: 7 })
    assert.deepStrictEqual(lines(text.replaceAll("\n", "\r\n")), { A: 1, B: 4, C: 7 })
    assert.deepStrictEqual(values("A=1\r\nB='x\r\ny'\r\n"), { A: "1", B: "x\ny" })
  })

  it("says where it is wrong without showing what is there", () => {
    const secret = "hunter2"
    const wrong = {
      [`A=1\n${secret}`]: 2,
      [`1${secret}=x`]: 1,
      [`${secret}+/==`]: 1,
      [`A='${secret}\nB=1`]: 1,
      [`A="${secret}\\"`]: 1,
      [`\nA='x' ${secret}`]: 2,
      [`A=x\0${secret}`]: 1,
      [`A='x\0${secret}'`]: 1,
      [`=${secret}`]: 1
    }
    for (const [text, line] of Object.entries(wrong)) {
      const parsed = EnvFile.parse(text)
      assert.isTrue(Either.isLeft(parsed), text)
      if (Either.isRight(parsed)) continue
      assert.strictEqual(parsed.left.reason, "Syntax")
      assert.strictEqual(parsed.left.line, line, text)
      assert.notInclude(JSON.stringify(parsed.left) + parsed.left.message, secret)
    }
  })

  it("what is quoted comes back as it was", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string(), (value) => {
        const escaped = value.replace(/[\\"]/g, "\\$&")
        assert.deepStrictEqual(values(`A="${escaped}"\nB=1`), { A: value, B: "1" })
      }),
      { numRuns: 500 }
    )
  })
})
