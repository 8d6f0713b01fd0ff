/** What a project says of the checker's rules. What is said of no rule is refused, with its place. */
import * as Effect from "effect/Effect"
import * as Severities from "../check/Severities.js"
import type * as ProjectToml from "../project/ProjectToml.js"
import type * as Setting from "../project/Setting.js"
import { projectErrors } from "./codes/Project.js"
import { Fault } from "./Fault.js"

export const of = (
  rules: Iterable<readonly [name: string, Setting.Setting<ProjectToml.Level>]>
): Effect.Effect<Severities.Severities, Fault> =>
  Effect.gen(function* () {
    const severities = new Map<string, Severities.Level>()
    for (const [name, { source, value }] of rules) {
      const wrong = Severities.wrong(name, value)
      if (wrong !== undefined) {
        const location = source._tag === "File" ? { file: source.file, line: source.line } : undefined
        const said = projectErrors.BadValue
        return yield* new Fault({ code: said.code, exit: said.exit, text: wrong.message, hint: wrong.hint, location })
      }
      // Said again it counts as said last.
      severities.delete(name)
      severities.set(name, value)
    }
    return severities
  })
