/** Pipelines that a project's code exports, each with what its steps need. */
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Pipeline from "../pipeline/Pipeline.js"
import { CodeError } from "./CodeError.js"
import type { Module, Modules } from "./Modules.js"
import { exportsOf } from "./Skills.js"

/** The export of a module that gives what the steps of its pipelines need. */
export const layerName = "layer"

export interface Exported {
  readonly pipeline: Pipeline.Pipeline.Any
  readonly layer: Layer.Layer<never, unknown> | undefined
  readonly module: Module
}

/** The pipeline that `file` exports as `name`. */
export const exported = (
  modules: Modules,
  file: string,
  name: string
): Effect.Effect<Exported, CodeError, FileSystem | Path> =>
  Effect.gen(function* () {
    const module = yield* modules.load(file)
    const { exports } = module
    const refuse = (detail: string, hint: string) => new CodeError({ reason: "Export", file, detail, hint })
    const names = exportsOf(module, Pipeline.isPipeline)
    if (!Object.hasOwn(exports, name)) {
      const others = name === "default" && names !== "it exports none" ? `${names}: write ${file}#NAME` : names
      return yield* refuse(`it exports no ${name}`, others)
    }
    const pipeline = exports[name]
    if (!Pipeline.isPipeline(pipeline)) {
      const isStep = Predicate.isRecord(pipeline) && "node" in pipeline
      const hint = isStep ? `it is a step: step.pipe(Pipeline.make("${name}")) is a pipeline` : names
      return yield* refuse(`${name} is no pipeline`, hint)
    }
    const layer = Object.hasOwn(exports, layerName) ? exports[layerName] : undefined
    if (layer === undefined) return { pipeline, layer, module }
    if (!isLayer(layer))
      return yield* refuse(`${layerName} is no layer`, "a Layer of what the steps need, or no export of this name")
    return { pipeline, layer, module }
  })

const isLayer = (value: unknown): value is Layer.Layer<never, unknown> => Layer.isLayer(value)
