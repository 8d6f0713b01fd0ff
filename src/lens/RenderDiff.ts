/** The difference between two runs as lines for a terminal. */
import * as Option from "effect/Option"
import type { Json } from "../domain/Json.js"
import * as Usage from "../domain/Usage.js"
import type { Change, Diff } from "./Diff.js"
import type { RunSummary } from "./RunSummary.js"
import { duration, grouped, line, type Options, type Span, span, tokens, value, whole } from "./Text.js"

export const lines = (view: Diff, options: Options): ReadonlyArray<string> => {
  const out: Array<string> = []
  const say = (...spans: ReadonlyArray<Span>) => out.push(line(spans, options))
  const took = (sign: string, { durationMillis, run, stepsDone, usage }: RunSummary, style: Span["style"]) =>
    say(
      span(`${sign} `, style),
      whole(run, options, "bold"),
      span(`  ${grouped(stepsDone)} steps, ${tokens(Usage.total(usage))}, ${duration(durationMillis)}`, "dim")
    )
  const change = ({ after, before, field }: Change) => {
    const [ours, theirs] = excerpts(before, after, options)
    say(span(`  ${field}`, "dim"))
    say(span("  - ", "red"), ours === undefined ? span("nothing", "dim") : value(ours, options))
    say(span("  + ", "green"), theirs === undefined ? span("nothing", "dim") : value(theirs, options))
  }
  took("-", view.before, "red")
  took("+", view.after, "green")
  if (!view.isSamePlan) say(span("The two runs are of different pipelines, or of different versions of one.", "yellow"))
  if (view.run.length > 0) {
    say()
    say(span("the run", "bold"))
    for (const one of view.run) change(one)
  }
  for (const { changes, kind, only, path } of view.rows) {
    say()
    const sides = Option.map(only, (side) =>
      span(side === "before" ? "  only in the first" : "  only in the second", "yellow")
    )
    say(whole(path, options, "bold"), span(`  ${kind}`, "dim"), ...Option.toArray(sides))
    for (const one of changes) change(one)
  }
  say()
  const isSame = view.run.length === 0 && view.rows.length === 0
  const count = view.sameCount === 1 ? "1 step is" : `${grouped(view.sameCount)} steps are`
  say(span(isSame ? `The runs do not differ: ${count} the same.` : `${count} the same.`))
  return out
}

/**
 * Of two long texts that begin alike, the pieces from a little before where they part. They are masked as wholes first:
 * what is left of a secret that was cut would not look like one.
 */
const excerpts = (
  before: Option.Option<Json>,
  after: Option.Option<Json>,
  { redaction }: Options
): readonly [Json | undefined, Json | undefined] => {
  const [first, second] = [Option.getOrUndefined(before), Option.getOrUndefined(after)]
  if (typeof first !== "string" || typeof second !== "string") return [first, second]
  const [ours, theirs] = [redaction.text(first), redaction.text(second)]
  let at = 0
  while (at < ours.length && ours[at] === theirs[at]) at++
  const from = at - lead
  return from <= 0 ? [ours, theirs] : [`…${ours.slice(from).toWellFormed()}`, `…${theirs.slice(from).toWellFormed()}`]
}

const lead = 30
