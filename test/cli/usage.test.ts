/** What is typed wrongly is said to be so, with what was probably meant, and ends with 2. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { commands } from "../../src/cli/Commands.js"
import { echo, ended, envelope, place, refused, root } from "./Flujo.js"

const here = place()

describe.concurrent("help", () => {
  it("alone and with --help or -h, names every command and the flags of all", async () => {
    const [alone, help, short] = await Promise.all([here.flujo(""), here.flujo("--help"), here.flujo("-h")])
    for (const done of [alone, help, short]) {
      ended(done, 0)
      assert.strictEqual(done.stdout, alone.stdout)
      assert.strictEqual(done.stderr, "")
    }
    for (const { path } of commands) {
      const shown = path.join(" ")
      if (shown !== "dev validate" && shown !== "dev version") assert.include(alone.stdout, `  ${shown}`)
    }
    assert.include(alone.stdout, "--project PATH")
  })

  it("of a command stands before and behind it, needs no arguments, and names every flag", async () => {
    for (const words of ["run --help", "--help run", "run -h some.yaml --input x"]) {
      const done = await here.flujo(words)
      ended(done, 0)
      assert.match(done.stdout, /^Run a pipeline\.\n\nUsage: flujo run \[FILE\] \[FLAGS\]/)
      for (const { name } of Object.values(commands.find(({ path }) => path[0] === "run")!.flags)) {
        assert.include(done.stdout, `--${name}`)
      }
    }
    ended(await here.flujo("resume --help"), 0)
  })

  it("of a group lists its commands", async () => {
    for (const words of ["lens", "lens --help", "--help lens"]) {
      const done = await here.flujo(words)
      ended(done, 0)
      assert.include(done.stdout, "lens replay")
      assert.notInclude(done.stdout, "init")
    }
  })

  it("and the version are one object with --json", async () => {
    const [help, version] = await Promise.all([here.flujo("run --help --json"), here.flujo("run --version --json")])
    assert.include(envelope(help).data.help, "Usage: flujo run")
    assert.match(envelope(version).data.version, /^\d+\.\d+\.\d+/)
  })

  it("the version is the package's", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    assert.strictEqual((await here.flujo("--version")).stdout, `${version}\n`)
    assert.strictEqual((await here.flujo("version")).stdout, `flujo ${version}\n`)
    assert.strictEqual(envelope(await here.flujo("dev version --json")).data.version, version)
  })
})

describe.concurrent("what is no command or flag", () => {
  it.for([
    ["vrsion", "there is no command", "did you mean flujo version?"],
    ["lens lst", "there is no command", "did you mean flujo lens list?"],
    ["zzzzzz", 'there is no command "zzzzzz"', "see flujo --help"],
    ["lens zzzzzz", "there is no command", "see flujo lens --help"],
    ["pipeline.yaml", "there is no command", "did you mean flujo run pipeline.yaml?"],
    ["run --jsn", "flujo run has no flag --jsn", "did you mean --json?"],
    ["run --zzzzzz", "flujo run has no flag --zzzzzz", "see flujo run --help"],
    ["run -q", "flujo run has no flag -q", "see flujo run --help"],
    ["status --inptu x", "flujo status has no flag", "see flujo status --help"],
    ["--zzz run", "flujo run has no flag --zzz", "see flujo run --help"],
    ["run --input", "--input needs a value (TEXT), and nothing follows it", ""],
    ["run --input --no-steps", "--input needs a value (TEXT), and --no-steps follows it", "--input=--no-steps"],
    ["run --json=yes", "--json takes no value", "write --json alone"],
    ["run --input a --input b", "--input is given twice", ""],
    ["run --input a --input-data b", "--input is given twice", ""],
    ["run --input a --input-file b", "exclude each other", ""],
    ["run --show-steps --no-steps", "exclude each other", ""],
    ["run --show-context --no-context", "exclude each other", ""],
    ["run --output-preview-len abc", "--output-preview-len", "a whole number is wanted"],
    ["run --output-preview-len 0", "--output-preview-len", "a whole number from 1"],
    ["lens list --limit 1.5", "--limit", "a whole number"],
    ["lens list --status bogus", "--status", "allowed are running, suspended"],
    ["run --final-output-format xml", "--final-output-format", "allowed are auto, raw, json, yaml, md"],
    ["status --log-level loud", "--log-level", "allowed are all, trace"],
    ["run --run-id -x", "--run-id", ""],
    ["run --run-id a/b", "--run-id", "an id has 1 to 128"],
    ["run --label nothing", "--label", "NAME=VALUE is wanted"],
    ["run --label a=b --label a=c", "--label", "given twice"],
    ["run a.yaml b.yaml", "one argument too many", "usage: flujo run [FILE]"],
    ["resume", "RUN is missing", "usage: flujo resume RUN"],
    ["answer", "TASK is missing", "usage: flujo answer TASK [VALUE]"],
    ["explain FLJ-LLM-999", "there is no code", "did you mean FLJ-LLM-"],
    ["explain rubbish", "there is no code", "lists them all"]
  ] as const)("%s", async ([words, text, hint]) => {
    const [person, program] = await Promise.all([here.flujo(words), here.flujo(`--json ${words}`)])
    refused(person, 2, text, hint)
    // To programs it is said on standard output, as everything else is.
    ended(program, 2)
    const { error, ok } = envelope(program)
    assert.isFalse(ok)
    assert.match(error.code, /^FLJ-CLI-\d+$/)
    assert.include(person.stderr, error.message)
    assert.strictEqual(program.stderr, "")
  })
})

describe.concurrent("explain", () => {
  it("explains every code, however it is typed, and lists them all", async () => {
    const list = envelope(await here.flujo("explain --json")).data
    assert.isAbove(list.length, 60)
    assert.strictEqual(new Set(list.map(({ code }: { code: string }) => code)).size, list.length)
    const done = await here.flujo("explain flj-llm-1")
    ended(done, 0)
    assert.match(done.stdout, /^FLJ-LLM-1: the key is missing or refused\n\n/)
    assert.include(done.stdout, "exit code 1")
  })
})

describe.concurrent("flags", () => {
  it("of all commands stand before and behind the command, between the words of one, and in a bundle", async () => {
    const project = place({ "p/flujo.toml": "" })
    for (const words of [
      "--project p dev show-config --json",
      "dev --project p show-config --json",
      "dev show-config --project p --json",
      "dev show-config --json --project=p"
    ]) {
      const [row] = envelope(await project.flujo(words)).data
      assert.deepInclude(row, { name: "project", value: project.at("p") })
    }
    ended(await project.flujo("init p/q -fy"), 0)
  })

  it("of a command may stand before it too", async () => {
    const project = place({ "echo.yaml": echo })
    for (const words of ["--input run run echo.yaml --no-steps", "--no-steps --label a=b -i run run echo.yaml"]) {
      assert.strictEqual((await project.flujo(words)).stdout, "run\n")
    }
  })

  it("what stands behind -- is no flag", async () => {
    refused(await here.flujo("run -- --json"), 2, "--json")
    refused(await here.flujo("-- run --help"), 2)
  })
})
