/**
 * A line of source with a piece of it underlined. What could hide or turn the rest of a line is shown as an escape, and
 * of a long line only the part around the piece.
 */
import type { Place } from "../Source.js"

/** The most that is shown of a line, and of the text on either side of the piece. */
const columnsMax = 140
const columnsBefore = 50

type Paint = (text: string) => string

export const painter = (color: boolean) => {
  const ansi =
    (code: string): Paint =>
    (text) =>
      color ? `\u001b[${code}m${text}\u001b[0m` : text
  return { error: ansi("1;31"), warning: ansi("1;33"), strong: ansi("1"), frame: ansi("1;34") }
}

/** Text with nothing in it that a terminal would obey. Line breaks are shown too: it stays one line. */
export const visible = (text: string): string => Array.from(text.toWellFormed(), shown).join("")

const shown = (character: string): string => {
  if (character === "\t") return "  "
  if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(character)) return `\\u{${character.codePointAt(0)!.toString(16)}}`
  return character
}

/** Columns on a terminal: most East Asian characters and pictures take two, combining marks none. */
const columnsOf = (text: string): number => {
  let columns = 0
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        character
      )
        ? 2
        : 1
  }
  return columns
}

export const lines = (
  { end, line, start }: Place,
  options: {
    readonly width: number
    readonly mark: string
    readonly label: string
    readonly frame: Paint
    readonly accent: Paint
  }
): ReadonlyArray<string> => {
  const from = Math.min(start.column - 1, line.length)
  // A piece of several lines is underlined to the end of its first.
  const to = end.line === start.line ? Math.min(end.column - 1, line.length) : line.length
  const cutFrom = from > columnsBefore ? from - columnsBefore : 0
  const head = (cutFrom > 0 ? "…" : "") + visible(line.slice(cutFrom, from))
  const piece = Array.from(visible(line.slice(from, Math.max(to, from)))).slice(0, columnsMax)
  const tail = Array.from(visible(line.slice(to, to + columnsMax))).slice(0, Math.max(0, columnsMax - piece.length))
  const isCut = to + tail.length < line.length
  const bar = options.frame("|")
  const pad = " ".repeat(options.width)
  const number = options.frame(String(start.line).padStart(options.width))
  const marks = options.mark.repeat(Math.max(1, columnsOf(piece.join(""))))
  return [
    `${pad} ${bar}`,
    `${number} ${bar} ${head}${piece.join("")}${tail.join("")}${isCut ? "…" : ""}`.trimEnd(),
    `${pad} ${bar} ${" ".repeat(columnsOf(head))}${options.accent(`${marks} ${visible(options.label)}`)}`
  ]
}
