/** flujo and `@effect/ai`, which is an optional peer: a user's `LanguageModel` as a provider, and a model of ours as one. */
export * as LanguageModels from "./llm/LanguageModels.js"
export * as ModelDriver from "./llm/ModelDriver.js"
