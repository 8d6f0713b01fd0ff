/**
 * Where each step of a pipeline stands in a picture. Pipelines are series and choices within one another, so a picture is
 * boxes within boxes: from above to below what happens after, from left to right what happens instead or at once. No two
 * boxes overlap and no line crosses another.
 */
import { label, labelMax } from "./Label.js"
import type { Piece, Way } from "./Piece.js"

/** All in pixels; `x` and `y` of the left upper corner. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly piece: Piece
  /** A frame around other boxes, with its lines at its top. */
  readonly isFrame: boolean
  readonly lines: ReadonlyArray<string>
}

/** From above to below; `label` stands at its end. */
export interface Line {
  readonly from: Spot
  readonly to: Spot
  readonly label: string | undefined
  /** Without a tip where it only joins another one. */
  readonly isArrow: boolean
}

interface Spot {
  readonly x: number
  readonly y: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly boxes: ReadonlyArray<Box>
  readonly lines: ReadonlyArray<Line>
}

export const lineHeight = 17
export const characterWidth = 7.1
const padding = 12
const gap = 30
const aside = 24
const labelRoom = 26
const notesMax = 4

/** A part of a picture, at its own origin; it is entered and left at the middle of its width. */
interface Part {
  readonly width: number
  readonly height: number
  readonly boxes: ReadonlyArray<Box>
  readonly lines: ReadonlyArray<Line>
}

export const of = (pieces: ReadonlyArray<Piece>): Layout => {
  const { boxes, height, lines, width } = moved(series(pieces), aside, aside)
  return { boxes, lines, width: width + 2 * aside, height: height + 2 * aside }
}

const moved = (part: Part, dx: number, dy: number): Part => ({
  ...part,
  boxes: part.boxes.map((box) => ({ ...box, x: box.x + dx, y: box.y + dy })),
  lines: part.lines.map((line) => ({
    ...line,
    from: { x: line.from.x + dx, y: line.from.y + dy },
    to: { x: line.to.x + dx, y: line.to.y + dy }
  }))
})

const joined = (width: number, height: number, parts: ReadonlyArray<Part>, lines: ReadonlyArray<Line> = []): Part => ({
  width,
  height,
  boxes: parts.flatMap(({ boxes }) => boxes),
  lines: [...parts.flatMap(({ lines }) => lines), ...lines]
})

const series = (pieces: ReadonlyArray<Piece>): Part => {
  const parts = pieces.map(part)
  const width = Math.max(0, ...parts.map((one) => one.width))
  const placed: Array<Part> = []
  const lines: Array<Line> = []
  let y = 0
  for (const [index, one] of parts.entries()) {
    if (index > 0) {
      const x = width / 2
      lines.push({ from: { x, y }, to: { x, y: y + gap }, label: undefined, isArrow: true })
      y += gap
    }
    placed.push(moved(one, (width - one.width) / 2, y))
    y += one.height
  }
  return joined(width, y, placed, lines)
}

const part = (piece: Piece): Part => {
  switch (piece.form) {
    case "step":
      return boxed(piece)
    case "choice": {
      const head = boxed(piece)
      const below = ways(piece.ways, true)
      if (below.height === 0) return head
      const width = Math.max(head.width, below.width)
      return joined(width, head.height + below.height, [
        moved(head, (width - head.width) / 2, 0),
        moved(below, (width - below.width) / 2, head.height)
      ])
    }
    case "together":
      return framed(piece, ways(piece.ways, true))
    case "within":
      return framed(piece, series(piece.ways.flatMap(({ pieces }) => pieces)))
  }
}

/** Side by side, from one point above the middle to one below it. */
const ways = (all: ReadonlyArray<Way>, joins: boolean): Part => {
  if (all.length === 0) return { width: 0, height: 0, boxes: [], lines: [] }
  const parts = all.map(({ label: text, pieces }) => {
    const inner = series(pieces)
    return { ...inner, width: Math.max(inner.width, widthOf(label(text ?? "", 24)) + 2 * padding, 40), inner }
  })
  const width = parts.reduce((sum, one) => sum + one.width, 0) + aside * (parts.length - 1)
  const tallest = Math.max(...parts.map(({ inner }) => inner.height))
  const top = gap + labelRoom
  const height = top + tallest + (joins ? gap : 0)
  const middle = width / 2
  const placed: Array<Part> = []
  const lines: Array<Line> = []
  let x = 0
  for (const [index, { inner, width: own }] of parts.entries()) {
    const center = x + own / 2
    placed.push(moved(inner, center - inner.width / 2, top))
    lines.push({
      from: { x: middle, y: 0 },
      to: { x: center, y: top },
      label: all[index]?.label,
      isArrow: inner.height > 0
    })
    if (joins && all[index]?.isLast !== true)
      lines.push({
        from: { x: center, y: top + inner.height },
        to: { x: middle, y: height },
        label: undefined,
        isArrow: false
      })
    x += own + aside
  }
  return joined(width, height, placed, lines)
}

const boxed = (piece: Piece): Part => {
  const text = linesOf(piece)
  const width = Math.max(120, ...text.map(widthOf)) + 2 * padding
  const height = text.length * lineHeight + 2 * padding
  return { width, height, boxes: [{ x: 0, y: 0, width, height, piece, isFrame: false, lines: text }], lines: [] }
}

const framed = (piece: Piece, inner: Part): Part => {
  const text = linesOf(piece)
  const head = text.length * lineHeight + 2 * padding
  const width = Math.max(inner.width + 2 * aside, Math.max(120, ...text.map(widthOf)) + 2 * padding)
  const height = head + inner.height + padding
  const frame: Box = { x: 0, y: 0, width, height, piece, isFrame: true, lines: text }
  const placed = moved(inner, (width - inner.width) / 2, head)
  return { width, height, boxes: [frame, ...placed.boxes], lines: placed.lines }
}

const linesOf = (piece: Piece): ReadonlyArray<string> => {
  const notes = piece.notes.slice(0, notesMax).map((note) => label(note))
  const rest = piece.notes.length - notes.length
  return [label(piece.name), label(piece.does), ...notes, ...(rest > 0 ? [`${rest} more`] : [])]
}

/** Most East Asian characters and pictures are as wide as two letters. */
export const widthOf = (text: string): number => {
  let units = 0
  for (const character of text.slice(0, labelMax * 8))
    units += /[\u1100-\u115f\u2e80-\uffe6]|\p{Emoji_Presentation}/u.test(character) ? 1.9 : 1
  return units * characterWidth
}
