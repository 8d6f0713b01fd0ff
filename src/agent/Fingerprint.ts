/**
 * What a granular agent was like when it began, written down before its first turn. A run that goes on, or is taken on by
 * another version of its pipeline, must be like that still: where it is not, the walk stops at this call and names the
 * field with both values. Of `compat` the limits of history and blobs are no part, and stay what they were.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Digest from "../domain/Digest.js"
import type * as Json from "../domain/Json.js"
import type { ModelOutput } from "../domain/Model.js"
import * as Once from "../domain/Once.js"
import type { AnyAgent } from "../pipeline/Agent.js"
import type { Granular } from "../pipeline/Node.js"
import * as Tool from "../pipeline/Tool.js"

const Limits = Schema.Struct({
  historyMaxTokens: Schema.optional(Schema.Int),
  blobThresholdBytes: Schema.Int
})
export type Limits = typeof Limits.Type

/** The limits that it goes on under. */
export const limits = (
  agent: AnyAgent,
  granular: Granular,
  output: ModelOutput
): Effect.Effect<Limits, never, Once.Once> => {
  const { blobThresholdBytes, historyMaxTokens } = granular
  const now: Limits = { blobThresholdBytes, ...(historyMaxTokens === undefined ? {} : { historyMaxTokens }) }
  return Once.run(
    {
      key: "fingerprint",
      request: {
        mode: granular.fingerprint,
        ...of(agent, output),
        ...(granular.fingerprint === "strict"
          ? { history_max_tokens: historyMaxTokens ?? null, blob_threshold_bytes: blobThresholdBytes }
          : {})
      },
      success: Limits,
      effect: "pure"
    },
    () => Effect.succeed(now)
  )
}

const of = (agent: AnyAgent, output: ModelOutput): Json.JsonObject => ({
  model: agent.model,
  system: Digest.ofText(agent.system),
  output: Digest.of(output as Json.Json),
  ...(agent.redact === undefined ? {} : { redact: agent.redact }),
  settings: Object.fromEntries(
    Object.entries(agent.settings).flatMap(([name, value]) => (value === undefined ? [] : [[name, value as Json.Json]]))
  ),
  tools: Object.fromEntries(
    agent.tools.map((tool) => [
      tool.name,
      tool._tag === "AskUser"
        ? "asks a person"
        : {
            skill: tool.skill.id,
            version: tool.skill.version,
            arguments: Digest.of(Tool.describe(tool).jsonSchema),
            requires_approval: tool.requiresApproval
          }
    ])
  )
})
