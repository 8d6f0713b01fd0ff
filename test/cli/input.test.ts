/** What a run is given, by the order of the seed: --input, FLUJO_INPUT, standard input, nothing. */
import { assert, describe, it } from "@effect/vitest"
import { echo, ended, envelope, place, refused } from "./Flujo.js"

const here = place({
  "echo.yaml": echo,
  "text.txt": "  from a file\n",
  "latin1.txt": new Uint8Array([0xe9, 0x0a]),
  "sub/inner.txt": "inner"
})
const given = async (words: string | ReadonlyArray<string>, options = {}) => {
  const done = await here.flujo(
    [
      "run",
      "echo.yaml",
      "--no-steps",
      ...(typeof words === "string" ? words.split(" ").filter((word) => word !== "") : words)
    ],
    options
  )
  ended(done, 0)
  return done.stdout.slice(0, -1)
}

describe.concurrent("input", () => {
  const env = { FLUJO_INPUT: "of the environment" }
  const input = " piped \n"

  it("--input wins, exactly as it is typed", async () => {
    assert.strictEqual(await given(["--input", " of a flag "], { env, input }), " of a flag ")
    assert.strictEqual(await given(["--input="], { env, input }), "")
    assert.strictEqual(await given(["-i", "-1"], { env, input }), "-1")
    assert.strictEqual(await given(["--input-data", "x"], { env, input }), "x")
    assert.strictEqual(await given(["--input=--json"]), "--json")
  })

  it("--input - is standard input, without the white space around it", async () => {
    assert.strictEqual(await given("--input -", { env, input }), "piped")
    assert.strictEqual(await given("--input - --no-input", { input }), "piped")
  })

  it("--input-file is the text of a file as it is, from the working folder on", async () => {
    assert.strictEqual(await given("--input-file text.txt", { env, input }), "  from a file")
    const done = await here.flujo("run ../echo.yaml --input-file inner.txt", { cwd: "sub" })
    assert.strictEqual(done.stdout, "inner\n")
  })

  it("the environment comes before a pipe, and a variable of nothing counts as none", async () => {
    assert.strictEqual(await given("", { env, input }), "of the environment")
    assert.strictEqual(await given("", { env: { FLUJO_INPUT: "" }, input }), "piped")
  })

  it("a pipe comes before nothing, and --no-input leaves it alone", async () => {
    assert.strictEqual(await given("", { input }), "piped")
    assert.strictEqual(await given("--no-input", { input }), "")
    assert.strictEqual(await given(""), "")
    assert.strictEqual((await here.shell("flujo run echo.yaml <&-")).stdout, "\n")
  })

  it("a pipe that stays open is not waited for where the input was said", async () => {
    const { child, done } = here.start("run echo.yaml --input x", { input: "open" })
    assert.strictEqual((await done).stdout, "x\n")
    assert.isTrue(child.killed || child.exitCode === 0)
  })

  it("that is no text is refused before anything runs", async () => {
    refused(
      await here.flujo("run echo.yaml", { input: new Uint8Array([0xff, 0xfe]) }),
      2,
      "standard input is not UTF-8"
    )
    refused(await here.flujo("run echo.yaml --input-file latin1.txt"), 2, "latin1.txt")
    refused(await here.flujo("run echo.yaml --input-file missing.txt"), 2, "missing.txt")
    refused(await here.flujo("run echo.yaml --input-file sub"), 2, "sub")
    refused(await here.shell("head -c 17000000 /dev/zero | flujo run echo.yaml"), 2, "more than 16 MiB")
    assert.notInclude((await here.flujo("lens list")).stdout, "failed")
  })
})

it("is read as JSON where the blueprint's input_schema takes no text", async () => {
  const here = place({
    "t.yaml": `steps: [{ name: said, input: "{{ input.topic }}" }]
input_schema: { type: object, properties: { topic: { type: string } }, required: [topic] }
`,
    "n.yaml": "input_schema: { type: integer }\nsteps: [{ name: n }]\n",
    "s.yaml": "steps: [{ name: s }]\n",
    "x.yaml": "input_schema: { type: string }\nsteps: [{ name: s }]\n"
  })
  const output = async (file: string, input: string) =>
    envelope(await here.flujo(["run", file, "--input", input, "--json"])).data.output
  assert.strictEqual(await output("t.yaml", '{"topic":"rain"}'), "rain")
  assert.strictEqual(await output("n.yaml", "5"), 5)
  assert.strictEqual(await output("s.yaml", "5"), "5")
  assert.strictEqual(await output("x.yaml", "5"), "5")
  refused(await here.flujo(["run", "t.yaml", "--input", '{"topic":1}']), 2, "does not fit")
  refused(await here.flujo(["run", "t.yaml", "--input", "rain"]), 2, "does not fit")
  assert.strictEqual(envelope(await here.flujo("lens list --json")).data.length, 4)
})
