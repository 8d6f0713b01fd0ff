/**
 * What one text may cost. Every text here may come from a stranger, so reading and evaluating it are bounded by these
 * numbers and never by a clock: the same text gives the same answer on every machine, which replay depends on.
 */
import { Fault } from "./Fault.js"
import type { Span } from "./Syntax.js"

/** The longest text that is read, in UTF-16 units. */
export const sourceUnitsMax = 65_536

/** The most names, literals and operators in one placeholder or block. */
export const tokensMax = 32_768

/** How deep brackets, `not`, `else` and filters may stand in one another, and blocks too. */
export const nestingMax = 64

/** A text with more problems shows its first ones only. */
export const problemsMax = 20

/** The longest text that a template, or any filter within it, may make, in UTF-16 units. */
export const outputUnitsMax = 4_194_304

/**
 * What one evaluation may spend. A part of an expression and a list item cost 1, a key 2, a round of a loop 3 or more,
 * text 1 per 32 units, and more where each character is looked at.
 */
export const stepsMax = 250_000

/** Deeper values are refused: a recursive walk over them could exhaust the stack. Lists written here stand on top of `Json`. */
export const walkDepthMax = 512

/** The running account of one evaluation. */
export class Meter {
  spent = 0

  constructor(readonly limit: number = stepsMax) {}

  spend(steps: number, span: Span): void {
    this.spent += steps
    if (this.spent > this.limit) throw new Fault("Limit", `this takes more than ${this.limit} steps to work out`, span)
  }

  /** Pays for looking at `units` of text once. */
  read(units: number, span: Span): void {
    this.spend(1 + (units >>> 5), span)
  }

  /** Pays for looking at each character of `units` of text, or of as many small things. */
  walk(units: number, span: Span): void {
    this.spend(1 + (units >>> 3), span)
  }

  /** Refuses a text of `units`. */
  fits(units: number, span: Span): void {
    if (units > outputUnitsMax) {
      throw new Fault("Limit", `the text it makes is longer than ${outputUnitsMax} characters`, span)
    }
  }

  /** Pays for a text of `units` that was made. */
  write(units: number, span: Span): void {
    this.fits(units, span)
    this.read(units, span)
  }
}
