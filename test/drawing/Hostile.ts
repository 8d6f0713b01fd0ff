/** Pieces whose words try to leave the place where they are shown. */
import type { Piece } from "../../src/drawing/Piece.js"

export const words = [
  "plain",
  'a"b',
  "a\\",
  "]]-->x",
  "</text><script>alert(1)</script>",
  "end",
  "\u202eevil\u202c",
  "\u001b[31mred",
  "line\nbreak",
  "`${x}`",
  "#quot;",
  "%%{init: {}}%%",
  "ñandú 日本語 🙂",
  "n".repeat(10_240)
]

const piece = (text: string, form: Piece["form"], ways: Piece["ways"]): Piece => ({
  path: text,
  name: text,
  kind: form === "step" ? "agent" : form === "choice" ? "choice" : form === "together" ? "parallel" : "loop",
  form,
  does: text,
  notes: form === "step" ? [text] : [],
  ways
})

export const pieces: ReadonlyArray<Piece> = words.flatMap((text) => [
  piece(text, "step", []),
  piece(text, "choice", [
    { label: text, pieces: [piece(text, "step", [])] },
    { label: "none", pieces: [] }
  ]),
  piece(text, "together", [
    { label: text, pieces: [piece(text, "within", [{ label: undefined, pieces: [piece(text, "step", [])] }])] },
    { label: "other", pieces: [piece(text, "step", [])] }
  ])
])
