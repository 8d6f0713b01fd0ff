/**
 * Where a step stands in its run: known from the tree alone, never from a counter or a clock, so that it is the same in
 * every execution. A path is an array of segments with one printed form, and `parse(print(path))` is `path`.
 *
 * ```text
 * path    = segment *( "/" segment )            the root of a run prints as ""
 * segment = name [ "#" attempt ] [ "[" index "]" / "!" role ]
 * name    = letter-or-underscore *( letter / digit / "_" / "-" ) / JSON string (keys of `Once` only)
 * ```
 *
 * `refine[3]/critique`, `publish#2`, `plan!fallback/plan_cheap`, `research/turn[4]/tool[1]`. Indexes count from 0,
 * attempts from 1; the first attempt is not printed.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** The printed form of a path. Only this module makes one. */
export const StepPath = Schema.String.pipe(
  Schema.filter((text) => Option.isSome(parseText(text)), {
    message: () => "not a step path",
    arbitrary: () => (fc) => {
      const name = fc.oneof(fc.stringMatching(/^[a-z_é][a-z0-9_-]{0,6}$/), fc.string())
      const place = fc.oneof(
        fc.record({ index: fc.nat() }),
        fc.record({ role: fc.stringMatching(/^[a-z_]{1,8}$/) }),
        fc.constant({})
      )
      const segment = fc.record({ name, attempt: fc.integer({ min: 1, max: 200 }), place })
      return fc
        .array(segment, { maxLength: 5 })
        .map((segments) => printText(segments.map(({ place, ...rest }) => ({ ...rest, ...place }))))
    }
  }),
  Schema.brand("flujo/StepPath")
)
export type StepPath = typeof StepPath.Type

export interface Segment {
  readonly name: string
  /** From 1. */
  readonly attempt: number
  /** An item or an iteration, from 0. */
  readonly index?: number | undefined
  /** `fallback`, `deadline`, …: a place beside the step itself. */
  readonly role?: string | undefined
}

export const root = "" as StepPath

const nameText = "[\\p{L}_][\\p{L}\\p{N}_-]*"
const namePattern = new RegExp(`^${nameText}$`, "u")
const nameAt = new RegExp(nameText, "uy")
const placeAt = new RegExp(`(?:#([1-9][0-9]{0,8}))?(?:\\[(0|[1-9][0-9]{0,8})\\]|!(${nameText}))?`, "uy")

/** Whether `name` may name a step. */
export const isName = (name: string): boolean => name.length <= 128 && namePattern.test(name)

export const print = (segments: ReadonlyArray<Segment>): StepPath => printText(segments) as StepPath

const printText = (segments: ReadonlyArray<Segment>): string => segments.map(printSegment).join("/")

const printSegment = ({ attempt, index, name, role }: Segment): string =>
  (namePattern.test(name) ? name : JSON.stringify(name)) +
  (attempt > 1 ? `#${attempt}` : "") +
  (index !== undefined ? `[${index}]` : role !== undefined ? `!${role}` : "")

export const parse = (path: StepPath): ReadonlyArray<Segment> => Option.getOrThrow(parseText(path))

/** Reads text that somebody typed. */
export const fromString = (text: string): Option.Option<StepPath> =>
  Option.map(parseText(text), (segments) => print(segments))

const parseText = (text: string): Option.Option<ReadonlyArray<Segment>> => {
  const segments: Array<Segment> = []
  if (text === "") return Option.some(segments)
  let from = 0
  while (true) {
    nameAt.lastIndex = from
    // Quotes are scanned by hand: a regular expression over a long name would exhaust its stack.
    const isQuoted = text[from] === '"'
    const end = isQuoted ? quoteEnd(text, from) : nameAt.test(text) ? nameAt.lastIndex : undefined
    if (end === undefined) return Option.none()
    const name = text.slice(from, end)
    placeAt.lastIndex = end
    const [all, attempt, index, role] = placeAt.exec(text)!
    if (attempt === "1") return Option.none()
    const plain = isQuoted ? unquote(name) : name
    // One path has one printed form: a name that needs no quotes has none.
    if (plain === undefined || (isQuoted && namePattern.test(plain))) return Option.none()
    segments.push({
      name: plain,
      attempt: attempt === undefined ? 1 : Number(attempt),
      ...(index === undefined ? {} : { index: Number(index) }),
      ...(role === undefined ? {} : { role })
    })
    from = end + all.length
    if (from === text.length) return Option.some(segments)
    if (text[from] !== "/") return Option.none()
    from += 1
  }
}

/** Behind the quote that closes the one at `start`. */
const quoteEnd = (text: string, start: number): number | undefined => {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '"') return at + 1
    if (text[at] === "\\") at++
  }
  return undefined
}

const unquote = (quoted: string): string | undefined => {
  try {
    const text: unknown = JSON.parse(quoted)
    return typeof text === "string" && JSON.stringify(text) === quoted ? text : undefined
  } catch {
    return undefined
  }
}

/** The step `name` in its `attempt`-th try, below `parent`. `name` must satisfy `isName`. */
export const child = (parent: StepPath, name: string, attempt = 1): StepPath => {
  const segment = attempt > 1 ? `${name}#${attempt}` : name
  return (parent === "" ? segment : `${parent}/${segment}`) as StepPath
}

/** The place of iteration or item `index` of the composite at `path`. */
export const at = (path: StepPath, index: number): StepPath => `${path}[${index}]` as StepPath

/** A place beside the step at `path`, such as its fallback. */
export const beside = (path: StepPath, role: string): StepPath => `${path}!${role}` as StepPath

/**
 * Below `path`, the call that a user named `key`: `turn[4]` is a segment as it stands, any other text is one name. Keys
 * that differ have paths that differ.
 */
export const call = (path: StepPath, key: string): StepPath => {
  // A key in quotes is a name that has quotes in it, or it would meet the one without.
  const segments = key.startsWith('"') ? Option.none() : parseText(key)
  const whole = Option.isSome(segments) && segments.value.length === 1 && segments.value[0]!.attempt === 1
  return `${path === "" ? "" : `${path}/`}${whole ? key : printSegment({ name: key, attempt: 1 })}` as StepPath
}

const attempts = /#[1-9][0-9]*(?=$|[/[!])/g

/** The path without attempts: what templates, idempotency keys and comparisons of runs go by. */
export const standing = (path: StepPath): StepPath =>
  (path.includes("#")
    ? path.includes('"')
      ? print(parse(path).map((segment) => ({ ...segment, attempt: 1 })))
      : path.replaceAll(attempts, "")
    : path) as StepPath

/** Whether `path` is `ancestor` or stands below or beside it. */
export const isWithin = (path: StepPath, ancestor: StepPath): boolean =>
  ancestor === "" ||
  path === ancestor ||
  (path.startsWith(ancestor) &&
    (path[ancestor.length] === "/" || path[ancestor.length] === "[" || path[ancestor.length] === "!"))

/** The last segment's name. */
export const nameOf = (path: StepPath): string => parse(path).at(-1)?.name ?? ""
