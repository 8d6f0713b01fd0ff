/** `flujo dev explain` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Tree } from "../../blueprint/Tree.js"
import * as Piece from "../../drawing/Piece.js"
import * as PieceJson from "../../drawing/PieceJson.js"
import * as Words from "../../drawing/Words.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.plain>["run"] = () =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(Option.none())
    const { redaction } = workspace
    const { color } = View.options(host, invocation, "errors", { redaction })
    const file = yield* BlueprintFile.locate(workspace, invocation.args[0])
    const { pipeline, tree } = yield* BlueprintFile.sound(yield* BlueprintFile.read(workspace, file), color)
    const pieces = Piece.of(pipeline)
    return {
      exit: exits.done,
      data: redaction.json(PieceJson.toJson(pipeline.name, pieces)),
      text: redaction.text(Words.toText({ name: pipeline.name, description: descriptionOf(tree) }, pieces))
    }
  })

const descriptionOf = (tree: Tree | undefined): string | undefined => {
  const entry = tree?._tag === "Map" ? tree.entries.find(({ key }) => key.text === "description") : undefined
  return entry?.value._tag === "Scalar" && typeof entry.value.value === "string" ? entry.value.value : undefined
}
