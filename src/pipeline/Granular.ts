/** What is said of agents that go on until they are done (`Node.Granular`): their usual limits, and when they are done. */
import * as Json from "../domain/Json.js"
import type { AnyAgent } from "./Agent.js"
import type { Granular, Stop } from "./Node.js"

/** Lines by which a model says that it is done. */
export const sentinels: ReadonlyArray<string> = ["COMPLETE", "DONE"]

/** The property of an output that says so, where nothing else is said. */
export const flagDefault = "is_complete"

export const turnsDefault = 20
export const blobBytesDefault = 20_000
export const blobBytesLeast = 1024
export const blobBytesMost = 262_144
export const historyTokensLeast = 256
export const historyTokensMost = 1_000_000
export const sameTurnsDefault = 3
export const sameTurnsMost = 20

export const fingerprints = ["strict", "compat"] as const
export const reactions = ["fail", "stop"] as const

/** When an agent is done that is not told: a text ends in a sentinel, an object has its flag, else any answer will do. */
export const stopOf = ({ output }: AnyAgent): Stop => {
  if (output === undefined || Json.get(output.jsonSchema, "type") === "string") return { _tag: "Sentinel" }
  return hasFlag(output.jsonSchema, flagDefault) ? { _tag: "Flag", field: flagDefault } : { _tag: "Reply" }
}

export const hasFlag = (schema: Json.Json, field: string): boolean =>
  Json.get(Json.get(Json.get(schema, "properties"), field), "type") === "boolean"

/** With what is not said as it usually is. */
export const make = (agent: AnyAgent, said: Partial<Granular>): Granular => ({
  maxTurns: said.maxTurns ?? turnsDefault,
  historyMaxTokens: said.historyMaxTokens,
  blobThresholdBytes: said.blobThresholdBytes ?? blobBytesDefault,
  enforceIdempotency: said.enforceIdempotency ?? false,
  fingerprint: said.fingerprint ?? "strict",
  stop: said.stop ?? [stopOf(agent)],
  noProgressTurns: said.noProgressTurns ?? sameTurnsDefault,
  onNoProgress: said.onNoProgress ?? "fail"
})

interface Fault {
  readonly message: string
  readonly hint: string
}

/** What is wrong with it, and what to do, for this agent. */
export const faults = ({ enforceIdempotency, stop }: Granular, agent: AnyAgent): ReadonlyArray<Fault> => [
  ...stop.flatMap((one) => faultOf(one, agent) ?? []),
  ...(enforceIdempotency ? agent.tools : []).flatMap((tool) =>
    tool._tag === "Skill" && !tool.skill.honoursKey
      ? [
          {
            message: `the tool ${tool.name} (${tool.skill.effect}) does not honour an idempotency key, and each tool must`,
            hint: "let the skill honour it and say so (honoursKey), or leave enforce_idempotency out"
          }
        ]
      : []
  )
]

const faultOf = (stop: Stop, { output, tools }: AnyAgent): Fault | undefined => {
  switch (stop._tag) {
    case "Sentinel":
      return output === undefined || Json.get(output.jsonSchema, "type") === "string"
        ? undefined
        : { message: "an agent with an output_schema does not end in a line", hint: "write stop_when: { flag: … }" }
    case "Flag":
      return output !== undefined && hasFlag(output.jsonSchema, stop.field)
        ? undefined
        : {
            message: `the agent's output has no boolean ${JSON.stringify(stop.field.slice(0, 64))} that says it is done`,
            hint: "add it to the output_schema, or say another stop_when"
          }
    case "Tool": {
      const names = tools.map(({ name }) => name)
      return names.includes(stop.name)
        ? undefined
        : {
            message: `the agent has no tool ${JSON.stringify(stop.name.slice(0, 64))} that ends it`,
            hint: names.length === 0 ? "give it tools" : `it has: ${names.join(", ")}`
          }
    }
    case "Holds":
    case "Reply":
      return undefined
  }
}
