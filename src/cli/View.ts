/** How views are shown here: colours, width and signs of the terminal that they go to. */

import type { Options } from "../lens/Text.js"
import type { Redaction } from "../redaction/Redaction.js"
import type { Host } from "./Host.js"
import type { Invocation } from "./Invocation.js"

/** Whether a stream is shown in colours; `noColor`: the flag. */
export const isColored = (
  { environment, isTerminal }: Host["Type"],
  stream: "output" | "errors",
  noColor: boolean
): boolean =>
  isTerminal[stream] && !noColor && (environment.get("NO_COLOR") ?? "") === "" && environment.get("TERM") !== "dumb"

/** No line is cut where no terminal would fold it. */
const widthMax = 1_000_000

export const previewLengthDefault = 100

export const options = (
  host: Host["Type"],
  { globals }: Pick<Invocation["Type"], "globals">,
  stream: "output" | "errors",
  more: { readonly redaction: Redaction; readonly previewLength?: number | undefined; readonly verbose?: boolean }
): Options => {
  const isTerminal = host.isTerminal[stream]
  const say = (name: string) => host.environment.get(name) ?? ""
  const locale = say("LC_ALL") || say("LC_CTYPE") || say("LANG")
  return {
    redaction: more.redaction,
    color: isColored(host, stream, globals.noColor),
    width: isTerminal ? host.columns() : widthMax,
    previewLength: more.previewLength ?? previewLengthDefault,
    verbose: more.verbose ?? globals.verbose,
    ascii: locale !== "" && !/utf-?8/i.test(locale)
  }
}
