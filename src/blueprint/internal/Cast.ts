/** The agents of one file: each is declared once, and a step says what it asks for beyond that. */
import type { ModelSettings } from "../../domain/Model.js"
import * as Agent from "../../pipeline/Agent.js"
import { type AgentNode, paramsJson } from "../../pipeline/Node.js"
import type { AnySkill } from "../../pipeline/Skill.js"
import * as Tool from "../../pipeline/Tool.js"
import { type Entries, entries, type Part } from "./Document.js"
import { duration } from "./Times.js"

type Pairs = ReadonlyArray<readonly [string, Part | undefined]>
type Refuse = (path: string, detail: string, hint: string) => unknown

const names = [
  ["maxTokens", "max_tokens"],
  ["temperature", "temperature"],
  ["topP", "top_p"],
  ["seed", "seed"],
  ["stop", "stop"],
  ["reasoning", "reasoning"],
  ["verbosity", "verbosity"]
] as const

export class Cast {
  private readonly uses = new Map<string, Array<AgentNode>>()

  /** What this step asks for that its agent does not. */
  settingsOf(node: AgentNode, path: string): Pairs {
    const before = this.uses.get(node.agent.name)
    if (before === undefined) this.uses.set(node.agent.name, [node])
    else before.push(node)
    this.paths.set(node, path)
    return this.base === undefined ? [] : pairs(node.agent.settings, this.base.get(node.agent.name))
  }

  private readonly paths = new Map<AgentNode, string>()

  private constructor(private readonly base: ReadonlyMap<string, ModelSettings> | undefined) {}

  /** To be asked about every step once, before it is known what they have in common. */
  static make(): Cast {
    return new Cast(undefined)
  }

  /** The same, now that all are known. */
  known(): Cast {
    return new Cast(new Map([...this.uses].map(([name, uses]) => [name, shared(uses)])))
  }

  /** `agents:` of the file. */
  declared(
    schema: (shape: NonNullable<Agent.Agent["output"]>, path: string) => Part,
    skill: (skill: AnySkill) => string,
    prompt: (prompt: Agent.Prompt, agent: string) => string,
    refuse: Refuse
  ): Entries {
    return entries(
      [...this.uses].map(([name, uses]) => {
        const [first, ...others] = uses
        const {
          cacheMillis,
          fallbacks,
          maxCorrections,
          maxTurns,
          model,
          output,
          prompt: prompted,
          redact,
          settings,
          stripsReasoning,
          system,
          tools
        } = first!.agent
        const repair = Agent.repairSaid(first!.agent)
        const path = this.paths.get(first!) ?? ""
        for (const other of others) {
          const isAlike = JSON.stringify(toolsOf(other.agent, skill)) === JSON.stringify(toolsOf(first!.agent, skill))
          const same =
            isAlike &&
            other.agent.model === model &&
            other.agent.cacheMillis === cacheMillis &&
            JSON.stringify(other.agent.redact) === JSON.stringify(redact) &&
            other.agent.stripsReasoning === stripsReasoning &&
            JSON.stringify(other.agent.fallbacks) === JSON.stringify(fallbacks) &&
            Agent.repairSaid(other.agent) === repair &&
            other.agent.maxCorrections === maxCorrections &&
            other.agent.system === system &&
            isSamePrompt(other.agent.prompt, prompted)
          if (same && JSON.stringify(other.agent.output?.jsonSchema) === JSON.stringify(output?.jsonSchema)) continue
          refuse(this.paths.get(other) ?? "", `another agent is called ${name} too`, "give it a name of its own")
        }
        for (const { agent } of uses) {
          const known = names.map(([key]): string => key)
          const strange = Object.entries(agent.settings).find(
            ([key, value]) => value !== undefined && !known.includes(key)
          )
          if (strange !== undefined) refuse(path, `the setting ${strange[0]} has no key`, "leave it out")
          if (agent.settings.maxTokens === undefined) refuse(path, "an agent without `maxTokens`", "say how many")
        }
        const own = this.base?.get(name) ?? settings
        const said = pairs(own, { maxTokens: Agent.maxTokensDefault })
        const body: Part = entries([
          ["model", model],
          ["fallback_models", fallbacks.length === 0 ? undefined : fallbackParts(fallbacks)],
          ["system_prompt", prompted === undefined ? system : promptPart(prompted, prompt(prompted, name))],
          ["output_schema", output && schema(output, path)],
          ["model_settings", said.length === 0 ? undefined : entries(said)],
          [
            "cache",
            cacheMillis === undefined
              ? undefined
              : cacheMillis === Agent.cacheMillisDefault
                ? true
                : duration(cacheMillis)
          ],
          ["redact", redact?.length === Agent.redactable.length ? "all" : redact],
          ["strip_reasoning", stripsReasoning],
          ["tools", tools.length === 0 ? undefined : toolParts(tools, skill)],
          ["max_turns", tools.length === 0 || maxTurns === Agent.maxTurnsDefault ? undefined : maxTurns],
          ["repair", repair],
          ["max_corrections", maxCorrections === 0 ? undefined : maxCorrections]
        ])
        return [name, body] as const
      })
    )
  }
}

const promptPart = ({ variables }: Agent.Prompt, file: string): Part =>
  entries([
    ["from_file", file],
    [
      "variables",
      variables.length === 0 ? undefined : entries(variables.map(([name, value]) => [name, paramsJson(value)] as const))
    ]
  ])

const isSamePrompt = (one: Agent.Prompt | undefined, other: Agent.Prompt | undefined): boolean =>
  one === undefined || other === undefined
    ? one === other
    : one.template.source === other.template.source &&
      JSON.stringify(one.variables.map(([name, value]) => [name, paramsJson(value)])) ===
        JSON.stringify(other.variables.map(([name, value]) => [name, paramsJson(value)]))

const fallbackParts = (fallbacks: ReadonlyArray<Agent.FallbackModel>): ReadonlyArray<Part> =>
  fallbacks.map(({ model, on }) =>
    Agent.isFallbackDefault(on)
      ? model
      : entries([
          ["model", model],
          ["on", on]
        ])
  )

const toolsOf = ({ maxTurns, tools }: Agent.AnyAgent, skill: (skill: AnySkill) => string) => [
  maxTurns,
  tools.map((tool) => [tool.name, tool._tag === "Skill" ? [skill(tool.skill), tool.requiresApproval] : []])
]

const toolParts = (tools: ReadonlyArray<Tool.AnyTool>, skill: (skill: AnySkill) => string): ReadonlyArray<Part> =>
  tools.map((tool) => {
    if (tool._tag === "AskUser") return tool.name
    const id = skill(tool.skill)
    const name = tool.name === Tool.make(tool.skill).name ? undefined : tool.name
    if (name === undefined && !tool.requiresApproval) return id
    return entries([
      ["skill", id],
      ["name", name],
      ["requires_approval", tool.requiresApproval ? true : undefined]
    ])
  })

/** What all uses of an agent have, with what the first says of it. */
const shared = (uses: ReadonlyArray<AgentNode>): ModelSettings => {
  const [first] = uses
  const keys = names.filter(([key]) => uses.every(({ agent }) => agent.settings[key] !== undefined))
  return Object.fromEntries(keys.map(([key]) => [key, first?.agent.settings[key]]))
}

const pairs = (settings: ModelSettings, base: ModelSettings | undefined): Pairs =>
  names.flatMap(([key, name]) => {
    const value = settings[key]
    return value === undefined || JSON.stringify(value) === JSON.stringify(base?.[key])
      ? []
      : [[name, key === "reasoning" ? reasoningPart(settings.reasoning) : partOf(settings, key)] as const]
  })

const partOf = (settings: ModelSettings, key: Exclude<keyof ModelSettings, "reasoning">): Part | undefined =>
  key === "stop" ? [...(settings.stop ?? [])] : settings[key]

const reasoningPart = (reasoning: ModelSettings["reasoning"]): Part =>
  entries([
    ["effort", reasoning?.effort],
    ["max_tokens", reasoning?.tokensMax],
    ["summary", reasoning?.summary]
  ])
