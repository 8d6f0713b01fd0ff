/** What `@effect/ai` asks for, as a request of flujo. */
import type { ProviderOptions } from "@effect/ai/LanguageModel"
import type * as Prompt from "@effect/ai/Prompt"
import * as Tool from "@effect/ai/Tool"
import * as Either from "effect/Either"
import * as Json from "../../domain/Json.js"
import type { ModelAsk, ModelMessage, ReplyPart, UserPart } from "../../domain/Model.js"

/** What cannot be said in a request is said in words. */
export const fromOptions = (
  { prompt, responseFormat, toolChoice, tools }: ProviderOptions,
  base: Pick<ModelAsk, "model" | "settings">
): Either.Either<ModelAsk, string> =>
  Either.gen(function* () {
    const messages: Array<ModelMessage> = []
    for (const message of prompt.content) messages.push(...(yield* fromMessage(message)))
    if (typeof toolChoice === "object" && "tool" in toolChoice) {
      return yield* Either.left("a model is not told which tool it must call: give it that tool alone, and `required`")
    }
    const choice = typeof toolChoice === "object" ? (toolChoice.mode ?? "auto") : toolChoice
    return {
      ...base,
      messages,
      output:
        responseFormat.type === "text"
          ? { _tag: "Text" }
          : { _tag: "Object", name: responseFormat.objectName, schema: schemaOf(responseFormat.schema.ast) },
      ...(tools.length === 0
        ? {}
        : {
            tools: tools.map((tool) => ({
              name: tool.name,
              description: tool.description ?? "",
              jsonSchema: schemaOf(tool.parametersSchema.ast)
            })),
            toolChoice: choice
          })
    }
  })

const schemaOf = (ast: Parameters<typeof Tool.getJsonSchemaFromSchemaAst>[0]): Json.Json =>
  Either.getOrElse(Json.fromUnknown(Tool.getJsonSchemaFromSchemaAst(ast)), () => ({}))

const fromMessage = (message: Prompt.Message): Either.Either<ReadonlyArray<ModelMessage>, string> => {
  switch (message.role) {
    case "system":
      return Either.right([{ role: "system", content: message.content }])
    case "user":
      return Either.map(Either.all(message.content.map(userPart)), (content) => [
        {
          role: "user" as const,
          content: content.every((part) => part._tag === "Text") ? content.map(({ text }) => text).join("") : content
        }
      ])
    case "assistant": {
      const parts = message.content.flatMap((part): ReadonlyArray<ReplyPart> => {
        switch (part.type) {
          case "text":
            return [{ _tag: "Text", text: part.text }]
          case "reasoning":
            return [{ _tag: "Reasoning", text: part.text }]
          case "tool-call":
            return [{ _tag: "ToolCall", id: part.id, name: part.name, arguments: JSON.stringify(part.params) ?? "{}" }]
          default:
            return []
        }
      })
      const content = parts.map((part) => (part._tag === "Text" ? part.text : "")).join("")
      const isPlain = parts.every(({ _tag }) => _tag === "Text")
      return Either.right([{ role: "assistant", content, ...(isPlain ? {} : { parts }) }])
    }
    case "tool":
      return Either.right(
        message.content.map((part) => ({
          role: "tool" as const,
          callId: part.id,
          name: part.name,
          content: typeof part.result === "string" ? part.result : (JSON.stringify(part.result) ?? "null"),
          ...(part.isFailure ? { failed: true } : {})
        }))
      )
  }
}

const userPart = (part: Prompt.UserMessagePart): Either.Either<UserPart, string> => {
  if (part.type === "text") return Either.right({ _tag: "Text", text: part.text })
  if (!part.mediaType.startsWith("image/")) return Either.left(`a file of type ${part.mediaType.slice(0, 80)}`)
  if (part.data instanceof URL) return Either.right({ _tag: "ImageUrl", url: part.data.href })
  const data = typeof part.data === "string" ? part.data : Buffer.from(part.data).toString("base64")
  return Either.right({ _tag: "Image", mediaType: part.mediaType, data })
}
