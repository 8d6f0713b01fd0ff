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
  "#": "write `{% if a %}…{% endif %}` or `{% for item in items %}…{% endfor %}`",
  "@": "write the name without `@`",
  "%}": "close a placeholder with `}}`",
  "^": "write `a ** b` for a power"
}

/** The fault of an operator that the language does not have; undefined for one that it has. */
export const operator = (text: string, span: Span): Fault | undefined => {
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
  contains: "write `y in x`",
  strip: "write `x | trim`",
  trim: "write `x | trim`",
  split: "write `x | split(y)`",
  replace: "write `x | replace(y, z)`",
  startswith: "write `x is startswith(y)`",
  endswith: "write `x is endswith(y)`",
  items: "write `x | items`",
  keys: "write `x | keys`",
  values: "write `x | values`",
  range: "there is no count without a list",
  cycle: "write `['a', 'b'][loop.index0 % 2]`"
}

/** `name(`: there is nothing to call. */
export const call = (name: string, span: Span): Fault =>
  new Fault(
    "Syntax",
    "there is nothing to call: functions and methods are not part of the language",
    span,
    own(methods, name) ?? "filters are written `x | name(y)`"
  )

const filters: Readonly<Record<string, string>> = {
  len: "write `length`",
  size: "write `length`",
  strip: "write `trim`",
  json: "write `tojson`",
  from_json: "write `fromjson`",
  to_json: "write `tojson`",
  safe: "text is never escaped unless `escape` is asked for: leave it out",
  attr: "write `x['key']`",
  random: "every evaluation gives the same answer: take `first`, or an index",
  filter: "write `select` or `selectattr`",
  contains: "write `y in x`"
}

const tests: Readonly<Record<string, string>> = {
  null: "write `is none`",
  empty: "write `not x`, or `x | length == 0`",
  text: "write `is string`",
  array: "write `is sequence`",
  list: "write `is sequence and x is not string`",
  map: "write `is mapping`",
  object: "write `is mapping`",
  dict: "write `is mapping`",
  int: "write `is integer`",
  bool: "write `is boolean`"
}

/** A filter or test that others have: what to write instead. */
export const hint = (topic: "filter" | "test", name: string): string | undefined =>
  own(topic === "filter" ? filters : tests, name)

const tags: Readonly<Record<string, string>> = {
  elseif: "write `{% elif condition %}`",
  elsif: "write `{% elif condition %}`",
  end: "write `{% endif %}`, `{% endfor %}` or `{% endset %}`",
  raw: "write `\\{{` or `\\{%` for braces that are text",
  break: "write `{% for item in items if condition %}`, or take a slice: `items[:5]`",
  continue: "write `{% for item in items if condition %}`",
  macro: "write what is needed where it is needed",
  include: "a template is one text",
  import: "a template is one text",
  extends: "a template is one text",
  block: "a template is one text",
  with: "write `{% set name = value %}`",
  assign: "write `{% set name = value %}`",
  each: "write `{% for item in items %}`",
  unless: "write `{% if not condition %}`",
  filter: "write `{% set name %}…{% endset %}{{ name | filter }}`",
  do: "there is nothing to do but to make text",
  call: "functions are not part of the language"
}

/** `{% name … %}` for a name that no block has. */
export const block = (name: string, span: Span, known: ReadonlyArray<string>): Fault => {
  const meant = Words.closest(name, known)
  const guess = meant === undefined ? `blocks are ${Words.listed(known)}` : `did you mean ${Words.quoted(meant)}?`
  return new Fault("Syntax", `${Words.quoted(name)} is not a block`, span, own(tags, name) ?? guess, "block")
}
