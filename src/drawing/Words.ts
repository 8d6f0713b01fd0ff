/** A pipeline told in plain words: the same words each time, a numbered line for each step. */
import { label } from "./Label.js"
import type { Piece } from "./Piece.js"

const sentenceMax = 300

export const toText = (
  { description, name }: { readonly name: string; readonly description?: string | undefined },
  pieces: ReadonlyArray<Piece>
): string =>
  [
    `${label(name, 128)}${description === undefined ? "" : `: ${label(description, sentenceMax)}`}`,
    "",
    ...told(pieces, "", "")
  ].join("\n")

const told = (pieces: ReadonlyArray<Piece>, before: string, indent: string): ReadonlyArray<string> =>
  pieces.flatMap((piece, index) => {
    const number = `${before}${index + 1}`
    const deeper = `${indent}   `
    return [
      `${indent}${number}. ${label(piece.name, 128)} ${label(piece.does, sentenceMax)}.`,
      ...piece.notes.map((note) => `${deeper}It ${label(note, sentenceMax)}.`),
      ...piece.ways.flatMap(({ label: name, pieces }, way) => {
        if (name === undefined) return told(pieces, `${number}.`, deeper)
        const head = `${deeper}${heading(piece, label(name, 128))}`
        return pieces.length === 0
          ? [`${head} nothing.`]
          : [head, ...told(pieces, `${number}${letter(way)}.`, `${deeper}   `)]
      })
    ]
  })

const heading = ({ form, kind }: Piece, name: string): string =>
  form === "together"
    ? `Branch ${name}:`
    : kind === "fallback" || kind === "undo" || name === "otherwise"
      ? `${name}:`
      : `If it is ${name}:`

/** a, b, …, z, aa, ab, … */
const letter = (index: number): string =>
  index < 26 ? String.fromCharCode(97 + index) : letter(Math.floor(index / 26) - 1) + letter(index % 26)
