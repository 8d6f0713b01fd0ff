/** The entries of one run as a stream, while it is driven. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Entry } from "../domain/Event.js"
import type { RunId } from "../domain/RunId.js"
import type { Journal } from "../journal/Journal.js"

/** The entries of a run that commit while `effect` drives it. */
export const of = <A, E, R>(
  journal: Journal["Type"],
  runId: RunId,
  effect: Effect.Effect<A, E, R>
): Stream.Stream<Entry, E, R> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const entries = yield* Stream.toQueueOfElements(journal.committed, { capacity: 1024 })
      // The reader has subscribed before the first entry can commit.
      yield* Effect.yieldNow()
      const fiber = yield* Effect.forkScoped(effect)
      // Where the run stops without an end of its own, so does the stream.
      const stopped = Effect.flatMap(Fiber.await(fiber), (exit) =>
        exit._tag === "Failure" ? Effect.sleep(0) : Effect.never
      )
      return Stream.fromQueue(entries).pipe(
        Stream.flattenExitOption,
        Stream.filter((entry) => entry.run === runId),
        Stream.takeUntil((entry) => ends.has(entry.event.kind)),
        Stream.interruptWhen(stopped),
        Stream.concat(Stream.drain(Stream.fromEffect(Fiber.join(fiber))))
      )
    })
  )

const ends: ReadonlySet<string> = new Set(["RunSuspended", "RunStuck", "RunCompleted", "RunFailed", "RunCancelled"])
