/** A pipeline as a Mermaid flowchart (https://mermaid.js.org), which many places that show Markdown draw. */
import { type Group, of, type Point } from "./Graph.js"
import { label } from "./Label.js"
import type { Piece } from "./Piece.js"

export const toText = (pieces: ReadonlyArray<Piece>): string => {
  const { arrows, whole } = of(pieces)
  return [
    "flowchart TD",
    ...inside(whole, "  "),
    ...arrows.map(
      ({ from, label: text, to }) => `  ${from} -->${text === undefined ? "" : `|"${escaped(text)}"|`} ${to}`
    )
  ].join("\n")
}

const inside = ({ groups, points }: Group, indent: string): ReadonlyArray<string> => [
  ...points.map((point) => `${indent}${drawn(point)}`),
  ...groups.flatMap((group) => [
    `${indent}subgraph ${group.id}["${escaped(group.piece?.name ?? "")}"]`,
    ...inside(group, `${indent}  `),
    `${indent}end`
  ])
]

const drawn = ({ id, piece }: Point): string => {
  const text = `"${escaped(piece.name)}<br/>${escaped(piece.does)}"`
  if (piece.form === "choice") return `${id}{${text}}`
  if (piece.kind === "question" || piece.kind === "approval") return `${id}[/${text}/]`
  return piece.form === "step" ? `${id}[${text}]` : `${id}([${text}])`
}

/** Whatever is no plain word is written by its number: nothing in a name is Mermaid's. */
const escaped = (text: string): string =>
  Array.from(label(text))
    .map((character) => (/[\p{L}\p{N} _.,:/-]/u.test(character) ? character : `#${character.codePointAt(0)};`))
    .join("")
