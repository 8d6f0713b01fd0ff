/** What changed between two texts, as a unified diff (GNU diffutils manual, "Unified Format"). */
import { printable } from "../redaction/Printable.js"

const around = 3

/** `""` where nothing did. */
export const unified = (path: string, before: string, after: string): string => {
  if (before === after) return ""
  const a = linesOf(before)
  const b = linesOf(after)
  const changes = changed(a, b)
  const out = [`--- ${printable(path)}`, `+++ ${printable(path)}`]
  for (let i = 0; i < changes.length; ) {
    let j = i
    // Changes whose surroundings touch stand in one hunk.
    while (j + 1 < changes.length && changes[j + 1]!.from - changes[j]!.to <= 2 * around) j++
    const first = changes[i]!
    const last = changes[j]!
    const start = Math.max(0, first.from - around)
    const end = Math.min(a.length, last.to + around)
    const shift = first.into - first.from
    const count =
      end -
      start +
      changes.slice(i, j + 1).reduce((sum, { from, into, to, until }) => sum + (until - into) - (to - from), 0)
    out.push(`@@ -${range(start, end - start)} +${range(start + shift, count)} @@`)
    let at = start
    for (const { from, into, to, until } of changes.slice(i, j + 1)) {
      for (; at < from; at++) out.push(...shown(" ", a[at]!))
      for (; at < to; at++) out.push(...shown("-", a[at]!))
      for (let k = into; k < until; k++) out.push(...shown("+", b[k]!))
    }
    for (; at < end; at++) out.push(...shown(" ", a[at]!))
    i = j + 1
  }
  return out.join("\n")
}

const linesOf = (text: string): ReadonlyArray<string> => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

const range = (start: number, count: number): string =>
  count === 0 ? `${start},0` : `${start + 1}${count === 1 ? "" : `,${count}`}`

const shown = (sign: string, line: string): ReadonlyArray<string> =>
  line.endsWith("\n")
    ? [`${sign}${printable(line.slice(0, -1).replace(/\r$/, ""))}`]
    : [`${sign}${printable(line)}`, "\\ No newline at end of file"]

interface Change {
  /** Lines `from` to `to` (exclusive) became lines `into` to `until`. */
  readonly from: number
  readonly to: number
  readonly into: number
  readonly until: number
}

/** More lines than this on both sides are not compared one by one: they are one change. */
const comparedMax = 2_000

const changed = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): ReadonlyArray<Change> => {
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  const rows = a.length - head - tail
  const columns = b.length - head - tail
  const whole = { from: head, to: a.length - tail, into: head, until: b.length - tail }
  if (rows === 0 || columns === 0 || rows > comparedMax || columns > comparedMax) return [whole]
  // The longest common subsequence of what is between, from its end.
  const width = columns + 1
  const lengths = new Uint16Array((rows + 1) * width)
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      lengths[i * width + j] =
        a[head + i] === b[head + j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!)
    }
  }
  const changes: Array<Change> = []
  let i = 0
  let j = 0
  while (i < rows || j < columns) {
    const from = i
    const into = j
    while ((i < rows || j < columns) && !(i < rows && j < columns && a[head + i] === b[head + j])) {
      if (j >= columns || (i < rows && lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!)) i++
      else j++
    }
    if (i > from || j > into) changes.push({ from: head + from, to: head + i, into: head + into, until: head + j })
    while (i < rows && j < columns && a[head + i] === b[head + j]) {
      i++
      j++
    }
  }
  return changes
}
