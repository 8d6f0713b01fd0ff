/** A word that is put wherever a run holds something, and looked for wherever bytes are kept. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Digest from "../../src/domain/Digest.js"
import * as StepPath from "../../src/domain/StepPath.js"
import type { Driver } from "../../src/journal/Driver.js"
import type { Encryption } from "../../src/journal/Encryption.js"
import type { Journal, JournalError, LetterRefused } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as Histories from "./Histories.js"

export const word = "canary-7f3a91"
export const run = Histories.id("r1")

/** As it stands in text, and in hexadecimal, as Postgres shows bytes. */
export const isIn = (bytes: Buffer): boolean =>
  bytes.includes(word) || bytes.includes(Buffer.from(word).toString("hex"))

/** A run with the word in its input, output, answer, error and question, in a large value, in letters and in the cache. */
export const fill = (
  driver: Driver,
  encryption?: Encryption
): Effect.Effect<Journal["Type"], JournalError | LetterRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const journal = yield* JournalMake.make(driver, { encryption })
    const owned = yield* journal.create(run, Histories.plan)
    const bare = { ordinal: 0, data: {} }
    const all = [
      Histories.staged({
        ...bare,
        path: StepPath.root,
        kind: "RunStarted",
        data: { pipeline: "pipeline", plan: Histories.plan.digest, labels: [["subject", "a"]] },
        payload: { input: { value: word }, sources: [{ path: "x", text: word }] }
      }),
      Histories.staged({
        ...bare,
        path: Histories.path("a"),
        kind: "StepSucceeded",
        payload: { output: { value: word } }
      }),
      Histories.staged({
        ...bare,
        path: Histories.path("b"),
        kind: "StepFailed",
        data: { reason: "Failure" },
        payload: { error: { message: word } }
      }),
      Histories.staged({
        ...bare,
        path: Histories.path("ask"),
        kind: "TaskOpened",
        data: { task: "ask" },
        payload: { message: word, schema: { const: word } }
      }),
      Histories.staged({
        ...bare,
        path: Histories.path("other"),
        kind: "TaskOpened",
        data: { task: "ask" },
        payload: { message: word, schema: {} }
      }),
      Histories.large(0, 20_000, word)
    ]
    for (const one of all) journal.stage(owned, one)
    yield* journal.barrier(owned)
    yield* journal.deliver(run, { _tag: "Answer", path: Histories.path("ask"), answer: word, by: word })
    journal.stage(owned, {
      ...Histories.staged({
        ...bare,
        path: Histories.path("ask"),
        kind: "TaskAnswered",
        payload: { answer: word, by: word }
      }),
      letter: `answer:${Histories.path("ask")}`
    })
    // This one stays.
    yield* journal.deliver(run, { _tag: "Signal", id: "1", signal: "paid", data: word, by: word })
    yield* journal.release(owned)
    const answer = { run, path: Histories.path("a"), output: word, writes: [{ field: "f", json: word }] }
    yield* journal.keep({ key: Digest.ofText("k"), answer, at: 1, expiresAt: 9_000_000_000_000 })
    return journal
  })
