/**
 * A door to the outside: a question to a person, asked from within a step. The step rests until it is answered, and comes
 * here again with the same question; what was answered then stands. The engine journals it as a task.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Json } from "./Json.js"

export interface Question {
  /** The call of `Once` that it arose from, by its key. */
  readonly within: string
  /** Names the question within that call. */
  readonly key: string
  readonly task: "approve" | "ask"
  readonly message: string
  /** JSON Schema of the answer. */
  readonly schema: Json
}

export class People extends Context.Tag("flujo/domain/People")<
  People,
  {
    /** What a person answered. Where nobody has yet, this does not return: the step ends here, and is walked again. */
    readonly ask: (question: Question) => Effect.Effect<Json>
  }
>() {}
