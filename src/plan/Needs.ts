/** What a pipeline will ask of the outside when it runs: which models, which skills, which people. Known before a run. */
import type { Json } from "../domain/Json.js"
import { modelsOf } from "../pipeline/Agent.js"
import * as Conversation from "../pipeline/Conversation.js"
import type { Node } from "../pipeline/Node.js"
import { nameOf } from "../pipeline/Node.js"
import type { Pipeline } from "../pipeline/Pipeline.js"

export interface Needs {
  /** By model, in the order of the first use. */
  readonly models: ReadonlyArray<{
    readonly model: string
    readonly agents: ReadonlyArray<string>
    readonly steps: ReadonlyArray<string>
  }>
  readonly skills: ReadonlyArray<{
    readonly id: string
    readonly effect: "pure" | "read" | "write" | "external"
    readonly steps: ReadonlyArray<string>
  }>
  /** Where the run may pause for a person. */
  readonly people: ReadonlyArray<{
    readonly step: string
    readonly kind: "approve" | "ask"
    /** As it is written; code where `undefined`. */
    readonly message: string | undefined
    readonly answer: Json
  }>
}

export const of = (pipeline: Pipeline.Any): Needs => {
  const models = new Map<string, { readonly agents: Set<string>; readonly steps: Array<string> }>()
  const skills = new Map<
    string,
    { readonly effect: Needs["skills"][number]["effect"]; readonly steps: Array<string> }
  >()
  const people: Array<Needs["people"][number]> = []

  const walk = (node: Node, parent: string): void => {
    const name = nameOf(node)
    const path = name === undefined ? parent : parent === "" ? name : `${parent}/${name}`
    switch (node._tag) {
      case "Agent": {
        for (const model of modelsOf(node.agent)) {
          const uses = models.get(model) ?? { agents: new Set(), steps: [] }
          uses.agents.add(node.agent.name)
          uses.steps.push(path)
          models.set(model, uses)
        }
        for (const tool of node.agent.tools) {
          if (tool._tag === "AskUser") {
            people.push({ step: path, kind: "ask", message: undefined, answer: {} })
            continue
          }
          const { effect, id } = tool.skill
          const uses = skills.get(id) ?? { effect, steps: [] }
          uses.steps.push(path)
          skills.set(id, uses)
          if (tool.requiresApproval) people.push({ step: path, kind: "approve", message: undefined, answer: {} })
        }
        break
      }
      case "Skill": {
        const { effect, id } = node.skill
        const uses = skills.get(id) ?? { effect, steps: [] }
        uses.steps.push(path)
        skills.set(id, uses)
        break
      }
      case "Ask":
        people.push({
          step: path,
          kind: node.mode,
          message: "source" in node.message ? node.message.source : undefined,
          answer: node.answer.jsonSchema
        })
        break
      case "Sequence":
        for (const step of node.steps) walk(step, parent)
        break
      case "Parallel":
        if (node.select !== undefined && "step" in node.select) walk(node.select.step, `${path}!select`)
        for (const [key, branch] of node.branches) walk(branch, `${path}/${key}`)
        break
      case "Branch":
        if ("step" in node.on) walk(node.on.step, `${path}!on`)
        for (const [key, branch] of node.cases) walk(branch, `${path}/${key}`)
        if (node.otherwise !== undefined) walk(node.otherwise, `${path}/otherwise`)
        break
      case "Loop":
        walk(node.body, `${path}[*]`)
        if (node.until !== undefined && "step" in node.until) walk(node.until.step, `${path}[*]/exit`)
        for (const by of Conversation.summarizersOf(node.conversation)) walk(by, `${path}[*]/summary`)
        break
      case "ForEach":
        walk(node.body, `${path}[*]`)
        break
      case "States":
        for (const [key, state] of node.states) walk(state, `${path}[*]/${key}`)
        break
      case "Scope":
        walk(node.step, path)
        break
      case "Fallback":
        walk(node.step, parent)
        walk(node.that, `${path}!fallback`)
        break
      case "Validate":
        walk(node.step, parent)
        for (const validator of node.validators) {
          if (validator._tag === "Judge") walk(validator.step, `${path}!validator`)
        }
        break
      case "Compensate":
        walk(node.step, parent)
        walk(node.undo, `${path}!undo`)
        break
      case "Cached":
      case "Capped":
      case "Check":
      case "Input":
      case "Map":
      case "Note":
      case "Retry":
      case "Sink":
      case "Timeout":
      case "Versioned":
      case "When":
        walk(node.step, parent)
        break
      case "Code":
      case "Fn":
      case "Pass":
      case "Signal":
      case "Sleep":
        break
    }
  }
  walk(pipeline.root, "")
  return {
    models: [...models].map(([model, { agents, steps }]) => ({ model, agents: [...agents], steps })),
    skills: [...skills].map(([id, uses]) => ({ id, ...uses })),
    people
  }
}
