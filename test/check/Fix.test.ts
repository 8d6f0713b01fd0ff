import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Diff from "../../src/check/Diff.js"
import * as Fix from "../../src/check/Fix.js"
import * as Plan from "../../src/plan/Plan.js"
import { check } from "./Checked.js"

const fix = (text: string) => Fix.fix(text, (text) => check(text).diagnostics)
const digest = (text: string) => {
  const { blueprint } = check(text)
  return blueprint === undefined ? undefined : Plan.make(blueprint.pipeline).digest
}

const sound = `# A comment that stays.
version: "0.1"
name: review

agents:
  writer:
    model: "openai:gpt-4o"   # and one more
    system_prompt: "Write."
    model_settings: { temperature: 0.5 }
    output_schema:
      type: object
      properties:
        text: { type: string }
      required: [text]

steps:
  - kind: step
    name: draft
    uses: agents.writer
    input: "{{ input | upper }}"
    config: { timeout: 30s, max_retries: 2 }

  - kind: loop
    name: polish
    loop:
      body: { name: better, uses: agents.writer, input: "{{ previous_step }}" }
      max_loops: 3
      on_max: continue

  - name: shorten
    skill: acme.shout
    input: "{{ steps.draft.text }}"

  - name: keep
    skill: flujo.builtins.write_file
    params: { path: a.txt, content: "{{ steps.polish.text }}" }
    sink_to: kept
`

/** What was written wrong for what. */
const slips: ReadonlyArray<readonly [right: string, wrong: string]> = [
  ['version: "0.1"', 'version: "0.2"'],
  ['version: "0.1"', "version: 1.0"],
  ["\nname: review", "\nnam: review"],
  ["system_prompt:", "system_promt:"],
  ["model_settings:", "model_setings:"],
  ["temperature:", "temprature:"],
  ["output_schema:", "ouput_schema:"],
  ["properties:", "propertis:"],
  ["type: string", "type: strng"],
  ["type: object", "type: objct"],
  ["kind: loop", "kind: lop"],
  ["uses: agents.writer\n", "uses: agents.writr\n"],
  ["uses: agents.writer,", "uses: agents.wirter,"],
  ['"{{ input | upper }}"', "{{ input | upper }}"],
  ['"{{ input | upper }}"', '"{{ input | uper }}"'],
  ["timeout: 30s", "timeot: 30s"],
  ["max_retries:", "max_retires:"],
  ["max_loops:", "max_loop:"],
  ["on_max:", "on_mx:"],
  ["on_max: continue", "on_max: contine"],
  ["skill: acme.shout", "skill: acme.shot"],
  ["skill: flujo.builtins.write_file", "skill: flujo.builtins.wite_file"],
  ["content:", "contnt:"],
  ["sink_to:", "sink_too:"],
  ["body:", "bdy:"],
  ['    input: "{{ steps.draft.text }}"', '    inptu: "{{ steps.draft.text }}"']
]

describe("repairs", () => {
  it("the text to be broken is sound", () => {
    assert.deepStrictEqual(check(sound).diagnostics, [])
  })

  for (const [right, wrong] of slips) {
    it(`${JSON.stringify(wrong)} is put right, and nothing else is touched`, () => {
      const broken = sound.replace(right, wrong)
      assert.notStrictEqual(broken, sound)
      assert.isUndefined(digest(broken))
      const { repaired, text } = fix(broken)
      assert.strictEqual(text, sound.replace("version: 1.0", 'version: "0.1"'))
      assert.strictEqual(digest(text), digest(sound))
      assert.isAbove(repaired.length, 0)
    })
  }

  it("any of the slips together are put right", () => {
    fc.assert(
      fc.property(fc.subarray([...slips.keys()]), (chosen) => {
        let broken = sound
        for (const index of chosen) broken = broken.replace(slips[index]![0], slips[index]![1])
        assert.strictEqual(digest(fix(broken).text), digest(sound))
      }),
      { numRuns: 100 }
    )
  })

  it("one that hides two others is put right with them", () => {
    let broken = sound
    for (const index of [10, 18, 24]) broken = broken.replace(slips[index]![0], slips[index]![1])
    assert.strictEqual(fix(broken).text, sound)
  })

  it("a sound text stays as it is", () => {
    assert.deepStrictEqual(fix(sound), { text: sound, repaired: [] })
  })

  it("a field of a text is left out where the text itself was meant", () => {
    const text = `agents:\n  w: { model: "a:b", system_prompt: x }\nsteps:\n  - { name: a, uses: agents.w }\n  - { name: b, input: "So: {{ previous_step.output | upper }}!" }\n`
    assert.strictEqual(fix(text).text, text.replace(".output", ""))
    assert.deepStrictEqual(check(fix(text).text).diagnostics, [])
  })

  it("the second of two steps gets a name, unless somebody speaks of it", () => {
    const twice = `agents:\n  w: { model: "a:b", system_prompt: x }\nsteps:\n  - { name: a, uses: agents.w }\n  - { name: a, uses: agents.w }\n`
    assert.strictEqual(fix(twice).text, `${twice.slice(0, twice.lastIndexOf("name: a"))}name: a_2, uses: agents.w }\n`)
    const spoken = `${twice}  - { name: b, input: "{{ steps.a }}" }\n`
    assert.strictEqual(fix(spoken).text, spoken)
  })

  it("a key that is there already is not made twice", () => {
    const text = "steps:\n  - name: a\n    nmae: b\n"
    assert.strictEqual(fix(text).text, text)
  })

  it("a repair that does not help, or makes another error, is taken back", () => {
    const [finding] = check("steps:\n  - nmae: a\n").diagnostics
    const text = "steps:\n  - nmae: a\n"
    assert.isDefined(finding?.repair)
    assert.deepStrictEqual(
      Fix.fix(text, () => [finding!]),
      { text, repaired: [] }
    )
    const other = { ...finding!, code: "V-A6", message: "another", repair: undefined }
    const worse = (now: string) => (now === text ? [finding!] : [other, { ...other, message: "and one more" }])
    assert.deepStrictEqual(Fix.fix(text, worse), { text, repaired: [] })
  })

  it("what only a person can decide is left alone", () => {
    for (const text of ["steps:\n  - { name: a, frobnicate: 1 }\n", "steps:\n", "steps: [", ""]) {
      assert.deepStrictEqual(fix(text), { text, repaired: [] })
    }
  })
})

describe("a diff", () => {
  it("says what patch needs to make the one text of the other", () => {
    const folder = mkdtempSync(join(tmpdir(), "flujo-diff-"))
    const file = join(folder, "a.txt")
    const line = fc.constantFrom("a", "b", "c", "  d", "")
    const texts = fc.tuple(
      fc.array(line, { maxLength: 30 }),
      fc.array(line, { maxLength: 30 }),
      fc.boolean(),
      fc.boolean()
    )
    const hasPatch = spawnSync("patch", ["--version"]).status === 0
    try {
      fc.assert(
        fc.property(texts, ([before, after, endsA, endsB]) => {
          const a = before.join("\n") + (endsA && before.length > 0 ? "\n" : "")
          const b = after.join("\n") + (endsB && after.length > 0 ? "\n" : "")
          const diff = Diff.unified("a.txt", a, b)
          if (a === b) {
            assert.strictEqual(diff, "")
            return
          }
          assert.strictEqual(applied(a, diff), b)
          if (!hasPatch) return
          writeFileSync(file, a)
          const done = spawnSync("patch", ["-s", file], { input: `${diff}\n` })
          assert.strictEqual(done.status, 0, `${done.stdout}${done.stderr}\n${diff}`)
          assert.strictEqual(b === "" ? "" : readFileSync(file, "utf8"), b, diff)
        }),
        { numRuns: 150 }
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("shows three lines around a change, and what is far apart apart", () => {
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i}\n`)
    const after = lines.map((text, i) => (i === 2 || i === 25 ? `new ${i}\n` : text))
    const diff = Diff.unified("p.yaml", lines.join(""), after.join(""))
    assert.deepStrictEqual(diff.match(/^@@.*$/gm), ["@@ -1,6 +1,6 @@", "@@ -23,7 +23,7 @@"])
  })
})

/** A diff of this form applied by hand. */
const applied = (before: string, diff: string): string => {
  const source = before.match(/[^\n]*\n|[^\n]+$/g) ?? []
  let out = ""
  let at = 0
  const lines = diff.split("\n").slice(2)
  for (const [i, line] of lines.entries()) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? /.exec(line)
    if (hunk !== null) {
      const start = hunk[2] === "0" ? Number(hunk[1]) : Number(hunk[1]) - 1
      out += source.slice(at, start).join("")
      at = start
    } else if (!line.startsWith("\\")) {
      const end = lines[i + 1]?.startsWith("\\") === true ? "" : "\n"
      if (line.startsWith("+")) out += line.slice(1) + end
      else {
        assert.strictEqual(source[at], line.slice(1) + end)
        if (line.startsWith(" ")) out += line.slice(1) + end
        at++
      }
    }
  }
  return out + source.slice(at).join("")
}
