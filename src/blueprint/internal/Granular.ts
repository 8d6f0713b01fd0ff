/** `kind: granular`: an agent that goes on, turn by turn, until it is done. */
import type { AnyAgent } from "../../pipeline/Agent.js"
import * as Agent from "../../pipeline/Agent.js"
import * as Granular from "../../pipeline/Granular.js"
import type * as Node from "../../pipeline/Node.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import type { Text } from "../Origins.js"
import * as Texts from "../Texts.js"
import type { Tree } from "../Tree.js"
import * as Leaves from "./Leaves.js"

const own = [
  "max_turns",
  "history_max_tokens",
  "blob_threshold_bytes",
  "enforce_idempotency",
  "fingerprint",
  "stop_when",
  "no_progress_turns",
  "on_no_progress"
]

export const granularKeys = ["uses", "agent", "use_history", ...own]

export const granular = (env: Env, draft: Draft): Node.Node => {
  const { fields } = draft
  const by = Decode.oneOf(env.report, fields, ["uses", "agent"])
  if (by === undefined) {
    Decode.required(env.report, fields, "uses", {
      at: draft.origin.head,
      of: "a granular step",
      hint: "the agent that goes on: uses: agents.NAME"
    })
    return hole(env, draft)
  }
  const node = Leaves.step(env, draft)
  if (env.origins.isFaulty(node)) return node
  if (node._tag !== "Agent") {
    env.report.add("FLJ-BLUEPRINT-19", fields.value(by)!.span, "a granular step is that of an agent", {
      hint: "write uses: agents.NAME; an import or a skill takes no turns"
    })
    return hole(env, draft)
  }
  const { said, texts } = read(env, fields, node.agent)
  return placed(env, draft, { ...node, granular: Granular.make(node.agent, said) }, { texts })
}

const read = (
  env: Env,
  fields: Decode.Fields,
  agent: AnyAgent
): { readonly said: Partial<Node.Granular>; readonly texts: ReadonlyArray<Text> } => {
  const { report } = env
  const at = <A>(name: string, decode: (tree: Tree, what: string) => A): A | undefined => {
    const tree = fields.value(name)
    return tree === undefined ? undefined : decode(tree, `\`${name}\``)
  }
  const whole = (name: string, min: number, max: number) =>
    at(name, (tree, what) => Decode.integer(report, tree, what, { min, max }))
  const stops = at("stop_when", (tree) => stopsOf(env, tree, agent))
  return {
    said: {
      maxTurns: whole("max_turns", 1, Agent.maxTurnsMost),
      historyMaxTokens: whole("history_max_tokens", Granular.historyTokensLeast, Granular.historyTokensMost),
      blobThresholdBytes: whole("blob_threshold_bytes", Granular.blobBytesLeast, Granular.blobBytesMost),
      enforceIdempotency: at("enforce_idempotency", (tree, what) => Decode.boolean(report, tree, what)),
      fingerprint: at("fingerprint", (tree, what) => Decode.choice(report, tree, what, Granular.fingerprints)),
      noProgressTurns: whole("no_progress_turns", 2, Granular.sameTurnsMost),
      onNoProgress: at("on_no_progress", (tree, what) => Decode.choice(report, tree, what, Granular.reactions)),
      stop: stops?.map(({ stop }) => stop)
    } as Partial<Node.Granular>,
    texts: stops?.flatMap(({ texts }) => texts) ?? []
  }
}

interface Stopping {
  readonly stop: Node.Stop
  readonly texts: ReadonlyArray<Text>
}

const stopKeys = ["flag", "tool", "expression"]

/** One condition or a list of them. */
const stopsOf = (env: Env, tree: Tree, agent: AnyAgent): ReadonlyArray<Stopping> | undefined => {
  const found = (tree._tag === "List" ? tree.items : [tree]).map((item) => stopOf(env, item))
  const stops = found.flatMap((one) => one ?? [])
  if (tree._tag === "List" && tree.items.length === 0) {
    env.report.add("FLJ-BLUEPRINT-17", tree.span, "`stop_when` says nothing", {
      hint: `leave it out, and it is ${Granular.stopOf(agent)._tag.toLowerCase()}`
    })
  }
  return stops.length === 0 ? undefined : stops
}

const stopOf = (env: Env, tree: Tree): Stopping | undefined => {
  const { report } = env
  if (tree._tag === "Scalar") {
    const word = Decode.choice(report, tree, "`stop_when`", ["sentinel", "reply"])
    if (word === undefined) return undefined
    return { stop: { _tag: word === "reply" ? "Reply" : "Sentinel" }, texts: [] }
  }
  const fields = Decode.fields(report, tree, "`stop_when`", { of: "`stop_when`", known: stopKeys })
  const by = fields && Decode.oneOf(report, fields, stopKeys)
  if (fields === undefined || by === undefined) {
    if (fields !== undefined && fields.meant.size === 0) {
      report.add("FLJ-BLUEPRINT-16", tree.span, "`stop_when` says nothing", {
        hint: "write sentinel, reply, { flag: is_complete }, { tool: NAME } or { expression: … }"
      })
    }
    return undefined
  }
  const word = Decode.word(report, fields.value(by)!, `\`${by}\``)
  if (word === undefined) return undefined
  const name = word.value.trim()
  if (by === "flag") return { stop: { _tag: "Flag", field: name }, texts: [] }
  if (by === "tool") return { stop: { _tag: "Tool", name }, texts: [] }
  const { origins, template } = Texts.expression(report, word)
  return { stop: { _tag: "Holds", on: template }, texts: origins }
}
