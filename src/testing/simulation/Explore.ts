/**
 * Many seeds, one after the other, until one of them breaks something; then the fewest faults that still break it. Now and
 * then a seed is run twice, and must come to the same bytes: what does not hang on the seed alone cannot be had again.
 */
import { all, type Kind, nameOf } from "./Faults.js"
import * as Trial from "./Trial.js"

export interface Seeds {
  readonly from: number
  readonly count: number
  /** Only the faults of these names strike. */
  readonly only?: ReadonlySet<string> | undefined
}

export interface Found {
  /** With no more faults than it takes. */
  readonly outcome: Trial.Outcome
  readonly broken: Trial.Break
  /** Whether it came out the same again. */
  readonly isRepeated: boolean
}

export interface Explored {
  /** How many were run. */
  readonly seeds: number
  readonly lives: number
  readonly entries: number
  /** How runs ended. */
  readonly ends: Readonly<Record<string, number>>
  /** How often each kind of fault struck; `model-error` also by its reason. */
  readonly fired: Readonly<Record<string, number>>
  /** Kinds that could have struck, and never did. */
  readonly never: ReadonlyArray<Kind>
  readonly found: Found | undefined
}

/** One seed in so many is run twice. */
const twiceEvery = 16

/** Tries at leaving a fault out. */
const shrinksMax = 100

export const explore = async (
  settingOf: (seed: number) => Trial.Setting,
  { count, from, only }: Seeds,
  onSeed?: (outcome: Trial.Outcome) => void
): Promise<Explored> => {
  const fired: Record<string, number> = {}
  const ends: Record<string, number> = {}
  const possible = new Set<Kind>()
  let [seeds, lives, entries] = [0, 0, 0]
  let found: Found | undefined
  const tally = (counts: Record<string, number>, name: string) => {
    counts[name] = (counts[name] ?? 0) + 1
  }
  for (let seed = from; seed < from + count && found === undefined; seed++) {
    const setting = settingOf(seed)
    for (const kind of setting.kinds) possible.add(kind)
    const outcome = await Trial.run(seed, setting, only)
    onSeed?.(outcome)
    seeds += 1
    lives += outcome.lives
    entries += outcome.entries.length
    tally(ends, outcome.ended)
    for (const { kind, what } of outcome.fired) {
      tally(fired, kind)
      const reason = kind === "model-error" || kind === "skill-error" ? /\((\w+)\)$/.exec(what)?.[1] : undefined
      if (reason !== undefined) tally(fired, `${kind}:${reason}`)
    }
    const [broken] = outcome.breaks
    if (broken !== undefined) found = await shrunk(seed, setting, outcome, broken)
    else if (seed % twiceEvery === 0) found = await repeated(seed, setting, outcome, only)
  }
  const never = all.filter((kind) => possible.has(kind) && fired[kind] === undefined)
  return { seeds, lives, entries, ends, fired, never, found }
}

/** A break of its own where the same seed comes to something else. */
const repeated = async (
  seed: number,
  setting: Trial.Setting,
  outcome: Trial.Outcome,
  only: ReadonlySet<string> | undefined
): Promise<Found | undefined> => {
  const [first, second] = [outcome.bytes().split("\n"), (await Trial.run(seed, setting, only)).bytes().split("\n")]
  const at = first.findIndex((line, i) => line !== second[i])
  if (at === -1 && first.length === second.length) return undefined
  const place = at === -1 ? first.length : at
  const detail = `the same seed went another way: ${shown(first[place])}, and then ${shown(second[place])}`
  return { outcome, broken: { invariant: "repeatable", detail }, isRepeated: false }
}

const shown = (line: string | undefined): string => (line === undefined ? "nothing" : line.slice(0, 200))

const shrunk = async (
  seed: number,
  setting: Trial.Setting,
  first: Trial.Outcome,
  broken: Trial.Break
): Promise<Found> => {
  const tryWith = async (names: ReadonlyArray<string>) => {
    const outcome = await Trial.run(seed, setting, new Set(names))
    const same = outcome.breaks.find(({ invariant }) => invariant === broken.invariant)
    return same === undefined ? undefined : { outcome, broken: same, isRepeated: true }
  }
  const names = first.fired.map(nameOf)
  let best: Found | undefined = await tryWith(names)
  if (best === undefined) return { outcome: first, broken, isRepeated: false }
  let left = names
  let tries = 0
  // First in large pieces, then one by one.
  for (let size = left.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < left.length && tries < shrinksMax; ) {
      tries += 1
      const fewer = [...left.slice(0, at), ...left.slice(at + size)]
      const again = await tryWith(fewer)
      if (again === undefined) at += size
      else {
        best = again
        left = again.outcome.fired.map(nameOf).filter((name) => fewer.includes(name))
      }
    }
  }
  return best
}
