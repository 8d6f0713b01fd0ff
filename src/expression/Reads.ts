/**
 * Which names a text reads, known without evaluating it: a planner finds unknown steps and fields before anything runs.
 * It follows `Evaluate`: where that lets absence pass, the read is `guarded`.
 */
import type { Expression, Path, Span } from "./Syntax.js"

/**
 * A name that the text reads, with the constant keys after it: `steps.fetch.output` has root `steps` and keys `fetch`
 * and `output`. `span` is the root and `keySpans` are the keys, one each. `guarded`: that it is absent is fine, since it
 * stands under `default` or `is defined`, or where such a test has already said that it is there.
 */
export interface Read {
  readonly root: string
  readonly keys: ReadonlyArray<string | number>
  readonly span: Span
  readonly keySpans: ReadonlyArray<Span>
  readonly guarded: boolean
}

/** In reading order of the tree. */
export const of = (expression: Expression): ReadonlyArray<Read> => {
  const reads: Array<Read> = []
  collect(expression, false, [], reads)
  return reads
}

/** `lenient`: absence passes. `tested`: paths that are known to be there if this is evaluated at all. */
const collect = (node: Expression, lenient: boolean, tested: ReadonlyArray<Path>, into: Array<Read>): void => {
  switch (node._tag) {
    case "Literal":
      return
    case "Path":
      into.push({
        root: node.root,
        keys: node.keys,
        span: node.rootSpan,
        keySpans: node.keySpans,
        guarded: lenient || tested.some((path) => startsWith(node, path))
      })
      return
    case "Index":
      collect(node.object, lenient, tested, into)
      collect(node.key, false, tested, into)
      return
    case "List":
      for (const item of node.items) collect(item, false, tested, into)
      return
    case "Map":
      for (const { key, value } of node.entries) {
        collect(key, false, tested, into)
        collect(value, false, tested, into)
      }
      return
    case "Not":
    case "IsNone":
      collect(node.operand, false, tested, into)
      return
    case "Logical": {
      let known = tested
      for (const operand of node.operands) {
        collect(operand, lenient, known, into)
        known = more(known, testedBy(operand, node.operator === "and"))
      }
      return
    }
    case "Compare":
      collect(node.first, false, tested, into)
      for (const { operand } of node.rest) collect(operand, false, tested, into)
      return
    case "Defined":
      collect(node.operand, true, tested, into)
      return
    case "Conditional":
      collect(node.then, lenient, more(tested, testedBy(node.condition, true)), into)
      collect(node.condition, false, tested, into)
      collect(node.otherwise, lenient, more(tested, testedBy(node.condition, false)), into)
      return
    case "Default":
      collect(node.operand, true, tested, into)
      if (node.fallback !== undefined) collect(node.fallback, lenient, tested, into)
      if (node.whenFalsy !== undefined) collect(node.whenFalsy, false, tested, into)
      return
    case "Filter":
      collect(node.operand, false, tested, into)
      for (const parameter of node.parameters) if (parameter !== undefined) collect(parameter, false, tested, into)
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
