/** A text and where its lines are. Offsets count UTF-16 units from 0, lines and columns from 1. */
import type { Span } from "../expression/Template.js"

export interface Source {
  /** As it is shown to people. */
  readonly path: string
  readonly text: string
  readonly lineStarts: ReadonlyArray<number>
}

export interface Position {
  readonly line: number
  readonly column: number
}

/** A span with all that is needed to show it without its file. */
export interface Place {
  readonly span: Span
  readonly start: Position
  readonly end: Position
  /** The line on which it starts, without its line break. */
  readonly line: string
}

export const make = (path: string, text: string): Source => {
  const lineStarts = [0]
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1)
  return { path, text, lineStarts }
}

export const positionAt = ({ lineStarts, text }: Source, offset: number): Position => {
  const within = Math.max(0, Math.min(offset, text.length))
  let low = 0
  let high = lineStarts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (lineStarts[middle]! <= within) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: within - lineStarts[low]! + 1 }
}

/** `line` counts from 1. */
export const lineText = ({ lineStarts, text }: Source, line: number): string =>
  text.slice(lineStarts[line - 1], lineStarts[line] ?? text.length).replace(/\r?\n$/, "")

export const place = (source: Source, span: Span): Place => {
  const start = positionAt(source, span.start)
  return { span, start, end: positionAt(source, span.end), line: lineText(source, start.line) }
}
