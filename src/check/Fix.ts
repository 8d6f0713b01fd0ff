/**
 * Repairs a text where there is no choice to make: a name that is off by a letter, quotes that are missing, a name that
 * stands twice. Only what a finding is about is touched, and only where that takes it away and makes no more errors.
 */
import type { Diagnostic, Repair } from "../blueprint/Diagnostics.js"
import { isName } from "../domain/StepPath.js"

export interface Fixed {
  readonly text: string
  /** The findings that were repaired. */
  readonly repaired: ReadonlyArray<Diagnostic>
}

/** A repair may uncover another fault: so often a text is looked at again. */
const roundsMax = 20

/** `check` answers all findings of a text. */
export const fix = (text: string, check: (text: string) => ReadonlyArray<Diagnostic>): Fixed =>
  fixed(text, check, aheadMax)

/** A repair that uncovers several faults is made where all of them together can be repaired: so far ahead is looked. */
const aheadMax = 2

const fixed = (text: string, check: (text: string) => ReadonlyArray<Diagnostic>, ahead: number): Fixed => {
  const repaired: Array<Diagnostic> = []
  const refused = new Set<string>()
  let current = text
  let found = check(current)
  for (let round = 0; round < roundsMax; round++) {
    const todo = edits(current, found).filter(({ diagnostic, repair }) => !refused.has(keyOf(diagnostic, repair)))
    if (todo.length === 0) break
    const next = apply(
      current,
      todo.map(({ repair }) => repair)
    )
    const after = check(next)
    if (isBetter(found, after, todo)) {
      for (const { diagnostic } of todo) repaired.push(diagnostic)
      current = next
      found = after
      continue
    }
    // One of them does harm: each is tried alone.
    let progress = false
    for (const { diagnostic, repair } of todo) {
      const one = apply(current, [repair])
      const then = check(one)
      if (isBetter(found, then, [{ diagnostic, repair }])) {
        repaired.push(diagnostic)
        current = one
        found = then
        progress = true
        break
      }
      const further =
        ahead > 0 && then.some((one) => one.repair !== undefined) ? fixed(one, check, ahead - 1) : undefined
      if (further !== undefined) {
        const last = check(further.text)
        if (errors(last) < errors(found)) {
          repaired.push(diagnostic, ...further.repaired)
          current = further.text
          found = last
          progress = true
          break
        }
      }
      refused.add(keyOf(diagnostic, repair))
    }
    if (!progress) break
  }
  return { text: current, repaired }
}

const keyOf = ({ code }: Diagnostic, { span, text }: Repair): string => `${code}:${span.start}:${span.end}:${text}`

const errors = (all: ReadonlyArray<Diagnostic>): number => all.filter(({ severity }) => severity === "error").length

/** What was to be repaired is gone, and there are not more errors than before: some show only now. */
const isBetter = (
  before: ReadonlyArray<Diagnostic>,
  after: ReadonlyArray<Diagnostic>,
  todo: ReadonlyArray<Todo>
): boolean => {
  if (errors(after) > errors(before)) return false
  const said = ({ code, message }: Diagnostic) => `${code}:${message}`
  const count = (all: ReadonlyArray<Diagnostic>, key: string) => all.filter((one) => said(one) === key).length
  const keys = new Set(todo.map(({ diagnostic }) => said(diagnostic)))
  return [...keys].every((key) => {
    const repaired = todo.filter(({ diagnostic }) => said(diagnostic) === key).length
    return count(after, key) <= count(before, key) - repaired
  })
}

interface Todo {
  readonly diagnostic: Diagnostic
  readonly repair: Repair
}

/** Repairs that do not touch each other, in order. */
const edits = (text: string, found: ReadonlyArray<Diagnostic>): ReadonlyArray<Todo> => {
  const all = found.flatMap((diagnostic): ReadonlyArray<Todo> => {
    const repair = diagnostic.repair ?? (diagnostic.code === "FLJ-PLAN-2" ? renamed(text, diagnostic) : undefined)
    return repair === undefined ? [] : [{ diagnostic, repair }]
  })
  const sorted = all.sort((a, b) => a.repair.span.start - b.repair.span.start)
  const apart: Array<Todo> = []
  for (const todo of sorted) {
    const last = apart.at(-1)?.repair.span
    if (last === undefined || todo.repair.span.start > last.end) apart.push(todo)
  }
  return apart
}

/** The second of two steps gets a name of its own, if nobody speaks of either by name. */
const renamed = (text: string, { place }: Diagnostic): Repair | undefined => {
  const written = text.slice(place.span.start, place.span.end)
  const name = written.replace(/^(['"])(.*)\1$/s, "$2")
  if (!isName(name) || text.slice(0, place.span.start).trimEnd().at(-1) !== ":") return undefined
  if (!/(?:^|[\s{,-])(?:name|step)\s*:\s*$/.test(text.slice(Math.max(0, place.span.start - 40), place.span.start)))
    return undefined
  // Any mention in a template may be of this step.
  if (/\bsteps\b/.test(text.replace(/^\s*steps\s*:/gm, ""))) return undefined
  for (let number = 2; number < 100; number++) {
    const candidate = `${name}_${number}`
    if (!text.includes(candidate)) return { span: place.span, text: candidate }
  }
  return undefined
}

const apply = (text: string, repairs: ReadonlyArray<Repair>): string => {
  let out = ""
  let at = 0
  for (const { span, text: piece } of repairs) {
    out += text.slice(at, span.start) + piece
    at = span.end
  }
  return out + text.slice(at)
}
