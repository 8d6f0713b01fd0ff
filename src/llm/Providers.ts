/**
 * The providers that are reached over HTTP, as a table: what each is called, where it is, where its key is said and what
 * it speaks. A new one that speaks OpenAI's protocol is a new row.
 */
import type { Dialect } from "./internal/Chat.js"

export interface Provider {
  /** Other names of the same. */
  readonly aliases: ReadonlyArray<string>
  /** Absent where there is none by default. */
  readonly baseUrl?: string
  readonly baseUrlVariable: string
  /** The first of these that is set is the key. Empty: a key is never sent. */
  readonly keyVariables: ReadonlyArray<string>
  readonly keyNeeded: boolean
  /** Absent: `authorization`, as a bearer token. */
  readonly keyHeader?: "api-key" | "x-api-key"
  readonly speaks: Dialect | "messages"
  /** A model that shows how a name is written. */
  readonly example: string
}

const likeOpenAi: Dialect = { maxTokens: "max_tokens", reasoning: "reasoning_effort", strictTools: false }
const openAi: Dialect = { maxTokens: "max_completion_tokens", reasoning: "reasoning_effort", strictTools: true }

export const prefixes = [
  "openai",
  "azure",
  "anthropic",
  "google",
  "openrouter",
  "compatible",
  "ollama",
  "vllm"
] as const
export type Prefix = (typeof prefixes)[number]

export const providers: { readonly [P in Prefix]: Provider } = {
  openai: {
    aliases: [],
    baseUrl: "https://api.openai.com/v1",
    baseUrlVariable: "OPENAI_BASE_URL",
    keyVariables: ["OPENAI_API_KEY"],
    keyNeeded: true,
    speaks: openAi,
    example: "gpt-4o-mini"
  },
  // The name after the prefix is that of a deployment.
  azure: {
    aliases: [],
    baseUrlVariable: "AZURE_OPENAI_ENDPOINT",
    keyVariables: ["AZURE_OPENAI_API_KEY"],
    keyNeeded: true,
    keyHeader: "api-key",
    speaks: openAi,
    example: "my-deployment"
  },
  anthropic: {
    aliases: [],
    baseUrl: "https://api.anthropic.com",
    baseUrlVariable: "ANTHROPIC_BASE_URL",
    keyVariables: ["ANTHROPIC_API_KEY"],
    keyNeeded: true,
    keyHeader: "x-api-key",
    speaks: "messages",
    example: "claude-sonnet-4-5"
  },
  google: {
    aliases: ["google-gla", "gemini"],
    baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
    baseUrlVariable: "GOOGLE_BASE_URL",
    keyVariables: ["GOOGLE_API_KEY", "GEMINI_API_KEY"],
    keyNeeded: true,
    speaks: likeOpenAi,
    example: "gemini-2.5-flash"
  },
  openrouter: {
    aliases: [],
    baseUrl: "https://openrouter.ai/api/v1",
    baseUrlVariable: "OPENROUTER_BASE_URL",
    keyVariables: ["OPENROUTER_API_KEY"],
    keyNeeded: true,
    speaks: { ...likeOpenAi, reasoning: "reasoning" },
    example: "meta-llama/llama-3.3-70b-instruct"
  },
  compatible: {
    aliases: [],
    baseUrlVariable: "OPENAI_BASE_URL",
    keyVariables: ["OPENAI_API_KEY"],
    keyNeeded: false,
    speaks: likeOpenAi,
    example: "NAME"
  },
  ollama: {
    aliases: [],
    baseUrl: "http://127.0.0.1:11434/v1",
    baseUrlVariable: "OLLAMA_BASE_URL",
    // The key for OpenAI is nobody else's business, and a local server asks for none.
    keyVariables: [],
    keyNeeded: false,
    speaks: likeOpenAi,
    example: "llama3.2"
  },
  vllm: {
    aliases: [],
    baseUrl: "http://127.0.0.1:8000/v1",
    baseUrlVariable: "VLLM_BASE_URL",
    keyVariables: ["VLLM_API_KEY"],
    keyNeeded: false,
    speaks: likeOpenAi,
    example: "Qwen/Qwen2.5-7B-Instruct"
  }
}

/** The prefix that `name` is, or is another name of. */
export const find = (name: string): Prefix | undefined =>
  prefixes.find((prefix) => prefix === name || providers[prefix].aliases.includes(name))
