/** Blueprints of tests, in which «…» marks the place that a finding must point at. */
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import type { Diagnostic } from "../../src/blueprint/Diagnostics.js"
import { rules } from "../../src/plan/Finding.js"
import * as Plan from "../../src/plan/Plan.js"
import { options } from "./Skills.js"

/** The text without its marks, and what they mark, in order. */
export const unmark = (marked: string) => {
  const spans: Array<{ start: number; end: number }> = []
  let text = ""
  for (const character of marked) {
    if (character === "«") spans.push({ start: text.length, end: -1 })
    else if (character === "»") spans.findLast(({ end }) => end < 0)!.end = text.length
    else text += character
  }
  return { text, spans }
}

export const plan = { find: (pipeline: Parameters<typeof Plan.make>[0]) => Plan.make(pipeline).findings, rules }

export const check = (text: string) => Blueprint.check({ path: "pipeline.yaml", text }, options, plan)

export const parse = (text: string) => Blueprint.parse({ path: "pipeline.yaml", text }, options)

/** A finding as code and place: `FLJ-BLUEPRINT-15 3:5-3:9`. */
export const short = ({ code, place }: Diagnostic) =>
  `${code} ${place.start.line}:${place.start.column}-${place.end.line}:${place.end.column}`
