/** Filters of text. They know no locale and count characters (code points), so an emoji is one. */
import type { Json } from "../domain/Json.js"
import { type Call, type Filter, flag, of, ofText, text, whole } from "./Filter.js"
import { outputUnitsMax } from "./Limits.js"
import * as Search from "./Search.js"
import * as Value from "./Value.js"

const countMax = outputUnitsMax

/** A change of each part, so that what is made is at most three times as long. */
const changed =
  (change: (text: string) => string) =>
  (input: string, call: Call): string => {
    call.meter.spend(1 + (input.length >>> 2), call.span)
    const made = change(input)
    call.meter.write(made.length, call.span)
    return made
  }

const upper = ofText({ answers: "text" }, (input, { meter, span }) => {
  meter.read(input.length, span)
  const made = input.toUpperCase()
  meter.write(made.length, span)
  return made
})

const lower = ofText({ answers: "text" }, (input, { meter, span }) => {
  meter.read(input.length, span)
  const made = input.toLowerCase()
  meter.write(made.length, span)
  return made
})

const capitalize = ofText(
  { answers: "text" },
  changed((input) => {
    const [first = ""] = input
    return first.toUpperCase() + input.slice(first.length).toLowerCase()
  })
)

/** A word begins behind white space, a dash or an opening bracket, as in Jinja. */
const title = ofText(
  { answers: "text" },
  changed((input) =>
    input.replace(/[^-\s({[<]+/gu, (word) => {
      const [first = ""] = word
      return first.toUpperCase() + word.slice(first.length).toLowerCase()
    })
  )
)

/** White space at both ends, or the characters named. */
const trim = ofText({ parameters: [text("chars")], answers: "text" }, (input, call) => {
  const chars = call.text(0)
  call.meter.read(input.length, call.span)
  if (chars === undefined) return input.trim()
  const wanted = new Set(Value.characters(chars, call.meter, call.span))
  const all = Value.characters(input, call.meter, call.span)
  let start = 0
  let end = all.length
  while (start < end && wanted.has(all[start]!)) start++
  while (end > start && wanted.has(all[end - 1]!)) end--
  return all.slice(start, end).join("")
})

const replace = ofText(
  { parameters: [text("old", true), text("new", true), whole("count", 0, countMax)], answers: "text" },
  (input, call) => {
    const { meter, span } = call
    const old = call.text(0) ?? ""
    const instead = call.text(1) ?? ""
    if (old === "") throw call.refuse(0, "there is nothing to replace: `old` is empty")
    const places = Search.places(input, old, call.number(2, Number.POSITIVE_INFINITY), meter, span)
    meter.write(input.length + places.length * (instead.length - old.length), span)
    return pieces(input, old, places).join(instead)
  }
)

/** Without `sep` at runs of white space, of which none is left, as in Python. */
const split = ofText(
  { parameters: [text("sep"), whole("maxsplit", -1, countMax)], answers: "list", nests: true },
  (input, call) => {
    const { meter, span } = call
    const sep = call.text(0)
    const given = call.number(1, -1)
    const max = given < 0 ? Number.POSITIVE_INFINITY : given
    if (sep === "") throw call.refuse(0, "a text cannot be split at an empty text; `list` makes its characters")
    if (sep !== undefined) return pieces(input, sep, Search.places(input, sep, max, meter, span))
    meter.walk(input.length, span)
    const words: Array<string> = []
    for (const { 0: word, index } of input.matchAll(/\S+/gu)) {
      meter.spend(1, span)
      if (words.length === max) return [...words, input.slice(index).trimEnd()]
      words.push(word)
    }
    return words
  }
)

const pieces = (input: string, separator: string, places: ReadonlyArray<number>): ReadonlyArray<string> => {
  const made: Array<string> = []
  let from = 0
  for (const at of places) {
    made.push(input.slice(from, at))
    from = at + separator.length
  }
  made.push(input.slice(from))
  return made
}

/** Cuts a text that is longer than `length` and `leeway`, behind a word unless `killwords`. */
const truncate = ofText(
  {
    parameters: [whole("length", 0, countMax), flag("killwords"), text("end"), whole("leeway", 0, countMax)],
    answers: "text"
  },
  (input, call) => {
    const { meter, span } = call
    const length = call.number(0, 255)
    const end = call.text(2) ?? "..."
    meter.read(input.length + end.length, span)
    const kept = length - Value.length(end)
    if (kept < 0) throw call.refuse(0, "`length` of `truncate` leaves no room for its end")
    if (Value.length(input) <= length + call.number(3, 5)) return input
    let units = 0
    let count = 0
    meter.walk(kept, span)
    for (const character of input) {
      if (count++ === kept) break
      units += character.length
    }
    const cut = input.slice(0, units)
    const space = call.flag(1) ? -1 : cut.lastIndexOf(" ")
    const made = (space < 0 ? cut : cut.slice(0, space)) + end
    meter.write(made.length, span)
    return made
  }
)

const wordcount = ofText({ answers: "number" }, (input, { meter, span }) => {
  meter.spend(1 + (input.length >>> 2), span)
  let count = 0
  for (const _ of input.matchAll(/[\p{L}\p{M}\p{N}_]+/gu)) {
    meter.spend(1, span)
    count++
  }
  return count
})

/** Puts `width` spaces, or that text, before each line but the first and the empty ones. */
const indent = ofText(
  {
    parameters: [
      { name: "width", kinds: ["number", "text"], required: false, range: [0, 1000] },
      flag("first"),
      flag("blank")
    ],
    answers: "text"
  },
  (input, call) => {
    const { meter, span } = call
    const before = call.text(0) ?? " ".repeat(call.number(0, 4))
    meter.walk(input.length, span)
    const lines = input.split("\n")
    meter.spend(lines.length, span)
    meter.write(input.length + lines.length * before.length, span)
    return lines
      .map((line, index) => ((index === 0 && !call.flag(1)) || (line === "" && !call.flag(2)) ? line : before + line))
      .join("\n")
  }
)

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;"
}

/** For HTML. Nothing is ever escaped without it. */
const escape = ofText({ answers: "text" }, (input, { meter, span }) => {
  meter.spend(1 + (input.length >>> 1), span)
  const made = input.replace(/[&<>"']/g, (character) => entities[character]!)
  meter.write(made.length, span)
  return made
})

/** Percent-encoding (RFC 3986) of all but letters, digits, `_ . - ~` and `/`. */
const urlencode = ofText({ answers: "text" }, (input, { meter, span }) => {
  meter.spend(1 + input.length, span)
  meter.fits(9 * input.length, span)
  const made = encodeURIComponent(input)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%2F/g, "/")
  meter.write(made.length, span)
  return made
})

/** Any value as it is written within a text. */
const string: Filter = of(undefined, { answers: "text" }, (input: Json, { meter, span }) =>
  Value.written(input, meter, span)
)

export const filters: Readonly<Record<string, Filter>> = {
  capitalize,
  escape,
  indent,
  lower,
  replace,
  split,
  string,
  title,
  trim,
  truncate,
  upper,
  urlencode,
  wordcount
}
