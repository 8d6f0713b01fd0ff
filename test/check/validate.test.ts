import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const bin = resolve(import.meta.dirname, "../../dist/bin/flujo.js")

let folder = ""
const put = (name: string, text: string): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}
const flujo = (...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [bin, "validate", ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: folder },
    input: ""
  })
  return { status, stderr, stdout }
}
const json = (...args: ReadonlyArray<string>) => JSON.parse(flujo("--format", "json", ...args).stdout)

const good = 'steps:\n  - { name: one, input: "Hi {{ input }}" }\n'
const bad = "steps:\n  - nmae: one\n"
const warned = "steps:\n  - { name: nothing }\n  - { kind: hitl, name: ask }\n"

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "flujo-validate-"))
  put("flujo.toml", "")
  put("pipeline.yaml", good)
  put("sub/deep/warned.yml", warned)
  put("sub/bad.yaml", bad)
  put("compose.yaml", "services: {}\n")
  put("node_modules/x/bad.yaml", bad)
  put(".hidden/bad.yaml", bad)
  symlinkSync(folder, join(folder, "sub/again"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("which files", () => {
  it("without a name: all blueprints of the project, and no others", () => {
    const { files, is_valid } = json()
    assert.isFalse(is_valid)
    assert.deepStrictEqual(
      files.map(({ path }: { path: string }) => path),
      ["pipeline.yaml", "sub/bad.yaml", "sub/deep/warned.yml"]
    )
  })

  it("a folder: those below it; a file: just that, whatever it is called", () => {
    assert.strictEqual(json("sub/deep").path, "sub/deep/warned.yml")
    assert.isFalse(json("compose.yaml").is_valid)
    assert.lengthOf(json("sub", "sub/bad.yaml").files, 2)
  })

  it("a folder without a blueprint, or no such file, is said", () => {
    put("empty/x.txt", "")
    for (const name of ["empty", "none.yaml"]) assert.strictEqual(flujo(name).status, 2, name)
  })
})

describe("how it ends", () => {
  it("4 where there is an error, 0 where there are only warnings", () => {
    assert.strictEqual(flujo("pipeline.yaml").status, 0)
    assert.strictEqual(flujo("sub/bad.yaml").status, 4)
    assert.strictEqual(flujo("sub/deep").status, 0)
  })

  it("as --fail-on-warn and --no-strict say", () => {
    assert.strictEqual(flujo("sub/deep", "--fail-on-warn").status, 4)
    assert.strictEqual(flujo("sub/bad.yaml", "--no-strict").status, 0)
    assert.strictEqual(flujo("sub/bad.yaml", "--strict").status, 4)
    assert.strictEqual(flujo("--strict", "--no-strict").status, 2)
  })
})

describe("rules", () => {
  it("of flujo.toml hold, and those of a file before them", () => {
    put("flujo.toml", 'rules.V-A1 = "error"\n')
    assert.strictEqual(flujo("sub/deep").status, 4)
    put("off.toml", '[rules]\n"V-*" = "off"\nV-A1 = "off"\n')
    assert.deepStrictEqual(json("sub/deep", "--rules", "off.toml").warnings, [])
    assert.strictEqual(flujo("sub/deep", "--rules", "off.toml").status, 0)
    put("flujo.toml", "")
  })

  it("that are none are refused, with their place", () => {
    for (const text of ['rules.V-A11 = "off"', 'rules.V-A1 = "loud"', "rules = 1", 'rules.FLJ-BLUEPRINT-15 = "off"']) {
      put("flujo.toml", text)
      const { status, stderr } = flujo()
      assert.strictEqual(status, 2, text)
      assert.include(stderr, "flujo.toml:1", text)
    }
    put("flujo.toml", "")
    put("state.toml", 'state_uri = "memory://"\n')
    assert.strictEqual(flujo("--rules", "state.toml").status, 2)
    assert.strictEqual(flujo("--rules", "none.toml").status, 2)
  })
})

describe("a baseline", () => {
  it("is written, then hides what is in it, and only that", () => {
    assert.strictEqual(flujo("--baseline", "b.json", "--update-baseline").status, 0)
    const again = flujo("--baseline", "b.json")
    assert.strictEqual(again.status, 0)
    assert.include(again.stdout, "nothing new, 1 in the baseline")
    put("sub/new.yaml", bad)
    const more = json("--baseline", "b.json")
    assert.deepStrictEqual(more.baseline, { new: 1, known: 2, gone: 0 })
    assert.strictEqual(flujo("--baseline", "b.json").status, 4)
    rmSync(join(folder, "sub/new.yaml"))
  })

  it("must be there and be one, and must be named to be written", () => {
    put("no.json", "{}")
    assert.strictEqual(flujo("--baseline", "none.json").status, 2)
    assert.strictEqual(flujo("--baseline", "no.json").status, 2)
    assert.strictEqual(flujo("--update-baseline").status, 2)
  })
})

describe("--fix", () => {
  it("with --dry-run shows a diff and changes nothing; without it changes the file", () => {
    put("fix/broken.yaml", bad)
    const shown = flujo("fix", "--fix", "--dry-run")
    assert.strictEqual(shown.status, 4)
    assert.include(shown.stdout, "-  - nmae: one\n+  - name: one\n")
    assert.strictEqual(readFileSync(join(folder, "fix/broken.yaml"), "utf8"), bad)
    const fixed = json("fix", "--fix")
    assert.isTrue(fixed.is_valid)
    assert.strictEqual(fixed.fixes.total, 1)
    assert.strictEqual(readFileSync(join(folder, "fix/broken.yaml"), "utf8"), bad.replace("nmae", "name"))
    assert.strictEqual(flujo("--dry-run").status, 2)
  })

  it("leaves a byte order mark where it stands", () => {
    put("marked/broken.yaml", `\ufeff${bad}`)
    assert.isTrue(json("marked", "--fix").is_valid)
    assert.strictEqual(readFileSync(join(folder, "marked/broken.yaml"), "utf8"), `\ufeff${bad.replace("nmae", "name")}`)
  })
})

describe("what is imported", () => {
  const takesObject =
    "name: b\ninput_schema: { type: object, properties: { x: { type: string } }, required: [x] }\nsteps: [{ name: s }]\n"
  const user = (given: string) => `imports: { b: ./sub/b.yaml }\nsteps:\n  - { name: d, uses: imports.b${given} }\n`

  beforeAll(() => {
    put("uses/sub/b.yaml", takesObject)
    put("uses/e.yaml", user(', input: "text"'))
  })

  it("what it is given wrongly is a finding of the file that gives it, at the input, in every format", () => {
    for (const named of ["uses", "uses/e.yaml"]) {
      const { errors } = json(named)
      assert.deepStrictEqual(
        errors.map(({ code, file, start }: { code: string; file: string; start: { line: number; column: number } }) => [
          code,
          file,
          start.line,
          start.column
        ]),
        [["V-A2", "uses/e.yaml", 3, 40]],
        named
      )
      for (const format of ["human", "json", "sarif", "github", "junit"]) {
        const { status, stdout } = flujo(named, "--format", format)
        assert.strictEqual(status, 4, format)
        assert.include(stdout, "V-A2", format)
      }
    }
  })

  it("given by the step before, it is found at the step that uses the import", () => {
    put("uses/e.yaml", user("").replace("  - {", '  - { name: say, input: "text" }\n  - {'))
    const [error] = json("uses").errors
    assert.deepStrictEqual([error.code, error.file, error.start.line], ["V-A2", "uses/e.yaml", 4])
  })

  it("a fault within it is told of once, and one that it has only as it is used is told of where it is used", () => {
    put("uses/e.yaml", user(', input: "text"'))
    put("uses/sub/b.yaml", "steps:\n  - { name: s, input_schema: { type: object } }\n")
    const alone = json("uses/sub/b.yaml")
    const used = json("uses")
    assert.isTrue(alone.is_valid)
    assert.isFalse(used.is_valid)
    assert.lengthOf(used.errors, 1)
    assert.strictEqual(used.errors[0].file, "uses/sub/b.yaml")
    put("uses/sub/b.yaml", bad)
    assert.lengthOf(json("uses").errors, 1)
  })

  it("that is a link out of the project, a folder or not to be read is a finding beside the others of the file", () => {
    const outside = mkdtempSync(join(tmpdir(), "flujo-outside-"))
    writeFileSync(join(outside, "secret.yaml"), good)
    put("refused/folder.yaml/x.txt", "")
    symlinkSync(join(outside, "secret.yaml"), join(folder, "refused/link.yaml"))
    symlinkSync("round.yaml", join(folder, "refused/round.yaml"))
    const files = ["link", "folder", "round"]
    put(
      "refused/main.yml",
      `imports:\n${files.map((name) => `  ${name}: ./${name}.yaml\n`).join("")}steps:\n${files.map((name) => `  - { name: ${name}, uses: imports.${name} }\n`).join("")}  - nmae: one\n`
    )
    const { status, stdout } = flujo("refused/main.yml", "--format", "json")
    rmSync(outside, { recursive: true })
    assert.strictEqual(status, 4)
    const { errors } = JSON.parse(stdout)
    assert.deepStrictEqual(
      errors.map(({ code, file, start }: { code: string; file: string; start: { line: number } }) => [
        code,
        file,
        start.line
      ]),
      [
        ["V-I1", "refused/main.yml", 2],
        ["V-I1", "refused/main.yml", 3],
        ["V-I1", "refused/main.yml", 4],
        ["FLJ-BLUEPRINT-15", "refused/main.yml", 9]
      ]
    )
    assert.include(errors[0].message, "refused/link.yaml is not read: this file lies outside the project")
    assert.include(errors[1].message, "this is a folder")
    rmSync(join(folder, "refused"), { recursive: true })
  })

  it("repaired with the files that use it, it leaves nothing to tell of these", () => {
    put("uses/e.yaml", user(""))
    put("uses/sub/b.yaml", bad)
    const { status, stdout } = flujo("uses", "--fix")
    assert.strictEqual(status, 0, stdout)
    assert.include(stdout, "uses/e.yaml: valid")
  })
})

it("every format ends alike, and --json holds what --format json says", () => {
  for (const format of ["human", "json", "sarif", "github", "junit"]) {
    const { status, stdout } = flujo("sub/bad.yaml", "--format", format)
    assert.strictEqual(status, 4, format)
    assert.include(stdout, "FLJ-BLUEPRINT-15", format)
  }
  assert.include(flujo("sub/bad.yaml", "--plain").stdout, "Error 1 of 1: FLJ-BLUEPRINT-15.")
  const { data, ok } = JSON.parse(flujo("sub/bad.yaml", "--json").stdout)
  assert.isFalse(ok)
  assert.deepStrictEqual(data, json("sub/bad.yaml"))
  const [error] = data.errors
  assert.deepStrictEqual([error.start.line, error.start.column, error.end.column], [2, 5, 9])
})
