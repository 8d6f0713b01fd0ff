/** A pipeline as a tree of lines for a terminal. */
import { label } from "./Label.js"
import type { Piece } from "./Piece.js"

export interface Options {
  /** Signs of plain ASCII. */
  readonly ascii?: boolean | undefined
  readonly width?: number | undefined
}

interface Branch {
  readonly text: string
  readonly below: ReadonlyArray<Branch>
}

export const toText = (name: string, pieces: ReadonlyArray<Piece>, options: Options = {}): string => {
  const ascii = options.ascii === true
  const signs = ascii ? { tee: "|- ", last: "`- ", bar: "|  " } : { tee: "├─ ", last: "└─ ", bar: "│  " }
  const width = Math.max(20, options.width ?? 160)
  const lines = [label(name, width)]
  const walk = (branches: ReadonlyArray<Branch>, before: string): void => {
    for (const [index, { below, text }] of branches.entries()) {
      const isLast = index === branches.length - 1
      const start = before + (isLast ? signs.last : signs.tee)
      const shown = label(text, Math.max(10, width - start.length))
      lines.push(start + (ascii ? shown.replace(/…$/, "...") : shown))
      walk(below, before + (isLast ? "   " : signs.bar))
    }
  }
  walk(pieces.map(branch), "")
  return lines.join("\n")
}

const branch = (piece: Piece): Branch => ({
  text: `${label(piece.name, 128)} (${piece.kind}): ${label(piece.does, 400)}`,
  below: [
    ...piece.notes.map((note) => ({ text: label(note, 400), below: [] })),
    ...piece.ways.flatMap(({ label: name, pieces }) =>
      name === undefined ? pieces.map(branch) : [{ text: `${label(name, 128)}:`, below: pieces.map(branch) }]
    )
  ]
})
