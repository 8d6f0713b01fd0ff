/**
 * A run as it happens: its entries as they become durable, and between them what models say while they say it. Entries are
 * never left out; of the pieces of a reply those are that come faster than they are taken, and the next one says how many.
 * All that is said of a call comes before the entry that ends it, and may come before the entries that begin it.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Take from "effect/Take"
import type { Entry } from "../domain/Event.js"
import { type Discarded, Live, type Said } from "../domain/Live.js"
import type { RunId } from "../domain/RunId.js"
import type { Journal } from "../journal/Journal.js"
import * as Entries from "./Entries.js"

export type Happening = { readonly _tag: "Entry"; readonly entry: Entry } | Said | Discarded

/** Happenings that wait to be taken. */
export const waitingMax = 1024

/**
 * What happens in a run while `effect` drives it. With `from` it begins with the entries that are recorded already, from
 * that one on: what somebody missed who was away.
 */
export const of = <A, E, R>(
  journal: Journal["Type"],
  runId: RunId,
  effect: Effect.Effect<A, E, R>,
  options: { readonly from?: number | undefined } = {}
): Stream.Stream<Happening, E, R> => {
  const recorded =
    options.from === undefined
      ? Stream.empty
      : Stream.orDie(Stream.map(journal.read(runId, options.from), (entry): Happening => ({ _tag: "Entry", entry })))
  const live = Stream.unwrapScoped(
    Effect.gen(function* () {
      const queue = yield* Effect.acquireRelease(Queue.bounded<Take.Take<Happening, E>>(waitingMax), Queue.shutdown)
      const lost = new Map<string, number>()
      /** Told late, but told: a reader must not go on showing what is void. */
      const owed: Array<Discarded> = []
      const tell = (told: Omit<Said, "lost"> | Discarded) => {
        if (told._tag === "Discarded") {
          if (owed.length > 0 || !queue.unsafeOffer(Take.of<Happening>(told))) owed.push(told)
          return
        }
        const before = lost.get(told.path) ?? 0
        const isTaken = owed.length === 0 && queue.unsafeOffer(Take.of<Happening>({ ...told, lost: before }))
        if (isTaken) lost.delete(told.path)
        else lost.set(told.path, before + 1)
      }
      const pay = Effect.suspend(() =>
        Effect.forEach(owed.splice(0), (one) => Queue.offer(queue, Take.of<Happening>(one)), { discard: true })
      )
      const entries = Entries.of(journal, runId, Effect.provideService(effect, Live, { tell }))
      yield* Effect.forkScoped(
        Stream.runForEach(entries, (entry) =>
          Effect.zipRight(pay, Queue.offer(queue, Take.of<Happening>({ _tag: "Entry", entry })))
        ).pipe(
          Effect.exit,
          Effect.flatMap((exit) =>
            Effect.zipRight(pay, Queue.offer(queue, Exit.isSuccess(exit) ? Take.end : Take.failCause(exit.cause)))
          )
        )
      )
      return Stream.flattenTake(Stream.fromQueue(queue))
    })
  )
  return Stream.concat(recorded, live)
}
