/** Whether an agent is done, by what it has just said or done; and what it is told where it is not. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import type * as Template from "../expression/Template.js"
import { sentinels } from "../pipeline/Granular.js"
import type * as Node from "../pipeline/Node.js"
import type { Shape } from "../pipeline/Shape.js"
import type * as ToolCall from "./ToolCall.js"

type Holds = Extract<Node.Stop, { readonly _tag: "Holds" }>

/** What decides of an answer: the engine knows what the step sees. */
export type Judge = (on: Holds["on"], value: unknown, json: Json.Json) => Either.Either<boolean, Template.TemplateError>

/** An answer: decoded, as JSON, and what was said before it. */
export interface Said {
  readonly value: unknown
  readonly json: Json.Json
  /** The last text that was more than a sign of being done. */
  readonly before: string | undefined
}

/** The answer that it ends with, if it is done. */
export const ofReply = (
  stops: ReadonlyArray<Node.Stop>,
  said: Said,
  judge: Judge
): Effect.Effect<{ readonly answer: unknown } | undefined, Template.TemplateError> =>
  Effect.gen(function* () {
    for (const stop of stops) {
      switch (stop._tag) {
        case "Reply":
          return { answer: said.value }
        case "Sentinel": {
          const text = typeof said.json === "string" ? withoutSentinel(said.json) : undefined
          if (text !== undefined) return { answer: text === "" ? (said.before ?? said.json) : text }
          break
        }
        case "Flag":
          if (Json.get(said.json, stop.field) === true) return { answer: said.value }
          break
        case "Holds":
          if (yield* judge(stop.on, said.value, said.json)) return { answer: said.value }
          break
        case "Tool":
          break
      }
    }
    return undefined
  })

/** Of a text that ends in a line that says so, what stands before that. */
export const withoutSentinel = (text: string): string | undefined => {
  const trimmed = text.trimEnd()
  const start = trimmed.lastIndexOf("\n") + 1
  return sentinels.includes(trimmed.slice(start).trim()) ? trimmed.slice(0, start).trimEnd() : undefined
}

/** Whether a call of this tool may end it. */
export const isLast = (stops: ReadonlyArray<Node.Stop>, { name }: ToolCall.Call): boolean =>
  stops.some((stop) => stop._tag === "Tool" && stop.name === name)

/** What a tool that ends it answered, as the agent's own answer; left: why it cannot be. */
export const ofTools = (
  stops: ReadonlyArray<Node.Stop>,
  calls: ReadonlyArray<ToolCall.Call>,
  answers: ReadonlyArray<ToolCall.Answer>,
  shape: Shape | undefined
): Either.Either<unknown, string> | undefined => {
  const index = calls.findIndex((call, at) => isLast(stops, call) && answers[at]?.failed === false)
  const value = answers[index]?.value
  if (value === undefined) return undefined
  if (shape === undefined) return Either.right(typeof value === "string" ? value : Json.canonical(value))
  return Either.mapLeft(
    shape.decode(value),
    ({ detail }) => `what ${calls[index]!.name} answered does not fit the wanted output: ${detail}`
  )
}

/** What the model is told that is not done; at most `goOnBytes`. */
export const goOn = (stops: ReadonlyArray<Node.Stop>): string => {
  const ways = stops.flatMap(wayOf)
  return ways.length === 0 ? "Go on." : `Go on. When you are done, ${ways.join(", or ")}.`.slice(0, goOnBytes)
}

export const goOnBytes = 500

const wayOf = (stop: Node.Stop): ReadonlyArray<string> => {
  switch (stop._tag) {
    case "Sentinel":
      return [`end with a line that is ${sentinels[0]}`]
    case "Flag":
      return [`set ${stop.field} to true`]
    case "Tool":
      return [`call ${stop.name}`]
    case "Holds":
    case "Reply":
      return []
  }
}
