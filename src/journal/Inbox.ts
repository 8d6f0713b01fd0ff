/**
 * What may be left in a run's inbox. A driver gathers the facts and obeys the judgement inside one transaction in which
 * the run is locked: else a letter could be left between the owner's last look and its rest, and nobody would wake.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Json from "../domain/Json.js"
import * as Letter from "../domain/Letter.js"
import type { RunId } from "../domain/RunId.js"
import type { Delivery, LetterRow, NewLetter } from "./Driver.js"
import { LetterRefused, type StoredLetter } from "./Journal.js"
import { hasEnded, type RunStatus } from "./RunIndex.js"

export interface Facts {
  /** Undefined: no such run. */
  readonly status: RunStatus | undefined
  /** The letter with the same id, if there is one. */
  readonly earlier: { readonly taken: boolean } | undefined
  /** Whether the letter's path has an open task. */
  readonly open: boolean
}

/** `Insert`: put it in. `Again`: an earlier one was taken; put it in its place. `Same`: it waits there already. */
export type Judgement = "Insert" | "Again" | "Same" | Exclude<Delivery["_tag"], "Left">

/**
 * A failed run may be resumed, but until then there is nobody to cancel and nothing to answer: it has ended like the
 * others. The first answer to a task is named also when the run has ended since: that is what the second one asks.
 */
export const judge = (kind: NewLetter["kind"], { earlier, open, status }: Facts): Judgement => {
  if (status === undefined) return "Unknown"
  switch (kind) {
    case "Answer":
      return earlier !== undefined ? "Taken" : hasEnded(status) ? "Ended" : open ? "Insert" : "NoTask"
    case "Cancel":
      // A cancellation that a failing run took too late must not shut out one that comes after it was resumed.
      return hasEnded(status) ? "Ended" : earlier === undefined ? "Insert" : earlier.taken ? "Again" : "Same"
    case "Signal":
      return hasEnded(status) ? "Ended" : earlier === undefined ? "Insert" : "Same"
  }
}

export const toRow = (run: RunId, letter: Letter.Letter, at: number): NewLetter => ({
  run,
  id: Letter.idOf(letter),
  kind: letter._tag,
  path: letter._tag === "Answer" ? letter.path : null,
  // Through `fromUnknown`, because an absent `by` may be there as `undefined`.
  data: Json.canonical(Either.getOrThrow(Json.fromUnknown(letter))),
  at
})

const decode = Schema.decodeUnknownOption(Schema.parseJson(Letter.Letter))

/** None: it is not a letter. */
export const fromRow = ({ at, data, id }: LetterRow): Option.Option<StoredLetter> =>
  Option.map(decode(data), (letter) => ({ id, letter, at }))

const openShown = 20

export const refusal = (
  { path, run }: NewLetter,
  delivery: Exclude<Delivery, { readonly _tag: "Left" }>
): LetterRefused => {
  switch (delivery._tag) {
    case "Unknown":
      return new LetterRefused({ reason: "Unknown", run, detail: `there is no run ${run}` })
    case "Ended":
      return new LetterRefused({
        reason: "Ended",
        run,
        detail: `run ${run} has ended (${delivery.status}) and takes no letters`
      })
    case "NoTask": {
      const shown = delivery.open.slice(0, openShown).join(", ")
      const more = delivery.open.length > openShown ? `, and ${delivery.open.length - openShown} more` : ""
      return new LetterRefused({
        reason: "NoTask",
        run,
        detail: `run ${run} has no open task at ${path}; ${shown === "" ? "none is open" : `open: ${shown}${more}`}`
      })
    }
    case "Taken": {
      const first = fromRow(delivery.first)
      const by =
        Option.isSome(first) && first.value.letter._tag === "Answer" && first.value.letter.by !== undefined
          ? ` by ${first.value.letter.by}`
          : ""
      return new LetterRefused({
        reason: "Taken",
        run,
        detail: `the task at ${path} of run ${run} was answered ${new Date(delivery.first.at).toISOString()}${by}`
      })
    }
  }
}
