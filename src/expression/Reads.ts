/**
 * Which names a text reads, known without evaluating it: a planner finds unknown steps and fields before anything runs.
 * It follows `Evaluate`: where that lets absence pass, the read is `guarded`.
 */
import type { Expression, Parts, Path, Span } from "./Syntax.js"

/**
 * A name that the text reads, with the constant keys after it: `steps.fetch.output` has root `steps` and keys `fetch`
 * and `output`. `span` is the root and `keySpans` are the keys, one each. `guarded`: that it is absent is fine, since it
 * stands under `default` or `is defined` or in an `or` before its last operand, or where such a test has already said that it is there.
 */
export interface Read {
  readonly root: string
  readonly keys: ReadonlyArray<string | number>
  readonly span: Span
  readonly keySpans: ReadonlyArray<Span>
  readonly guarded: boolean
  /** It stands right behind a `-` without spaces: perhaps `my-step` was meant, which is written `['my-step']`. */
  readonly afterDash: boolean
}

/** What a text reads from outside, in reading order. Names that it gives itself are not among them. */
export const of = (parts: Parts): ReadonlyArray<Read> => {
  const reads: Array<Read> = []
  walk(parts, { tested: [], locals: within(undefined) }, reads)
  return reads
}

/** Names that the text has given so far. False: only if it came along the way where it is given. */
interface Locals {
  readonly outer: Locals | undefined
  readonly names: Map<string, boolean>
}

const within = (outer: Locals | undefined): Locals => ({ outer, names: new Map() })

const lookup = (locals: Locals, name: string): boolean | undefined => {
  for (let at: Locals | undefined = locals; at !== undefined; at = at.outer) {
    const known = at.names.get(name)
    if (known !== undefined) return known
  }
  return undefined
}

interface Known {
  /** Paths that are there if this is evaluated at all. */
  readonly tested: ReadonlyArray<Path>
  readonly locals: Locals
}

const walk = (parts: Parts, known: Known, into: Array<Read>): void => {
  for (const part of parts) {
    switch (part._tag) {
      case "Text":
        break
      case "Output":
        collect(part.expression, false, known, into)
        break
      case "If": {
        let tested = known.tested
        const ends: Array<Locals> = []
        const branch = (body: Parts, tested: ReadonlyArray<Path>) => {
          const locals = within(known.locals)
          walk(body, { tested, locals }, into)
          ends.push(locals)
        }
        for (const { condition, parts } of part.branches) {
          collect(condition, false, { ...known, tested }, into)
          branch(parts, more(tested, testedBy(condition, true)))
          tested = more(tested, testedBy(condition, false))
        }
        branch(part.otherwise, tested)
        merge(known.locals, ends)
        break
      }
      case "For": {
        collect(part.items, false, known, into)
        const locals = within(known.locals)
        for (const name of part.names) locals.names.set(name, true)
        const tested = known.tested
        if (part.condition !== undefined) collect(part.condition, false, { tested, locals }, into)
        locals.names.set("loop", true)
        const met = part.condition === undefined ? [] : testedBy(part.condition, true)
        walk(part.parts, { tested: more(tested, met), locals }, into)
        walk(part.otherwise, { tested, locals: within(known.locals) }, into)
        break
      }
      case "Set":
        if ("_tag" in part.value) collect(part.value, false, known, into)
        else walk(part.value, { ...known, locals: within(known.locals) }, into)
        known.locals.names.set(part.name, true)
        break
    }
  }
}

/** What is given at the end of each branch is given behind them; what only some give, perhaps. */
const merge = (locals: Locals, ends: ReadonlyArray<Locals>): void => {
  const counts = new Map<string, number>()
  for (const { names } of ends) {
    for (const [name, isSure] of names) counts.set(name, (counts.get(name) ?? 0) + (isSure ? 1 : 0))
  }
  for (const [name, count] of counts) {
    if (lookup(locals, name) !== true) locals.names.set(name, count === ends.length)
  }
}

/** `lenient`: absence passes. */
const collect = (node: Expression, lenient: boolean, known: Known, into: Array<Read>): void => {
  const all = (nodes: ReadonlyArray<Expression | undefined>): void => {
    for (const each of nodes) if (each !== undefined) collect(each, false, known, into)
  }
  const { locals, tested } = known
  switch (node._tag) {
    case "Literal":
      return
    case "Path": {
      const local = lookup(locals, node.root)
      if (local === true) return
      into.push({
        root: node.root,
        keys: node.keys,
        span: node.rootSpan,
        keySpans: node.keySpans,
        guarded: lenient || local === false || tested.some((path) => startsWith(node, path)),
        afterDash: node.afterDash === true
      })
      return
    }
    case "Slice":
      collect(node.object, lenient, known, into)
      all([node.from, node.to, node.step])
      return
    case "Binary":
      all([node.first, ...node.rest.map(({ operand }) => operand)])
      return
    case "Concat":
      all(node.operands)
      return
    case "Sign":
      collect(node.operand, false, known, into)
      return
    case "Index":
      collect(node.object, lenient, known, into)
      collect(node.key, false, known, into)
      return
    case "List":
      all(node.items)
      return
    case "Map":
      for (const { key, value } of node.entries) {
        collect(key, false, known, into)
        collect(value, false, known, into)
      }
      return
    case "Not":
      collect(node.operand, false, known, into)
      return
    case "Logical": {
      const isOr = node.operator === "or"
      let sure = tested
      for (const [index, operand] of node.operands.entries()) {
        const passes = lenient || (isOr && index < node.operands.length - 1)
        collect(operand, passes, { tested: sure, locals }, into)
        sure = more(sure, testedBy(operand, !isOr))
      }
      return
    }
    case "Compare":
      collect(node.first, false, known, into)
      all(node.rest.map(({ operand }) => operand))
      return
    case "Defined":
      collect(node.operand, true, known, into)
      return
    case "Conditional":
      collect(node.then, lenient, { locals, tested: more(tested, testedBy(node.condition, true)) }, into)
      collect(node.condition, false, known, into)
      collect(node.otherwise, lenient, { locals, tested: more(tested, testedBy(node.condition, false)) }, into)
      return
    case "Default":
      collect(node.operand, true, known, into)
      if (node.fallback !== undefined) collect(node.fallback, lenient, known, into)
      if (node.whenFalsy !== undefined) collect(node.whenFalsy, false, known, into)
      return
    case "Filter":
    case "Test":
      collect(node.operand, false, known, into)
      all(node.use.parameters)
      all(node.use.each?.parameters ?? [])
      return
  }
}

/** The paths that must be there if `condition` came out as `outcome`. */
const testedBy = (condition: Expression, outcome: boolean): ReadonlyArray<Path> => {
  switch (condition._tag) {
    case "Defined":
      return condition.negated !== outcome && condition.operand._tag === "Path" ? [condition.operand] : []
    case "Not":
      return testedBy(condition.operand, !outcome)
    case "Logical":
      // A true `and` says that every operand was true, a false `or` that every one was false.
      return (condition.operator === "and") === outcome
        ? condition.operands.flatMap((operand) => testedBy(operand, outcome))
        : []
    default:
      return []
  }
}

/** Only so many are kept in mind: each read is compared with all of them. */
const testedMax = 32

const more = (tested: ReadonlyArray<Path>, others: ReadonlyArray<Path>): ReadonlyArray<Path> =>
  others.length === 0 || tested.length >= testedMax
    ? tested
    : [...tested, ...others.slice(0, testedMax - tested.length)]

const startsWith = (path: Path, start: Path): boolean =>
  path.root === start.root &&
  start.keys.length <= path.keys.length &&
  start.keys.every((key, index) => key === path.keys[index])
