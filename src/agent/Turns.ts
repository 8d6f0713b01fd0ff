/**
 * The turns of an agent that a next request has: all of them, or the newest within a limit. A turn is a reply with all that
 * answers it, and stays or goes as a whole, so that no call stands there without its result.
 */
import * as Json from "../domain/Json.js"
import type * as Model from "../domain/Model.js"
import * as Tokens from "../llm/Tokens.js"

export type Turn = ReadonlyArray<Model.ModelMessage>

export interface Sent {
  readonly messages: ReadonlyArray<Model.ModelMessage>
  /** Turns that are not in it, the oldest. */
  readonly leftOut: number
}

/** `head` is what every request begins with. The newest turn is always there. */
export const within = (
  head: ReadonlyArray<Model.ModelMessage>,
  turns: ReadonlyArray<Turn>,
  max: number | undefined
): Sent => {
  let left = max ?? Number.POSITIVE_INFINITY
  let from = turns.length
  while (from > 0) {
    const tokens = tokensOf(turns[from - 1]!)
    if (from < turns.length && tokens > left) break
    left -= tokens
    from--
  }
  const kept = turns.slice(from).flat()
  return { messages: from === 0 ? [...head, ...kept] : [...noting(head, from), ...kept], leftOut: from }
}

/** An estimate; it is no less than a quarter of the characters of all that is sent. */
export const tokensOf = (turn: Turn): number =>
  turn.reduce((sum, message) => sum + Tokens.estimate(Json.canonical(message as Json.Json)), 0)

/** Bytes of turns that have so many tokens. */
export const bytesMost = (tokens: number): number => 12 * tokens

/** Bytes of the note. */
export const noteBytes = 64

/** The last message of the user says how much is left out. */
const noting = (head: ReadonlyArray<Model.ModelMessage>, count: number): ReadonlyArray<Model.ModelMessage> => {
  const at = head.findLastIndex(({ role }) => role === "user")
  return head.map((message, index) =>
    index === at && message.role === "user" && typeof message.content === "string"
      ? { ...message, content: `${message.content}\n\n(${count} of your turns are left out here)` }
      : message
  )
}
