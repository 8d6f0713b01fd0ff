import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as CodeAllowed from "../../src/project/CodeAllowed.js"

describe("files that may be loaded as code", () => {
  it("are those directly in skills/, but no declarations, tests and hidden files", () => {
    const allowed = (file: string) => CodeAllowed.allows([], file)
    for (const file of ["skills/a.ts", "skills/a.mjs", "skills/a.b.ts"]) assert.isTrue(allowed(file), file)
    for (const file of [
      "skills/deep/a.ts",
      "skills/a.d.ts",
      "skills/a.test.ts",
      "skills/.a.ts",
      "skills/a.json",
      "skills",
      "other/skills/a.ts",
      "a.ts"
    ]) {
      assert.isFalse(allowed(file), file)
    }
  })

  it("are those that a pattern names", () => {
    const cases: ReadonlyArray<readonly [pattern: string, file: string, fits: boolean]> = [
      ["lib/a.ts", "lib/a.ts", true],
      ["lib/a.ts", "lib/b.ts", false],
      ["lib/*.ts", "lib/a.ts", true],
      ["lib/*.ts", "lib/deep/a.ts", false],
      ["lib/*", "lib/a.json", false],
      ["lib/**", "lib/deep/er/a.ts", true],
      ["lib/**", "lib2/a.ts", false],
      ["**/*.flow.ts", "a.flow.ts", true],
      ["**/*.flow.ts", "x/y/a.flow.ts", true],
      ["**/*.flow.ts", "x/y/a.flow.js", false],
      ["a/**/b/**/c.ts", "a/b/c.ts", true],
      ["a/**/b/**/c.ts", "a/x/b/y/z/c.ts", true],
      ["a/**/b/**/c.ts", "a/x/c.ts", false],
      ["lib/a*b*c.ts", "lib/abc.ts", true],
      ["lib/a*b*c.ts", "lib/ac.ts", false],
      ["lib/ab*ba.ts", "lib/aba.ts", false]
    ]
    for (const [pattern, file, fits] of cases) {
      assert.strictEqual(CodeAllowed.allows([pattern], file), fits, `${pattern} ${file}`)
    }
  })

  it("a pattern fits what is made of it by putting names in the place of its stars", () => {
    const name = FastCheck.string({ unit: FastCheck.constantFrom("a", "b", "."), minLength: 1, maxLength: 4 })
    const part = FastCheck.array(FastCheck.oneof(name, FastCheck.constant("*")), { minLength: 1, maxLength: 3 })
    const parts = FastCheck.array(FastCheck.oneof(part, FastCheck.constant(["**"])), { minLength: 1, maxLength: 4 })
    FastCheck.assert(
      FastCheck.property(parts, FastCheck.infiniteStream(name), (parts, names) => {
        const next = () => names.next().value as string
        const pattern = `${parts.map((part) => part.join("").replaceAll(/\*{2,}(?!$)|(?<!^)\*{2,}/g, "*")).join("/")}/x.ts`
        if (CodeAllowed.wrong(pattern) !== undefined) return
        const file = pattern
          .split("/")
          .flatMap((part) => (part === "**" ? [next(), next()] : [part.replaceAll("*", next)]))
          .join("/")
        assert.isTrue(CodeAllowed.allows([pattern], file), `${pattern} ${file}`)
      })
    )
  })

  it("patterns that lead out of the project are refused", () => {
    for (const pattern of [
      "/etc/x.ts",
      "../x.ts",
      "a/../b.ts",
      "C:/x.ts",
      "a\\b.ts",
      "a//b.ts",
      "",
      "./a.ts",
      "a**/b.ts"
    ]) {
      assert.isDefined(CodeAllowed.wrong(pattern), pattern)
    }
    assert.isUndefined(CodeAllowed.wrong("a/**/b*.ts"))
  })
})
