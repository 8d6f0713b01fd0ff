/** `flujo dev visualize` */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Dot from "../../drawing/Dot.js"
import * as Mermaid from "../../drawing/Mermaid.js"
import * as Piece from "../../drawing/Piece.js"
import * as PieceJson from "../../drawing/PieceJson.js"
import * as Svg from "../../drawing/Svg.js"
import * as Tree from "../../drawing/Tree.js"
import { jsonText } from "../../lens/Text.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.visualize>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(Option.none())
    const { redaction } = workspace
    const { color } = View.options(host, invocation, "errors", { redaction })
    const file = yield* BlueprintFile.locate(workspace, invocation.args[0])
    const { pipeline } = yield* BlueprintFile.sound(yield* BlueprintFile.read(workspace, file), color)
    const pieces = Piece.of(pipeline)
    const data = redaction.json(PieceJson.toJson(pipeline.name, pieces))
    const text = (): string => {
      switch (Option.getOrElse(flags.format, () => "tree" as const)) {
        case "tree": {
          const { ascii, width } = View.options(host, invocation, "output", { redaction })
          return Tree.toText(pipeline.name, pieces, { ascii, width })
        }
        case "mermaid":
          return Mermaid.toText(pieces)
        case "dot":
          return Dot.toText(pipeline.name, pieces)
        case "svg":
          return Svg.toText(pipeline.name, pieces, Option.getOrUndefined(flags.theme))
        case "json":
          return jsonText(data, 2)
      }
    }
    return { exit: exits.done, data, text: redaction.text(text()) }
  })
