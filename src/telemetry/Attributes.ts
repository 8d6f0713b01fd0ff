/**
 * The names of spans, metrics and attributes. Names only: what a run was asked or answered is never an attribute.
 * `gen_ai.*` follow the OpenTelemetry semantic conventions for generative AI
 * (https://opentelemetry.io/docs/specs/semconv/gen-ai/), so that dashboards made for them show our model calls.
 */
import type { ModelAsk, ModelReply } from "../domain/Model.js"

export const runId = "flujo.run.id"
export const pipeline = "flujo.pipeline"
export const planDigest = "flujo.plan.digest"
export const stepPath = "flujo.step.path"
export const stepKind = "flujo.step.kind"
/** From 1. */
export const stepAttempt = "flujo.step.attempt"
export const agent = "flujo.agent"
/** From 0. */
export const agentTurn = "flujo.agent.turn"
export const skill = "flujo.skill"
export const skillEffect = "flujo.skill.effect"
export const callKey = "flujo.call.key"
export const costNanoUsd = "flujo.cost.nano_usd"
export const errorType = "error.type"

export const operationName = "gen_ai.operation.name"
export const providerName = "gen_ai.provider.name"
export const outputType = "gen_ai.output.type"
export const requestModel = "gen_ai.request.model"
export const requestMaxTokens = "gen_ai.request.max_tokens"
export const requestTemperature = "gen_ai.request.temperature"
export const requestTopP = "gen_ai.request.top_p"
export const requestSeed = "gen_ai.request.seed"
export const responseModel = "gen_ai.response.model"
export const responseFinishReasons = "gen_ai.response.finish_reasons"
/** The conventions count cached input in here, unlike `Usage.input`. */
export const usageInputTokens = "gen_ai.usage.input_tokens"
export const usageCachedInputTokens = "gen_ai.usage.cache_read.input_tokens"
/** The conventions count reasoning in here, unlike `Usage.output`. */
export const usageOutputTokens = "gen_ai.usage.output_tokens"
export const usageReasoningTokens = "gen_ai.usage.reasoning.output_tokens"

export const spanRun = "flujo.Engine.run"
export const spanStep = "flujo.Engine.step"
export const spanTurn = "flujo.Agent.turn"
export const spanModelCall = "flujo.Models.call"
export const spanSkillCall = "flujo.Skill.call"

/** Counters. */
export const metricRuns = "flujo.runs"
export const metricSteps = "flujo.steps"
export const metricModelCalls = "flujo.model.calls"
export const metricModelRetries = "flujo.model.retries"
export const metricTokens = "gen_ai.client.token.usage"
export const metricCostNanoUsd = "flujo.cost.nano_usd"

type Attributes = Record<string, string | number | boolean | ReadonlyArray<string>>

/** What is known of a model call before it is made. `provider` is the prefix of the model's name. */
export const ofAsk = (provider: string, { model, output, settings }: ModelAsk): Attributes => ({
  [operationName]: "chat",
  [providerName]: provider,
  [requestModel]: model,
  [outputType]: output._tag === "Object" ? "json" : "text",
  ...(settings.maxTokens === undefined ? {} : { [requestMaxTokens]: settings.maxTokens }),
  ...(settings.temperature === undefined ? {} : { [requestTemperature]: settings.temperature }),
  ...(settings.topP === undefined ? {} : { [requestTopP]: settings.topP }),
  ...(settings.seed === undefined ? {} : { [requestSeed]: settings.seed })
})

/** What is known of it afterwards. */
export const ofReply = ({ finish, model, usage }: ModelReply): Attributes => ({
  [responseModel]: model,
  [responseFinishReasons]: [finish],
  [usageInputTokens]: usage.input + usage.cachedInput,
  [usageCachedInputTokens]: usage.cachedInput,
  [usageOutputTokens]: usage.output + usage.reasoning,
  [usageReasoningTokens]: usage.reasoning
})
