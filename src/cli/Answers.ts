/** What somebody typed, as the answer that a task takes: checked here, before anything is left for the run. */
import * as Either from "effect/Either"
import * as JsonSchema from "../blueprint/JsonSchema.js"
import * as Json from "../domain/Json.js"
import { excerpt } from "../redaction/Printable.js"
import { cliErrors } from "./codes/Cli.js"
import { Fault } from "./Fault.js"
import type { OpenTask } from "./Runs.js"

type Fitted = Either.Either<Json.Json, Fault>

/** The first of `candidates` that the task takes. Where none fits, it says what is wrong with the one that has fields. */
const first = (task: OpenTask, candidates: ReadonlyArray<Json.Json>, hint: string): Fitted => {
  const shape = isOpaque(task.schema) ? undefined : JsonSchema.shape(task.schema)
  const misfits: Array<readonly [candidate: Json.Json, detail: string]> = []
  for (const candidate of candidates) {
    const fitted = shape?.decode(candidate)
    if (fitted === undefined || Either.isRight(fitted)) return Either.right(candidate)
    misfits.push([candidate, fitted.left.detail])
  }
  const [, detail = ""] = misfits.find(([candidate]) => typeof candidate === "object") ?? misfits.at(-1) ?? []
  return Either.left(
    new Fault({
      ...cliErrors.Answer,
      text: `the answer to ${task.row.path} does not fit: ${detail}`,
      hint,
      location: { run: task.row.run, step: task.row.path }
    })
  )
}

/** A schema of a program's own that has no form in JSON: only the program can tell. */
export const isOpaque = (schema: Json.Json): boolean => Json.get(schema, "opaque") !== undefined

/** JSON where it is JSON and fits as such, else the text itself; of a step that may have taken effect, a yes or a no. */
export const typed = (task: OpenTask, text: string): Fitted => {
  const json = Json.parse(text)
  if (task.row.task === "uncertain")
    return decided(
      task,
      Either.getOrElse(json, () => text.trim())
    )
  return first(task, Either.isRight(json) ? [json.right, text] : [text], wanted(task))
}

/** Whatever is no yes is a no to the run, which fails for good of what somebody mistyped. */
const decided = (task: OpenTask, said: Json.Json): Fitted => {
  const word = typeof said === "string" ? said.toLowerCase() : (Json.get(said, "approved") ?? said)
  if (word === true || word === "approved" || word === "yes" || word === "y") return yes(task)
  if (word === false || word === "rejected" || word === "no" || word === "n") {
    const reason = Json.get(said, "reason")
    return no(task, typeof reason === "string" ? reason : "")
  }
  return Either.left(
    new Fault({
      ...cliErrors.Answer,
      text: `the answer to ${task.row.path} is neither a yes nor a no: ${excerpt(JSON.stringify(said), 80)}`,
      hint: `flujo approve runs the step again, flujo reject lets it fail; to answer, say ${wanted(task)}`,
      location: { run: task.row.run, step: task.row.path }
    })
  )
}

export const yes = (task: OpenTask): Fitted =>
  first(task, [{ approved: true }, "approved", true], `say what: flujo answer (${wanted(task)})`)

export const no = (task: OpenTask, reason: string): Fitted =>
  first(
    task,
    [{ approved: false, reason }, { approved: false }, reason === "" ? "rejected" : reason, false],
    `say what: flujo answer (${wanted(task)})`
  )

/** What the task takes, in a few words. */
export const wanted = ({ row, schema }: OpenTask): string => {
  if (row.task === "uncertain") return "yes or no"
  if (row.task === "budget") return 'an amount: a number, or {"approved": false}'
  const choices = Json.get(schema, "enum")
  if (Array.isArray(choices)) return `one of ${choices.map((choice) => excerpt(JSON.stringify(choice), 40)).join(", ")}`
  const text = Json.canonical(schema)
  return text === "{}" || isOpaque(schema) ? "any text or JSON" : `JSON of the schema ${excerpt(text, 300)}`
}
