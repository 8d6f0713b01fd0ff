/**
 * What an agent may ask for while it thinks: a skill under a name that models accept, or a question to a person. `agent/`
 * answers the calls. Nothing here is called.
 */
import * as Json from "../domain/Json.js"
import type { ModelTool } from "../domain/Model.js"
import type { Skill } from "./Skill.js"

/** `requiresApproval`: a person sees the tool and its arguments, and says whether it is called. */
export interface SkillTool<out R = never> {
  readonly _tag: "Skill"
  readonly name: string
  readonly skill: Skill<never, unknown, R>
  readonly requiresApproval: boolean
}

/** The run rests until a person has answered what the model asks. */
export interface AskUserTool {
  readonly _tag: "AskUser"
  readonly name: string
}

export type Tool<R = never> = SkillTool<R> | AskUserTool

/** A tool as the tree holds it, its types erased. */
export type AnyTool = Tool<unknown>

export interface Options {
  /** Letters, digits, `_` and `-`, at most 64. Default: the last part of the skill's id. */
  readonly name?: string | undefined
  readonly requiresApproval?: boolean | undefined
}

export const make = <R>(skill: Skill<never, unknown, R>, options: Options = {}): SkillTool<R> => ({
  _tag: "Skill",
  name: options.name ?? nameFrom(skill.id),
  skill,
  requiresApproval: options.requiresApproval === true
})

/** What a skill may do to the world, as far as a person may have to allow it. */
export const effects = ["read", "write", "external"] as const
export type Effect = (typeof effects)[number]

/** A person allows each call of what has one of these effects. */
export const approved = <T extends AnyTool>(tool: T, on: ReadonlyArray<Effect>): T =>
  tool._tag === "Skill" && on.some((effect) => effect === tool.skill.effect)
    ? { ...tool, requiresApproval: true }
    : tool

export const askUser: AskUserTool = { _tag: "AskUser", name: "ask_user" }

const nameFrom = (id: string): string => id.slice(id.lastIndexOf(".") + 1)

/** What the providers accept as the name of a tool. */
export const isName = (name: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(name)

/** Whether a skill's own input is an object, as arguments are. Any other input travels as `{ value }`. */
export const isWrapped = ({ skill }: SkillTool<unknown>): boolean =>
  Json.get(skill.input.jsonSchema, "type") !== "object" && !isEmpty(skill.input.jsonSchema)

/** `Schema.Struct({})`, which JSON Schema is told of as an object or a list. */
const isEmpty = (schema: Json.Json): boolean => Json.equals(schema, { anyOf: [{ type: "object" }, { type: "array" }] })

const nothing: Json.Json = { type: "object", properties: {}, additionalProperties: false }

const question: Json.Json = {
  type: "object",
  properties: { question: { type: "string" } },
  required: ["question"],
  additionalProperties: false
}

/** As the model is told of it. */
export const describe = (tool: AnyTool): ModelTool => {
  switch (tool._tag) {
    case "AskUser":
      return {
        name: tool.name,
        description: "Asks the user a question and gives back the answer.",
        jsonSchema: question
      }
    case "Skill": {
      const { description, input } = tool.skill
      const schema = Json.get(input.jsonSchema, "opaque") === undefined ? input.jsonSchema : {}
      const wrapped = {
        type: "object",
        properties: { value: schema },
        required: ["value"],
        additionalProperties: false
      }
      return {
        name: tool.name,
        description,
        jsonSchema: isWrapped(tool) ? wrapped : isEmpty(schema) ? nothing : schema
      }
    }
  }
}
