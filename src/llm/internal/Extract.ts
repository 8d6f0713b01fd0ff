/**
 * What a text says about itself, found by counting: its sentences ranked, its terms, its mood. Built on wink-nlp and its
 * small English model, which ship their data; the same text always gives the same facts.
 */
import * as Effect from "effect/Effect"
import type { Document, ItemSentence, ItemToken, ItsHelpers, WinkMethods } from "wink-nlp"

export interface Facts {
  readonly text: string
  readonly sentences: ReadonlyArray<string>
  /** Indexes of `sentences`, the most telling first. */
  readonly ranked: ReadonlyArray<number>
  /** Terms as they stand in the text, the most telling first. */
  readonly keywords: ReadonlyArray<string>
  /** Names of people, places and things, in order of first mention. */
  readonly names: ReadonlyArray<string>
  /** From -1 (bad) to 1 (good). */
  readonly sentiment: number
  readonly wordCount: number
  readonly isEnglish: boolean
  /** How often a word occurs, by its base form. */
  readonly countsByLemma: ReadonlyMap<string, number>
  /** The base forms of the words of another text. */
  readonly lemmas: (text: string) => ReadonlyArray<string>
}

export type Extract = (text: string) => Facts

/** Loads the engine and its model: some 4 MB of code and 250 ms, so only when asked. */
export const load: Effect.Effect<Extract> = Effect.map(
  Effect.promise(() => Promise.all([import("wink-nlp"), import("wink-eng-lite-web-model")])),
  ([wink, model]) => {
    const nlp = wink.default(model.default, ["sbd", "pos", "negation", "sentiment"])
    return (text) => extract(nlp, text)
  }
)

interface Word {
  readonly value: string
  readonly lemma: string
  readonly isWord: boolean
  readonly isStop: boolean
  readonly pos: string
}

const keywordsMax = 10

const extract = (nlp: WinkMethods, text: string): Facts => {
  const { its } = nlp
  const document = nlp.readDoc(digestible(text))
  const sentences: Array<string> = []
  const wordsBySentence: Array<ReadonlyArray<Word>> = []
  document.sentences().each((sentence: ItemSentence) => {
    const words = wordsOf(sentence.tokens(), its)
    if (words.some(({ isWord }) => isWord)) {
      sentences.push(tidy(sentence.out()))
      wordsBySentence.push(words)
    }
  })
  const words = wordsBySentence.flat().filter(({ isWord }) => isWord)
  const countsByLemma = new Map<string, number>()
  for (const { lemma } of words) countsByLemma.set(lemma, (countsByLemma.get(lemma) ?? 0) + 1)
  return {
    text,
    sentences,
    ranked: rank(wordsBySentence, countsByLemma),
    keywords: keywords(wordsBySentence),
    names: names(wordsBySentence),
    sentiment: mood(document, its),
    wordCount: words.length,
    isEnglish: words.length > 0 && words.filter(({ isStop }) => isStop).length / words.length >= 0.2,
    countsByLemma,
    lemmas: (other) =>
      wordsOf(nlp.readDoc(digestible(other)).tokens(), its)
        .filter(({ isWord }) => isWord)
        .map(({ lemma }) => lemma)
  }
}

/**
 * The tokenizer's patterns take quadratic time on a word without end, so long ones are cut in pieces. One empty line,
 * no more, ends a sentence; the points of a list are set apart by one, as each is a sentence.
 */
const digestible = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\r\n?/g, "\n")
    .replace(/\S{60}(?=\S)/gu, "$& ")
    .replace(/\n(?=[ \t]{0,8}(?:[-*\u2022]|\d{1,3}[.)])[ \t])/g, "\n\n")
    .replace(/\n(?:[ \t]*\n)+/g, "\n\n")

const tidy = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/^(?:[-*\u2022]|#{1,6}|>|\d{1,3}[.)]) (?=\S)/, "")

const wordsOf = (tokens: ReturnType<Document["tokens"]>, its: ItsHelpers): ReadonlyArray<Word> => {
  const words: Array<Word> = []
  tokens.each((token: ItemToken) => {
    const value = token.out()
    words.push({
      value,
      lemma: String(token.out(its.lemma as never)),
      isWord: (token.out(its.type as never) as string) === "word" && /[\p{L}\p{N}]/u.test(value),
      isStop: (token.out(its.stopWordFlag as never) as unknown) === true,
      pos: String(token.out(its.pos as never))
    })
  })
  return words
}

const mood = (document: Document, its: ItsHelpers): number => {
  const score = Number(document.out(its.sentiment as never))
  return Number.isFinite(score) ? Math.max(-1, Math.min(1, Math.round(score * 100) / 100)) : 0
}

const isContent = ({ isStop, isWord, pos }: Word): boolean =>
  isWord && !isStop && (pos === "NOUN" || pos === "PROPN" || pos === "ADJ" || pos === "VERB")

/**
 * Sentences by the mean frequency of their content words, after Luhn (1958, The automatic creation of literature
 * abstracts): divided by at least six words, so that a heading of one frequent word does not win; the first
 * sentences a little ahead, as they tend to say what follows.
 */
const rank = (
  sentences: ReadonlyArray<ReadonlyArray<Word>>,
  counts: ReadonlyMap<string, number>
): ReadonlyArray<number> => {
  const scores = sentences.map((words, index) => {
    const content = words.filter(isContent)
    const sum = content.reduce((sum, { lemma }) => sum + (counts.get(lemma) ?? 0), 0)
    return (sum / Math.max(6, content.length)) * (index === 0 ? 1.25 : 1)
  })
  return scores.map((_, index) => index).sort((a, b) => scores[b]! - scores[a]! || a - b)
}

interface Term {
  shown: string
  count: number
  readonly size: number
  readonly first: number
}

/** Nouns, and pairs of them (or an adjective and a noun) that occur more than once, the frequent ones first. */
const keywords = (sentences: ReadonlyArray<ReadonlyArray<Word>>): ReadonlyArray<string> => {
  const terms = new Map<string, Term>()
  let position = 0
  const count = (words: ReadonlyArray<Word>) => {
    const key = words.map(({ lemma }) => lemma.toLowerCase()).join(" ")
    const shown = words.map(({ pos, value }) => (pos === "PROPN" ? value : value.toLowerCase())).join(" ")
    const known = terms.get(key)
    if (known === undefined) terms.set(key, { shown, count: 1, size: words.length, first: position })
    else {
      known.count += 1
      // At the head of a sentence any noun looks like a name; small letters elsewhere tell that it is none.
      if (shown === shown.toLowerCase()) known.shown = shown
    }
  }
  for (const words of sentences) {
    words.forEach((word, index) => {
      position += 1
      if (!isTerm(word)) return
      count([word])
      const before = words[index - 1]
      if (before !== undefined && (isTerm(before) || (isContent(before) && before.pos === "ADJ"))) count([before, word])
    })
  }
  const sorted = [...terms]
    .filter(([, { count, size }]) => size === 1 || count > 1)
    .sort(([, a], [, b]) => b.count * b.size - a.count * a.size || a.first - b.first)
  // A word that is only ever said as part of a chosen pair says nothing beside it.
  const chosen: Array<readonly [string, Term]> = []
  for (const [key, term] of sorted) {
    if (chosen.length === keywordsMax) break
    const within = chosen.some(
      ([other, pair]) => pair.size > term.size && other.split(" ").includes(key) && pair.count >= term.count
    )
    if (!within) chosen.push([key, term])
  }
  return chosen.map(([, { shown }]) => shown)
}

const isTerm = (word: Word): boolean =>
  isContent(word) && (word.pos === "NOUN" || word.pos === "PROPN") && word.value.length > 1 && /\p{L}/u.test(word.value)

/** Neighbouring proper nouns are one name. */
const names = (sentences: ReadonlyArray<ReadonlyArray<Word>>): ReadonlyArray<string> => {
  const found = new Set<string>()
  for (const words of sentences) {
    let name: Array<string> = []
    for (const word of [...words, undefined]) {
      if (word?.pos === "PROPN" && word.isWord) name.push(word.value)
      else if (name.length > 0) {
        found.add(name.join(" "))
        name = []
      }
    }
  }
  return [...found]
}

/** The `count` most telling sentences, in the order of the text. */
export const summary = (facts: Facts, count: number): ReadonlyArray<string> =>
  facts.ranked
    .slice(0, count)
    .toSorted((a, b) => a - b)
    .map((index) => facts.sentences[index]!)

export const label = (facts: Facts): "positive" | "negative" | "neutral" =>
  facts.sentiment > 0.1 ? "positive" : facts.sentiment < -0.1 ? "negative" : "neutral"
