/** The values of a run: an entry may say where an equal value is recorded instead of saying it again. */
import * as Option from "effect/Option"
import type { Carried, Entry } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"

export interface Values {
  /** `none`: absent, or said to be somewhere that these entries do not tell of. */
  readonly of: (carried: Carried) => Option.Option<Json>
  /** What the step at `path` answered; the run's input at the root. */
  readonly outputAt: (path: StepPath.StepPath) => Option.Option<Json>
}

export const make = (entries: Iterable<Entry>): Values => {
  const values = growing()
  for (const entry of entries) values.see(entry)
  return values
}

/** The values of a run that goes on: of the entries that were seen so far. */
export const growing = (): Values & { readonly see: (entry: Entry) => void } => {
  const outputsByPath = new Map<StepPath.StepPath, Carried>()
  const see = ({ event }: Entry) => {
    if (event.kind === "RunStarted") outputsByPath.set(StepPath.root, event.payload.input)
    else if (event.kind === "StepSucceeded" || (event.kind === "Computed" && !outputsByPath.has(event.path))) {
      outputsByPath.set(event.path, event.payload.output)
    }
  }
  const of = (carried: Carried): Option.Option<Json> => {
    const passed = new Set<string>()
    let at = carried
    while ("from" in at) {
      const next = outputsByPath.get(at.from)
      // A circle cannot be written by flujo, but can be read.
      if (next === undefined || passed.has(at.from)) return Option.none()
      passed.add(at.from)
      at = next
    }
    return "value" in at ? Option.some(at.value) : Option.none()
  }
  return { see, of, outputAt: (path) => of({ from: path }) }
}
