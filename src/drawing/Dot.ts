/** A pipeline in the DOT language (https://graphviz.org/doc/info/lang.html). */
import { type Group, of, type Point } from "./Graph.js"
import { label } from "./Label.js"
import type { Piece } from "./Piece.js"

export const toText = (name: string, pieces: ReadonlyArray<Piece>): string => {
  const { arrows, whole } = of(pieces)
  return [
    `digraph ${quoted(label(name))} {`,
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
    '  edge [fontname="sans-serif"];',
    ...inside(whole, "  "),
    ...arrows.map(
      ({ from, label: text, to }) => `  ${from} -> ${to}${text === undefined ? "" : ` [label=${quoted(label(text))}]`};`
    ),
    "}"
  ].join("\n")
}

const inside = ({ groups, points }: Group, indent: string): ReadonlyArray<string> => [
  ...points.map((point) => `${indent}${drawn(point)}`),
  ...groups.flatMap((group) => [
    `${indent}subgraph cluster_${group.id} {`,
    `${indent}  label=${quoted(label(group.piece?.name ?? ""))};`,
    ...inside(group, `${indent}  `),
    `${indent}}`
  ])
]

const drawn = ({ id, piece }: Point): string => {
  const shape = piece.form === "choice" ? ", shape=diamond" : piece.form === "step" ? "" : ", shape=oval"
  return `${id} [label=${quoted(`${label(piece.name)}\n${label(piece.does)}`)}${shape}];`
}

const quoted = (text: string): string =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`
