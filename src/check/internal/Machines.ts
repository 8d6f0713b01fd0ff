/** FLJ-CHECK-10 to 13: states and transitions that do nothing, and machines that no way leads out of. */
import * as Answer from "../../expression/Answer.js"
import { isTruthy } from "../../expression/Template.js"
import type { StatesNode, Transition } from "../../pipeline/Node.js"
import type { Seen } from "../Visit.js"
import type { Find } from "./Find.js"

export const check = (seen: Seen, find: Find): void => {
  const { node } = seen
  if (node._tag !== "States") return
  const entered = reached(node)
  shadowed(node.transitions, seen, find)
  for (const [name] of node.states) {
    if (!node.ends.includes(name)) continue
    find("FLJ-CHECK-13", seen, `${JSON.stringify(name)} is a state and an end, so its steps never run`, {
      hint: "give the end a name of its own, or take it out of end_states"
    })
  }
  for (const [name] of node.states) {
    if (entered.has(name)) continue
    find("FLJ-CHECK-10", seen, `no transition leads to the state ${JSON.stringify(name)}`, {
      hint: "write a transition to it, or remove it"
    })
  }
  if (node.ends.some((end) => entered.has(end))) return
  find("FLJ-CHECK-11", seen, "no way through its transitions leads to an end state", {
    hint:
      node.ends.length === 0
        ? "name its end_states, and write a transition to one"
        : `write a transition to ${node.ends.map((end) => JSON.stringify(end)).join(" or ")}`
  })
}

/** Every state that the machine can be in, whatever its steps answer. */
const reached = ({ start, transitions }: StatesNode): ReadonlySet<string> => {
  const entered = new Set([start])
  for (const state of entered) {
    for (const { from, to } of transitions) if (from === undefined || from === state) entered.add(to)
  }
  return entered
}

/** Transitions behind one that always holds, and those whose condition never does. */
const shadowed = (transitions: ReadonlyArray<Transition>, seen: Seen, find: Find): void => {
  const always: Array<Transition> = []
  for (const transition of transitions) {
    const { from, on, to, when } = transition
    const answer = when === undefined || when.problems.length > 0 ? undefined : Answer.of(when)
    const constant = answer?._tag === "Constant" ? isTruthy(answer.value) : when === undefined
    const before = always.find((other) => other.on === on && (other.from === undefined || other.from === from))
    const way = `the transition from ${from === undefined ? "any state" : JSON.stringify(from)} to ${JSON.stringify(to)} on ${on}`
    if (before !== undefined) {
      find(
        "FLJ-CHECK-12",
        seen,
        `${way} is never taken: one before it always holds, and goes to ${JSON.stringify(before.to)}`,
        {
          hint: "write it before the other, or remove it"
        }
      )
    } else if (answer?._tag === "Constant" && !constant && when !== undefined) {
      find("FLJ-CHECK-12", seen, `${way} is never taken: its condition never holds`, {
        hint: "read a value in it, or remove the transition",
        template: { of: when, span: { start: 0, end: when.source.length } }
      })
    }
    if (constant) always.push(transition)
  }
}
