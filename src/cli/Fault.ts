/**
 * Why a command could not do what it was asked: what a person or a program is told, and the code that the process ends
 * with. What other rooms fail with becomes one of these at the edge, in `Faults.ts`.
 */
import * as Data from "effect/Data"
import type { Json } from "../domain/Json.js"

/** Of the process (design.md §15). 130 and 143, for signals, are given by `bin.ts`. */
export const exits = {
  done: 0,
  /** A run failed, was cancelled, or is driven by another process. */
  failed: 1,
  /** Configuration or usage. */
  usage: 2,
  /** An import or a skill could not be loaded. */
  loading: 3,
  /** A blueprint with findings. */
  invalid: 4,
  /** What is recorded is not what it should be. */
  integrity: 5,
  /** A pause, where `--require-complete` was asked for. */
  paused: 6
} as const
export type ExitCode = (typeof exits)[keyof typeof exits]

export interface Location {
  readonly file?: string | undefined
  /** From 1, as `column`. */
  readonly line?: number | undefined
  readonly column?: number | undefined
  readonly run?: string | undefined
  readonly step?: string | undefined
}

export class Fault extends Data.TaggedError("Fault")<{
  /** What `flujo explain` explains. */
  readonly code: string
  readonly exit: ExitCode
  /** What and where, in one sentence. */
  readonly text: string
  readonly hint?: string | undefined
  readonly location?: Location | undefined
  /** Lines that show the place, for people. */
  readonly frame?: string | undefined
  /** More for programs, such as all findings of a blueprint. */
  readonly details?: Json | undefined
  /** Commands that make sense now. */
  readonly next?: ReadonlyArray<string> | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    return this.text
  }
}
