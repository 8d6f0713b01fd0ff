/** What the benchmarks run: steps that do nothing, so that what is measured is flujo. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Pipeline from "../src/pipeline/Pipeline.js"
import * as Step from "../src/pipeline/Step.js"

const Visit = Schema.Struct({ id: Schema.Number, ward: Schema.String, note: Schema.String })
type Visit = typeof Visit.Type

export const visit: Visit = { id: 1, ward: "cardiology", note: "stable, to be seen again in the morning" }

const step = (name: string) =>
  Step.make(name, { input: Visit, output: Visit, run: (value) => Effect.succeed({ ...value, id: value.id + 1 }) })

/** `count` steps, one after another. */
export const chain = (count: number): Pipeline.Pipeline<Visit, Visit> => {
  const [first, ...others] = Array.from({ length: count }, (_, i) => step(`s${i}`))
  return others.reduce((all, next) => Step.andThen(all, next), first!).pipe(Pipeline.make("chain"))
}

/** One step for each of as many items as it is given. */
export const fanOut = (max: number): Pipeline.Pipeline<ReadonlyArray<Visit>, ReadonlyArray<Visit>, unknown> =>
  Step.forEach("each", step("visit"), { concurrency: 64, max }).pipe(Pipeline.make("fan_out"))

/** A chain of texts of `bytes` each. */
export const large = (count: number, bytes: number): Pipeline.Pipeline<string, string> => {
  const text = (i: number) =>
    Step.make(`s${i}`, {
      input: Schema.String,
      output: Schema.String,
      run: () => Effect.succeed(String.fromCharCode(97 + (i % 26)).repeat(bytes))
    })
  const [first, ...others] = Array.from({ length: count }, (_, i) => text(i))
  return others.reduce((all, next) => Step.andThen(all, next), first!).pipe(Pipeline.make("large"))
}

export const waiting: Pipeline.Pipeline<Visit, Visit, unknown> = step("before").pipe(
  Step.andThen(Step.approve("review", { message: (value) => `Discharge ${value.id}?` })),
  Step.andThen(step("after")),
  Pipeline.make("waiting")
)

/** A chain that tells when each step runs. */
export const stamped = (count: number, tell: () => void): Pipeline.Pipeline<Visit, Visit> => {
  const one = (i: number) =>
    Step.make(`s${i}`, {
      input: Visit,
      output: Visit,
      run: (value) =>
        Effect.sync(() => {
          tell()
          return { ...value, id: value.id + 1 }
        })
    })
  const [first, ...others] = Array.from({ length: count }, (_, i) => one(i))
  return others.reduce((all, next) => Step.andThen(all, next), first!).pipe(Pipeline.make("stamped"))
}
