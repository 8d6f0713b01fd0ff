/**
 * How many tokens a text is. Without a model's own tokenizer there is no exact count, so there are two answers: a bound
 * that budgets may rest on and an estimate that is nice to read.
 *
 * The bound is the size in UTF-8 bytes. A byte-level BPE token (OpenAI, Llama 3, Qwen, Mistral's Tekken) stands for at
 * least one byte, so there cannot be more tokens than bytes. A SentencePiece tokenizer that normalises (NFKC) may write
 * a rare ligature as more bytes than it had; for such a model the bound holds for ordinary text only.
 */
import { canonical } from "../domain/Json.js"
import type { ModelAsk, ModelMessage, ReplyPart, UserPart } from "../domain/Model.js"

/** The markup around one message (`<|im_start|>user … <|im_end|>`): at most 5 tokens in the templates known to us. */
export const perMessage = 16

/** What opens the reply, and what a chat template adds by itself. */
const perAsk = 64

/** At least as many tokens as `text` is, for a byte-level BPE tokenizer. */
export const boundOfText = (text: string): number => Buffer.byteLength(text, "utf8")

/**
 * No published rule for images comes to more: for `gpt-4o-mini`, 2,833 and 5,667 for each of at most 8 tiles
 * (https://platform.openai.com/docs/guides/images-vision#calculating-costs).
 */
const perImage = 50_000

/** At least as many tokens as are sent for `ask`: its messages, their markup, its tools and the wanted schema as JSON. */
export const boundOfAsk = (ask: ModelAsk): number => {
  let count = perAsk
  for (const message of ask.messages) count += perMessage + boundOfMessage(message)
  for (const { description, jsonSchema, name } of ask.tools ?? []) {
    count += perMessage + boundOfText(name) + boundOfText(description) + boundOfText(canonical(jsonSchema))
  }
  if (ask.output._tag === "Object") count += boundOfText(ask.output.name) + boundOfText(canonical(ask.output.schema))
  return count
}

/** At least as many tokens as the parts of a reply are. */
export const boundOfParts = (parts: ReadonlyArray<ReplyPart>): number => sum(parts, boundOfPart)

const boundOfMessage = (message: ModelMessage): number => {
  switch (message.role) {
    case "system":
      return boundOfText(message.content)
    case "user":
      return typeof message.content === "string"
        ? boundOfText(message.content)
        : sum<UserPart>(message.content, (part) => (part._tag === "Text" ? boundOfText(part.text) : perImage))
    case "assistant":
      return message.parts === undefined ? boundOfText(message.content) : boundOfParts(message.parts)
    case "tool":
      return boundOfText(message.callId) + boundOfText(message.name) + boundOfText(message.content)
  }
}

const boundOfPart = (part: ReplyPart): number => {
  switch (part._tag) {
    case "Text":
      return boundOfText(part.text)
    case "ToolCall":
      return perMessage + boundOfText(part.id) + boundOfText(part.name) + boundOfText(part.arguments)
    case "Reasoning":
      return boundOfText(part.text) + (part.raw === undefined ? 0 : boundOfText(canonical(part.raw)))
  }
}

const sum = <A>(parts: ReadonlyArray<A>, bound: (part: A) => number): number =>
  parts.reduce((count, part) => count + bound(part), 0)

/** Roughly as many tokens as `text` is: four thirds of its words in ordinary prose, never fewer than a quarter of its characters. */
export const estimate = (text: string): number => {
  let words = 0
  for (const _ of text.matchAll(/\S+/g)) words += 1
  return Math.ceil(Math.max((words * 4) / 3, text.length / 4))
}
