/**
 * What models say while they say it, as it is shown: in whole words, so that a secret which comes in pieces is masked like any
 * other. What is not yet a whole word waits for the next piece.
 */
import type { Discarded, Said } from "../domain/Live.js"
import type { StepPath } from "../domain/StepPath.js"

export interface Words {
  readonly path: StepPath
  readonly text: string
  /** What the model thinks, and not what it answers. */
  readonly isThought: boolean
  /** Pieces left out before it. */
  readonly lost: number
}

/** A word longer than this is shown in parts. */
const wordMax = 4096

export class Pieces {
  private readonly begun = new Map<StepPath, { text: string; isThought: boolean; lost: number }>()

  /** The words that this piece makes whole. */
  take({ lost, path, piece }: Said): ReadonlyArray<Words> {
    if (piece._tag === "ToolCall") return []
    const isThought = piece._tag === "Reasoning"
    const before = this.begun.get(path)
    const out = before !== undefined && before.isThought !== isThought ? this.rest(path) : []
    const begun = this.begun.get(path) ?? { text: "", isThought, lost: 0 }
    const text = begun.text + piece.text
    const end = text.length > wordMax ? text.length : text.length - (/\S*$/.exec(text)?.[0].length ?? 0)
    this.begun.set(path, { text: text.slice(end), isThought, lost: end === 0 ? begun.lost + lost : 0 })
    return end === 0 ? out : [...out, { path, text: text.slice(0, end), isThought, lost: begun.lost + lost }]
  }

  /** The call came to its end: what was still to become a word. */
  rest(path: StepPath): ReadonlyArray<Words> {
    const begun = this.begun.get(path)
    this.begun.delete(path)
    return begun === undefined || begun.text === "" ? [] : [{ path, ...begun }]
  }
}

export type Heard = Said | Discarded
