/**
 * The ledger of a run that is in a store, verified: every entry, every root that was written with them, roots that were
 * kept elsewhere, and what the store says about the run beside its entries. Nothing is written.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Digest from "../domain/Digest.js"
import type { Entry, Headed } from "../domain/Event.js"
import type { RunId } from "../domain/RunId.js"
import * as Commitment from "./Commitment.js"
import type { Journal, JournalError, Root, Stored } from "./Journal.js"
import * as Ledger from "./Ledger.js"
import type * as MerkleTree from "./MerkleTree.js"
import * as RunIndex from "./RunIndex.js"

export interface Walked {
  readonly found: Ledger.Bad | Ledger.Sound
  readonly leaves: ReadonlyArray<MerkleTree.Hash>
  readonly roots: ReadonlyArray<Root>
}

export interface Options {
  readonly claims?: ReadonlyArray<Root> | undefined
  /** Sees every entry that is as it was written, in order. */
  readonly each?: ((stored: Stored) => void) | undefined
}

/** The entries and roots of a run; what is appended meanwhile is looked at too, or left for the next time. */
export const walk = (
  journal: Journal["Type"],
  run: RunId,
  options: Options = {}
): Effect.Effect<Walked, JournalError> =>
  Effect.gen(function* () {
    const check = Ledger.check(yield* Commitment.make, { run, tenant: undefined, claims: options.claims })
    for (;;) {
      let bad: Ledger.Bad | undefined
      const read = yield* journal.stored(run, check.leaves.length).pipe(
        // A page at once: an Effect for each entry would take longer than the check.
        Stream.chunks,
        Stream.takeUntil((page) => {
          for (const stored of page) {
            bad = check.add(stored)
            if (bad !== undefined) return true
            options.each?.(stored)
          }
          return false
        }),
        Stream.runDrain,
        damageAt(() => check.leaves.length)
      )
      bad ??= Option.getOrUndefined(read)
      if (bad !== undefined) return { found: bad, leaves: check.leaves, roots: [] }
      const roots: Array<Root> = []
      const rootsRead = yield* journal.roots(run).pipe(
        Stream.runForEach((root) => Effect.sync(() => roots.push(root))),
        damageAt(() => 0)
      )
      if (Option.isSome(rootsRead)) return { found: rootsRead.value, leaves: check.leaves, roots: [] }
      const isOutrun = roots.some(({ size }) => size > check.leaves.length)
      if (isOutrun && (yield* hasMore(journal, run, check.leaves.length))) continue
      return { found: check.end(roots), leaves: check.leaves, roots }
    }
  })

const hasMore = (journal: Journal["Type"], run: RunId, from: number): Effect.Effect<boolean, JournalError> =>
  Effect.map(Stream.runHead(journal.stored(run, from)), Option.isSome)

/** What cannot be read at all is bad too, and not a failure of the look at it. */
const damageAt =
  (at: () => number) =>
  <A>(effect: Effect.Effect<A, JournalError>): Effect.Effect<Option.Option<Ledger.Bad>, JournalError> =>
    effect.pipe(
      Effect.as(Option.none<Ledger.Bad>()),
      Effect.catchIf(
        ({ reason }) => reason === "Corrupt",
        ({ detail }) => Effect.succeed(Option.some({ entry: at(), last: at(), why: detail }))
      )
    )

/** One run of a store. */
export const verify = (
  journal: Journal["Type"],
  run: RunId,
  claims: ReadonlyArray<Root> = []
): Effect.Effect<Ledger.Bad | Ledger.Sound, JournalError> =>
  Effect.gen(function* () {
    let count = 0
    let projection = RunIndex.empty
    let plan: Digest.Digest | undefined
    let unread: Ledger.Bad | undefined
    const each = (stored: Stored): void => {
      if (unread !== undefined) return
      const read = journal.entryOf(run, stored)
      if (Either.isLeft(read)) {
        unread = { entry: stored.seq, last: stored.seq, why: `entry ${stored.seq} cannot be read: ${read.left}` }
      } else add(read.right)
    }
    const add = (entry: Entry<Headed>): void => {
      count += 1
      if (entry.event.kind === "RunStarted") plan ??= entry.event.data.plan
      for (const change of RunIndex.changes(entry)) projection = RunIndex.apply(projection, change)
    }
    const { found } = yield* walk(journal, run, { claims, each })
    if (Ledger.isBad(found)) return found
    if (unread !== undefined) return unread
    for (;;) {
      const different = yield* indexFault(journal, run, projection)
      if (different === undefined) break
      const before = count
      // Payloads say nothing of what is compared here, and some may be locked.
      const read = yield* journal.heads(run, before).pipe(
        Stream.runForEach((entry) => Effect.sync(() => add(entry))),
        damageAt(() => count)
      )
      if (Option.isSome(read)) return read.value
      // The run may have gone on between the two looks.
      if (count === before) return { entry: 0, last: Math.max(0, count - 1), why: different }
    }
    const planWrong = plan === undefined ? undefined : yield* planFault(journal, plan)
    return planWrong === undefined ? found : { entry: 0, last: 0, why: planWrong }
  })

const indexFault = (
  journal: Journal["Type"],
  run: RunId,
  projection: RunIndex.Projection
): Effect.Effect<string | undefined, JournalError> =>
  Effect.gen(function* () {
    const row = Option.getOrUndefined(yield* journal.run(run))
    // One more than there are: a task too many is seen as well.
    const tasks = yield* journal.tasks({ run, limit: projection.tasks.size + 1 })
    const stored: RunIndex.Stored = {
      brokenTasks: 0,
      labels: undefined,
      // Whether a letter waits, entries do not say.
      row: row?.status === "ready" ? { ...row, status: "suspended" } : row,
      tasks: new Map(tasks.map((task) => [task.path, task])),
      pools: new Map((yield* journal.shares(run)).map((share) => [share.pool, share]))
    }
    return RunIndex.differences(stored, projection).length === 0
      ? undefined
      : "the store's list of runs and tasks says something else than they do"
  }).pipe(
    Effect.catchIf(
      ({ reason }) => reason === "Corrupt",
      ({ detail }) => Effect.succeed(detail)
    )
  )

const planFault = (journal: Journal["Type"], digest: Digest.Digest): Effect.Effect<string | undefined, JournalError> =>
  Effect.map(
    journal.planText(digest),
    Option.match({
      onNone: () => "the plan that it names is missing",
      onSome: (text) => (Digest.ofText(text) === digest ? undefined : "the plan that it names was changed")
    })
  )
