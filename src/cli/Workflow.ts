/** A pipeline as commands have it, whatever file it is from: a blueprint, or what a TypeScript file exports. */
import type * as Layer from "effect/Layer"
import type { Failure } from "../blueprint/Blueprint.js"
import type { Diagnostic } from "../blueprint/Diagnostics.js"
import type { Tree } from "../blueprint/Tree.js"
import type { Source } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import type { Models } from "../domain/Model.js"
import type * as Pipeline from "../pipeline/Pipeline.js"

export interface Workflow {
  /** What its steps need beside models is in `layer`. */
  readonly pipeline: Pipeline.Pipeline<Json, Json, Failure, Models>
  /** The texts that it was made of, its own first: what a run keeps. */
  readonly sources: ReadonlyArray<Source>
  readonly warnings: ReadonlyArray<Diagnostic>
  /** Of a blueprint. */
  readonly tree?: Tree | undefined
  /** Of a TypeScript file: what it exports as `layer`. */
  readonly layer?: Layer.Layer<never, unknown> | undefined
}

/** One that was read, with all that is found in it. */
export interface Checked {
  /** `undefined`: it has errors. */
  readonly blueprint: Workflow | undefined
  readonly diagnostics: ReadonlyArray<Diagnostic>
  /** As it is shown and kept. */
  readonly path: string
  /** Where the files that it names start. */
  readonly folder: string
  /** The code that it names, as it was loaded. */
  readonly code: ReadonlyArray<Source>
}
