/** Results go to standard output and nothing else does, in the form that was asked for; everything else is messages. */
import { assert, describe, it } from "@effect/vitest"
import { echo, ended, envelope, place, refused, twoQuestions } from "./Flujo.js"

/** Two steps whose values are data, with a field of the context. */
const data = `version: "0.1"
name: data
steps:
  - name: first
    input: "{{ [1, initial_prompt] }}"
    sink_to: kept
  - kind: parallel
    name: both
    branches:
      left: { name: one, input: "{{ initial_prompt }}" }
      right: { name: two, input: 2 }
`
const skill = echo.replace(/ {2}- name[\s\S]*/, "  - name: as_text\n    skill: flujo.builtins.stringify\n")
const files = {
  "skill.yaml": skill,
  "echo.yaml": echo,
  "data.yaml": data,
  "two.yaml": twoQuestions,
  "bad.yaml": "steps: 1\n"
}
const escape = "\u001b["

describe.concurrent("the result", () => {
  it("alone is on standard output, steps and totals are messages", async () => {
    const here = place(files)
    const done = await here.flujo("run echo.yaml --input hello")
    ended(done, 0)
    assert.strictEqual(done.stdout, "hello\n")
    assert.match(done.stderr, /^✓ said {2}"hello"\n✓ echo {2}completed {2}1 step/)
    assert.match(done.stderr, /^next: flujo lens trace [0-9A-Z]{26}$/m)
    assert.notInclude(done.stdout + done.stderr, escape)
  })

  it("is written as --final-output-format says", async () => {
    const here = place(files)
    const value = { left: "a'\"b", right: 2 }
    const formats = await Promise.all(
      ["auto", "raw", "json", "yaml", "md"].map((format) =>
        here.flujo(["run", "data.yaml", "--input", value.left, "--final-output-format", format])
      )
    )
    const [auto, raw, json, yaml, md] = formats.map(({ stdout }) => stdout) as [string, string, string, string, string]
    assert.deepStrictEqual(JSON.parse(auto), value)
    assert.deepStrictEqual(JSON.parse(json), value)
    assert.strictEqual(raw, `${JSON.stringify(value)}\n`)
    assert.match(yaml, /^left: .*\nright: 2\n$/)
    assert.strictEqual(md, "## left\n\na'\"b\n\n## right\n\n2\n")
    const [text, asJson] = await Promise.all([
      here.flujo("run echo.yaml --input hi --final-output-format raw"),
      here.flujo("run echo.yaml --input hi --final-output-format json")
    ])
    assert.strictEqual(text.stdout, "hi\n")
    assert.strictEqual(asJson.stdout, '"hi"\n')
  })

  it("of a pipe is exactly what the run answered, also where a terminal would be steered by it", async () => {
    const here = place(files)
    const done = await here.flujo(["run", "echo.yaml", "--input", "\u001b[31mred\u0007"])
    assert.strictEqual(done.stdout, "\u001b[31mred\u0007\n")
    assert.notInclude(done.stderr, "\u001b")
  })
})

describe.concurrent("what is shown of a run", () => {
  const messages = async (flags: string, file = "data.yaml") => {
    const done = await place(files).flujo(`run ${file} --input hello ${flags}`)
    ended(done, 0)
    return done.stderr
  }

  it("--summary and --no-steps leave out the steps, --show-steps brings them back", async () => {
    const [summary, none, both] = await Promise.all([
      messages("--summary"),
      messages("--no-steps"),
      messages("--summary --show-steps")
    ])
    for (const text of [summary, none]) assert.notInclude(text, "✓ first")
    for (const text of [summary, none, both]) assert.include(text, "✓ data  completed")
    assert.include(both, "✓ first")
  })

  it("--only-steps keeps the steps that are named and what is below them", async () => {
    const [below, leaf] = await Promise.all([messages("--only-steps both"), messages("--only-steps first,two")])
    assert.include(below, "both/left/one")
    assert.notInclude(below, "✓ first")
    assert.include(leaf, "✓ first")
    assert.include(leaf, "✓ both/right/two")
    assert.notInclude(leaf, "both/left/one")
  })

  it("--output-preview-len is how much is shown of a value", async () => {
    const [short, long] = await Promise.all([
      messages(`--output-preview-len 4`),
      place(files).flujo(["run", "echo.yaml", "--input", "x".repeat(500), "--output-preview-len", "1000"])
    ])
    assert.match(short, /✓ both\/left\/one {2}"he…$/m)
    assert.include(long.stderr, "x".repeat(500))
  })

  it("--show-context and --debug show the fields of the context, --no-context does not", async () => {
    const [plain, shown, debug, without] = await Promise.all([
      messages(""),
      messages("--show-context"),
      messages("--debug"),
      messages("--debug --no-context")
    ])
    assert.notInclude(plain, "context:")
    assert.include(shown, 'context:\n  kept: [1,"hello"]\n')
    assert.include(debug, "context:\n")
    assert.include(debug, "└─")
    assert.include(debug, 'input: "hello"')
    assert.notInclude(without, "context:")
  })

  it("-v also shows what a step is given", async () => {
    const [plain, verbose] = await Promise.all([messages("", "skill.yaml"), messages("--verbose", "skill.yaml")])
    assert.notInclude(plain, "●")
    assert.match(verbose, /^● as_text {2}"hello"$/m)
  })

  it("--log-level says from where on the log is shown", async () => {
    const [plain, info, none] = await Promise.all([
      messages(""),
      messages("--log-level info"),
      messages("--log-level error")
    ])
    assert.notInclude(plain, "level=")
    assert.notInclude(none, "level=")
    assert.match(info, /level=INFO .*message=workspace/)
  })

  it("--trace shows where an error came from, and nothing else does", async () => {
    const here = place(files)
    const [plain, traced] = await Promise.all([here.flujo("run nothing.yaml"), here.flujo("run nothing.yaml --trace")])
    refused(plain, 2, "nothing.yaml")
    ended(traced, 2)
    assert.match(traced.stderr, /^ {4}at /m)
  })

  it("--debug-export writes all that is known of the run, masked, for its owner only", async () => {
    const here = place({ ...files, "flujo.toml": "" })
    const env = { MY_API_KEY: "very-secret-value-1234567890" }
    const done = await here.flujo(
      ["run", "echo.yaml", "--input", env.MY_API_KEY, "--debug-export", "out/all.json", "--no-steps"],
      { env }
    )
    ended(done, 0)
    assert.include(done.stderr, `debug export: ${here.at("out/all.json")}`)
    const exported = JSON.parse(here.read("out/all.json"))
    assert.deepStrictEqual(Object.keys(exported), ["exported_at", "flujo", "run", "pipeline", "trace", "entries"])
    assert.isAbove(exported.entries.length, 2)
    assert.notInclude(here.read("out/all.json"), env.MY_API_KEY)
    assert.notInclude(done.stderr, env.MY_API_KEY)
    const { mode } = (await import("node:fs")).statSync(here.at("out/all.json"))
    assert.strictEqual(mode & 0o777, 0o600)
    // Without a path it has a name of its own; the word behind it stays the blueprint.
    const named = await here.flujo("run --debug-export echo.yaml --input x")
    ended(named, 0)
    assert.match(named.stderr, /debug export: .*\/debug\/\d{8}T\d{6}_[0-9A-Z]{26}\.json/)
    const nowhere = await here.flujo("run echo.yaml --input x --debug-export=/dev/null/x.json")
    ended(nowhere, 2)
    assert.include(nowhere.stderr, "the debug export was not written")
  })

  it("--label is kept with the run", async () => {
    const here = place(files)
    ended(await here.flujo("run echo.yaml --label team=a --label n=1=2 --run-id labelled"), 0)
    assert.deepStrictEqual(envelope(await here.flujo("lens show labelled --json")).data.labels, [
      { name: "team", value: "a" },
      { name: "n", value: "1=2" }
    ])
  })
})

describe.concurrent("--json", () => {
  it("is one object, whatever happens, and nothing else is said", async () => {
    const here = place(files)
    const cases: ReadonlyArray<readonly [words: string, status: number]> = [
      ["run echo.yaml --json --input x", 0],
      ["run two.yaml --json --input x", 0],
      ["run two.yaml --json --input x --require-complete", 6],
      ["run bad.yaml --json", 4],
      ["run missing.yaml --json", 2],
      ["run --json-output --dry-run data.yaml", 0],
      ["lens list --json", 0],
      ["lens trace last --json", 0],
      ["lens show nope --json", 2],
      ["tasks --json", 0],
      ["status --json", 0],
      ["validate bad.yaml --json", 4],
      ["explain --json", 0],
      ["dev show-config --json", 0],
      ["lens replay last --json", 0],
      ["--json", 0],
      ["lens --json", 0],
      ["bogus --json", 2]
    ]
    for (const [words, status] of cases) {
      const done = await here.flujo(words)
      ended(done, status)
      const { error, ok } = envelope(done)
      assert.strictEqual(ok, status === 0, words)
      if (error !== undefined) assert.strictEqual(error.docs, `flujo explain ${error.code}`)
      assert.strictEqual(done.stderr, "", words)
    }
  })

  it("of a run has its whole summary, its output and what to do next", async () => {
    const here = place(files)
    const done = envelope(await here.flujo("run data.yaml --json --input hello --run-id r1"))
    assert.deepInclude(done.data, {
      run: "r1",
      pipeline: "data",
      status: "completed",
      input: "hello",
      output: { left: "hello", right: 2 },
      context: { kept: [1, "hello"] }
    })
    assert.deepStrictEqual(done.next, ["flujo lens trace r1"])
    const waiting = envelope(await here.flujo("run two.yaml --json --run-id r2"))
    assert.deepInclude(waiting.data, { status: "suspended", output: null, context: null })
    assert.deepInclude(waiting.data.tasks[0], { path: "colour", task: "ask", message: "Which colour?" })
    assert.deepStrictEqual(waiting.next, ["flujo answer r2 ANSWER"])
  })

  it("of a dry run names the steps, and nothing is run or kept", async () => {
    const here = place(files)
    const done = envelope(await here.flujo("run data.yaml --dry-run --json"))
    assert.isTrue(done.data.validated)
    assert.deepStrictEqual(
      done.data.steps.map(({ path }: { path: string }) => path),
      ["first", "both", "both/left/one", "both/right/two"]
    )
    assert.include((await here.flujo("run data.yaml --dry-run")).stdout, "data is valid: 4 steps, nothing was run.")
    assert.isFalse(here.has("flujo_ops.db"))
  })

  it("--json-stream is each entry on a line as lens knows them, then the envelope on one", async () => {
    const here = place({
      ...files,
      "fails.yaml": `${twoQuestions.split("  - kind: hitl")[0]}  - name: f\n    input: "{{ initial_prompt.nothing }}"\n`
    })
    const run = async (file: string, status: number) => {
      const done = await here.flujo(`run ${file} --json-stream --input hello --run-id ${file}`)
      ended(done, status)
      assert.strictEqual(done.stderr, "")
      const lines = done.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      const last = lines.pop()
      assert.strictEqual(last.schema, "flujo/1")
      assert.deepStrictEqual(
        lines.map(({ seq }) => seq),
        lines.map((_, index) => index)
      )
      assert.strictEqual(envelope(await here.flujo(`lens show ${file} --json`)).data.entries, lines.length, file)
      return lines.map(({ kind }) => kind)
    }
    assert.deepStrictEqual(await run("echo.yaml", 0), ["RunStarted", "Computed", "RunCompleted"])
    assert.deepStrictEqual(await run("two.yaml", 0), ["RunStarted", "TaskOpened", "RunSuspended"])
    assert.include(await run("fails.yaml", 1), "RunFailed")
  })
})

describe.concurrent("standard output", () => {
  const here = place(files)
  it("that nobody reads any more is no failure", async () => {
    for (const line of [
      "flujo explain | head -1",
      "flujo run data.yaml --json-stream --input x | head -1",
      "head -c 3000000 /dev/zero | tr '\\0' x | flujo run echo.yaml --no-steps | head -c 10"
    ]) {
      const done = await here.shell(`set -o pipefail; ${line}`)
      ended(done, 0)
      assert.notMatch(done.stderr, /EPIPE|error/)
    }
  })

  it("that takes nothing is one, and says so", async () => {
    const done = await here.shell("flujo run echo.yaml --input x --run-id full >/dev/full")
    ended(done, 1)
    assert.include(done.stderr, "standard output did not take the result")
    assert.notMatch(done.stderr, /^ {4}at /m)
    // What was done is done.
    assert.strictEqual(envelope(await here.flujo("lens show full --json")).data.status, "completed")
    ended(await here.shell("flujo --version >/dev/full"), 1)
    ended(await here.shell("flujo status --json >/dev/full"), 1)
  })

  it("that was closed is a result that nobody wants", async () => {
    const done = await here.shell("flujo run echo.yaml --input x --run-id closed >&-")
    ended(done, 0)
    assert.strictEqual(envelope(await here.flujo("lens show closed --json")).data.status, "completed")
  })

  it("is written to also where no message can be", async () => {
    for (const to of ["2>/dev/full", "2>&-"]) {
      const done = await here.shell(`flujo run echo.yaml --input x ${to}`)
      ended(done, 0)
      assert.strictEqual(done.stdout, "x\n")
    }
  })
})
