/** What is said of conversations (`Node.Conversation`): the words of their keys, their usual limits, and what they name. */
import type { Conversation, Node } from "./Node.js"

export const strategies = ["truncate_tokens", "truncate_turns", "summarize"] as const
export const aiSources = ["last", "all_agents", "named_steps"] as const

/** A person, in `users`. */
export const people = "hitl"

export const tokensDefault = 4096
export const turnsDefault = 20
export const ratioDefault = 0.5

export const tokensMost = 1_000_000
export const tokensLeast = 64
export const turnsMost = 1000

/** The names of steps that it speaks of. */
export const namesOf = ({ ai, users }: Conversation): ReadonlyArray<string> => [
  ...(typeof ai === "object" ? ai.names : []),
  ...users.filter((user) => user !== people)
]

/** The step that makes a summary, where there is one. */
export const summarizersOf = (conversation: Conversation | undefined): ReadonlyArray<Node> =>
  conversation?.history._tag === "Summarize" ? [conversation.history.by.step] : []
