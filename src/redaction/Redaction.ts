/**
 * What must not be shown, masked: keys and tokens of known shapes, values next to names such as `password`, and the
 * values of secret environment variables. Nothing of a secret is kept, not even its last characters. Masking masked text
 * changes nothing, and takes time in proportion to the text: patterns only find where a secret starts (each is bounded),
 * and a scan that never steps back finds where it ends.
 *
 * It is a net, not a proof: a secret of no known shape, split in two or encoded (base64), is not seen.
 */
import * as Json from "../domain/Json.js"
import { isSecretName } from "./SecretName.js"

export const mask = "[redacted]"

export interface Redaction {
  readonly text: (text: string) => string
  /** Strings masked like text, and all that stands under a secret's name. Keys stay as they are. */
  readonly json: (value: Json.Json) => Json.Json
}

export interface Options {
  /** Variables by name. Those named like a secret are hidden wherever their value (8 characters or more) turns up. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** More values to hide (4 characters or more), such as a key that came from a file. */
  readonly secrets?: ReadonlyArray<string> | undefined
}

export const make = (options: Options = {}): Redaction => {
  const values = valuesOf(options)
  const text = (given: string): string => {
    // What one pass cuts out may uncover the boundary of a neighbour; twice is enough unless somebody tries.
    let masked = given
    for (let pass = 0; pass < passesMax; pass++) {
      const next = maskOnce(masked, values)
      if (next === masked) break
      masked = next
    }
    return masked
  }
  const json = (value: Json.Json): Json.Json => {
    if (typeof value === "string") return text(value)
    if (value === null || typeof value !== "object") return value
    if (Array.isArray(value)) return value.map(json)
    const masked: Record<string, Json.Json> = {}
    for (const [key, item] of Object.entries(value as Json.JsonObject)) {
      const whole = item !== null && typeof item !== "boolean" && isSecretName(key)
      Json.set(masked, key, whole ? mask : json(item))
    }
    return masked
  }
  return { text, json }
}

const passesMax = 4

/** Shorter values of variables are words that turn up anywhere. */
const valueLengthMin = 8
const secretLengthMin = 4

const valuesOf = ({ environment = {}, secrets = [] }: Options): ReadonlyArray<string> => {
  const found = new Set<string>()
  const add = (value: string, lengthMin = valueLengthMin) => {
    for (const form of [value, value.trim(), JSON.stringify(value).slice(1, -1), encoded(value)]) {
      // A value made of the mask's own letters would be found in every mask.
      if (form.length >= lengthMin && !mask.includes(form) && !form.includes(mask)) found.add(form)
    }
  }
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue
    if (isSecretName(name) && !folders.has(name)) add(value)
    const password = passwordOfUrl(value)
    if (password !== undefined) add(password)
  }
  for (const secret of secrets) add(secret, secretLengthMin)
  // The longer first: one value may be part of another.
  return [...found].sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
}

/** The working folder, which shells keep under names that sound like passwords. */
const folders: ReadonlySet<string> = new Set(["PWD", "OLDPWD"])

const encoded = (value: string): string => encodeURIComponent(value.toWellFormed())

const passwordOfUrl = (value: string): string | undefined => {
  if (value.length > 4096 || !value.includes("://") || !URL.canParse(value)) return undefined
  return new URL(value).password || undefined
}

/** From where to where (exclusive) something is masked. */
type Span = readonly [from: number, to: number]

/** Where secrets of known shapes stand; some may lie within others. */
export const find = (text: string): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  for (const finder of finders) {
    finder.start.lastIndex = 0
    for (let match = finder.start.exec(text); match !== null; match = finder.start.exec(text)) {
      const span = finder.span(text, match)
      if (span === undefined) continue
      if (span[1] > span[0]) spans.push(span)
      if (span[1] > finder.start.lastIndex) finder.start.lastIndex = span[1]
    }
  }
  return spans
}

const maskOnce = (text: string, values: ReadonlyArray<string>): string => {
  const spans: Array<Span> = [...find(text)]
  for (const value of values) {
    for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + value.length)) {
      spans.push([at, at + value.length])
    }
  }
  if (spans.length === 0) return text
  spans.sort((a, b) => a[0] - b[0])
  let masked = ""
  let shown = 0
  let hidden: Span = spans[0]!
  for (const span of spans) {
    if (span[0] <= hidden[1]) hidden = [hidden[0], Math.max(hidden[1], span[1])]
    else {
      masked += text.slice(shown, hidden[0]) + mask
      shown = hidden[1]
      hidden = span
    }
  }
  return masked + text.slice(shown, hidden[0]) + mask + text.slice(hidden[1])
}

interface Finder {
  /** Bounded in length, so that looking for it everywhere is linear. */
  readonly start: RegExp
  readonly span: (text: string, match: RegExpExecArray) => Span | undefined
}

/** The end of the run of characters from `from` on that `member` (one character, sticky) accepts. */
const runEnd = (text: string, from: number, member: RegExp): number => {
  member.lastIndex = from
  return member.test(text) ? member.lastIndex : from
}

const wordRun = /[A-Za-z0-9_-]+/y
const tokenRun = /[A-Za-z0-9_.~+/=-]+/y

/** What may stand before a key: no letter or digit, unless it is the letter of an escape (`\nsk-…` in JSON text). */
const before = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))`

/** A prefix, and at least `lengthMin` more of a run. */
const prefixed = (prefix: string, lengthMin: number): Finder => ({
  start: new RegExp(before + prefix, "g"),
  span: (text, match) => {
    const from = match.index
    const to = runEnd(text, from + match[0].length, wordRun)
    return to - from - match[0].length >= lengthMin ? [from, to] : undefined
  }
})

const jsonWebToken: Finder = {
  start: new RegExp(`${before}eyJ`, "g"),
  span: (text, match) => {
    let to = match.index
    for (let part = 0; part < 5; part++) {
      const end = runEnd(text, to, wordRun)
      if (end === to && part < 2) return undefined
      to = end
      if (text[to] !== ".") return part >= 1 ? [match.index, to] : undefined
      to += 1
    }
    return [match.index, to]
  }
}

/** A key that lost its end is hidden to the end of the text. */
const privateKey: Finder = {
  start: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g,
  span: (text, match) => {
    const end = text.indexOf("-----END", match.index + match[0].length)
    if (end < 0) return [match.index, text.length]
    const close = text.indexOf("-----", end + 8)
    return [match.index, close < 0 || close > end + 80 ? text.length : close + 5]
  }
}

const bearer: Finder = {
  start: new RegExp(`${before}(?:bearer|basic)[ \\t]{1,8}(?=[A-Za-z0-9_.~+/=-]{8})`, "gi"),
  span: (text, match) => {
    const from = match.index + match[0].length
    const to = runEnd(text, from, tokenRun)
    // "Basic understanding" is prose: credentials hold a digit or a capital, or are long.
    const value = text.slice(from, Math.min(to, from + 64))
    return /[0-9]/.test(value) || /[a-z].*[A-Z]/.test(value) || value.length >= 24 ? [from, to] : undefined
  }
}

/** `scheme://user:password@host`; the password may hold `@` and `:`, and ends at the last `@` before the path. */
const userInfo: Finder = {
  start: /:\/\/(?=[^\s/?#@:"'<>]{0,256}:)/g,
  span: (text, match) => {
    const from = text.indexOf(":", match.index + 3) + 1
    const end = runEnd(text, from, /[^\s/?#"'<>]+/y)
    const at = text.slice(from, end).lastIndexOf("@")
    return at > 0 ? [from, from + at] : undefined
  }
}

const names =
  "passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key|client[_-]?secret|credentials?"

/**
 * `name=value`, `name: value`, `"name":"value"` (also escaped, as JSON within JSON). An unquoted value ends at white
 * space, a quote, `&` or `;`: rather a little too much than half a password. The end of a path, as in
 * `/etc/passwd: no such file`, is no name.
 */
const named: Finder = {
  start: new RegExp(`(?:${names})\\\\{0,4}["']?[ \\t]{0,8}[:=][ \\t]{0,8}`, "gi"),
  span: (text, match) =>
    text[match.index - 1] === "/" &&
    /^\w+["']?: $/.test(match[0]) &&
    !/["'`]/.test(text[match.index + match[0].length] ?? "")
      ? undefined
      : valueSpan(text, match.index + match[0].length, /[^\s"'`&;<>]+/y)
}

/** The whole header: a scheme and credentials, to the end of the line or of the quotes around it. */
const header: Finder = {
  start: /(?:authorization|x-api-key|api-key|x-auth-token)\\{0,4}["']?[ \t]{0,8}[:=][ \t]{0,8}/gi,
  span: (text, match) => valueSpan(text, match.index + match[0].length, /[^\r\n"'`<>\\]+/y)
}

const valueSpan = (text: string, at: number, unquoted: RegExp): Span | undefined => {
  let open = at
  while (text[open] === "\\" && open - at < 4) open += 1
  const quote = text[open]
  if (quote !== '"' && quote !== "'" && quote !== "`") {
    const to = runEnd(text, at, unquoted)
    // Code and templates: `password: {{ secrets.db }}`, `token=$TOKEN`, `secret: string`.
    return to > at && !/^(?:\{\{|\$|null|undefined|true|false|string\b|number\b)/.test(text.slice(at, at + 10))
      ? [at, to]
      : undefined
  }
  const escaped = open > at
  for (let end = open + 1; ; end++) {
    const character = text[end]
    if (character === undefined || character === "\n") return end > open + 1 ? [open + 1, end] : undefined
    if (character === "\\" && !escaped) end += 1
    else if (character === quote) {
      const to = escaped ? endWithoutBackslashes(text, open + 1, end) : end
      return to > open + 1 ? [open + 1, to] : undefined
    }
  }
}

const endWithoutBackslashes = (text: string, from: number, end: number): number => {
  let to = end
  while (to > from && text[to - 1] === "\\") to -= 1
  return to
}

const finders: ReadonlyArray<Finder> = [
  prefixed("sk-", 16),
  prefixed("(?:sk|rk|pk)_(?:live|test)_", 10),
  prefixed("(?:AKIA|ASIA)(?=[A-Z0-9]{16})", 16),
  prefixed("gh[pousr]_", 20),
  prefixed("github_pat_", 20),
  prefixed("glpat-", 16),
  prefixed("xox[a-z]-", 10),
  prefixed("xapp-", 10),
  prefixed("AIza", 30),
  prefixed("gsk_", 20),
  prefixed("hf_", 20),
  prefixed("npm_", 30),
  jsonWebToken,
  privateKey,
  bearer,
  userInfo,
  header,
  named
]
