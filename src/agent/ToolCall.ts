/**
 * One tool call that a model asked for, answered. Whatever is wrong with it (no such tool, arguments that are no JSON or
 * do not fit, a tool that fails, a person who says no) is told to the model, which may do better in its next turn; only
 * broken code ends the step. A call that a person must allow is shown as it will be made: exact tool, exact arguments.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import type { ReplyPart } from "../domain/Model.js"
import * as Once from "../domain/Once.js"
import { People } from "../domain/People.js"
import { costOf, SkillError } from "../pipeline/Skill.js"
import * as Tool from "../pipeline/Tool.js"

export type Call = Extract<ReplyPart, { readonly _tag: "ToolCall" }>

export interface Answer {
  readonly content: string
  readonly failed: boolean
  /** What a tool answered, whole. */
  readonly value?: Json.Json | undefined
}

/** Bytes of a result that the model is shown; the journal has the whole. */
export const resultBytesMax = 16_384

/** Whether calls of this tool may be made side by side: nothing in the world depends on their order. */
export const isOrderless = (tools: ReadonlyArray<Tool.AnyTool>, { name }: Call): boolean => {
  const tool = tools.find((one) => one.name === name)
  if (tool === undefined) return true
  return (
    tool._tag === "Skill" && !tool.requiresApproval && (tool.skill.effect === "pure" || tool.skill.effect === "read")
  )
}

/**
 * Answers the `index`-th call of the turn that `Once` knows as `turn`. Of a result of more than `blobBytes` the model is
 * told the beginning and a digest.
 */
export const answer = (
  tools: ReadonlyArray<Tool.AnyTool>,
  call: Call,
  turn: string,
  index: number,
  blobBytes?: number
): Effect.Effect<Answer, never, unknown> =>
  Effect.map(answered(tools, call, turn, index), (answer) => {
    const { content } = answer
    return { ...answer, content: blobBytes === undefined ? bounded(content) : referred(content, blobBytes) }
  })

/** Bytes of the beginning of a result that the model is told of by its digest, and of what is said of it. */
export const blobHeadBytes = 512
export const blobNoteBytes = 256

/** A longer text by its beginning and its digest, which is that of the whole in the journal. */
const referred = (text: string, most: number): string => {
  const size = Buffer.byteLength(text)
  if (size <= most) return text
  const head = Buffer.from(text)
    .subarray(0, blobHeadBytes)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")
  return `${head}… (cut: the beginning of ${size} bytes, whose digest is ${Digest.ofText(text)})`
}

const answered = (
  tools: ReadonlyArray<Tool.AnyTool>,
  call: Call,
  turn: string,
  index: number
): Effect.Effect<Answer, never, unknown> =>
  Effect.gen(function* () {
    const key = `tool[${index}]`
    const tool = tools.find(({ name }) => name === call.name)
    if (tool === undefined) {
      const known = tools.map(({ name }) => name).join(", ")
      return failure(`UnknownTool: there is no tool ${JSON.stringify(call.name.slice(0, 64))}; there are: ${known}`)
    }
    const json = Json.parse(call.arguments.trim() === "" ? "{}" : call.arguments)
    if (Either.isLeft(json)) return failure(`NotJson: the arguments of ${tool.name} are not JSON`)
    if (tool._tag === "AskUser") return yield* asked(tool, json.right, turn, key)
    const given = yield* allowed(tool, json.right, turn, key)
    if ("content" in given) return given
    return yield* made(tool, given.arguments, turn, key)
  })

/** A question to a person: the step rests until it is answered. */
const asked = (tool: Tool.AskUserTool, json: Json.Json, turn: string, key: string) =>
  Effect.gen(function* () {
    const question = Json.get(json, "question")
    if (typeof question !== "string" || question.trim() === "") {
      return failure(`Misfit: ${tool.name} takes { "question": "…" }, and the question is not empty`)
    }
    const people = yield* People
    const said = yield* people.ask({ within: turn, key, task: "ask", message: question.toWellFormed(), schema: {} })
    return success(said)
  })

interface Allowed {
  readonly arguments: Json.Json
}

/** The arguments as they were given, or as a person changed them; what the model is told where they are refused. */
const allowed = (
  tool: Tool.SkillTool<unknown>,
  json: Json.Json,
  turn: string,
  key: string
): Effect.Effect<Allowed | Answer, never, People> =>
  Effect.gen(function* () {
    const fault = misfit(tool, json)
    if (fault !== undefined) return failure(fault)
    if (!tool.requiresApproval) return { arguments: json }
    const people = yield* People
    const said = yield* people.ask({
      within: turn,
      key: key.replace("tool", "approval"),
      task: "approve",
      message: `Call ${tool.name} (${tool.skill.id}, ${tool.skill.effect}) with ${Json.canonical(json)}?`,
      schema: approvalSchema(tool, json)
    })
    if (Json.get(said, "approved") !== true) {
      const reason = Json.get(said, "reason")
      const why = typeof reason === "string" && reason !== "" ? `: ${reason}` : ""
      return failure(`Rejected: a person did not allow this call of ${tool.name}${why}`)
    }
    const edited = Json.get(said, "arguments")
    if (edited === undefined) return { arguments: json }
    const wrong = misfit(tool, edited)
    return wrong === undefined ? { arguments: edited } : failure(`${wrong} (a person had changed them)`)
  })

/** The digest binds the answer to this tool and these arguments: a task about others is another task. */
const approvalSchema = (tool: Tool.SkillTool<unknown>, json: Json.Json): Json.Json => ({
  type: "object",
  properties: {
    approved: { type: "boolean" },
    reason: { type: "string" },
    arguments: Tool.describe(tool).jsonSchema
  },
  required: ["approved"],
  additionalProperties: false,
  $comment: `call ${Digest.of([tool.name, tool.skill.id, tool.skill.version, json])}`
})

const misfit = (tool: Tool.SkillTool<unknown>, json: Json.Json): string | undefined => {
  const decoded = tool.skill.input.decode(inputOf(tool, json))
  return Either.isLeft(decoded) ? `Misfit: the arguments of ${tool.name} do not fit: ${decoded.left.detail}` : undefined
}

const inputOf = (tool: Tool.SkillTool<unknown>, json: Json.Json): Json.Json | undefined =>
  Tool.isWrapped(tool) ? Json.get(json, "value") : json

/** Calls the tool once, whatever happens; what it answered is written down before it is used. */
const made = (tool: Tool.SkillTool<unknown>, json: Json.Json, turn: string, key: string) => {
  const { skill } = tool
  return Once.run(
    {
      within: turn,
      key,
      request: { tool: tool.name, skill: skill.id, version: skill.version, arguments: json },
      success: Json.Json,
      failure: SkillError,
      per: "attempt",
      effect: skill.effect,
      cost: costOf(skill),
      onUncertain: skill.honoursKey || skill.effect === "pure" || skill.effect === "read" ? "retry" : "ask"
    },
    ({ idempotencyKey }) =>
      Effect.gen(function* () {
        const input = yield* Effect.orDie(skill.input.decode(inputOf(tool, json)))
        const output = yield* skill.run(input as never, { idempotencyKey })
        return (yield* Effect.orDie(skill.output.encode(output))) ?? null
      })
  ).pipe(
    Effect.map(success),
    Effect.catchAll((error) => Effect.succeed(failure(`${error.reason}: ${error.message}`)))
  )
}

const success = (value: Json.Json): Answer => ({
  content: (typeof value === "string" ? value : Json.canonical(value)).toWellFormed(),
  failed: false,
  value
})

const failure = (detail: string): Answer => ({ content: detail.toWellFormed(), failed: true })

/** At most `resultBytesMax` bytes, and what is left out is said. */
const bounded = (text: string): string => {
  const size = Buffer.byteLength(text)
  if (size <= resultBytesMax) return text
  const note = `… (cut: the first part of ${size} bytes)`
  let cut = text.slice(0, resultBytesMax)
  while (Buffer.byteLength(cut) > resultBytesMax - 64) cut = cut.slice(0, Math.floor(cut.length * 0.95))
  return `${cut.toWellFormed()}${note}`
}
