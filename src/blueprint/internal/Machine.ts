/** `kind: StateMachine`: named states, and rules that say where to go from each. */
import * as Words from "../../expression/Words.js"
import type { Node, Transition } from "../../pipeline/Node.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, hole, placed } from "../Env.js"
import type { Text } from "../Origins.js"
import type { Tree } from "../Tree.js"
import * as Branching from "./Branching.js"

export const machineKeys = ["start_state", "states", "end_states", "transitions", "max_hops"]

export const machine = (env: Env, draft: Draft): Node => {
  const { fields, origin } = draft
  const { report } = env
  const of = "a StateMachine"
  const required = (name: string, hint: string) => Decode.required(report, fields, name, { at: origin.head, of, hint })
  const startTree = required("start_state", "the name of the state to begin with")
  const statesTree = required("states", "names, each with a step or a list of steps")
  const endsTree = required("end_states", "names at which it ends, for instance [done]")
  const start = startTree && Decode.word(report, startTree, "`start_state`")
  const map = statesTree && Decode.map(report, statesTree, "`states`", "names, each with a step or a list of steps")
  const states = map?.entries.map(({ key, value }) => [key.text, env.body(value)] as const)
  const ends = endsTree && wordsOf(env, endsTree)
  const transitionsTree = fields.value("transitions")
  const places = [...(states ?? []).map(([name]) => name), ...(ends ?? [])]
  const rules = transitionsTree === undefined ? noRules : rulesOf(env, transitionsTree, places)
  const max = Decode.limit(report, fields, "max_hops", 100_000)
  if (start === undefined || map === undefined || states === undefined || ends === undefined) return hole(env, draft)
  const isKnown = known(env, start, places)
  const node = placed(
    env,
    draft,
    {
      _tag: "States",
      name: draft.name,
      start: start.value,
      states,
      ends,
      transitions: rules.transitions,
      max: max ?? 10 * Math.max(1, states.length)
    },
    { texts: rules.texts, branches: new Map(map.entries.map(({ key }) => [key.text, key.span])) }
  )
  if (!isKnown || rules.isFaulty) env.origins.markFaulty(node)
  return node
}

const wordsOf = (env: Env, tree: Tree): ReadonlyArray<string> =>
  (tree._tag === "List" ? tree.items : [tree]).flatMap(
    (item) => Decode.word(env.report, item, "an end state")?.value ?? []
  )

const noRules = { transitions: [] as ReadonlyArray<Transition>, texts: [] as ReadonlyArray<Text>, isFaulty: false }

const rulesOf = (env: Env, tree: Tree, places: ReadonlyArray<string>): typeof noRules => {
  if (tree._tag !== "List") {
    if (tree._tag !== "Broken") {
      env.report.add("FLJ-BLUEPRINT-17", tree.span, "`transitions` must be a list of rules", {
        hint: "for instance - { from: draft, on: success, to: check }"
      })
    }
    return noRules
  }
  const transitions: Array<Transition> = []
  const texts: Array<Text> = []
  let isFaulty = false
  for (const item of tree.items) {
    const of = "a transition"
    const fields = Decode.fields(env.report, item, of, { of, known: ["from", "on", "to", "when"] })
    if (fields === undefined) continue
    const at = Decode.headOf(item)
    const from = Decode.required(env.report, fields, "from", { at, of, hint: 'a state, or "*" for any' })
    const on = Decode.required(env.report, fields, "on", { at, of, hint: "success or failure" })
    const to = Decode.required(env.report, fields, "to", { at, of, hint: "a state, or an end" })
    const when = fields.value("when")
    const fromText = from && Decode.word(env.report, from, "`from`")
    const happened = on && Decode.choice(env.report, on, "`on`", ["success", "failure"])
    const toText = to && Decode.word(env.report, to, "`to`")
    const read = when && Branching.expression(env, when, "`when`")
    if (fromText !== undefined && fromText.value !== "*") isFaulty = !known(env, fromText, places) || isFaulty
    if (toText !== undefined) isFaulty = !known(env, toText, places) || isFaulty
    if (fromText === undefined || happened === undefined || toText === undefined) continue
    texts.push(...(read?.origins ?? []))
    transitions.push({
      from: fromText.value === "*" ? undefined : fromText.value,
      on: happened,
      to: toText.value,
      when: read?.template
    })
  }
  return { transitions, texts, isFaulty }
}

/** Said here, where the word stands; a planner says it of the whole. */
const known = (env: Env, text: Decode.Text, places: ReadonlyArray<string>): boolean => {
  if (places.includes(text.value)) return true
  const meant = Words.closest(text.value, places)
  env.report.add("V-SM1", text.span, `there is no state ${JSON.stringify(text.value)}`, {
    hint:
      places.length === 0
        ? "write the machine's states under `states`"
        : meant === undefined
          ? `there are ${Words.listed(places)}`
          : `did you mean \`${meant}\`?`
  })
  return false
}
