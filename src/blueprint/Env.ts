/** What every reader of a step has at hand. */

import type { UndefinedVariables } from "../expression/Template.js"
import type { ContextSpec, Node } from "../pipeline/Node.js"
import * as Shape from "../pipeline/Shape.js"
import type * as Skill from "../pipeline/Skill.js"
import type * as Agents from "./Agents.js"
import type * as Code from "./Code.js"
import type * as Decode from "./Decode.js"
import type { Report } from "./Diagnostics.js"
import type * as Imports from "./Imports.js"
import type { Origin, Origins } from "./Origins.js"
import type { Key, Tree } from "./Tree.js"

export interface Options {
  readonly skills: Skill.Lookup
  /** To guess from what was meant by an unknown id. */
  readonly skillIds: ReadonlyArray<string>
  /** Of the pipeline that is read; `strict` by default. */
  readonly undefinedVariables?: UndefinedVariables | undefined
  /** The files that a blueprint may import: `Imports.load` gathers them. Default: none. */
  readonly files?: Imports.Files | undefined
  /**
   * The code that it may name, loaded already (`Code.named` says what there is to load). Default: none, and then a blueprint
   * loads nothing, whatever it names. Leave it out where blueprints come from strangers, as on a server.
   */
  readonly code?: Code.Loaded | undefined
}

/** A blueprint that another one imports. */
export interface Child {
  readonly key: Key
  /** `undefined` where it has errors, which are said in its own file. */
  readonly inner: { readonly root: Node; readonly name: string; readonly context: ContextSpec | undefined } | undefined
}

export interface Env {
  readonly report: Report
  readonly options: Options
  readonly agents: ReadonlyMap<string, Agents.Declared>
  readonly imports: ReadonlyMap<string, Child>
  /** Names of the agents, and of the imports behind `imports.`, that a step uses. */
  readonly used: Set<string>
  readonly origins: Origins
  /** One step. */
  readonly step: (tree: Tree) => Node
  /** A step, a list of steps, or `{ steps }`: what a branch and a loop hold. `undefined`: not there, and it was said. */
  readonly body: (tree: Tree) => Node
}

/** One step on its way to a node. */
export interface Draft {
  readonly fields: Decode.Fields
  readonly kind: string
  /** As written; `undefined` where the step takes the name of its kind. */
  readonly given: string | undefined
  readonly name: string
  readonly origin: Pick<Origin, "whole" | "head" | "isNamed">
}

/** Stands for a step that could not be read, so that others may refer to it. A document that has one is never run. */
export const hole = (env: Env, draft: Pick<Draft, "name" | "origin">): Node => {
  const node: Node = {
    _tag: "Fn",
    name: draft.name,
    output: Shape.any,
    code: { version: "1", call: () => null }
  }
  env.origins.put(node, draft.origin)
  env.origins.markFaulty(node)
  return node
}

/** `node`, with where it was written. */
export const placed = <N extends Node>(
  env: Env,
  draft: Pick<Draft, "origin">,
  node: N,
  more: Partial<Omit<Origin, "source">> = {}
): N => {
  env.origins.put(node, { ...draft.origin, ...more })
  return node
}
