/**
 * Another process with a journal of its own on the same file: one JSON command a line comes in, one JSON answer a line
 * goes out. Bundled and started by `Processes.ts`; not a test.
 */
import { createInterface } from "node:readline"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Journal, type JournalError, type OwnedRun, Journal as Tag } from "../../src/journal/Journal.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import * as Histories from "./Histories.js"

export interface Command {
  readonly do: "create" | "own" | "note" | "lost" | "cancel" | "count"
  readonly run: string
}

export type Reply = { readonly ok: unknown } | { readonly error: string; readonly message: string }

const owned = new Map<string, OwnedRun>()

const obey = (journal: Journal["Type"], command: Command): Effect.Effect<unknown, { readonly message: string }> => {
  const run = Histories.id(command.run)
  const mine = () => owned.get(command.run)!
  const pause = Effect.sleep("1 millis")
  switch (command.do) {
    case "create":
      return Effect.gen(function* () {
        owned.set(run, yield* journal.create(run, Histories.plan))
        journal.stage(mine(), Histories.started())
        yield* journal.barrier(mine())
        return 1
      })
    case "own":
      return Effect.map(journal.own(run), (found) => {
        owned.set(run, Option.getOrThrow(found))
        return mine().epoch
      })
    case "note":
      return Effect.suspend(() => {
        journal.stage(mine(), Histories.note(1))
        return journal.barrier(mine())
      })
    case "lost":
      return Effect.flip(Deferred.await(mine().lost)).pipe(Effect.map((error: JournalError) => error.reason))
    case "cancel":
      // Only when the one before was taken, so that each letter has to wake the run by itself.
      return Effect.gen(function* () {
        while ((yield* journal.letters(run)).length > 0) yield* pause
        yield* journal.deliver(run, { _tag: "Cancel", reason: "again" })
      })
    case "count":
      return Effect.map(journal.runs({ limit: 1000 }), (rows) => rows.length)
  }
}

const say = (reply: Reply): void => {
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}

const fail = (error: { readonly message: string }): void => {
  const reason = "reason" in error ? String(error.reason) : "_tag" in error ? String(error._tag) : "Defect"
  say({ error: reason, message: error.message })
}

const options: JournalSqlite.Options = JSON.parse(process.argv[2]!)

const main = Effect.gen(function* () {
  const journal = yield* Tag
  say({ ok: "ready" })
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  for (;;) {
    const line = yield* Effect.promise(() => lines.next())
    if (line.done === true) return
    const command: Command = JSON.parse(line.value)
    yield* Effect.match(obey(journal, command), { onFailure: fail, onSuccess: (ok) => say({ ok: ok ?? null }) })
  }
}).pipe(Effect.provide(JournalSqlite.layer(options)))

Effect.runPromise(Effect.match(main, { onFailure: fail, onSuccess: () => undefined })).then(() => process.exit(0))
