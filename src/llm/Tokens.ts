/**
 * How many tokens a text is. Without a model's own tokenizer there is no exact count, so there are two answers: a bound
 * that budgets may rest on and an estimate that is nice to read.
 *
 * The bound is the size in UTF-8 bytes. A byte-level BPE token (OpenAI, Llama 3, Qwen, Mistral's Tekken) stands for at
 * least one byte, so there cannot be more tokens than bytes. A SentencePiece tokenizer that normalises (NFKC) may write
 * a rare ligature as more bytes than it had; for such a model the bound holds for ordinary text only.
 */
import { canonical } from "../domain/Json.js"
import type { ModelAsk } from "../domain/Model.js"

/** The markup around one message (`<|im_start|>user … <|im_end|>`): at most 5 tokens in the templates known to us. */
const perMessage = 16

/** What opens the reply, and what a chat template adds by itself. */
const perAsk = 64

/** At least as many tokens as `text` is, for a byte-level BPE tokenizer. */
export const boundOfText = (text: string): number => Buffer.byteLength(text, "utf8")

/** At least as many tokens as are sent for `ask`: its messages, their markup, and the wanted schema as JSON. */
export const boundOfAsk = (ask: ModelAsk): number => {
  let count = perAsk
  for (const message of ask.messages) count += perMessage + boundOfText(message.content)
  if (ask.output._tag === "Object") count += boundOfText(ask.output.name) + boundOfText(canonical(ask.output.schema))
  return count
}

/** Roughly as many tokens as `text` is: four thirds of its words in ordinary prose, never fewer than a quarter of its characters. */
export const estimate = (text: string): number => {
  let words = 0
  for (const _ of text.matchAll(/\S+/g)) words += 1
  return Math.ceil(Math.max((words * 4) / 3, text.length / 4))
}
