/** What the `yaml` package says is wrong, in words for the person who wrote it. */
import type { YAMLParseError } from "yaml"
import type { Report } from "../Diagnostics.js"

/** What to do, by the package's error code. */
const hints: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: "if this is text with a colon in it, put it in quotes",
  BAD_SCALAR_START: "put the text in quotes",
  MULTILINE_IMPLICIT_KEY: "is a colon missing after a key?",
  BAD_INDENT: "keys of one map begin in one column, and what belongs to a key stands further right",
  BLOCK_IN_FLOW: "within [ ] and { } write lists and maps with [ ] and { } too",
  KEY_OVER_1024_CHARS: "a key has at most 1,024 characters"
}

const words: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: "a second key stands on this line",
  MULTILINE_IMPLICIT_KEY: "this is neither a key nor a value",
  TAB_AS_INDENT: "a tab stands where indentation is wanted"
}

export const report = (text: string, fault: YAMLParseError, openQuote: number | undefined, into: Report): void => {
  if (openQuote !== undefined && fault.message.startsWith("Missing closing")) {
    const span = { start: openQuote, end: openQuote + 1 }
    into.add("FLJ-BLUEPRINT-12", span, "this quote is never closed", {
      hint: "close it; a quote of the same sort within the text is written twice ('') or escaped (\\\")"
    })
    return
  }
  const tab = tabNear(text, fault.pos[0])
  if (tab !== undefined) {
    into.add("FLJ-BLUEPRINT-11", tab, "a tab stands where indentation is wanted", { hint: "indent with spaces" })
    return
  }
  const start = Math.min(fault.pos[0], text.length)
  const end = Math.max(start, Math.min(fault.pos[1], text.length))
  const hint = Object.hasOwn(hints, fault.code) ? hints[fault.code] : undefined
  into.add("FLJ-BLUEPRINT-12", { start, end }, Object.hasOwn(words, fault.code) ? words[fault.code]! : said(fault), {
    hint
  })
}

/** The package's own message, without what may be long. */
const said = ({ message }: YAMLParseError): string => {
  const first = message.split("\n", 1)[0]!
  const short = first.length > 160 ? `${first.slice(0, 159)}…` : first
  return short.slice(0, 1).toLowerCase() + short.slice(1)
}

/** Tabs that stand before the first word of the line at fault, or of the line after it. */
const tabNear = (text: string, at: number): { readonly start: number; readonly end: number } | undefined => {
  let lineStart = text.lastIndexOf("\n", at - 1) + 1
  for (let i = 0; i < 2; i++) {
    const [, spaces, tabs] = /^( *)(\t+)/.exec(text.slice(lineStart, lineStart + 200)) ?? []
    if (spaces !== undefined && tabs !== undefined) {
      const start = lineStart + spaces.length
      return { start, end: start + tabs.length }
    }
    const next = text.indexOf("\n", lineStart)
    if (next < 0) return undefined
    lineStart = next + 1
  }
  return undefined
}
