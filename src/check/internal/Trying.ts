/** FLJ-CHECK-6 and 7: retries that do something twice, or for which there is no time. */
import type { Node, SkillNode } from "../../pipeline/Node.js"
import { children } from "../../plan/Plan.js"
import type { Seen } from "../Visit.js"
import type { Find } from "./Find.js"

export const check = (seen: Seen, find: Find): void => {
  const { node } = seen
  if (node._tag === "Retry") {
    const { policy } = node
    const times = policy._tag === "Data" ? policy.retry.times : policy.times
    const twice = times === 0 ? undefined : external(node.step)
    if (twice !== undefined) {
      find("FLJ-CHECK-6", seen, `a retry may run the skill \`${twice.skill.id}\` again after it has done its work`)
    }
  }
  if (node._tag === "Timeout" && node.step._tag === "Retry" && node.step.step._tag === "Timeout") {
    const inner = node.step.step
    if (node.millis <= inner.millis) {
      find("FLJ-CHECK-7", seen, `this is over after ${node.millis} ms, and one try may take ${inner.millis} ms`)
    }
  }
}

const external = (node: Node): SkillNode | undefined => {
  if (node._tag === "Skill") return node.skill.effect === "external" && !node.skill.honoursKey ? node : undefined
  for (const child of children(node)) {
    const found = external(child)
    if (found !== undefined) return found
  }
  return undefined
}
