/** Requests between flujo and `@effect/ai`, both ways. */
import type * as Prompt from "@effect/ai/Prompt"
import * as Tool from "@effect/ai/Tool"
import type * as Toolkit from "@effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Json from "../../domain/Json.js"
import type { ModelMessage, ModelTool, ReplyPart, UserPart } from "../../domain/Model.js"

/** A schema that takes any object and shows itself as this JSON Schema: what comes back is decoded elsewhere. */
export const open = (jsonSchema: Json.Json) =>
  Schema.Struct({}, { key: Schema.String, value: Schema.Unknown }).annotations({
    jsonSchema: Json.isObject(jsonSchema) ? jsonSchema : {}
  })

/** Tools that are only told of: nobody here calls them. */
export const toolkit = (tools: ReadonlyArray<ModelTool>): Toolkit.WithHandler<Record<string, Tool.Any>> => ({
  tools: Object.fromEntries(
    tools.map(({ description, jsonSchema, name }) => [
      name,
      Tool.make(name, { description }).setParameters(open(jsonSchema))
    ])
  ),
  handle: () => Effect.dieMessage("a tool was called that flujo calls itself")
})

export const messages = (all: ReadonlyArray<ModelMessage>): ReadonlyArray<Prompt.MessageEncoded> => all.map(fromMessage)

const fromMessage = (message: ModelMessage): Prompt.MessageEncoded => {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.content }
    case "user":
      return {
        role: "user",
        content: typeof message.content === "string" ? message.content : message.content.map(userPart)
      }
    case "assistant":
      return {
        role: "assistant",
        content: message.parts === undefined ? message.content : assistantParts(message.parts)
      }
    case "tool":
      return {
        role: "tool",
        content: [
          {
            type: "tool-result",
            id: message.callId,
            name: message.name,
            isFailure: message.failed === true,
            result: message.content,
            providerExecuted: false
          }
        ]
      }
  }
}

const userPart = (part: UserPart): Prompt.UserMessagePartEncoded => {
  switch (part._tag) {
    case "Text":
      return { type: "text", text: part.text }
    case "Image":
      return { type: "file", mediaType: part.mediaType, data: new Uint8Array(Buffer.from(part.data, "base64")) }
    case "ImageUrl":
      return { type: "file", mediaType: "image/*", data: new URL(part.url) }
  }
}

type Assistant = Extract<ModelMessage, { readonly role: "assistant" }>

const assistantParts = (parts: NonNullable<Assistant["parts"]>): ReadonlyArray<Prompt.AssistantMessagePartEncoded> =>
  parts.map(assistantPart)

const assistantPart = (part: ReplyPart): Prompt.AssistantMessagePartEncoded => {
  switch (part._tag) {
    case "Text":
      return { type: "text", text: part.text }
    case "Reasoning":
      return { type: "reasoning", text: part.text }
    case "ToolCall":
      return {
        type: "tool-call",
        id: part.id,
        name: part.name,
        // What is no JSON went back to the model as a failed result already.
        params: Either.getOrElse(Json.parse(part.arguments), () => ({})),
        providerExecuted: false
      }
  }
}
