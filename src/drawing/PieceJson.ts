/** A pipeline's steps as data for other programs that draw. */
import type { Json, JsonObject } from "../domain/Json.js"
import type { Piece } from "./Piece.js"

export const toJson = (name: string, pieces: ReadonlyArray<Piece>): JsonObject => ({ name, steps: pieces.map(piece) })

const piece = ({ does, form, kind, name, notes, path, ways }: Piece): Json => ({
  name,
  path,
  kind,
  form,
  does,
  ...(notes.length === 0 ? {} : { notes }),
  ...(ways.length === 0
    ? {}
    : {
        ways: ways.map(({ label, pieces }) => ({ ...(label === undefined ? {} : { label }), steps: pieces.map(piece) }))
      })
})
