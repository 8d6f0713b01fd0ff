/**
 * The outside of a simulation: models and skills that answer from the schemas that are declared, or as they are scripted,
 * and fail in every way that such things fail. Whatever is called must have been written down before: that is looked at
 * here, where the call arrives.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Json from "../../domain/Json.js"
import {
  type ModelAsk,
  type ModelDriver,
  ModelError,
  type ModelReply,
  type Models,
  type ReplyPart
} from "../../domain/Model.js"
import * as Usage from "../../domain/Usage.js"
import * as Scripted from "../../llm/Scripted.js"
import * as Tokens from "../../llm/Tokens.js"
import type { AnyAgent } from "../../pipeline/Agent.js"
import type { CodeNode, Node } from "../../pipeline/Node.js"
import type { Shape } from "../../pipeline/Shape.js"
import { type AnySkill, SkillError } from "../../pipeline/Skill.js"
import type { AnyTool } from "../../pipeline/Tool.js"
import * as Plan from "../../plan/Plan.js"
import type { Faults, Kind } from "./Faults.js"
import * as Leaves from "./Leaves.js"
import type { Process } from "./Machine.js"
import { hash, Numbers } from "./Numbers.js"
import * as Sample from "./Sample.js"

/** Where code runs that a simulated process calls. */
export interface Scene {
  readonly seed: number
  readonly process: Process
  readonly faults: Faults
  /** That code at `path`, or under an idempotency key, runs now. */
  readonly runs: (what: { readonly path: string } | { readonly key: string }) => void
  /** How often this was asked for in the simulation. */
  readonly times: (what: string) => number
}

export class Here extends Context.Tag("flujo/testing/Here")<Here, Scene>() {}

export interface Furnishing {
  /** What code steps do: what they say, or an answer that is made up. */
  readonly code: "run" | "made-up"
  /** What skills answer that are not made up; those that come with flujo and are pure are run. */
  readonly skills?: ((skill: string, input: Json.Json) => Json.Json | undefined) | undefined
  /** By the whole name of a model. */
  readonly scripts?: Readonly<Record<string, Scripted.Script>> | undefined
}

const isOurs = ({ effect, id }: AnySkill): boolean => effect === "pure" && id.startsWith("flujo.builtins.")

/** The same tree, with this outside. */
export const furnish = (root: Node, how: Furnishing): Node =>
  Leaves.map(root, (leaf) => {
    switch (leaf._tag) {
      case "Signal":
        return leaf
      case "Code":
        return code(leaf, how)
      case "Skill":
        return { ...leaf, skill: skillOf(leaf.skill, how) }
      case "Agent": {
        const tools = leaf.agent.tools.map(
          (tool): AnyTool => (tool._tag === "Skill" ? { ...tool, skill: skillOf(tool.skill, how) } : tool)
        )
        return { ...leaf, agent: { ...leaf.agent, tools } }
      }
    }
  })

/** The kinds of fault that a tree has a place for. */
export const kindsOf = (root: Node): ReadonlySet<Kind> => {
  const kinds = new Set<Kind>()
  const add = (...more: ReadonlyArray<Kind>) => {
    for (const kind of more) kinds.add(kind)
  }
  add("crash", "lost-answer", "refused-write", "outage", "stall", "rival", "clock-jump", "cancel")
  if (asks(root)) add("duplicate")
  for (const leaf of Leaves.of(root)) {
    if (leaf._tag === "Agent") add("model-slow", "model-error", "model-cut", "model-malformed")
    const isWhole = leaf._tag === "Code" && leaf.replay === "whole"
    if (leaf._tag === "Skill" || isWhole) add("skill-slow", "skill-defect")
    if (leaf._tag === "Skill" || (isWhole && mayFail(leaf))) add("skill-error")
    if (leaf._tag === "Signal") add("duplicate")
    if (leaf._tag === "Agent" && leaf.agent.tools.some(({ _tag }) => _tag === "Skill")) {
      add("skill-slow", "skill-error", "skill-defect")
    }
  }
  return kinds
}

/** Whether a person is asked for anything. */
const asks = (node: Node): boolean =>
  node._tag === "Ask" ||
  (node._tag === "Agent" &&
    node.agent.tools.some((tool) => tool._tag === "AskUser" || (tool._tag === "Skill" && tool.requiresApproval))) ||
  Plan.children(node).some(asks)

const mayFail = ({ error }: CodeNode): boolean => !Json.equals(error.jsonSchema, { not: {} })

/** Mostly short; at times longer than anybody's lease. */
const delay = (numbers: Numbers): number => 10 + numbers.below(numbers.pick([200, 4_000, 120_000]))

/** What may go wrong around something that is called: it takes its time, fails as `failing` says, or breaks. */
const around = <A, E, R>(
  { faults, process }: Scene,
  what: string,
  failing: ((numbers: Numbers) => readonly [told: string, error: E] | undefined) | undefined,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const millis = faults.strike("skill-slow", (numbers) => {
    const long = delay(numbers)
    return [`${what} takes ${long} ms`, long]
  })
  const isBroken = faults.strike("skill-defect", () => [`${what} breaks`, true]) === true
  const failure =
    failing === undefined
      ? undefined
      : faults.strike("skill-error", (numbers) => {
          const [told, error] = failing(numbers) ?? ["", undefined]
          return [`${what} ${told === "" ? "cannot be made to fail" : told}`, error]
        })
  const then = isBroken
    ? Effect.dieMessage(`${what} breaks, as simulated`)
    : failure === undefined
      ? effect
      : Effect.fail(failure)
  return millis === undefined ? then : Effect.zipRight(process.clock.sleep(Duration.millis(millis)), then)
}

const code = (node: CodeNode, how: Furnishing): CodeNode => {
  const run = node.run as (input: unknown, info: Parameters<CodeNode["run"]>[1]) => ReturnType<CodeNode["run"]>
  return {
    ...node,
    run: (input: unknown, info) =>
      Effect.flatMap(Here, (scene) => {
        scene.runs({ path: info.path })
        const failing = (numbers: Numbers): readonly [string, unknown] | undefined => {
          const json = Either.getOrUndefined(Sample.ofShape(node.error, numbers))
          const error = json === undefined ? undefined : Either.getOrUndefined(node.error.decode(json))
          return error === undefined ? undefined : [`fails with ${Json.canonical(json!).slice(0, 80)}`, error]
        }
        const body =
          how.code === "run"
            ? Effect.suspend(() => run(input, info))
            : Effect.suspend(() => madeUp(node.output, new Numbers(scene.seed, info.path)))
        // What is walked again in a replay must go the same way there.
        if (node.replay === "inside") return body
        return around(scene, info.path, mayFail(node) ? failing : undefined, body)
      })
  }
}

/** Only what does not stand still, so that leaving a fault out changes no answer elsewhere. */
const numbersFor = (scene: Scene, what: string): Numbers =>
  new Numbers(scene.seed, `${what} ${hash(what)} ${scene.times(what)}`)

const madeUp = (shape: Shape, numbers: Numbers): Effect.Effect<unknown> =>
  Either.match(
    Either.flatMap(Sample.ofShape(shape, numbers), (json) =>
      Either.mapLeft(shape.decode(json), ({ detail }) => detail)
    ),
    { onLeft: (detail) => Effect.dieMessage(detail), onRight: (value) => Effect.succeed(value) }
  )

const skillOf = (skill: AnySkill, how: Furnishing): AnySkill => ({
  ...skill,
  run: (input: never, info) =>
    Effect.flatMap(Here, (scene) => {
      scene.runs({ key: info.idempotencyKey })
      const failing = (numbers: Numbers): readonly [string, SkillError] => {
        const reason = numbers.pick(["Failed", "Refused"] as const)
        return [`fails (${reason})`, new SkillError({ skill: skill.id, reason, detail: "as simulated" })]
      }
      const body = Effect.suspend((): Effect.Effect<unknown, SkillError, unknown> => {
        if (isOurs(skill)) return skill.run(input, info)
        const json = Either.getOrElse(skill.input.encode(input), () => null) ?? null
        const said = how.skills?.(skill.id, json)
        if (said === undefined) return madeUp(skill.output, numbersFor(scene, info.idempotencyKey))
        return Effect.orDie(skill.output.decode(said))
      })
      return around(scene, skill.id, failing, body)
    }) as ReturnType<AnySkill["run"]>
})

/** The models that a process of the simulation reaches. */
export const models = (scene: Scene, root: Node, { scripts = {} }: Furnishing): Models["Type"] => {
  const agents = new Map(
    Leaves.of(root).flatMap((leaf) => (leaf._tag === "Agent" ? [[leaf.agent.name, leaf.agent]] : []))
  )
  const players = new Map(Object.entries(scripts).map(([name, script]) => [name, Scripted.makePlayer(script, name)]))
  return {
    driver: (name, from) =>
      Effect.sync(() => {
        const player = players.get(name)
        const call: ModelDriver["call"] = (ask, info) =>
          Effect.suspend(() => {
            scene.runs({ key: info.idempotencyKey })
            const numbers = numbersFor(scene, info.idempotencyKey)
            const reply =
              player === undefined
                ? Effect.sync(() => replyTo(ask, agents.get(from.agent), from.turn ?? 0, numbers))
                : Effect.flatMap(player(from), ({ reply }) => reply)
            return troubled(scene, name, from.path, ask, reply)
          })
        return { model: name.slice(name.indexOf(":") + 1), driver: { call } }
      })
  }
}

const errorReasons = [
  "Auth",
  "RateLimited",
  "Overloaded",
  "Network",
  "TimedOut",
  "TooLong",
  "BadRequest",
  "Refused",
  "BadReply",
  "Unknown"
] as const

/** The ways in which a model call may fail, each of which is counted. */
export const modelErrors: ReadonlyArray<string> = errorReasons

const troubled = (
  { faults, process }: Scene,
  model: string,
  path: string,
  ask: ModelAsk,
  reply: Effect.Effect<ModelReply, ModelError>
): Effect.Effect<ModelReply, ModelError> => {
  const millis = faults.strike("model-slow", (numbers) => {
    const long = delay(numbers)
    return [`the model at ${path} takes ${long} ms`, long]
  })
  const fail = (reason: ModelError["reason"]) => new ModelError({ reason, model, detail: "as simulated" })
  const reason = faults.strike("model-error", (numbers) => {
    const reason = numbers.pick(errorReasons)
    return [`the model at ${path} fails (${reason})`, reason]
  })
  const cut = faults.strike("model-cut", (numbers) => {
    const how = numbers.pick(["stream", "length"] as const)
    return [
      how === "stream"
        ? `the model's stream at ${path} is cut`
        : `the model's reply at ${path} ends at its token limit`,
      how
    ]
  })
  const spoil = faults.strike("model-malformed", (numbers) => {
    const how = numbers.pick(ask.tools === undefined ? malformed : malformedTools)
    return [`the model's reply at ${path} is ${how}`, { how, numbers }]
  })
  const then =
    reason !== undefined
      ? Effect.fail(fail(reason))
      : cut === "stream"
        ? Effect.fail(fail("Cut"))
        : Effect.map(reply, (whole) => {
            const made = spoil === undefined ? whole : spoiled(whole, spoil.how, spoil.numbers)
            return cut === "length" ? { ...made, finish: "length" as const } : made
          })
  return millis === undefined ? then : Effect.zipRight(process.clock.sleep(Duration.millis(millis)), then)
}

const malformed = ["empty", "cut in the middle", "something else", "fenced", "a call of no tool"] as const
const malformedTools = [...malformed, "arguments that are no JSON", "another tool"] as const

const spoiled = (reply: ModelReply, how: (typeof malformedTools)[number], numbers: Numbers): ModelReply => {
  const calling = (name: string, given: string): ModelReply => ({
    ...reply,
    parts: [{ _tag: "ToolCall", id: `call-${numbers.below(1_000)}`, name, arguments: given }],
    finish: "tool-calls"
  })
  const { parts: _, ...bare } = reply
  const [first] = (reply.parts ?? []).filter((part) => part._tag === "ToolCall")
  switch (how) {
    case "empty":
      return { ...bare, text: "" }
    case "cut in the middle":
      return { ...bare, text: reply.text.slice(0, Math.floor(reply.text.length / 2)).toWellFormed() }
    case "something else":
      return { ...bare, text: numbers.pick(["[]", '{"other":1}', "I cannot do that.", "null", "{}"]) }
    case "fenced":
      return { ...bare, text: `Here it is:\n\`\`\`json\n${reply.text}\n\`\`\`` }
    case "a call of no tool":
    case "another tool":
      return calling("no_such_tool", "{}")
    case "arguments that are no JSON":
      return calling(first?.name ?? "no_such_tool", "{")
  }
}

const replyTo = (ask: ModelAsk, agent: AnyAgent | undefined, turn: number, numbers: Numbers): ModelReply => {
  const tools = ask.tools ?? []
  const wantsTools = tools.length > 0 && turn < 3 && ask.toolChoice !== "none" && numbers.chance(0.5)
  const parts = wantsTools
    ? Array.from({ length: 1 + numbers.below(2) }, (_, i): ReplyPart => {
        const { jsonSchema, name } = numbers.pick(tools)
        return {
          _tag: "ToolCall",
          id: `call-${turn}-${i}`,
          name,
          arguments: Json.canonical(Sample.ofSchema(jsonSchema, numbers))
        }
      })
    : undefined
  const text = parts === undefined ? textOf(ask, agent, numbers) : ""
  const output = Math.max(1, Math.min(ask.settings.maxTokens ?? 4_096, Math.ceil(Tokens.boundOfText(text) / 4)))
  return {
    text,
    ...(parts === undefined ? {} : { parts }),
    finish: parts === undefined ? "stop" : "tool-calls",
    usage: { ...Usage.none, input: Math.ceil(Tokens.boundOfAsk(ask) / 4), output },
    model: ask.model
  }
}

/** One vector for each text. */
const vectorsOf = (count: number, dimensions: number, numbers: Numbers): string =>
  Json.canonical(
    Array.from({ length: count }, () =>
      Array.from({ length: dimensions }, () => (numbers.below(2_001) - 1_000) / 1_000)
    )
  )

const textOf = ({ messages, output }: ModelAsk, agent: AnyAgent | undefined, numbers: Numbers): string => {
  if (output._tag === "Text") return Sample.words(numbers, 3 + numbers.below(20))
  if (output._tag === "Vectors") return vectorsOf(messages.length, output.dimensions ?? 8, numbers)
  const shape = agent?.output
  const made = shape === undefined ? undefined : Either.getOrUndefined(Sample.ofShape(shape, numbers))
  if (made === undefined) return Json.canonical(Sample.ofSchema(output.schema, numbers))
  const isWrapped = !Json.equals(shape!.jsonSchema, output.schema)
  return Json.canonical(isWrapped ? { value: made } : made)
}
