import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Json from "../../src/domain/Json.js"
import * as PlanJson from "../../src/plan/PlanJson.js"
import { check, parse, short } from "./Marked.js"
import { options } from "./Skills.js"

const bytes = (...parts: ReadonlyArray<string | ReadonlyArray<number>>): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...new TextEncoder().encode(part)] : part)))

const found = (text: string) => check(text).diagnostics.map(short)

const read = (given: Uint8Array) => {
  const result = Blueprint.parse({ path: "pipeline.yaml", bytes: given }, options)
  return Either.isRight(result) ? [] : result.left.map(short)
}

describe("bytes", () => {
  it("that are not UTF-8 are refused at the byte", () => {
    assert.deepStrictEqual(read(bytes("name: é\nsteps: ", [0xc3, 0x28])), ["FLJ-BLUEPRINT-1 2:8-2:9"])
    assert.deepStrictEqual(read(bytes("a", [0xe2, 0x82])), ["FLJ-BLUEPRINT-1 1:2-1:3"])
    assert.deepStrictEqual(read(bytes([0xff, 0xfe], "n")), ["FLJ-BLUEPRINT-1 1:1-1:2"])
    // Cut in a character, overlong, a surrogate.
    for (const wrong of [[0xf0, 0x9f, 0x98], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x80]]) {
      assert.deepStrictEqual(read(bytes("steps: x", wrong)), ["FLJ-BLUEPRINT-1 1:9-1:10"])
    }
  })

  it("may begin with a byte order mark, which moves no column", () => {
    assert.deepStrictEqual(read(bytes([0xef, 0xbb, 0xbf], "steps: [{ name: a }]")), [])
    assert.deepStrictEqual(read(bytes([0xef, 0xbb, 0xbf], "stops: [{ name: a }]")), ["FLJ-BLUEPRINT-15 1:1-1:6"])
  })

  it("are at most 1 MiB", () => {
    assert.deepStrictEqual(read(new Uint8Array(1024 * 1024 + 1).fill(35)), ["FLJ-BLUEPRINT-3 1:1-1:1"])
    assert.deepStrictEqual(read(bytes("steps: [{ name: a }]\n#", "x".repeat(1024 * 1024 - 30))), [])
  })

  it("hold no NUL", () => {
    assert.deepStrictEqual(read(bytes("steps: [{ name: a }]\n", [0], "\n")), ["FLJ-BLUEPRINT-2 2:1-2:2"])
  })
})

describe("a text", () => {
  it("of nothing is an empty file", () => {
    for (const text of ["", "\n\n", "# only a comment\n", "---\n", "   \n", "\t\n"]) {
      assert.deepStrictEqual(found(text), ["FLJ-BLUEPRINT-13 1:1-1:1"], JSON.stringify(text))
    }
  })

  it("of another kind than a map is refused as what it is", () => {
    const [scalar] = check("hello").diagnostics
    assert.strictEqual(scalar?.message, "a blueprint must be a map, and text was found")
    const [list] = check("- a\n- b\n").diagnostics
    assert.strictEqual(list?.message, "a blueprint must be a map, and a list was found")
    assert.strictEqual(check("null").diagnostics[0]?.message, "a blueprint must be a map, and nothing was found")
  })

  it("of two documents is refused at the second, also when that is empty", () => {
    assert.deepStrictEqual(found("steps: []\n---\n"), ["FLJ-BLUEPRINT-7 2:1-2:4"])
    assert.deepStrictEqual(found("---\nsteps: []\n---\na: [\n"), ["FLJ-BLUEPRINT-7 3:1-3:4"])
  })

  it("with braces that are not quoted is read on behind them", () => {
    const text = `steps:
  - name: a
    input: {{ x | upper }}
  - name: b
    inptu: {{ y }} and more
`
    assert.deepStrictEqual(found(text), [
      "FLJ-BLUEPRINT-14 3:12-3:27",
      "FLJ-BLUEPRINT-15 5:5-5:10",
      "FLJ-BLUEPRINT-14 5:12-5:19"
    ])
    const [first] = check(text).diagnostics
    assert.strictEqual(first?.hint, 'quote it: "{{ x | upper }}"')
    const [quoted] = check("steps: [{ name: a, input: {{ x['\"'] }} }]").diagnostics
    assert.strictEqual(quoted?.hint, "quote it: '{{ x[''\"''] }}'")
  })

  it("keeps the words of YAML 1.2: yes and on are text, true and 012 are not", () => {
    const blueprint = parse("steps: [{ name: a, input: [yes, on, off, True, 012, 0x1f, 0o17, ~, 1e2, 2024-01-01] }]")
    const root = PlanJson.toJson(Either.getOrThrow(blueprint).pipeline).root
    const words = ["yes", "on", "off", true, 12, 31, 15, null, 100, "2024-01-01"]
    assert.deepStrictEqual(Json.get(root, "input"), words)
  })

  it("shows the first fault of its syntax only", () => {
    assert.strictEqual(found("a: [1, 2\nb: }\nc: ]\nd: @\n").length, 1)
    assert.strictEqual(found("steps:\n  - name: a\n uses: b\n - x: y: z\n").length, 1)
  })
})

describe("limits", () => {
  const alphabet = "abcdefgh"
  const bomb = `name: &a [x,x,x,x,x,x,x,x,x]\n${Array.from(
    { length: 7 },
    (_, i) => `${alphabet[i + 1]}: &${alphabet[i + 1]} [${Array(9).fill(`*${alphabet[i]}`).join(",")}]\n`
  ).join("")}`
  const chain = Array.from({ length: 90 }, (_, i) => `k${i}: &k${i} ${i === 0 ? "x" : `[*k${i - 1}]`}\n`).join("")

  const cases: ReadonlyArray<readonly [name: string, text: string, code: string]> = [
    ["2 KB of [", "[".repeat(2048), "FLJ-BLUEPRINT-4"],
    ["1 MB of [", "[".repeat(1_000_000), "FLJ-BLUEPRINT-4"],
    ["1 MB of {", "{".repeat(1_000_000), "FLJ-BLUEPRINT-4"],
    ["deep blocks", Array.from({ length: 200 }, (_, i) => `${" ".repeat(i)}a:\n`).join(""), "FLJ-BLUEPRINT-4"],
    ["dashes", "- ".repeat(500_000), "FLJ-BLUEPRINT-5"],
    ["a few dashes", "- ".repeat(100), "FLJ-BLUEPRINT-4"],
    ["100,000 keys", Array.from({ length: 100_000 }, (_, i) => `k${i}: 1`).join("\n"), "FLJ-BLUEPRINT-3"],
    [
      "100,000 keys in a line",
      `{${Array.from({ length: 100_000 }, (_, i) => `${i.toString(36)}: `).join(",")}}`,
      "FLJ-BLUEPRINT-5"
    ],
    ["an alias bomb", bomb, "FLJ-BLUEPRINT-5"],
    ["a chain of aliases", chain, "FLJ-BLUEPRINT-4"],
    ["many aliases", `name: &a x\nsteps: [${"*a, ".repeat(101)}]`, "FLJ-BLUEPRINT-5"],
    ["many anchors", "&a ".repeat(300_000), "FLJ-BLUEPRINT-5"],
    ["many tags", "!!str ".repeat(150_000), "FLJ-BLUEPRINT-5"],
    ["many directives", "%FOO\n".repeat(40_000), "FLJ-BLUEPRINT-5"],
    ["many documents", "---\n".repeat(49_000), "FLJ-BLUEPRINT-7"],
    ["commas", `[${",".repeat(1_000_000)}]`, "FLJ-BLUEPRINT-5"],
    ["closing brackets", "]".repeat(1_000_000), "FLJ-BLUEPRINT-5"],
    ["closing braces in lists", "- }\n".repeat(40_000), "FLJ-BLUEPRINT-12"],
    ["question marks", "? ".repeat(500_000), "FLJ-BLUEPRINT-5"],
    ["keys that are nothing", ":\n".repeat(49_000), "FLJ-BLUEPRINT-17"],
    ["a key of 1 MB", `${"a".repeat(1_000_000)}: 1`, "FLJ-BLUEPRINT-12"],
    ["quotes", '"'.repeat(1_000_000), "FLJ-BLUEPRINT-5"],
    ["braces without quotes", "a: {{ x }}\n".repeat(9_000), "FLJ-BLUEPRINT-14"],
    [
      "unknown keys",
      `steps: []\n${Array.from({ length: 20_000 }, (_, i) => `stepx${i}: 1\n`).join("")}`,
      "FLJ-BLUEPRINT-15"
    ],
    [
      "dedents",
      `${Array.from({ length: 60 }, (_, i) => `${" ".repeat(i)}a:\n`).join("")}${"x\n".repeat(20_000)}`,
      "FLJ-BLUEPRINT-12"
    ]
  ]
  for (const [name, text, code] of cases) {
    it(`hold against ${name}`, () => {
      // Processor time, so that a busy machine does not matter.
      const before = process.cpuUsage()
      const { diagnostics } = check(text)
      const { system, user } = process.cpuUsage(before)
      assert.isBelow((user + system) / 1000, 1_500)
      assert.include(
        diagnostics.map((one) => one.code),
        code
      )
      assert.isAtMost(diagnostics.length, 201)
    })
  }

  it("leave room for 2,000 steps", () => {
    const step = (i: number) => `  - kind: step
    name: s${i}
    skill: flujo.builtins.stringify
    input: "{{ previous_step }} and so on"
    sink_to: x${i}
    config: { timeout: 30s, max_retries: 2 }
`
    const text = `steps:\n${Array.from({ length: 2_000 }, (_, i) => step(i)).join("")}`
    assert.isTrue(Either.isRight(parse(text)))
  })

  it("count what aliases repeat only once they are repeated", () => {
    const text = "steps: [{ name: a, input: { x: &x [1, 2, 3], y: [*x, *x, *x] } }]"
    assert.deepStrictEqual(found(text), [])
  })
})
