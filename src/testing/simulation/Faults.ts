/**
 * What goes wrong in a simulation, and how often it did. Each kind has numbers of its own, so that leaving one fault out
 * changes nothing of when the others strike; each time that one might strike is counted, and so a fault has a name:
 * `crash@3` is the crash at the fourth write that might have been the last.
 */
import { Numbers } from "./Numbers.js"

/** How likely it is each time that it might happen, in a seed that has it at all. */
const kinds = {
  /** The process dies at a write: before it is durable, or right after. */
  crash: { rate: 0.04, about: "the process dies at a write, before or after it is durable" },
  /** A write happened, and its process is told that it did not. */
  "lost-answer": { rate: 0.02, about: "a write happens, and its answer is lost" },
  "refused-write": { rate: 0.02, about: "a write fails, and nothing is written" },
  outage: { rate: 0.004, about: "the store cannot be reached for a while" },
  stall: { rate: 0.01, about: "the process stops for longer than its lease, and another one takes the run over" },
  rival: { rate: 0.03, about: "a second process tries to drive the run" },
  "clock-jump": { rate: 0.03, about: "clocks are set forward or back" },
  duplicate: { rate: 0.2, about: "a letter is delivered twice" },
  cancel: { rate: 0.01, about: "somebody cancels the run" },
  "model-slow": { rate: 0.1, about: "a model takes its time" },
  "model-error": { rate: 0.1, about: "a model call fails" },
  "model-cut": { rate: 0.05, about: "a model's reply ends too early" },
  "model-malformed": { rate: 0.1, about: "a model's reply is not what was asked for" },
  "skill-slow": { rate: 0.1, about: "a skill or a step takes its time" },
  "skill-error": { rate: 0.1, about: "a skill or a step fails as it may" },
  "skill-defect": { rate: 0.02, about: "a skill or a step breaks" }
} as const satisfies Record<string, { readonly rate: number; readonly about: string }>

export type Kind = keyof typeof kinds

export const all = Object.keys(kinds) as ReadonlyArray<Kind>

export const isKind = (name: string): name is Kind => Object.hasOwn(kinds, name)

export const aboutOf = (kind: Kind): string => kinds[kind].about

/** One fault that struck. */
export interface Fired {
  readonly kind: Kind
  /** How many times before this one it might have. */
  readonly index: number
  /** Milliseconds from the beginning. */
  readonly at: number
  /** What exactly, and where. */
  readonly what: string
}

export const nameOf = ({ index, kind }: Pick<Fired, "index" | "kind">): string => `${kind}@${index}`

export interface Options {
  /** Those that may strike at all. */
  readonly kinds: ReadonlySet<Kind>
  /** Of these kinds only the faults of these names. */
  readonly only?: ReadonlySet<string> | undefined
}

/** Of one kind in one simulation. */
const strikesMax = 8

export class Faults {
  readonly fired: Array<Fired> = []
  /** From here on, nothing goes wrong any more. */
  isCalm = false
  private readonly streams = new Map<
    Kind,
    { readonly numbers: Numbers; readonly rate: number; count: number; struck: number }
  >()

  constructor(
    private readonly seed: number,
    private readonly options: Options,
    private readonly now: () => number
  ) {
    // A seed has about half of all kinds, each at a rate of its own: what some need is that others stay away.
    const mix = new Numbers(seed, "mix of faults")
    for (const kind of all) {
      const isIn = mix.chance(0.5)
      const rate = kinds[kind].rate * 4 ** (mix.fraction() * 2 - 1)
      this.streams.set(kind, { numbers: new Numbers(seed, kind), rate: isIn ? rate : 0, count: 0, struck: 0 })
    }
  }

  /** What this one does, if it strikes now; `what` makes that of numbers that are its own, and tells of it. */
  strike<A>(kind: Kind, what: (numbers: Numbers) => readonly [told: string, how: A]): A | undefined {
    if (this.isCalm) return undefined
    const stream = this.streams.get(kind)!
    const index = stream.count++
    const isDue = stream.struck < strikesMax && stream.numbers.chance(stream.rate)
    if (isDue) stream.struck += 1
    const { kinds, only } = this.options
    if (!isDue || !kinds.has(kind) || (only !== undefined && !only.has(nameOf({ kind, index })))) return undefined
    const [told, how] = what(new Numbers(this.seed, nameOf({ kind, index })))
    this.fired.push({ kind, index, at: this.now(), what: told })
    return how
  }
}
