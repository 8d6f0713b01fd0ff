/**
 * What is wrong with a blueprint, where to the character, why, and what to do: made while reading, shown as a compiler
 * shows it, or as JSON.
 */
import type { Json } from "../domain/Json.js"
import type { Span } from "../expression/Template.js"
import * as Frame from "./internal/Frame.js"
import { type Code, rules, type Severity } from "./Rules.js"
import * as Source from "./Source.js"

export interface Diagnostic {
  /** `FLJ-BLUEPRINT-…`, an old rule's id such as `V-A6`, or `FLJ-PLAN-…`. */
  readonly code: string
  readonly severity: Severity
  readonly title: string
  readonly message: string
  readonly why: string
  readonly hint: string | undefined
  readonly file: string
  readonly place: Source.Place
  /** Other places that matter, each with what it is. */
  readonly related: ReadonlyArray<{ readonly message: string; readonly place: Source.Place }>
  /** What repairs it without a choice to make, where there is such a thing. */
  readonly repair: Repair | undefined
}

/** A piece of the text, and what is to stand in its place. */
export interface Repair {
  readonly span: Span
  readonly text: string
}

/** What a finding may say beside its message. */
interface More {
  readonly hint?: string | undefined
  readonly related?: ReadonlyArray<{ readonly message: string; readonly span: Span }> | undefined
  readonly repair?: Repair | undefined
}

/** More findings of one file are not collected. */
export const countMax = 200

/** Collects the findings of one file. */
export class Report {
  readonly found: Array<Diagnostic> = []

  constructor(readonly source: Source.Source) {}

  add(code: Code, span: Span, message: string, more: More = {}): void {
    if (this.isFull) return
    this.found.push(make(this.source, { code, ...rules[code] }, span, message, more))
  }

  /** Nothing more is collected, so nothing more need be looked for. */
  get isFull(): boolean {
    return this.found.length >= countMax
  }

  get hasErrors(): boolean {
    return this.found.some(({ severity }) => severity === "error")
  }
}

export const make = (
  source: Source.Source,
  rule: { readonly code: string; readonly severity: Severity; readonly title: string; readonly why: string },
  span: Span,
  message: string,
  more: More
): Diagnostic => ({
  code: rule.code,
  severity: rule.severity,
  title: rule.title,
  message: bounded(message),
  why: rule.why,
  hint: more.hint === undefined ? undefined : bounded(more.hint),
  file: source.path,
  place: Source.place(source, span),
  related: (more.related ?? []).map(({ message, span }) => ({ message, place: Source.place(source, span) })),
  repair: more.repair
})

/** Names in it may be of any length. */
const messageMax = 500

const bounded = (text: string): string =>
  text.length <= messageMax
    ? text
    : `${text
        .slice(0, messageMax - 1)
        .toWellFormed()
        .replace(/\ufffd$/, "")}…`

/** By file in the order in which they are first told of, then by place; errors before warnings at one place. */
export const sorted = (diagnostics: ReadonlyArray<Diagnostic>): ReadonlyArray<Diagnostic> => {
  const files = [...new Set(diagnostics.map(({ file }) => file))]
  const order = new Map(files.map((file, i) => [file, i]))
  return [...diagnostics].sort(
    (a, b) =>
      order.get(a.file)! - order.get(b.file)! ||
      a.place.span.start - b.place.span.start ||
      a.severity.localeCompare(b.severity) ||
      a.place.span.end - b.place.span.end
  )
}

export interface RenderOptions {
  /** ANSI colours. Default false. */
  readonly color?: boolean | undefined
}

/** Several lines, without a line break at the end: code and message, the piece of text underlined, why, hint. */
export const render = (diagnostic: Diagnostic, options: RenderOptions = {}): string => {
  const { code, file, hint, message, place, related, severity, title, why } = diagnostic
  const paint = Frame.painter(options.color === true)
  const strong = severity === "error" ? paint.error : paint.warning
  const width = String(Math.max(place.start.line, ...related.map((one) => one.place.start.line))).length
  const note = (name: string, text: string) =>
    `${" ".repeat(width)} ${paint.frame("=")} ${paint.strong(`${name}:`)} ${Frame.visible(text)}`
  return [
    `${strong(`${severity}[${code}]`)}${paint.strong(`: ${Frame.visible(message)}`)}`,
    `${" ".repeat(width)}${paint.frame("-->")} ${Frame.visible(file)}:${place.start.line}:${place.start.column}`,
    ...Frame.lines(place, { width, mark: "^", label: title, frame: paint.frame, accent: strong }),
    ...related.flatMap((one) =>
      Frame.lines(one.place, { width, mark: "-", label: one.message, frame: paint.frame, accent: paint.frame }).slice(1)
    ),
    `${" ".repeat(width)} ${paint.frame("|")}`,
    note("why", why),
    ...(hint === undefined ? [] : [note("hint", hint)])
  ].join("\n")
}

/** All of them, with an empty line between two. */
export const renderAll = (diagnostics: ReadonlyArray<Diagnostic>, options: RenderOptions = {}): string =>
  diagnostics.map((diagnostic) => render(diagnostic, options)).join("\n\n")

export const toJson = (diagnostic: Diagnostic): Json => ({
  code: diagnostic.code,
  severity: diagnostic.severity,
  title: diagnostic.title,
  message: diagnostic.message,
  why: diagnostic.why,
  ...(diagnostic.hint === undefined ? {} : { hint: diagnostic.hint }),
  file: diagnostic.file,
  ...placeJson(diagnostic.place),
  ...(diagnostic.related.length === 0
    ? {}
    : { related: diagnostic.related.map(({ message, place }) => ({ message, ...placeJson(place) })) })
})

const placeJson = ({ end, span, start }: Source.Place) => ({
  start: { line: start.line, column: start.column, offset: span.start },
  end: { line: end.line, column: end.column, offset: span.end }
})
