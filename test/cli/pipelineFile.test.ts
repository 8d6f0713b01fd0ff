/** `file.ts#name` in the place of a blueprint. */
import { assert, describe, it } from "@effect/vitest"
import { ended, envelope, place, refused } from "./Flujo.js"

const flow = (version: string, message = "Well?") => `import * as Pipeline from "flujo/Pipeline"
import * as Step from "flujo/Step"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Day = Schema.Struct({ day: Schema.Date })
const next = Step.make("next", {
  version: "${version}",
  input: Day,
  output: Day,
  run: ({ day }) => Effect.succeed({ day: new Date(day.getTime() + 86_400_000) })
})
const ask = Step.approve<typeof Day.Type>("ask", { message: () => "${message}" })
export const main = next.pipe(Step.andThen(ask), Pipeline.make("main"))
export const twice = Step.pass<string>("one").pipe(Step.andThen(Step.pass<string>("one")), Pipeline.make("twice"))
export const step = next
export default Step.pass<string>("said").pipe(Pipeline.make("plain"))
`
const project = (more: Readonly<Record<string, string>> = {}) =>
  place({ "flujo.toml": 'code.allow = ["flows/*.ts"]\n', "flows/a.ts": flow("1"), ...more })
const input = ["--input", '{ "day": "2020-01-01" }']

describe("a pipeline of a TypeScript file", () => {
  it.concurrent("runs on what its schema reads, rests, is found again, and replays", async () => {
    const here = project()
    const done = await here.flujo(["run", "flows/a.ts#main", "--json", ...input])
    const { data } = envelope(done)
    assert.strictEqual(data.status, "suspended")
    ended(await here.flujo(`validate flows/a.ts#main flows/a.ts`), 0)
    const approved = await here.flujo(`approve ${data.run} --json`, { cwd: "flows" })
    assert.deepStrictEqual(envelope(approved).data.output, { day: "2020-01-02T00:00:00.000Z" })
    ended(await here.flujo("lens replay last"), 0)
    ended(await here.flujo("upgrade-check flows/a.ts#main"), 0)
    const forked = await here.flujo("lens fork last --from ask --json --no-input")
    assert.strictEqual(envelope(forked).data.status, "suspended")
  })

  it.concurrent("is the default export where none is named, and takes text as it is", async () => {
    const here = project()
    const done = await here.flujo(["run", "flows/a.ts", "--input", '"quoted"'])
    ended(done, 0)
    assert.strictEqual(done.stdout, '"quoted"\n')
  })

  it.concurrent("is priced, drawn and explained as any other", async () => {
    const here = project()
    for (const command of ["dev visualize", "dev explain", "prices check", "run --dry-run"]) {
      const done = await here.flujo(`${command} flows/a.ts#main`)
      ended(done, 0)
      if (command !== "prices check") assert.include(done.stdout, "next")
    }
  })

  it.concurrent("that is another one now does not go on with a run, and says where it differs", async () => {
    const here = project()
    ended(await here.flujo(["run", "flows/a.ts#main", ...input]), 0)
    here.write("flows/a.ts", flow("2"))
    const done = await here.flujo("approve last")
    refused(done, 2, "the pipeline is not the one that the run goes by", '"1" became "2"')
    assert.include(done.stderr, "note: flows/a.ts#main has changed since")
    // A function has no digest: what it does otherwise is found where it does.
    here.write("flows/a.ts", flow("1", "Other words?"))
    refused(await here.flujo("resume last"), 5, 'recorded "Well?", now "Other words?"')
    here.write("flows/a.ts", `// a word\n${flow("1")}`)
    ended(await here.flujo("resume last --no-input"), 0)
  })

  it.concurrent("that is gone is said to be", async () => {
    const here = project()
    ended(await here.flujo(["run", "flows/a.ts#main", ...input]), 0)
    here.write("flujo.toml", "")
    refused(await here.flujo("resume last"), 3, "FLJ-CODE-1", 'code.allow = ["flows/a.ts"]')
  })

  it.concurrent("has its findings at the name of the step", async () => {
    const here = project()
    const done = await here.flujo("validate flows/a.ts#twice --format json")
    ended(done, 4)
    const [error] = JSON.parse(done.stdout).errors
    assert.deepStrictEqual([error.code, error.file, error.start.line], ["FLJ-PLAN-2", "flows/a.ts", 15])
    refused(await here.flujo("run flows/a.ts#twice"), 4, "two steps stand at one")
  })

  it.concurrent("is refused where it is none, is not exported, or is given what it does not take", async () => {
    const here = project({ "lib/b.ts": flow("1"), "flows/c.ts": "export const layer = 1\nexport const main = 2\n" })
    refused(await here.flujo("run flows/a.ts#nope"), 3, "FLJ-CODE-3", "it exports default, main, twice")
    refused(await here.flujo("run flows/a.ts#step"), 3, "FLJ-CODE-3", 'Pipeline.make("step")')
    refused(await here.flujo("run lib/b.ts#main"), 3, "FLJ-CODE-1")
    refused(await here.flujo(["run", "flows/a.ts#main", "--input", "today"]), 2, "the input does not fit")
    refused(await here.flujo("validate ../b.ts"), 3, "it lies outside the project")
  })

  it.concurrent("has what its steps need from the layer of its file", async () => {
    const needy = (layer: string) => `import { Context, Effect, Layer, Schema } from "effect"
import { Pipeline, Step } from "flujo"
class Name extends Context.Tag("Name")<Name, string>() {}
${layer}
export default Step.make("hi", { input: Schema.String, output: Schema.String, run: (greeting) => Effect.map(Name, (name) => greeting + name) }).pipe(Pipeline.make("hi"))
`
    const here = project({ "flows/b.ts": needy('export const layer = Layer.succeed(Name, " Ann")') })
    const done = await here.flujo("run flows/b.ts --input hello")
    ended(done, 0)
    assert.strictEqual(done.stdout, "hello Ann\n")
    here.write("flows/b.ts", needy('export const layer = Layer.fail(new Error("no name"))'))
    refused(await here.flujo("run flows/b.ts --input hello"), 3, "its layer cannot be built: no name")
    here.write("flows/b.ts", needy(""))
    refused(await here.flujo("run flows/b.ts --input hello"), 1, "Service not found: Name")
    here.write("flows/b.ts", needy("export const layer = Name"))
    refused(await here.flujo("run flows/b.ts --input hello"), 3, "layer is no layer")
  })
  it.concurrent("has what its undos need from there too, where it is cancelled", async () => {
    const here = project({
      "flows/b.ts": `import { Context, Effect, Layer, Schema } from "effect"
import { Pipeline, Step } from "flujo"
class Name extends Context.Tag("Name")<Name, string>() {}
export const layer = Layer.succeed(Name, "Ann")
const text = { input: Schema.String, output: Schema.String }
const input = Schema.Struct({ input: Schema.String, output: Schema.String })
const release = Step.make("release", { input, output: Schema.String, run: () => Name })
const book = Step.make("book", { ...text, run: Effect.succeed }).pipe(Step.compensate(release))
const paid = Step.approve("paid", { message: "Paid?" })
export default book.pipe(Step.andThen(paid), Pipeline.make("b"))
`
    })
    ended(await here.flujo("run flows/b.ts --input room --run-id r"), 0)
    const done = await here.flujo("cancel r")
    ended(done, 0)
    assert.strictEqual(done.stdout, "run r was cancelled\n")
    const { data } = envelope(await here.flujo("lens show r --json"))
    assert.deepInclude(data, { status: "cancelled", undone: 1, undo_failures: [] })
  })
})
