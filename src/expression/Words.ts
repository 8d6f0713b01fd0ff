/**
 * How messages speak of values and of pieces of a text. They name kinds and keys and never show a value, which may be a
 * secret; what they quote is short and shows no character that could hide or turn the rest.
 */

/** Longer pieces are cut. */
const quotedUnitsMax = 60

/** More keys than this are not listed. */
const listedMax = 10

/** A piece of source, or a key, in backticks. */
export const quoted = (piece: string): string => `\`${visible(piece)}\``

/** At most 10 of `names`, in order, and how many more there are. */
export const listed = (names: ReadonlyArray<string>): string => {
  const shown = names.slice(0, listedMax).map((name) => quoted(name))
  if (names.length > listedMax) shown.push(`${names.length - listedMax} more`)
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`
}

/** `a, b or c` */
export const either = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`

/** The name among `names` that was probably meant: off by a third of its letters at most, and by 3. */
export const closest = (name: string, names: ReadonlyArray<string>): string | undefined => {
  if (name.length > comparedUnitsMax) return undefined
  let best: string | undefined
  let bestDistance = Math.min(3, Math.ceil(name.length / 3)) + 1
  for (const candidate of names.slice(0, comparedMax)) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = distanceOf(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** A guess is a courtesy: it looks at so many names of such a length, so that nobody can make it slow. */
const comparedMax = 500
const comparedUnitsMax = 50

/** Letters to insert, drop, replace or swap with the next (optimal string alignment). */
const distanceOf = (a: string, b: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1))
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, beforeLast[column - 2]! + 1)
      }
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return last[b.length]!
}

const visible = (text: string): string => {
  const short = text.length <= quotedUnitsMax ? text : `${text.slice(0, quotedUnitsMax - 1)}…`
  return short
    .toWellFormed()
    .replace(/(?! )[\p{Cc}\p{Cf}\p{Z}`]/gu, (character) =>
      character === "`" ? "'" : `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`
    )
}
