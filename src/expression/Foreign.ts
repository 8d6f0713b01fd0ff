/**
 * What people write who come from other languages, and what to write instead. A token listed here is known to the lexer
 * only so that the parser can answer with this.
 */
import { Fault } from "./Fault.js"
import type { Span } from "./Syntax.js"
import * as Words from "./Words.js"

const own = (table: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

/** Each with what to write instead. */
const operators: Readonly<Record<string, string>> = {
  "&&": "write `and`",
  "&": "write `and`",
  "||": "write `or`",
  "!": "write `not`",
  "===": "write `==`",
  "!==": "write `!=`",
  "=": "write `==` to compare",
  "?": "write `a if condition else b`",
  "??": "write `x | default(y)`",
  "?.": "write `x.y | default(z)`",
  "=>": "there are no functions",
  ";": "a placeholder holds one expression",
  $: "write the name without `$`",
  "#": "write `{{ a if condition else b }}` for a choice, `{{ items | join(', ') }}` for a list",
  "@": "write the name without `@`",
  "%}": "close a placeholder with `}}`",
  "~": "text is put together by placeholders side by side"
}

const arithmetic: Readonly<Record<string, string | undefined>> = {
  "+": "text is put together by placeholders side by side",
  "-": "a key with a dash in it is written `x['a-b']`",
  "*": undefined,
  "**": undefined,
  "/": undefined,
  "//": undefined,
  "%": undefined,
  "^": undefined
}

/** The fault of an operator that the language does not have; undefined for one that it has. */
export const operator = (text: string, span: Span): Fault | undefined => {
  if (Object.hasOwn(arithmetic, text)) {
    return new Fault("Syntax", "arithmetic is not part of the language", span, arithmetic[text])
  }
  const hint = own(operators, text)
  return hint === undefined
    ? undefined
    : new Fault("Syntax", `${Words.quoted(text)} is not part of the language`, span, hint)
}

const methods: Readonly<Record<string, string>> = {
  get: "write `x['key'] | default(y)`",
  lower: "write `x | lower`",
  toLowerCase: "write `x | lower`",
  upper: "write `x | upper`",
  toUpperCase: "write `x | upper`",
  join: "write `x | join(', ')`",
  len: "write `x | length`",
  length: "write `x | length`",
  includes: "write `y in x`",
  contains: "write `y in x`"
}

/** `name(`: there is nothing to call. */
export const call = (name: string, span: Span): Fault =>
  new Fault(
    "Syntax",
    "there is nothing to call: functions and methods are not part of the language",
    span,
    own(methods, name) ?? "filters are written `x | name(y)`"
  )

const tags: Readonly<Record<string, string>> = {
  if: "write `{{ a if condition else b }}`",
  for: "write `{{ items | join(', ') }}`",
  set: "write the value where it is needed"
}

/** `{% name … %}` or `{# … #}`, from `{` on. */
export const block = (source: string, start: number): Fault => {
  const sign = source[start + 1]!
  const close = source.indexOf(`${sign}}`, start + 2)
  const span = { start, end: close < 0 ? start + 2 : close + 2 }
  if (sign === "#") {
    return new Fault("Syntax", "`{# … #}` is not part of the language", span, "write `\\{#` for text")
  }
  const name = /^[-+]?\s{0,20}([A-Za-z]{1,20})/.exec(source.slice(start + 2, start + 50))?.[1]
  const shown = name === undefined ? "{% … %}" : `{% ${name} %}`
  const hint = name === undefined ? undefined : own(tags, name)
  return new Fault("Syntax", `\`${shown}\` is not part of the language`, span, hint ?? "write `\\{%` for text")
}

/** `{{-` and `-}}`. */
export const trim = (span: Span): Fault =>
  new Fault(
    "Syntax",
    "trimming the text around a placeholder is not part of the language",
    span,
    "put a space before `-` if a negative number was meant"
  )
