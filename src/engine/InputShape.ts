/** What a pipeline takes, as its tree says: a run's input is written and read back so. */
import * as Either from "effect/Either"
import type { Node } from "../pipeline/Node.js"
import * as Shape from "../pipeline/Shape.js"

/** How the input of a tree is written: by the schema of the first step that has one. */
export const of = (node: Node): Shape.Shape => {
  switch (node._tag) {
    case "Code":
      return node.input
    case "Skill":
      return node.params === undefined ? node.skill.input : Shape.any
    case "Sequence":
      return node.steps[0] === undefined ? Shape.any : of(node.steps[0])
    case "Parallel":
    case "Branch": {
      const cases = node._tag === "Parallel" ? node.branches : node.cases
      const [first, ...others] = cases.map(([, branch]) => of(branch))
      return first !== undefined && others.every((shape) => shape === first) ? first : Shape.any
    }
    case "Loop":
      return of(node.body)
    case "ForEach":
      return node.items === undefined ? Shape.list(of(node.body)) : Shape.any
    case "Check":
      if (node.input === undefined) return of(node.step)
      return node.whole === true ? node.input : leniently(node.input)
    case "Retry":
    case "Timeout":
    case "Fallback":
    case "Compensate":
    case "Cached":
    case "Map":
    case "Sink":
    case "Validate":
    case "Note":
    case "Capped":
    case "Scope":
      return of(node.step)
    case "When":
    case "Versioned":
    case "States":
    case "Signal":
    case "Fn":
    case "Pass":
    case "Agent":
    case "Ask":
    case "Sleep":
    case "Input":
      return Shape.any
  }
}

/** As `shape` where it fits, else as it is: whether it must fit is for the step to say. */
const leniently = (shape: Shape.Shape): Shape.Shape => {
  const known = lenient.get(shape)
  if (known !== undefined) return known
  const made: Shape.Shape = {
    jsonSchema: shape.jsonSchema,
    encode: (value) => Either.orElse(shape.encode(value), () => Shape.any.encode(value)),
    decode: (json) => Either.orElse(shape.decode(json), () => Shape.any.decode(json))
  }
  lenient.set(shape, made)
  return made
}

const lenient = new WeakMap<Shape.Shape, Shape.Shape>()
