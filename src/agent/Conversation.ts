/**
 * The turns of a conversation: gathered from what steps say, cut to what is to be kept, and put into words for the next
 * prompt. Pure, so that a run that is resumed or replayed comes to the same turns without having kept any.
 *
 * Tokens are estimated (`Tokens.estimate`): what is kept is a matter of taste, and what it may cost is bounded by its
 * bytes, see `bytesMost`.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../domain/Json.js"
import * as Template from "../expression/Template.js"
import * as Tokens from "../llm/Tokens.js"
import * as Conversation from "../pipeline/Conversation.js"
import type * as Node from "../pipeline/Node.js"

/** Something that was said by a step. `question`: to a person. */
export interface Said {
  readonly name: string
  readonly by: "agent" | "question" | "person" | "step"
  readonly json: Json.Json
}

export interface Turn {
  readonly role: "user" | "assistant"
  readonly content: string
  /** Of the step that said it; absent for the input and for a summary. */
  readonly step: string | undefined
}

export interface Talk {
  /** The first turn of the user, which is never left out. */
  readonly first: Turn | undefined
  readonly turns: ReadonlyArray<Turn>
  /** How many turns are no longer there, between the first and the others. */
  readonly leftOut: number
}

/** Characters of one turn; of a longer one the beginning is kept. */
export const contentMax = 16_384

export const begin = (input: Json.Json | undefined): Talk => {
  const content = input === undefined ? undefined : textOf(input)
  return { first: content === undefined ? undefined : turn("user", content, undefined), turns: [], leftOut: 0 }
}

/** With what an iteration said. */
export const after = (talk: Talk, said: ReadonlyArray<Said>, about: Node.Conversation): Talk => {
  const heard = turnsOf(said, about)
  const more = heard.length === 0 ? talk : { ...talk, turns: [...talk.turns, ...heard] }
  return older(more, about.history) === undefined ? cut(more, about.history) : more
}

/** The turns that a summary is to be made of, where there is more than fits; the others stay. */
export const older = (
  talk: Talk,
  history: Node.History
): { readonly turns: ReadonlyArray<Turn>; readonly rest: ReadonlyArray<Turn> } | undefined => {
  if (history._tag !== "Summarize" || tokensOf(talk) <= history.max) return undefined
  const most = talk.turns.length - 1
  let count = Math.min(most, Math.ceil(talk.turns.length * history.ratio))
  // What stays has to fit beside the summary and the first turn.
  while (count < most && sum(talk.turns.slice(count)) > history.max / 2) count++
  return count < 1 ? undefined : { turns: talk.turns.slice(0, count), rest: talk.turns.slice(count) }
}

/** With a summary in the place of what is older. */
export const summarized = (talk: Talk, rest: ReadonlyArray<Turn>, summary: Json.Json, history: Node.History): Talk =>
  fitted(
    { ...talk, turns: rest },
    history.max,
    turn("assistant", `(What was said before, in short) ${plain(summary)}`, undefined)
  )

/** What of `turns` a summary is made of, as the one who makes it is told. */
export const lines = (turns: ReadonlyArray<Turn>): string => turns.map(line).join("\n")

/** The whole, as a loop may answer it. */
export const text = (talk: Talk): string => lines(all(talk))

export interface Prompt {
  /** Ends where the step's own input begins. */
  readonly text: string
  readonly turns: number
  readonly leftOut: number
}

/**
 * What an agent whose input is `input` is told before it; nothing where nothing was said but that. Fails where the
 * template does.
 */
export const prompt = (
  talk: Talk,
  template: Template.Template | undefined,
  input: string
): Either.Either<Prompt | undefined, Template.TemplateError> => {
  const every = all(talk)
  const last = every.at(-1)
  // What the user said last is often the input itself.
  const turns = last?.role === "user" && last.content === input ? every.slice(0, -1) : every
  const { leftOut } = talk
  if (turns.length === 0) return Either.right(undefined)
  const told = (text: string): Prompt => ({ text: `${text.toWellFormed()}\n\n`, turns: turns.length, leftOut })
  if (template === undefined) {
    const gap = leftOut === 0 ? [] : [`(${leftOut === 1 ? "1 turn is" : `${leftOut} turns are`} left out here)`]
    const [head, ...tail] = turns.map(line)
    return Either.right(told([heading, head!, ...gap, ...tail].join("\n")))
  }
  const history = turns.map(({ content, role, step }) => ({ role, content, step: step ?? null }))
  const scope: Template.Scope = (name) =>
    name === "history" ? Option.some(history) : name === "left_out" ? Option.some(leftOut) : Option.none()
  return Either.map(Template.evaluate(template, scope), (said) => told(Template.toText(said)))
}

const heading = "The conversation so far:"

/** Bytes that the usual block has at most; undefined where a template makes it. */
export const bytesMost = ({ history, template }: Node.Conversation): number | undefined => {
  if (template !== undefined) return undefined
  // An estimate is no less than a quarter of the characters, and a character has three bytes at most.
  const kept = history._tag === "Turns" ? (history.max + 1) * (contentMax + 16) * 3 : (history.max + 1) * 12
  return 256 + kept
}

const all = ({ first, turns }: Talk): ReadonlyArray<Turn> => (first === undefined ? turns : [first, ...turns])

const line = ({ content, role }: Turn): string => `${role}: ${content}`

const turn = (role: Turn["role"], content: string, step: string | undefined): Turn => ({
  role,
  content: content.length <= contentMax ? content : shorter(content, contentMax),
  step
})

const note = "… (the rest is left out)"

const shorter = (content: string, length: number): string =>
  `${content.slice(0, Math.max(0, length - note.length)).toWellFormed()}${note}`

const tokensOf = (talk: Talk): number => sum(all(talk))

const sum = (turns: ReadonlyArray<Turn>): number => turns.reduce((total, one) => total + tokens(one), 0)

const tokens = (one: Turn): number => Tokens.estimate(`${line(one)}\n`)

const cut = (talk: Talk, history: Node.History): Talk => {
  switch (history._tag) {
    case "Tokens":
      return fitted(talk, history.max)
    case "Turns": {
      const over = Math.max(0, talk.turns.length - history.max)
      return { ...talk, turns: talk.turns.slice(over), leftOut: talk.leftOut + over }
    }
    case "Summarize":
      return tokensOf(talk) <= history.max ? talk : fitted(talk, history.max)
  }
}

/** The newest turns that fit, one at least; at most a quarter is for the first, and one for a summary behind it. */
const fitted = (talk: Talk, max: number, summary?: Turn): Talk => {
  const quarter = Math.max(16, Math.floor(max / 4))
  const first = talk.first === undefined ? undefined : within(talk.first, quarter)
  const short = summary === undefined ? [] : [within(summary, quarter)]
  const room = max - sum(first === undefined ? short : [first, ...short])
  const kept: Array<Turn> = []
  let left = room
  for (const one of talk.turns.toReversed()) {
    const fits = kept.length === 0 ? within(one, room) : one
    if (tokens(fits) > left) break
    kept.unshift(fits)
    left -= tokens(fits)
  }
  return { first, turns: [...short, ...kept], leftOut: talk.leftOut + talk.turns.length - kept.length }
}

/** With so much of its beginning as has not more tokens. */
const within = (one: Turn, max: number): Turn => {
  if (tokens(one) <= max) return one
  let length = Math.min(one.content.length, max * 4)
  let content = shorter(one.content, length)
  while (tokens({ ...one, content }) > max && length > note.length) {
    length = Math.max(note.length, Math.floor(length * 0.8))
    content = shorter(one.content, length)
  }
  return { ...one, content }
}

const turnsOf = (said: ReadonlyArray<Said>, { ai, users }: Node.Conversation): ReadonlyArray<Turn> => {
  const byPeople = users.includes(Conversation.people)
  const last = said.findLastIndex(({ by, json }) => by === "agent" && textOf(json) !== undefined)
  const isAi = ({ by, name }: Said, index: number): boolean =>
    ai === "last" ? index === last : ai === "all_agents" ? by === "agent" : by !== "question" && ai.names.includes(name)
  const turns: Array<Turn> = []
  for (const [index, one] of said.entries()) {
    const content = textOf(one.json)
    if (content === undefined) continue
    const isUser = one.by === "person" ? byPeople || users.includes(one.name) : users.includes(one.name)
    if (one.by === "question") {
      // What an agent asked and a step repeats to a person is one turn.
      const isSaid = turns.some((turn) => turn.role === "assistant" && turn.content.includes(content))
      if ((byPeople || users.includes(one.name)) && !isSaid) turns.push(turn("assistant", content, one.name))
    } else if (isUser) turns.push(turn("user", content, one.name))
    else if (isAi(one, index)) turns.push(turn("assistant", content, one.name))
  }
  return turns
}

/**
 * What is said in a value: its `question`, or its text; JSON as it stands where it is neither. Nothing where an agent only
 * says that it has finished.
 */
const textOf = (json: Json.Json): string | undefined => {
  const read = typeof json === "string" ? objectIn(json) : json
  const action = Json.get(read, "action")
  if (action === "finish" || action === "done") return undefined
  const question = Json.get(read, "question")
  const content = (typeof question === "string" ? question : plain(json)).trim()
  return content === "" || json === null ? undefined : content.toWellFormed()
}

const plain = (json: Json.Json): string => (typeof json === "string" ? json : Json.canonical(json))

const objectIn = (text: string): Json.Json | undefined => {
  if (!text.trimStart().startsWith("{")) return undefined
  return Either.getOrUndefined(Json.parse(text.trim()))
}
