/**
 * `offline:any` answers without key and network: a summary made of the text's own sentences, its keywords, its
 * sentiment, in English. It counts words; it does not understand them. So that a newcomer can run a real workflow on a
 * real text it reads the last user message as the text and takes what to do from the system prompt, from a short opening
 * such as `Summarize:`, or from the names in the wanted schema. Asked for what it cannot do it says so and names a model
 * that can. The same ask always gives the same reply.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Json from "../domain/Json.js"
import {
  type ModelAsk,
  type ModelChunk,
  type ModelDriver,
  ModelError,
  type ModelReply,
  textOf
} from "../domain/Model.js"
import { type Extract, type Facts, label, load, summary } from "./internal/Extract.js"
import { fill } from "./internal/Fill.js"
import * as Tokens from "./Tokens.js"

/** Longer texts are refused: counting takes a second or so for this many characters. */
export const charactersMax = 200_000

const sentencesDefault = 3

/** A driver whose engine is loaded by its first call. */
export const make: Effect.Effect<ModelDriver> = Effect.gen(function* () {
  // Not interruptible: what an interrupted first caller left behind would be kept for all others.
  const extractor = yield* Effect.cached(Effect.uninterruptible(load))
  return {
    call: (ask) => answer(extractor, ask),
    stream: (ask) =>
      Stream.flatMap(Stream.fromEffect(answer(extractor, ask)), (reply) =>
        Stream.fromIterable<ModelChunk>([
          ...(reply.text.match(/\s*\S+\s*/g) ?? []).map((text): ModelChunk => ({ _tag: "Text", text })),
          { _tag: "Reply", reply }
        ])
      )
  }
})

const answer = Effect.fn("flujo.Offline.call")(function* (extractor: Effect.Effect<Extract>, ask: ModelAsk) {
  const fail = (reason: ModelError["reason"], detail: string) =>
    new ModelError({ reason, model: `offline:${ask.model}`, detail })
  const { instruction, text } = read(ask)
  if (text.length > charactersMax) {
    return yield* fail("TooLong", `the text has ${text.length} characters, and offline reads at most ${charactersMax}`)
  }
  const impossible = unable(ask) ?? beyond(instruction, ask.output)
  if (impossible !== undefined) {
    return yield* fail(
      "BadRequest",
      `offline cannot ${impossible}: it only finds summaries, keywords and sentiment. ` +
        "Use a model that can, such as openai:gpt-4o-mini (needs OPENAI_API_KEY) or ollama:llama3.2 (local, no key)"
    )
  }
  const extract = yield* extractor
  const facts = extract(text)
  const sentences = sentencesWanted(instruction)
  const whole =
    ask.output._tag === "Object"
      ? JSON.stringify(fill(ask.output.schema, facts, sentences))
      : tell(facts, instruction, sentences)
  return limited(whole, ask)
})

/** Ends a reply that is longer than asked for, as a model would. */
const limited = (whole: string, ask: ModelAsk): ModelReply => {
  const max = ask.settings.maxTokens
  const fits = max === undefined || Tokens.estimate(whole) <= max
  const text = fits
    ? whole
    : (whole.match(/\S+\s*/g) ?? [])
        .slice(0, Math.floor((max * 3) / 4))
        .join("")
        .slice(0, max * 4)
        .toWellFormed()
  const input = ask.messages.reduce((sum, message) => sum + Tokens.estimate(textOf(message)), 0)
  return {
    text,
    finish: fits ? "stop" : "length",
    usage: {
      input,
      cachedInput: 0,
      output: Math.min(Tokens.estimate(text), max ?? Number.POSITIVE_INFINITY),
      reasoning: 0
    },
    model: "offline"
  }
}

/** What is to be done, and on which text. */
const read = (ask: ModelAsk): { readonly instruction: string; readonly text: string } => {
  const system = ask.messages
    .filter(({ role }) => role === "system")
    .map(textOf)
    .join("\n")
  const last = ask.messages.findLast(({ role }) => role === "user")
  const message = last === undefined ? "" : textOf(last)
  const opening = openingOf(message)
  return {
    instruction: `${system}\n${opening}`.slice(0, 20_000),
    // An opening with nothing after it is all the text there is.
    text: message.length > opening.length ? message.slice(opening.length).trim() : message
  }
}

const verbs =
  "summari[sz]e|extract|find|list|give|tell|classify|rate|analy[sz]e|detect|translate|write|generate|create|implement|code|compose|draft|fix|refactor|solve|calculate|compute|answer|explain|convert|rewrite|shorten|condense|what|which|how"
const openingPattern = new RegExp(
  `^\\s*(?:please,?\\s+|can you\\s+|could you\\s+|i want you to\\s+)?(?:(?:${verbs})\\b[^\\n]{0,200}?(?::|\\n|[.?!](?=\\s))|(?:summary|keywords|sentiment|translation)\\s*:)\\s*`,
  "i"
)
const wholePattern = new RegExp(
  `^\\s*(?:please,?\\s+|can you\\s+|could you\\s+|i want you to\\s+)?(?:${verbs})\\b[^\\n]{0,200}$`,
  "i"
)

/** A request at the head of a message (`Summarize this:`), or a message that is nothing else. */
const openingOf = (message: string): string => {
  const head = message.slice(0, 400)
  return openingPattern.exec(head)?.[0] ?? (message.length < 300 ? (wholePattern.exec(message)?.[0] ?? "") : "")
}

const language =
  "(?:code|function|program|script|class|component|unit tests?|sql|regex|html|css|typescript|javascript|python)"
const tasks: ReadonlyArray<readonly [pattern: RegExp, what: string]> = [
  [/\btranslat(?:e|es|ing|ion|or)\b/i, "translate"],
  [
    new RegExp(
      `\\b(?:writ(?:e|es|ing)|generat(?:e|es|ing)|implement(?:s|ing)?|creat(?:e|es|ing)|produc(?:e|es|ing)|fix(?:es|ing)?|refactor(?:s|ing)?|debug(?:s|ging)?)\\b[^.\\n]{0,40}?\\b${language}\\b`,
      "i"
    ),
    "write code"
  ],
  [
    /\b(?:write|compose|draft|create|invent)\b[^.\n]{0,40}?\b(?:poem|story|song|joke|haiku|essay|e-?mail|letter|blog post|article|novel)\b/i,
    "write new text"
  ],
  [/\b(?:solve|calculate|compute)\b[^.\n]{0,60}?\b(?:equation|sum|integral|problem|result|total)\b/i, "calculate"]
]

/** What a text engine has no part for. Tools that may be called are not. */
const unable = ({ messages, toolChoice }: ModelAsk): string | undefined => {
  const pictured = messages.some(
    ({ content }) => typeof content !== "string" && content.some(({ _tag }) => _tag !== "Text")
  )
  if (pictured) return "look at pictures"
  return toolChoice === "required" ? "call tools" : undefined
}

/** What is asked that counting words cannot do, if anything is. */
const beyond = (instruction: string, output: ModelAsk["output"]): string | undefined => {
  for (const sentence of instruction.split(/[\n.!?;]+/)) {
    for (const [pattern, what] of tasks) {
      const match = pattern.exec(sentence)
      // "Do not translate names" asks for nothing.
      if (
        match !== null &&
        !/\b(?:not|never|n't|without|avoid|no)\s(?:\S+\s){0,2}$/i.test(sentence.slice(0, match.index))
      )
        return what
    }
  }
  if (output._tag === "Vectors") return "make vectors of texts"
  if (output._tag === "Text") return undefined
  const names = Object.keys(Json.get(output.schema, "properties") ?? {})
  if (names.some((name) => /^translat(?:ion|ed)/i.test(name))) return "translate"
  return names.some((name) => /^(?:source_?)?code$/i.test(name)) ? "write code" : undefined
}

const counts = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]

/** "In two sentences", "5 bullet points". */
const sentencesWanted = (instruction: string): number => {
  const match = new RegExp(
    `\\b(\\d{1,2}|a single|${counts.join("|")})[ -](?:\\w{1,12} ){0,2}?(?:sentence|bullet|point|line|highlight)s?\\b`,
    "i"
  ).exec(instruction)
  if (match === null) return sentencesDefault
  const word = match[1]!.toLowerCase()
  const wanted = word === "a single" ? 1 : counts.includes(word) ? counts.indexOf(word) + 1 : Number(word)
  return Math.max(1, Math.min(20, wanted))
}

const tell = (facts: Facts, instruction: string, sentences: number): string => {
  const answers: Array<readonly [heading: string, answer: string]> = []
  if (/\b(?:summar\w*|abstract|tl;?dr|condense|shorten|gist|overview)\b/i.test(instruction)) {
    answers.push(["Summary", summaryText(facts, instruction, sentences)])
  }
  if (/\b(?:key ?words?|key ?phrases?|key ?terms?|tags?|topics?)\b/i.test(instruction)) {
    answers.push(["Keywords", facts.keywords.join(", ")])
  }
  if (/\b(?:sentiment|mood|tone|polarity|positive or negative)\b/i.test(instruction)) {
    answers.push(["Sentiment", `${label(facts)} (${facts.sentiment})`])
  }
  if (answers.length === 0) return summaryText(facts, instruction, sentences)
  if (answers.length === 1) return answers[0]![1]
  return answers.map(([heading, answer]) => `${heading}: ${answer}`).join("\n")
}

const summaryText = (facts: Facts, instruction: string, sentences: number): string => {
  const chosen = summary(facts, sentences)
  return /\bbullets?\b/i.test(instruction) ? chosen.map((sentence) => `- ${sentence}`).join("\n") : chosen.join(" ")
}
