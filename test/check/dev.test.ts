import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, assert, beforeAll, it } from "@effect/vitest"

const bin = resolve(import.meta.dirname, "../../dist/bin/flujo.js")
let folder = ""
const flujo = (args: string, env: Readonly<Record<string, string>> = {}) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [bin, ...args.split(" ")], {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8", ...env },
    input: ""
  })
  return { status, stderr, stdout }
}
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "flujo-dev-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("init writes the schema that the pipeline's first line names, and dev schema says the same", () => {
  assert.strictEqual(flujo("init").status, 0)
  const written = readFileSync(join(folder, "flujo.schema.json"), "utf8")
  assert.strictEqual(flujo("dev schema").stdout, written)
  const [first] = readFileSync(join(folder, "pipeline.yaml"), "utf8").split("\n")
  assert.strictEqual(first, "# yaml-language-server: $schema=flujo.schema.json")
})

it("a pipeline is drawn in every format, and told in words", () => {
  for (const [format, piece] of [
    ["tree", "└─ as_text (skill)"],
    ["mermaid", "flowchart TD"],
    ["dot", "digraph"],
    ["svg", "<svg"],
    ["json", '"kind": "agent"']
  ] as const) {
    assert.include(flujo(`dev visualize --format ${format}`).stdout, piece, format)
  }
  assert.include(flujo("dev explain").stdout, "1. summarize asks the model offline:text")
  assert.include(flujo("dev visualize --format svg --theme dark").stdout, "#14171d")
})

it("a dry run says which models, skills and people will be asked", () => {
  writeFileSync(
    join(folder, "asking.yaml"),
    'agents: { a: { model: "offline:text", system_prompt: Write. } }\nsteps:\n  - { name: one, uses: agents.a }\n  - { kind: hitl, name: ok, message: "Good?", on_reject: fail }\n'
  )
  const { stdout } = flujo("run asking.yaml --dry-run")
  assert.include(stdout, "offline:text (a)")
  assert.include(stdout, "ok: approve, Good?")
  const { data } = JSON.parse(flujo("run asking.yaml --dry-run --json").stdout)
  assert.deepStrictEqual(data.needs.people, [{ step: "ok", kind: "approve", answer: {}, message: "Good?" }])
})

it("prints a blueprint in the form that flujo gives it, and leaves the file alone", () => {
  const text = "# mine\nsteps:\n  - { step: one, input: 'Hi', config: { max_retries: 1 } }\n"
  writeFileSync(join(folder, "mine.yaml"), text)
  const { status, stderr, stdout } = flujo("dev print mine.yaml")
  assert.strictEqual(status, 0, stderr)
  const printed = 'version: "0.1"\n\nsteps:\n  - name: one\n    input: Hi\n    config: { retries: { times: 1 } }\n'
  assert.strictEqual(stdout, printed)
  assert.strictEqual(readFileSync(join(folder, "mine.yaml"), "utf8"), text)
  assert.deepStrictEqual(JSON.parse(flujo("dev print mine.yaml --json").stdout).data, {
    files: [{ path: "mine.yaml", text: printed }]
  })
  writeFileSync(join(folder, "again.yaml"), printed)
  assert.strictEqual(flujo("dev print again.yaml").stdout, printed)
  writeFileSync(join(folder, "wrong.yaml"), "steps: 1\n")
  assert.strictEqual(flujo("dev print wrong.yaml").status, 4)
  rmSync(join(folder, "wrong.yaml"))
})

it("writes a blueprint as a module of TypeScript", () => {
  const { status, stdout } = flujo("dev compile-yaml mine.yaml")
  assert.strictEqual(status, 0)
  assert.include(
    stdout,
    'export const pipeline = step(Step.pass("one")).pipe(Step.retry({ times: 1 }), Step.withInput("Hi")).pipe('
  )
  assert.deepStrictEqual(JSON.parse(flujo("dev compile-yaml mine.yaml --json").stdout).data, {
    path: "mine.yaml",
    text: stdout
  })
})

it("doctor finds what is missing, and nothing where nothing is", () => {
  assert.strictEqual(flujo("dev doctor").status, 0)
  writeFileSync(
    join(folder, "keyed.yaml"),
    'agents: { a: { model: "openai:x", system_prompt: Write. } }\nsteps:\n  - { name: one, uses: agents.a }\n'
  )
  const without = flujo("dev doctor")
  assert.strictEqual(without.status, 1)
  assert.include(without.stdout, "set OPENAI_API_KEY")
  assert.strictEqual(flujo("dev doctor", { OPENAI_API_KEY: "sk-0123456789abcdef0123" }).status, 0)
  writeFileSync(join(folder, "broken.yaml"), "steps:\n  - nmae: x\n")
  assert.include(flujo("dev doctor").stdout, "broken.yaml is not valid: 1 error")
  writeFileSync(join(folder, "flujo.toml"), "stat_uri = 1\n")
  assert.include(flujo("dev doctor").stdout, "error    settings")
})
