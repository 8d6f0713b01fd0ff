/** A pipeline as points and arrows, in groups that stand for steps that hold steps: what Mermaid and DOT draw. */
import type { Piece } from "./Piece.js"

export interface Point {
  readonly id: string
  readonly piece: Piece
}

export interface Group {
  /** `undefined`: the whole. */
  readonly piece: Piece | undefined
  readonly id: string
  readonly points: ReadonlyArray<Point>
  readonly groups: ReadonlyArray<Group>
}

export interface Arrow {
  readonly from: string
  readonly to: string
  readonly label: string | undefined
}

export interface Graph {
  readonly whole: Group
  readonly arrows: ReadonlyArray<Arrow>
}

/** An end to be led on, with what is written on the arrow from it. */
interface End {
  readonly id: string
  readonly label: string | undefined
}

interface Open {
  readonly piece: Piece | undefined
  readonly id: string
  readonly points: Array<Point>
  readonly groups: Array<Open>
}

export const of = (pieces: ReadonlyArray<Piece>): Graph => {
  const arrows: Array<Arrow> = []
  let count = 0
  const point = (piece: Piece, group: Open): string => {
    const id = `n${++count}`
    group.points.push({ id, piece })
    return id
  }
  const link = (from: ReadonlyArray<End>, to: string): void => {
    for (const { id, label } of from) arrows.push({ from: id, to, label })
  }
  /** The first point that was entered, and where it goes on. */
  const series = (list: ReadonlyArray<Piece>, from: ReadonlyArray<End>, group: Open): ReadonlyArray<End> => {
    let ends = from
    for (const piece of list) ends = one(piece, ends, group)
    return ends
  }
  const one = (piece: Piece, from: ReadonlyArray<End>, group: Open): ReadonlyArray<End> => {
    const id = point(piece, piece.form === "step" || piece.form === "choice" ? group : open(piece, group))
    link(from, id)
    if (piece.form === "step") return [{ id, label: undefined }]
    if (piece.form === "choice") {
      const ends = piece.ways.flatMap(({ isLast, label, pieces }) => {
        const ends = series(pieces, [{ id, label }], group)
        return isLast === true ? [] : ends
      })
      return ends.length === 0 ? [{ id, label: undefined }] : ends
    }
    const inner = group.groups.at(-1)!
    const ends = piece.ways.flatMap(({ label, pieces }) => series(pieces, [{ id, label }], inner))
    if (piece.kind === "loop")
      link(
        ends.map((end) => ({ ...end, label: "again" })),
        id
      )
    return ends.length === 0 ? [{ id, label: undefined }] : ends
  }
  const open = (piece: Piece, group: Open): Open => {
    const inner: Open = { piece, id: `g${++count}`, points: [], groups: [] }
    group.groups.push(inner)
    return inner
  }
  const whole: Open = { piece: undefined, id: "g0", points: [], groups: [] }
  series(pieces, [], whole)
  return { whole, arrows }
}
