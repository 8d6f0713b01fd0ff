/**
 * Fourteen ways of tampering with runs of generated pipelines, in a store, each with every effort that a forger may make:
 * who finds it? `verify` alone, with the key that was kept elsewhere, with a checkpoint that was kept elsewhere (an
 * anchor's file holds such), or a witness that is asked to sign what comes next. docs/ledger.md has the answers.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { RunId } from "../../src/domain/RunId.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as Audit from "../../src/journal/Audit.js"
import * as Commitment from "../../src/journal/Commitment.js"
import type { Driver } from "../../src/journal/Driver.js"
import { Journal, type JournalError } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as Ledger from "../../src/journal/Ledger.js"
import * as Log from "../../src/journal/Log.js"
import * as LogAudit from "../../src/journal/LogAudit.js"
import * as MerkleTree from "../../src/journal/MerkleTree.js"
import * as SignedNote from "../../src/journal/SignedNote.js"
import { generate, hash } from "../engine/generated.js"
import * as Forger from "./Forger.js"

type Service = Journal["Type"]

export interface Store {
  /** Each seed is a tenant of its own, with a log of its own. */
  readonly connect: (tenant: string) => Effect.Effect<Driver, JournalError, Scope.Scope>
  readonly dump: (tenant: string) => Effect.Effect<Forger.Tables>
  /** In place of all that the tenant has in these tables. */
  readonly put: (tenant: string, tables: Forger.Tables) => Effect.Effect<void>
}

/** In the order in which they may be filled: roots queue for the log by themselves, so what waits for it comes after them. */
export const tables: ReadonlyArray<string> = [
  "entries",
  "blobs",
  "keys",
  "plans",
  "leases",
  "runs",
  "tasks",
  "roots",
  "unsealed",
  "log",
  "checkpoints",
  "log_keys"
]

interface History {
  readonly old: Forger.Tables
  readonly before: Forger.Tables
  readonly signer: SignedNote.Signer
  readonly checkpoint: SignedNote.Note
}

/** Drives a run of the pipeline of `seed` until it ends, or for so many rests. */
const drive = (name: string, seed: number, rests: number) =>
  Effect.gen(function* () {
    const run = RunId.make(name)
    const { pipeline } = generate(seed)
    const journal = yield* Journal
    for (let rest = 0; rest < rests; rest++) {
      const isNew = Option.isNone(yield* journal.run(run))
      const exit = yield* Effect.exit(isNew ? Flujo.run(pipeline, 1, { runId: run }) : Flujo.resume(pipeline, run))
      if (!Exit.isSuccess(exit) || exit.value._tag !== "Suspended") return
      for (const wait of exit.value.waits) {
        if (wait._tag === "Signal") yield* Flujo.signal(run, wait.signal, hash(wait.signal) % 100, { id: `${rest}` })
        if (wait._tag !== "Task") continue
        const entries = Array.from(yield* Stream.runCollect(journal.read(run)))
        const isQuestion = entries.some(
          ({ event }) => event.kind === "TaskOpened" && event.path === wait.path && event.data.task === "ask"
        )
        yield* Flujo.answer(run, wait.path, isQuestion ? hash(wait.path) % 100 : { approved: true })
      }
    }
  })

const verifyAll = (journal: Service, claims: LogAudit.Claims = {}) =>
  Effect.gen(function* () {
    const inLog = new Set<string>()
    const log = yield* LogAudit.verify(journal, claims, ({ run }) => inLog.add(run))
    if (LogAudit.isBad(log)) return log.why
    for (const run of yield* Stream.runCollect(journal.ids)) {
      const found = yield* Audit.verify(journal, run)
      if (Ledger.isBad(found)) return `${run}: ${Ledger.describe(found)}`
      const sealed = yield* LogAudit.sealedOf(journal, run)
      if (typeof sealed !== "number") return `${run}: ${sealed.why}`
      inLog.delete(run)
    }
    return inLog.size === 0 ? undefined : `${[...inLog].join()}: in the log, and nothing else is left`
  }).pipe(
    // What cannot even be read is found as well.
    Effect.catchAll((error: JournalError) => Effect.succeed(`${error.reason}: ${error.detail}`))
  )

/** Whether a witness that saw `seen` signs what the log is now, given the best proof there is. */
const isWitnessed = (journal: Service, seen: SignedNote.Checkpoint) =>
  Effect.gen(function* () {
    const last = Option.getOrUndefined(yield* journal.log.last)
    const now = last && SignedNote.checkpointOf(SignedNote.parse(last.note)!.text)
    if (now === undefined || now.size < seen.size) return false
    const leaves = Array.from(yield* Stream.runCollect(journal.log.leaves(0)), (leaf) =>
      MerkleTree.leafHash(Log.leafText(leaf))
    )
    return MerkleTree.isConsistent({ first: seen, second: now, path: MerkleTree.consistency(leaves, seen.size) })
  })

const effortsAt: Readonly<Record<Forger.Effort, (tables: Forger.Tables) => Forger.Tables>> = {
  nothing: (given) => given,
  "the run": Forger.mended,
  "the log, another key": (given) => Forger.unlogged(Forger.mended(given)),
  "the log, the stolen key": (given) => Forger.unlogged(Forger.mended(given))
}

export const tamperSuite = (store: () => Store, name: string, seeds: number): void => {
  const histories = new Map<number, History>()
  const tenantOf = (seed: number) => `t${seed}`
  const on = <A, E>(seed: number, use: (journal: Service) => Effect.Effect<A, E>) =>
    Effect.scoped(
      Effect.flatMap(store().connect(tenantOf(seed)), (driver) => Effect.flatMap(JournalMake.make(driver), use))
    )

  const historyOf = (seed: number) =>
    Effect.gen(function* () {
      const known = histories.get(seed)
      if (known !== undefined) return known
      const signer = SignedNote.signerOf(SignedNote.generate())!
      const seal = (journal: Service) => journal.log.seal(() => Effect.succeed(signer))
      const driven = (run: string, of: number, rests = 40) =>
        on(seed, (journal) =>
          Effect.zipRight(Effect.provideService(drive(run, of, rests), Journal, journal), seal(journal))
        )
      yield* driven(Forger.victim, seed, 1)
      yield* driven(Forger.other, seed + 1_000)
      const old = yield* store().dump(tenantOf(seed))
      yield* driven(Forger.victim, seed)
      const last = yield* driven("later", seed + 2_000)
      const before = yield* store().dump(tenantOf(seed))
      const checkpoint = SignedNote.parse(Option.getOrThrow(last).note)!
      const history: History = { old, before, signer, checkpoint }
      histories.set(seed, history)
      assert.isUndefined(yield* on(seed, (journal) => verifyAll(journal, { checkpoint, verifier: signer })))
      return history
    })

  /** Done, looked at by everybody, and undone. */
  const tried = (seed: number, { tamper }: Forger.Class, effort: Forger.Effort) =>
    Effect.gen(function* () {
      const { before, checkpoint, old, signer } = yield* historyOf(seed)
      const commit = yield* Commitment.make
      const tenant = tenantOf(seed)
      yield* store().put(tenant, effortsAt[effort](tamper({ before, old, seed, commit })))
      return yield* on(seed, (journal) =>
        Effect.gen(function* () {
          if (effort !== "nothing") yield* Effect.either(journal.rebuild)
          if (effort === "the log, another key" || effort === "the log, the stolen key") {
            const key = effort === "the log, the stolen key" ? signer : SignedNote.signerOf(SignedNote.generate())!
            yield* journal.log.seal(() => Effect.succeed(key))
          }
          const witnessed = yield* Effect.either(isWitnessed(journal, SignedNote.checkpointOf(checkpoint.text)!))
          return {
            verify: yield* verifyAll(journal),
            key: yield* verifyAll(journal, { verifier: signer }),
            checkpoint: yield* verifyAll(journal, { checkpoint, verifier: signer }),
            witness: Either.getOrElse(witnessed, () => false) ? undefined : "not signed"
          }
        })
      ).pipe(Effect.ensuring(store().put(tenant, before)))
    })

  describe(`tampering with generated runs in ${name}`, () => {
    for (const one of Forger.classes) {
      for (const effort of one.efforts) {
        it.live(
          `${one.name}, ${effort} computed anew, ${seeds} seeds`,
          () =>
            Effect.gen(function* () {
              const unseen = new Set<string>()
              for (let seed = 0; seed < seeds; seed++) {
                const found = yield* tried(seed, one, effort)
                const where = `seed ${seed}: ${JSON.stringify(found)}`
                for (const [by, why] of Object.entries(found)) if (why === undefined) unseen.add(by)
                assert.isDefined(found.checkpoint, where)
                if (one.name === "restore old copy") {
                  assert.isUndefined(found.verify, where)
                  assert.isDefined(found.witness, where)
                } else if (effort === "nothing" || effort === "the run" || one.name === "type confusion") {
                  assert.isDefined(found.verify, where)
                } else {
                  if (effort === "the log, another key") assert.isDefined(found.key, where)
                  assert.isDefined(found.witness, where)
                }
              }
              // Said too, so that nobody believes more than is so.
              const isConsistent = one.name === "rewrite all" || one.name === "edit and rehash" || one.name === "fork"
              if (isConsistent && effort === "the log, the stolen key") {
                assert.includeMembers([...unseen], ["verify", "key"])
              }
            }),
          Math.max(60_000, seeds * 20_000)
        )
      }
    }
  })
}
