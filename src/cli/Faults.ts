/** What other rooms fail with, as what a person is told. */
import * as ConfigError from "effect/ConfigError"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import type { CodeError } from "../code/CodeError.js"
import { BudgetExceeded } from "../domain/Budget.js"
import { ModelError } from "../domain/Model.js"
import { RunError } from "../engine/RunError.js"
import { TemplateError } from "../expression/TemplateError.js"
import { JournalError, LetterRefused, RunHeld } from "../journal/Journal.js"
import { AgentError } from "../pipeline/Agent.js"
import { SkillError } from "../pipeline/Skill.js"
import type { ProjectError } from "../project/ProjectError.js"
import { cliErrors } from "./codes/Cli.js"
import { codeErrors } from "./codes/Code.js"
import { runErrors, stepFailed } from "./codes/Engine.js"
import type { Explained } from "./codes/Explained.js"
import { journalErrors, letterRefusals } from "./codes/Journal.js"
import { projectErrors } from "./codes/Project.js"
import { agentErrors, budgetExceeded, modelErrors, skillErrors, stepErrors, templateErrors } from "./codes/Steps.js"
import { Fault, type Location } from "./Fault.js"

const fault = (said: Explained, text: string, more: Partial<Pick<Fault, "hint" | "location" | "frame">> = {}): Fault =>
  new Fault({ code: said.code, exit: said.exit, text, ...more })

export const project = (error: ProjectError): Fault =>
  fault(projectErrors[error.reason], error.detail, {
    hint: error.hint,
    frame: error.frame,
    location: error.file === undefined ? undefined : { file: error.file, line: error.line, column: error.column }
  })

export const code = ({ column, detail, file, frame, hint, line, reason }: CodeError): Fault =>
  fault(codeErrors[reason], detail, { hint, frame, location: { file, line, column } })

/** Of what a TypeScript file exports as `layer`. */
export const layer = (error: unknown, file: string | undefined): Fault => {
  const text = error instanceof Error && error.message !== "" ? error.message : "it failed"
  return fault(codeErrors.Unloadable, `its layer cannot be built: ${text}`, { location: { file } })
}

export const journal = (error: JournalError): Fault => fault(journalErrors[error.reason], error.message)

const letter = (error: LetterRefused): Fault =>
  fault(letterRefusals[error.reason], error.detail, { location: { run: error.run } })

/** Of a letter that was to be left for a run. */
export const delivery = (error: LetterRefused | JournalError): Fault =>
  error instanceof LetterRefused ? letter(error) : journal(error)

export const held = (error: RunHeld): Fault => fault(runErrors.Held, error.message, { location: { run: error.run } })

export const config = (error: ConfigError.ConfigError): Fault =>
  fault(cliErrors.Environment, ConfigError.isConfigError(error) ? reasonOf(error) : String(error))

/** Whatever a run failed with: one of flujo's own errors, or what a step of the user's declares. */
export const run = (error: unknown, runId: string): Fault => {
  const at = (path: unknown): Location => ({
    run: runId,
    step: typeof path === "string" && path !== "" ? path : undefined
  })
  if (error instanceof RunError) {
    const location = error.run === "" || error.run === runId ? at(error.path) : { ...at(error.path), run: error.run }
    return fault(runErrors[error.reason], error.detail, { hint: error.hint, location })
  }
  if (error instanceof JournalError) return journal(error)
  if (error instanceof RunHeld) return held(error)
  if (error instanceof LetterRefused) return letter(error)
  const text = error instanceof Error && error.message !== "" ? error.message : "a step failed"
  const location = at(Predicate.hasProperty(error, "path") ? error.path : undefined)
  if (error instanceof BudgetExceeded) return fault(budgetExceeded, text, { location })
  if (error instanceof ModelError) return fault(modelErrors[error.reason], text, { location })
  if (error instanceof AgentError) return fault(agentErrors[error.reason], text, { location })
  if (error instanceof SkillError) return fault(skillErrors[error.reason], text, { location })
  if (error instanceof TemplateError) return fault(templateErrors[error.reason], text, { location })
  const tag = Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : ""
  const own = Object.hasOwn(stepErrors, tag) ? stepErrors[tag as keyof typeof stepErrors] : stepFailed
  return fault(own, text, { location })
}

/** A defect: what no room says that it can fail with. */
export const internal = (error: unknown): Fault =>
  fault(
    cliErrors.Internal,
    ParseResult.isParseError(error) || error instanceof Error ? error.message : "something broke",
    { hint: "--trace shows where" }
  )

/** The first thing that is wrong, without the values, which may be secrets. */
const reasonOf = (error: ConfigError.ConfigError): string => {
  switch (error._op) {
    case "And":
    case "Or":
      return reasonOf(error.left)
    default:
      return `${error.path.join("_")}: ${error.message}`
  }
}
