/** What waits for a person: how it is named, what it takes, and that an answer counts once. */
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import { ended, envelope, type Place, place, refused, twoQuestions } from "./Flujo.js"

const choosy = `version: "0.1"
name: choosy
steps:
  - kind: parallel
    name: both
    branches:
      left:
        kind: hitl
        name: pick
        message: "Pick a colour"
        input_schema: { enum: [red, blue] }
      right:
        kind: hitl
        name: size
        message: "How many?"
        input_schema: { type: object, properties: { n: { type: integer } }, required: [n], additionalProperties: false }
`
const entries = async (here: Place, run: string): Promise<number> =>
  envelope(await here.flujo(`lens show ${run} --json`)).data.entries

describe.concurrent("a run that waits", () => {
  it("goes on with each command that it prints, pasted as it stands", async () => {
    const here = place({ "two.yaml": twoQuestions })
    let done = await here.flujo("run two.yaml --input x")
    ended(done, 0)
    assert.include(done.stderr, "It waits for you at colour:\n  Which colour?\n")
    const next = () => /^next: (flujo .*)$/m.exec(done.stderr)![1]!
    assert.match(next(), /^flujo answer \S+ ANSWER$/)
    done = await here.shell(next().replace("ANSWER", "blue"))
    ended(done, 0)
    assert.include(done.stderr, "Publish blue?")
    assert.match(next(), /^flujo approve \S+$/)
    done = await here.shell(next())
    ended(done, 0)
    assert.include(done.stderr, '✓ publish  {"approved":true}')
    done = await here.shell(next())
    ended(done, 0)
    assert.include(done.stdout, "two_questions  completed")
  })

  it("is listed with its questions, the oldest first, at most --limit of them", async () => {
    const here = place({ "two.yaml": twoQuestions, "choosy.yaml": choosy })
    assert.strictEqual((await here.flujo("tasks")).stdout, "Nothing waits for a person.\n")
    ended(await here.flujo("run two.yaml --run-id first"), 0)
    ended(await here.flujo("run choosy.yaml --run-id second"), 0)
    const list = envelope(await here.flujo("tasks --json")).data
    assert.deepStrictEqual(
      list.map(({ task }: { task: string }) => task),
      ["first:colour", "second:both/left/pick", "second:both/right/size"]
    )
    assert.deepInclude(list[1], { run: "second", kind: "ask", message: "Pick a colour" })
    const text = (await here.flujo("tasks")).stdout
    assert.include(text, "flujo answer first ANSWER")
    assert.include(text, "flujo answer second:both/left/pick ANSWER")
    assert.notInclude((await here.flujo("tasks --limit 1")).stdout, "second")
    assert.match((await here.flujo("status")).stdout, /^3 waiting for a person: flujo tasks$/m)
  })

  it("is named by its id, the beginning of one, last, or RUN:PATH", async () => {
    const here = place({ "two.yaml": twoQuestions })
    // Or nobody could tell it from the newest one.
    ended(await here.flujo("run two.yaml --run-id last"), 2)
    ended(await here.flujo("run two.yaml --run-id alpha-1"), 0)
    ended(await here.flujo("run two.yaml --run-id alpha-2"), 0)
    refused(await here.flujo("answer alpha x"), 2, "several runs begin with", "alpha-1", "alpha-2")
    refused(await here.flujo("answer beta x"), 2, 'there is no run "beta"')
    refused(await here.flujo("answer alpha-1:publish x"), 2, "waits for no answer", "it waits at colour")
    refused(await here.flujo("answer alpha-1:not//a/path x"), 2, "waits for no answer")
    refused(await here.flujo("answer :colour x"), 2)
    ended(await here.flujo("answer last:colour red"), 0)
    ended(await here.flujo("answer alpha-1 red"), 0)
    assert.deepInclude(envelope(await here.flujo("lens show alpha-2 --json")).data, { steps_done: 1 })
    // Ids that flujo makes are upper case, and are found however they are typed.
    const made = envelope(await here.flujo("run two.yaml --json")).data.run
    assert.strictEqual(envelope(await here.flujo(`lens show ${made.slice(0, 20).toLowerCase()} --json`)).data.run, made)
  })

  it("takes what fits; what does not fit costs nothing", async () => {
    const here = place({ "choosy.yaml": choosy, "n.json": '{"n": 3}' })
    ended(await here.flujo("run choosy.yaml --run-id r"), 0)
    const before = await entries(here, "r")
    refused(await here.flujo("answer r red"), 2, "waits for 2 answers", "r:both/left/pick")
    refused(await here.flujo("answer r:both/left/pick green"), 2, "does not fit", 'one of "red", "blue"')
    refused(await here.flujo("approve r:both/left/pick"), 2, "does not fit")
    refused(await here.flujo("reject r:both/right/size --reason no"), 2, "does not fit")
    refused(await here.flujo("answer r:both/right/size three"), 2, "does not fit")
    // What is wrong with the object that was typed, not that its text is none.
    const extra = await here.flujo(["answer", "r:both/right/size", '{"n":3,"m":1}'])
    refused(extra, 2, "does not fit", "m")
    assert.notInclude(extra.stderr, "must be object")
    refused(await here.flujo("answer r:both/right/size"), 2, "VALUE is missing")
    refused(await here.flujo("answer r:both/right/size 1 --input-file n.json"), 2, "exclude each other")
    refused(await here.flujo("answer r:both/right/size --input-file missing.json"), 2, "missing.json")
    assert.strictEqual(await entries(here, "r"), before)
    ended(await here.flujo("answer r:both/left/pick - --no-steps", { input: "blue\n" }), 0)
    const done = await here.flujo("answer r --input-file n.json --json")
    assert.deepStrictEqual(envelope(done).data.output, { left: "blue", right: { n: 3 } })
  })

  it("refuses a second answer and names the first", async () => {
    const here = place({ "two.yaml": twoQuestions })
    ended(await here.flujo("run two.yaml --run-id r"), 0)
    ended(await here.flujo("answer r red"), 0)
    refused(await here.flujo("answer r:colour blue"), 1, 'colour was answered before: "red" by ')
    const rejected = await here.flujo(["reject", "r", "--reason", "Too red"])
    ended(rejected, 1)
    assert.include(rejected.stderr, "publish was rejected: Too red")
    refused(await here.flujo("approve r"), 1, 'publish was answered before: {"approved":false,"reason":"Too red"} by ')
    // A failed run can be resumed, and then asks again.
    ended(await here.flujo("resume r"), 0)
    ended(await here.flujo("approve r"), 0)
    refused(await here.flujo("resume r"), 2, "completed")
    refused(await here.flujo("cancel r"), 1, "ended")
  })

  it("is cancelled for good", async () => {
    const here = place({ "two.yaml": twoQuestions })
    ended(await here.flujo("run two.yaml --run-id r"), 0)
    const done = await here.flujo(["cancel", "r", "--reason", "Wrong file"])
    ended(done, 0)
    assert.strictEqual(done.stdout, "run r was cancelled\n")
    assert.include((await here.flujo("lens show r")).stdout, "Wrong file")
    refused(await here.flujo("answer r x"), 2, "waits for no answer")
    refused(await here.flujo("resume r"), 2, "cancelled")
    refused(await here.flujo("run two.yaml --run-id r"), 2, "cancelled")
    ended(await here.flujo("lens replay r"), 0)
  })

  it("exits with 6 where --require-complete is asked for", async () => {
    const here = place({ "two.yaml": twoQuestions })
    ended(await here.flujo("run two.yaml --run-id r --require-complete"), 6)
    ended(await here.flujo("answer r x --require-complete"), 6)
    ended(await here.flujo("approve r --require-complete"), 0)
  })

  it("keeps its blueprint: a changed or deleted file is said and does not matter", async () => {
    const here = place({ "two.yaml": twoQuestions })
    ended(await here.flujo("run two.yaml --run-id r"), 0)
    here.write("two.yaml", "steps: nonsense")
    const done = await here.flujo("answer r x")
    ended(done, 0)
    assert.include(done.stderr, "note: two.yaml has changed since")
    await here.shell("rm two.yaml")
    ended(await here.flujo("approve r"), 0)
    ended(await here.flujo("lens replay r"), 0)
  })

  it("--run-id of the same pipeline and input goes on, of another is refused", async () => {
    const here = place({ "two.yaml": twoQuestions, "other.yaml": choosy })
    ended(await here.flujo("run two.yaml --run-id r --input x"), 0)
    const before = envelope(await here.flujo("run two.yaml --run-id r --input x --json"))
    assert.strictEqual(before.data.resumptions, 1)
    refused(await here.flujo("run two.yaml --run-id r --input y"), 2, "another input")
    refused(await here.flujo("run other.yaml --run-id r --input x"), 2, "another pipeline")
  })

  it("goes on when it is told of what it waits for, once under one id", async () => {
    const here = place({
      "paid.yaml":
        'version: "0.1"\nname: paid\nsteps:\n  - { kind: signal, name: first, signal: paid }\n  - { kind: signal, name: second, signal: paid }\n'
    })
    const waiting = await here.flujo("run paid.yaml --run-id r")
    ended(waiting, 0)
    const next = /^next: (flujo .*)$/m.exec(waiting.stderr)![1]!
    assert.match(next, /^flujo signal r paid/)
    ended(await here.flujo(["signal", "r", "paid", '{"amount":12}', "--id", "one"]), 0)
    await here.flujo(["signal", "r", "paid", '{"amount":99}', "--id", "one"])
    assert.strictEqual(envelope(await here.flujo("lens show r --json")).data.steps_done, 1)
    const done = await here.flujo("signal r paid - --id two --json", { input: "cash" })
    assert.strictEqual(envelope(done).data.output, "cash")
  })

  it("takes no signal that none of its steps waits for, nor one that does not fit", async () => {
    const here = place({
      "paid.yaml": `version: "0.1"
name: paid
steps:
  - kind: signal
    name: paid
    schema: { type: object, properties: { amount: { type: number } }, required: [amount] }
`
    })
    ended(await here.flujo("run paid.yaml --run-id r"), 0)
    const before = await entries(here, "r")
    refused(await here.flujo("signal r payed 1"), 2, "payed", 'it waits for "paid"')
    refused(await here.flujo(["signal", "r", "paid", '{"amount":"much"}']), 2, "must be number")
    assert.strictEqual(await entries(here, "r"), before)
    const done = await here.flujo(["signal", "r", "paid", '{"amount":12}', "--json"])
    assert.deepStrictEqual(envelope(done).data.output, { amount: 12 })
  })

  it("in memory says that it ends there", async () => {
    const here = place({ "two.yaml": twoQuestions })
    const done = await here.flujo("run two.yaml --state-uri memory://")
    ended(done, 0)
    assert.include(done.stderr, "nothing is kept")
    assert.notInclude(done.stderr, "next:")
    refused(await here.flujo("approve last --state-uri memory://"), 2, "no earlier runs")
  })
})

describe.concurrent("lens", () => {
  it("lists the newest first, by status and pipeline", async () => {
    const here = place({ "two.yaml": twoQuestions, "choosy.yaml": choosy })
    refused(await here.flujo("lens show last"), 2, "nothing was run yet")
    assert.strictEqual((await here.flujo("lens list")).stdout, "No runs.\n")
    ended(await here.flujo("run two.yaml --run-id a"), 0)
    ended(await here.flujo("run choosy.yaml --run-id b"), 0)
    ended(await here.flujo("cancel a"), 0)
    const list = async (words: string) =>
      envelope(await here.flujo(`lens list --json ${words}`)).data.map(({ run }: { run: string }) => run)
    assert.deepStrictEqual(await list(""), ["b", "a"])
    assert.deepStrictEqual(await list("--status cancelled"), ["a"])
    assert.deepStrictEqual(await list("--pipeline choosy"), ["b"])
    assert.deepStrictEqual(await list("--limit 1"), ["b"])
    assert.strictEqual(envelope(await here.flujo("lens show last --json")).data.run, "b")
  })

  it("show and trace tell of inputs with -v, and cut values at --output-preview-len", async () => {
    const here = place({ "two.yaml": twoQuestions })
    ended(await here.flujo(["run", "two.yaml", "--run-id", "r", "--input", "the very input"]), 0)
    ended(await here.flujo(["answer", "r", "c".repeat(300)]), 0)
    assert.notInclude((await here.flujo("lens show r")).stdout, "the very input")
    assert.include((await here.flujo("lens show r --verbose")).stdout, "the very input")
    assert.include((await here.flujo("lens trace -v r")).stdout, "the very input")
    assert.notInclude((await here.flujo("lens trace r")).stdout, "c".repeat(200))
    assert.include((await here.flujo("lens trace r --output-preview-len 400")).stdout, "c".repeat(300))
    const trace = envelope(await here.flujo("lens trace r --json")).data
    assert.strictEqual(trace.root.children.length, 2)
  })

  it("show and trace call a cancelled run so", async () => {
    const here = place({ "two.yaml": twoQuestions })
    ended(await here.flujo("run two.yaml --run-id r"), 0)
    ended(await here.flujo("cancel r"), 0)
    assert.match((await here.flujo("lens show r")).stdout, /cancelled/)
    assert.match((await here.flujo("lens trace r")).stdout.split("\n")[0]!, /cancelled/)
  })

  it("a run that cannot be read hides no other, and is named", async () => {
    const here = place({ "two.yaml": twoQuestions, "choosy.yaml": choosy })
    ended(await here.flujo("run choosy.yaml --run-id good"), 0)
    ended(await here.flujo("run two.yaml --run-id bad"), 0)
    const db = new Database(here.at("flujo_ops.db"))
    db.prepare("UPDATE entries SET payload = '{' WHERE run = 'bad'").run()
    const tasks = await here.flujo("tasks")
    assert.strictEqual(tasks.status, 5)
    assert.include(tasks.stdout, "flujo answer good:both/left/pick ANSWER")
    assert.match(tasks.stdout, /^bad {2}colour\n {2}cannot be read: /m)
    const cost = await here.flujo("lens cost --json")
    assert.strictEqual(cost.status, 5)
    const { damaged, runs } = JSON.parse(cost.stdout).data
    assert.strictEqual(runs, 1)
    assert.deepStrictEqual(
      damaged.map(({ run }: { run: string }) => run),
      ["bad"]
    )
    refused(await here.flujo("lens cost bad"), 5)
    db.prepare("UPDATE runs SET run = 'no run id' WHERE run = 'bad'").run()
    db.close()
    refused(await here.flujo("lens list"), 5, "the index of runs cannot be read")
  })

  it("a debug export replaces only a debug export", async () => {
    const here = place({ "two.yaml": twoQuestions, "mine.json": '{"a":1}' })
    refused(await here.flujo("run two.yaml --debug-export mine.json"), 2, "mine.json", "another name")
    assert.strictEqual(here.read("mine.json"), '{"a":1}')
    assert.strictEqual((await here.flujo("lens list")).stdout, "No runs.\n")
    ended(await here.flujo("run two.yaml --run-id r --debug-export out.json"), 0)
    ended(await here.flujo("answer r red --debug-export out.json"), 0)
    assert.strictEqual(JSON.parse(here.read("out.json")).run, "r")
  })

  it("replay says of a run that waits how far it is the same", async () => {
    const here = place({ "two.yaml": twoQuestions })
    ended(await here.flujo("run two.yaml --run-id r"), 0)
    ended(await here.flujo("answer r red"), 0)
    const same = await here.flujo("lens replay r --json")
    assert.deepInclude(envelope(same).data, { run: "r", same: true, end: "suspended" })
  })
})
