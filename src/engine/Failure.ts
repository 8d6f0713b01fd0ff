/** How a walk says that a step failed: by one of flujo's own errors, or because it is broken. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { BudgetExceeded } from "../domain/Budget.js"
import { ModelError } from "../domain/Model.js"
import type { StepPath } from "../domain/StepPath.js"
import { TemplateError } from "../expression/Template.js"
import { AgentError } from "../pipeline/Agent.js"
import * as Shape from "../pipeline/Shape.js"
import { SkillError } from "../pipeline/Skill.js"
import {
  InvariantViolated,
  ItemsRefused,
  LoopExhausted,
  NoBranch,
  NoTransition,
  Rejected,
  SchemaMismatch,
  StepTimedOut,
  StepUncertain,
  ValidationFailed,
  ValueRefused
} from "../pipeline/StepError.js"
import type { Failed } from "./Outcome.js"

/** Every way in which flujo itself lets a step fail. */
const EngineFailure = Schema.Union(
  Rejected,
  StepTimedOut,
  LoopExhausted,
  NoBranch,
  ItemsRefused,
  StepUncertain,
  SchemaMismatch,
  ValueRefused,
  NoTransition,
  ValidationFailed,
  InvariantViolated,
  TemplateError,
  SkillError,
  AgentError,
  ModelError,
  BudgetExceeded
)
export type EngineFailure = typeof EngineFailure.Type
export const engineFailure = Shape.fromSchema(EngineFailure)

/** A step broke: a thrown error, a value that does not fit its schema. */
export class StepDefect extends Schema.TaggedError<StepDefect>("flujo/engine/StepDefect")("StepDefect", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}
export const stepDefect = Shape.fromSchema(StepDefect)

export const engineFailed = (error: EngineFailure, at: StepPath): Failed => ({
  _tag: "Failed",
  reason: "Engine",
  error,
  json: Either.getOrThrow(engineFailure.encode(error)) ?? null,
  at: [at]
})

/** Longer texts are cut: nobody reads them, and the journal would refuse the longest. */
const detailLengthMax = 4000

export const defect = (detail: string, at: StepPath): Failed => {
  const shown = detail.length > detailLengthMax ? `${detail.slice(0, detailLengthMax)}…` : detail
  const error = new StepDefect({ detail: shown.toWellFormed() })
  return {
    _tag: "Failed",
    reason: "Defect",
    error,
    json: Either.getOrThrow(stepDefect.encode(error)) ?? null,
    at: [at]
  }
}

export const attempted = <A>(path: StepPath, f: () => A): Either.Either<A, Failed> =>
  Either.try({ try: f, catch: (error) => defect(detailOf(error), path) })

/** What is thrown may be anything, also what cannot be made text of. */
export const detailOf = (error: unknown): string => {
  try {
    return error instanceof Error ? String(error.message === "" ? error.name : error.message) : `it died with ${error}`
  } catch {
    return `it died with ${typeof error === "object" ? "an object" : `a ${typeof error}`} that has no text`
  }
}
