/** Looking for a piece in a text, in time that grows with their lengths only, whatever they are. */
import type { Meter } from "./Limits.js"
import type { Span } from "./Syntax.js"

/**
 * Where `piece` begins in `text`, from the left and without overlap, `max` places at most. The host's search takes
 * minutes for a long piece made for it (measured: 1 MB in 2 MB, 5 minutes), so it looks for short ones only.
 */
export const places = (text: string, piece: string, max: number, meter: Meter, span: Span): ReadonlyArray<number> => {
  if (piece === "" || piece.length > text.length) return []
  return piece.length <= nativeUnitsMax || piece.length === text.length
    ? native(text, piece, max, meter, span)
    : knuthMorrisPratt(text, piece, max, meter, span)
}

/** Whether `text` holds `piece`. */
export const includes = (text: string, piece: string, meter: Meter, span: Span): boolean =>
  piece === "" || places(text, piece, 1, meter, span).length > 0

const nativeUnitsMax = 16

const native = (text: string, piece: string, max: number, meter: Meter, span: Span): ReadonlyArray<number> => {
  meter.read(text.length, span)
  const found: Array<number> = []
  for (let at = text.indexOf(piece); at >= 0 && found.length < max; at = text.indexOf(piece, at + piece.length)) {
    meter.spend(1, span)
    found.push(at)
  }
  return found
}

/** Looks at each unit twice at most: "Fast pattern matching in strings" (1977). */
const knuthMorrisPratt = (
  text: string,
  piece: string,
  max: number,
  meter: Meter,
  span: Span
): ReadonlyArray<number> => {
  meter.walk(text.length + piece.length, span)
  const fallback = new Int32Array(piece.length)
  for (let i = 1, matched = 0; i < piece.length; i++) {
    const unit = piece.charCodeAt(i)
    while (matched > 0 && piece.charCodeAt(matched) !== unit) matched = fallback[matched - 1]!
    if (piece.charCodeAt(matched) === unit) matched++
    fallback[i] = matched
  }
  const found: Array<number> = []
  for (let i = 0, matched = 0; i < text.length && found.length < max; i++) {
    const unit = text.charCodeAt(i)
    while (matched > 0 && piece.charCodeAt(matched) !== unit) matched = fallback[matched - 1]!
    if (piece.charCodeAt(matched) === unit) matched++
    if (matched === piece.length) {
      found.push(i - piece.length + 1)
      matched = 0
    }
  }
  return found
}
