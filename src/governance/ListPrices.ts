/**
 * The list prices that flujo ships: dollars per million tokens at the standard tier, copied from the provider's page on
 * the day that is named. Left out: models whose price depends on the length of the prompt, which one rate cannot say,
 * and whatever no page could be found for. Prices change; `[cost.providers]` in flujo.toml overrules any of them.
 */
import { usd } from "../domain/NanoUsd.js"
import type { Row } from "./Price.js"

export const date = "2026-11-25"

const openai = "https://platform.openai.com/docs/pricing"
const claude = "https://platform.claude.com/docs/en/about-claude/pricing"
const google = "https://ai.google.dev/gemini-api/docs/pricing"

/** Reasoning is billed as output by each of these. */
const chat =
  (source: string) =>
  (model: string, prices: readonly [input: string, cached: string, output: string], context: number): Row => {
    const [input, cachedInput, output] = prices
    const rate = { input: usd(input), cachedInput: usd(cachedInput), output: usd(output), reasoning: usd(output) }
    return { model, kind: "chat", rate, context, source, date }
  }

const embedding = (model: string, input: string): Row => ({
  model,
  kind: "embedding",
  rate: { input: usd(input), cachedInput: usd(input), output: usd("0"), reasoning: usd("0") },
  context: 8192,
  source: openai,
  date
})

const ofOpenAi = chat(openai)
const ofClaude = chat(claude)
const ofGoogle = chat(google)

/** Answered by flujo itself: nobody is called, and nobody sends a bill. */
const ours = (model: string): Row => ({
  model,
  kind: "chat",
  rate: { input: usd("0"), cachedInput: usd("0"), output: usd("0"), reasoning: usd("0") },
  source: "answered by flujo itself",
  date
})

export const all: ReadonlyArray<Row> = [
  { ...ofOpenAi("openai:gpt-4o", ["2.50", "1.25", "10"], 128_000), except: ["2024-05-13"] },
  ofOpenAi("openai:gpt-4o-mini", ["0.15", "0.075", "0.60"], 128_000),
  ofOpenAi("openai:gpt-4.1", ["2", "0.50", "8"], 1_047_576),
  ofOpenAi("openai:gpt-4.1-mini", ["0.40", "0.10", "1.60"], 1_047_576),
  ofOpenAi("openai:gpt-4.1-nano", ["0.10", "0.025", "0.40"], 1_047_576),
  ofOpenAi("openai:gpt-5", ["1.25", "0.125", "10"], 400_000),
  ofOpenAi("openai:gpt-5-mini", ["0.25", "0.025", "2"], 400_000),
  ofOpenAi("openai:gpt-5-nano", ["0.05", "0.005", "0.40"], 400_000),
  ofOpenAi("openai:o3", ["2", "0.50", "8"], 200_000),
  ofOpenAi("openai:o4-mini", ["1.10", "0.275", "4.40"], 200_000),
  embedding("openai:text-embedding-3-small", "0.02"),
  embedding("openai:text-embedding-3-large", "0.13"),
  ofClaude("anthropic:claude-opus-5-5", ["4", "0.20", "20"], 1_000_000),
  ofClaude("anthropic:claude-opus-5", ["5", "0.50", "25"], 1_000_000),
  ofClaude("anthropic:claude-opus-4-8", ["5", "0.50", "25"], 1_000_000),
  ofClaude("anthropic:claude-opus-4-7", ["5", "0.50", "25"], 1_000_000),
  ofClaude("anthropic:claude-opus-4-6", ["5", "0.50", "25"], 1_000_000),
  ofClaude("anthropic:claude-opus-4-5", ["5", "0.50", "25"], 200_000),
  ofClaude("anthropic:claude-opus-4-1", ["15", "1.50", "75"], 200_000),
  ofClaude("anthropic:claude-sonnet-5-5", ["2", "0.20", "10"], 1_000_000),
  ofClaude("anthropic:claude-sonnet-5", ["2", "0.20", "10"], 1_000_000),
  ofClaude("anthropic:claude-sonnet-4-6", ["3", "0.30", "15"], 1_000_000),
  ofClaude("anthropic:claude-sonnet-4-5", ["3", "0.30", "15"], 200_000),
  ofClaude("anthropic:claude-haiku-4-5", ["1", "0.10", "5"], 200_000),
  ofClaude("anthropic:claude-3-5-haiku", ["0.80", "0.08", "4"], 200_000),
  ofGoogle("google:gemini-2.5-flash", ["0.30", "0.03", "2.50"], 1_048_576),
  ofGoogle("google:gemini-2.5-flash-lite", ["0.10", "0.01", "0.40"], 1_048_576),
  ours("offline:*"),
  ours("scripted:*")
]
