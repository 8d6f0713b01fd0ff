/**
 * Which regular expressions may be used on what strangers write. JavaScript's engine backtracks, so a pattern can take
 * longer than anybody waits. Refused is what makes that exponential: a repeated group that itself repeats, or whose
 * alternatives begin alike, and references back. What may stay is polynomial at worst, and is bounded by the number of
 * open repetitions and by the length of the texts it is tested on. It is a rule of thumb on the safe side, no proof.
 */

export const lengthMax = 200
export const repetitionsMax = 4
export const textUnitsMax = 4_096

/** Why a pattern is refused. */
export const refusal = (pattern: string): string | undefined => {
  if (pattern.length > lengthMax) return `the pattern is longer than ${lengthMax} characters`
  try {
    new RegExp(pattern, "u")
  } catch (error) {
    const [, detail] = /: ([^:]+)$/.exec(error instanceof Error ? error.message : "") ?? []
    return `the pattern is not a regular expression${detail === undefined ? "" : `: ${detail}`}`
  }
  return new Walk(pattern).refusal()
}

/** What is known of a group when it closes. */
interface Group {
  repeats: boolean
  alternatives: number
  /** How each alternative begins; `undefined` where that is no plain character. */
  readonly beginnings: Array<string | undefined>
  atBeginning: boolean
}

class Walk {
  private at = 0
  private repetitions = 0
  private fault: string | undefined

  constructor(private readonly pattern: string) {}

  refusal(): string | undefined {
    const open: Array<Group> = [newGroup()]
    while (this.at < this.pattern.length && this.fault === undefined) {
      const character = this.pattern[this.at]!
      const top = open.at(-1)!
      if (character === "(") {
        this.begin(top, undefined)
        open.push(newGroup())
        const [prefix] = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/.exec(this.pattern.slice(this.at)) ?? ["("]
        this.at += prefix.length
      } else if (character === ")") {
        open.pop()
        this.at++
        const outer = open.at(-1) ?? newGroup()
        const isOpen = this.quantifier()
        if (isOpen && top.repeats) this.fault = "a group that repeats is repeated itself"
        if (isOpen && top.alternatives > 1 && !areDistinct(top.beginnings)) {
          this.fault = "a group is repeated whose alternatives may begin alike"
        }
        outer.repeats ||= isOpen || top.repeats
      } else if (character === "|") {
        top.alternatives++
        top.atBeginning = true
        this.at++
      } else this.atom(top, character)
    }
    if (this.fault === undefined && this.repetitions > repetitionsMax) {
      return `the pattern has more than ${repetitionsMax} open repetitions`
    }
    return this.fault
  }

  private atom(group: Group, character: string): void {
    if (character === "\\") {
      const [whole] = /^\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|k<[^>]*>|[\s\S])/u.exec(
        this.pattern.slice(this.at)
      ) ?? ["\\"]
      if (/^\\[1-9k]/.test(whole)) this.fault = "it refers back to what a group matched"
      this.begin(group, /^\\[^\w\s]$/.test(whole) ? whole[1] : undefined)
      this.at += whole.length
    } else if (character === "[") {
      this.begin(group, undefined)
      this.at++
      while (this.at < this.pattern.length && this.pattern[this.at] !== "]")
        this.at += this.pattern[this.at] === "\\" ? 2 : 1
      this.at++
    } else {
      if (!"^$".includes(character)) this.begin(group, character === "." ? undefined : character)
      this.at++
    }
    if (this.quantifier()) group.repeats = true
  }

  private begin(group: Group, character: string | undefined): void {
    if (group.atBeginning) group.beginnings.push(character)
    group.atBeginning = false
  }

  /** Steps over a quantifier; whether it has no small upper limit. */
  private quantifier(): boolean {
    const found = /^(?:[*+?]|\{(\d+)(?:,(\d*))?\})\??/.exec(this.pattern.slice(this.at))
    if (found === null) return false
    this.at += found[0].length
    const [whole, min, max] = found
    if (whole.startsWith("?")) return false
    const limit = min === undefined || max === "" ? Number.POSITIVE_INFINITY : Number(max ?? min)
    if (min !== undefined && Number(min) > 1_000) this.fault = "it repeats more than 1000 times"
    if (limit <= 1) return false
    if (limit <= 1_000 && min !== undefined && max === undefined) return false
    this.repetitions++
    return true
  }
}

const newGroup = (): Group => ({ repeats: false, alternatives: 1, beginnings: [], atBeginning: true })

const areDistinct = (beginnings: ReadonlyArray<string | undefined>): boolean =>
  !beginnings.includes(undefined) && new Set(beginnings).size === beginnings.length

/** The pattern as Ajv wants it. A text that is too long to be tested does not fit. */
export const compile = (pattern: string): { readonly test: (text: string) => boolean } => {
  const expression = new RegExp(pattern, "u")
  return { test: (text) => text.length <= textUnitsMax && expression.test(text) }
}
