/** The face for callers who do not write Effect: everything answers promises, and what fails rejects. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import * as RunError from "../src/engine/RunError.js"
import { LetterRefused } from "../src/journal/Journal.js"
import * as Pipeline from "../src/pipeline/Pipeline.js"
import * as Step from "../src/pipeline/Step.js"
import { Rejected } from "../src/pipeline/StepError.js"
import { open } from "../src/promise.js"

class NotSent extends Schema.TaggedError<NotSent>()("NotSent", { why: Schema.String }) {}
class Post extends Context.Tag("test/Post")<
  Post,
  { readonly send: (text: string) => Effect.Effect<number, NotSent> }
>() {}

const post = (send: (text: string) => Effect.Effect<number, NotSent>) => Layer.succeed(Post, { send })

const letter = Step.fn("write", (name: string) => `Dear ${name}`).pipe(
  Step.andThen(Step.approve("review", { message: (text) => `Send "${text}"?` })),
  Step.andThen(
    Step.make("send", {
      input: Schema.String,
      output: Schema.Number,
      error: NotSent,
      run: (text) => Effect.flatMap(Post, ({ send }) => send(text))
    })
  ),
  Pipeline.make("letter")
)

const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error
  }
  return assert.fail("it did not reject")
}

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flujo-promise-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe("flujo/promise", () => {
  it("runs to a question, is answered from elsewhere, and goes on in another process's place", async () => {
    const state = join(folder, "state.db")
    const sent: Array<string> = []
    const layer = post((text) => Effect.sync(() => sent.push(text)))
    const first = await open({ state, layer })
    const asked = await first.run(letter, "Ada", { runId: "ada", labels: { who: "test" } })
    assert(asked.status === "suspended")
    const task = asked.tasks[0]!
    assert.deepInclude(task, { runId: "ada", path: "review", hitlPrompt: 'Send "Dear Ada"?', schema: {} })
    await first.close()

    const second = await open({ state, layer })
    assert.deepStrictEqual(await second.tasks.list(), [task])
    assert.deepStrictEqual(await second.tasks.get("ada"), task)
    await second.tasks.answer(task, { approved: true }, "Bob")
    const twice = await rejection(second.tasks.answer(task, { approved: false }))
    assert.instanceOf(twice, LetterRefused)
    assert.include(String(twice), "by Bob")
    assert.deepStrictEqual(await second.resume(letter, "ada"), { status: "completed", runId: "ada", value: 1 })
    assert.deepStrictEqual(sent, ["Dear Ada"])
    assert.deepStrictEqual(await second.tasks.list(), [])
    assert.strictEqual((await second.replay(letter, "ada")).end, "Completed")
    assert.deepStrictEqual(
      (await second.runs()).map(({ run, status }) => ({ run, status })),
      [{ run: "ada", status: "completed" }]
    )
    await second[Symbol.asyncDispose]()
  })

  it("streams entries as they commit, and throws as `run` would reject", async () => {
    const client = await open({ layer: post(() => new NotSent({ why: "no stamps" })) })
    const kinds: Array<string> = []
    for await (const { event } of client.stream(letter, "Ada", { runId: "s" })) kinds.push(event.kind)
    assert.deepStrictEqual(kinds, ["RunStarted", "Computed", "TaskOpened", "RunSuspended"])
    await client.tasks.answer({ runId: "s", path: "review" }, true)
    const seen: Array<string> = []
    const failing = async () => {
      for await (const { event } of client.stream(letter, "Ada", { runId: "s" })) seen.push(event.kind)
    }
    const error = await rejection(failing())
    assert.instanceOf(error, NotSent)
    assert.strictEqual(seen.at(-1), "RunFailed")
    await client.close()
  })

  it("rejects with the error itself, of a step, of flujo, or of a name that is none", async () => {
    const client = await open({ layer: post(() => new NotSent({ why: "no stamps" })) })
    const answer = async (runId: string, value: boolean) => {
      await client.run(letter, "Ada", { runId })
      await client.tasks.answer({ runId, path: "review" }, value)
      return rejection(client.resume(letter, runId))
    }
    assert.instanceOf(await answer("a", true), NotSent)
    assert.instanceOf(await answer("b", false), Rejected)
    await client.run(letter, "Ada", { runId: "c" })
    await client.cancel("c", "enough")
    const trouble: ReadonlyArray<readonly [string, () => Promise<unknown>]> = [
      ["Cancelled", () => client.resume(letter, "c")],
      ["Ended", () => client.resume(letter, "c")],
      ["Unknown", () => client.resume(letter, "nobody")],
      ["Exists", () => client.run(letter, "Bob", { runId: "a" })],
      ["Unknown", () => client.resume(letter, "not a run id")],
      ["Unknown", () => client.replay(letter, "")],
      ["Unknown", () => client.run(letter, "Ada", { runId: "-" })],
      ["Unknown", () => client.cancel("a/b")],
      ["Unknown", () => client.tasks.get("a b")],
      ["Unknown", () => client.tasks.answer({ runId: "a", path: "[" }, true)]
    ]
    for (const [reason, attempt] of trouble) {
      const error = await rejection(attempt())
      assert.instanceOf(error, RunError.RunError)
      assert.propertyVal(error, "reason", reason)
    }
    await client.close()
  })

  it("tells of a bad file when it is opened", async () => {
    const error = await rejection(open({ state: folder }))
    assert.propertyVal(error, "_tag", "JournalError")
  })
})
