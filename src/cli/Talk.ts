/**
 * What models are just saying, the end of it for each open call. It goes when the reply is there, which is shown in its place;
 * of a call that failed it is said that what was shown is void.
 */
import type { Entry } from "../domain/Event.js"
import type { Discarded, Said } from "../domain/Live.js"
import type { StepPath } from "../domain/StepPath.js"
import * as Text from "../lens/Text.js"
import { printable } from "../redaction/Printable.js"
import { Pieces } from "./Pieces.js"

/** Of each call so much is kept to be shown. */
const charactersMax = 2000
/** More calls that talk at once are not shown. */
const callsMax = 8

export class Talk {
  private readonly pieces = new Pieces()
  private readonly said = new Map<StepPath, string>()
  private readonly voided = new Map<StepPath, string>()

  hear(heard: Said | Discarded): void {
    const { path } = heard
    if (heard._tag === "Discarded") {
      this.pieces.rest(path)
      this.said.delete(path)
      this.voided.clear()
      this.voided.set(path, heard.detail)
      return
    }
    this.voided.clear()
    for (const { lost, text } of this.pieces.take(heard)) {
      const all = `${this.said.get(path) ?? ""}${lost > 0 ? " … " : ""}${text}`
      this.said.set(path, all.slice(-charactersMax))
    }
  }

  see({ event }: Entry): void {
    if (event.kind !== "Answered" && event.kind !== "Refused" && event.kind !== "Interrupted") return
    this.pieces.rest(event.path)
    this.said.delete(event.path)
  }

  lines(options: Text.Options): ReadonlyArray<string> {
    const cut = options.ascii === true ? "..." : "…"
    const said = [...this.said].slice(-callsMax).map(([path, text]) => {
      const line = options.redaction.text(text).replace(/\s+/g, " ").trimStart()
      const room = Math.max(8, options.width - Text.width(path) - 6)
      const end = line.length > room ? `${cut}${line.slice(-room).replace(/^[\udc00-\udfff]/, "")}` : line
      return Text.line([Text.span(`${path}: `, "dim"), Text.span(printable(end))], options)
    })
    const voided = [...this.voided].map(([path, why]) =>
      Text.line([Text.span(`${path}: what it said is void: `, "yellow"), Text.foreign(why, options)], options)
    )
    return [...said, ...voided]
  }
}
