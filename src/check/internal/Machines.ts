/** FLJ-CHECK-10 and 11: states that no transition leads to, and machines that no way leads out of. */
import type { StatesNode } from "../../pipeline/Node.js"
import type { Seen } from "../Visit.js"
import type { Find } from "./Find.js"

export const check = (seen: Seen, find: Find): void => {
  const { node } = seen
  if (node._tag !== "States") return
  const entered = reached(node)
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
