/**
 * Generated pipelines for property tests. Every tree is a function of its seed; what its steps answer is a function of
 * (standing path, attempt, input), and the answer that comes next a function of the set of open waits, so that two
 * executions of one tree may be compared.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Json } from "../../src/domain/Json.js"
import * as Once from "../../src/domain/Once.js"
import { RunId } from "../../src/domain/RunId.js"
import * as StepPath from "../../src/domain/StepPath.js"
import type { Driver } from "../../src/journal/Driver.js"
import type { Node } from "../../src/pipeline/Node.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"

export const hash = (text: string): number => createHash("sha1").update(text).digest().readUInt32BE(0)

/** A linear congruential generator: the same seed gives the same numbers on every machine. */
export const numbers = (seed: number) => {
  let state = (seed * 2654435761) >>> 0
  return (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % below
  }
}

/** What really happened, beside what the journal says. */
export interface Effects {
  /** Paths of steps whose code ran. */
  readonly steps: Array<string>
  /** Where the calls stand that were made: one that holds for an attempt stands below it. */
  readonly calls: Array<string>
}

/** What a cache answers that another run has filled: a function of what it is asked, or nothing. */
export const answersOfCache = (driver: Driver): Driver => ({
  ...driver,
  recall: (key) =>
    Effect.sync(() => {
      const h = hash(key)
      if (h % 3 === 0) return undefined
      // Some are nothing that fits.
      const output = h % 7 === 0 ? "strange" : h % 150
      const value = JSON.stringify({
        run: "earlier",
        path: "there",
        output,
        writes: h % 2 === 0 ? [{ field: "kept", json: h % 9 }] : []
      })
      return { key, run: RunId.make("earlier"), value, at: 8_640_000_000_000_000, expiresAt: 8_640_000_000_000_000 }
    }),
  keep: () => Effect.void
})

type Numbers = Step.Step<number, number, string | Step.Step.Error<ReturnType<typeof anyStep>>>

const anyStep = () =>
  Step.approve<number>("x", { message: () => "" }).pipe(
    Step.timeout("1 second"),
    Step.andThen(Step.loop("l", Step.pass<number>("p"), { until: () => true, max: 1 })),
    Step.andThen(Step.fn("f", (n: number) => [n])),
    Step.andThen(Step.forEach("e", Step.pass<number>("q"))),
    Step.andThen(Step.fn("g", () => 1)),
    Step.withInput("{{ input }}"),
    Step.withOutputSchema(Schema.Number),
    Step.validators([{ contains: "1" }]),
    Step.invariants(["input"]),
    Step.andThen(Step.route("r", { on: () => "a" as const, branches: { a: Step.pass<number>("q") } })),
    Step.andThen(Step.fn("h", () => 1)),
    Step.andThen(Step.states("m", { start: "a", states: { a: Step.pass<number>("w") }, ends: [], transitions: [] })),
    Step.andThen(Step.parallel("k", { a: Step.pass<number>("v") }, { reduce: "union" }).pipe(Step.map(() => 1))),
    Step.andThen(Step.branch("z", { on: "input", cases: { a: Step.pass<number>("y") } }))
  )

export interface Generated {
  readonly pipeline: Pipeline.Pipeline<number, number, unknown>
  readonly effects: Effects
}

type Field = (step: Numbers) => Numbers

/** Writes what a step answered into a field, of which the last write holds. */
const writing =
  (field: string): Field =>
  (step) =>
    Step.fromNode({ _tag: "Sink", step: step.node, context: undefined, field, reduce: "last" } satisfies Node)

/** A pipeline of depth at most 4, in which steps fail, retry, wait, loop, fan out and choose. */
export const generate = (seed: number): Generated => {
  const next = numbers(seed)
  const effects: Effects = { steps: [], calls: [] }
  let names = 0

  const leaf = (): Numbers => {
    const name = `s${names++}`
    return Step.make(name, {
      input: Schema.Number,
      output: Schema.Number,
      error: Schema.String,
      run: (n, { attempt, path }) =>
        Effect.gen(function* () {
          effects.steps.push(path)
          const h = hash(path)
          const delay = hash(`${path} ${effects.steps.length} ${seed}`) % 4
          if (delay === 0) yield* Effect.sleep("1 millis")
          else if (delay === 1) yield* Effect.yieldNow()
          if (h % 5 === 0) {
            const key = h % 2 === 0 ? "charge" : "turn[0]"
            const at = h % 3 === 0 ? path : StepPath.standing(path)
            yield* Once.run(
              {
                key,
                request: n,
                success: Schema.Number,
                failure: Schema.String,
                per: h % 3 === 0 ? "attempt" : "step"
              },
              () =>
                Effect.suspend(() => {
                  effects.calls.push(StepPath.call(at, key))
                  return h % 20 === 0 && attempt === 1 ? Effect.fail("refused") : Effect.succeed(h % 7)
                })
            )
          }
          if (h % 4 === 0) return yield* Effect.fail(`no ${path}`)
          return (n + h) % 100
        })
    })
  }

  /** Nothing in an undo has one of its own; a signal would be taken by whichever comes first. */
  let isUndo = false
  const undo = (given: Step.Step<Step.Undoable<number, number>, number>, depth: number) => {
    const outer = isUndo
    isUndo = true
    const then = next(2) === 0 ? leaf() : tree(Math.min(1, depth - 1), true)
    isUndo = outer
    return given.pipe(Step.andThen(then))
  }

  /** `fan`: within a fan-out, where it is not determined which of two items takes a signal of one name. */
  const tree = (depth: number, fan = false): Numbers => {
    const kind = depth === 0 ? next(3) : next(29)
    const name = `n${names++}`
    if (isUndo && (kind === 23 || kind === 24)) return leaf()
    switch (kind) {
      case 0:
      case 1:
        return leaf()
      case 2:
        return next(2) === 0
          ? Step.approve<number>(name, { message: (n) => `${n}?` })
          : Step.ask(name, { message: "{{ previous_step }}?", answer: Schema.Number })
      case 3:
      case 4:
        return Step.andThen(tree(depth - 1, fan), tree(depth - 1, fan))
      case 5: {
        const sum = Step.fn(
          `${name}_sum`,
          (o: { readonly a: number; readonly b: number; readonly c: number }) => (o.a + o.b + o.c) % 100
        )
        return Step.parallel(name, { a: tree(depth - 1, fan), b: tree(depth - 1, fan), c: tree(depth - 1, fan) }).pipe(
          Step.andThen(sum)
        )
      }
      case 6: {
        const body = tree(depth - 1, true)
        const spread = Step.fn(`${name}_spread`, (n: number) => [n, n + 1, n + 2])
        const sum = Step.fn(`${name}_sum`, (ns: ReadonlyArray<number>) => ns.reduce((a, b) => a + b, 0) % 100)
        const merge = (["overwrite", "keep_first", "no_merge"] as const)[next(3)]!
        // Which items had begun when one failed is a matter of timing, unless all begin at once or one by one.
        const each =
          next(2) === 0
            ? Step.forEach(name, body, { concurrency: 1 + next(3), maxWaiting: 1 + next(3), onFailure: "skip", merge })
            : Step.forEach(
                name,
                body,
                next(2) === 0 ? { concurrency: 3, merge } : { concurrency: 1, maxWaiting: 1 + next(3), merge }
              )
        return spread.pipe(Step.andThen(each), Step.andThen(sum)) as Numbers
      }
      case 7:
        return Step.branch(name, {
          on: (n: number) => (n % 2 === 0 ? "even" : "odd"),
          cases: { even: tree(depth - 1, fan), odd: tree(depth - 1, fan) }
        })
      case 8:
        return Step.loop(name, tree(depth - 1, fan), {
          until: (n) => n % 3 === 0,
          max: 3,
          onMax: next(2) === 0 ? "fail" : "continue"
        }) as Numbers
      case 9:
        return tree(depth - 1, fan).pipe(Step.named(name), Step.retry({ times: 2, base: "1 millis", max: "1 millis" }))
      case 10:
        return tree(depth - 1, fan).pipe(Step.named(name), Step.fallback(tree(depth - 1, fan)))
      case 11:
        // A deadline that may fire depends on when the run was cut: those have tests of their own.
        return tree(depth - 1, fan).pipe(Step.named(name), Step.timeout("1 hour"))
      case 12:
        return tree(depth - 1, fan).pipe(
          Step.named(name),
          Step.map((n) => (n * 3) % 100),
          Step.andThen(Step.sleep(`${name}_rest`, "1 millis"))
        )
      case 13:
        return tree(depth - 1, fan).pipe(
          Step.named(name),
          next(2) === 0 ? Step.when((n: number) => n % 2 === 0) : Step.when("input != 3")
        )
      case 14: {
        const checked = tree(depth - 1, fan).pipe(
          Step.named(name),
          Step.withInputSchema(Schema.Number),
          Step.withOutputSchema(Schema.Number.pipe(Schema.lessThan(70)))
        )
        if (next(2) === 0) return checked
        const verdict = Step.fn(`${name}_verdict`, (n: number) =>
          n % 3 === 0 ? { is_valid: false, feedback: "no" } : true
        )
        const judge = tree(depth - 1, fan).pipe(Step.andThen(verdict), Step.named("judge"))
        return checked.pipe(
          Step.validators([{ expression: "previous_step != 11" }, { step: judge }]),
          Step.retry({ times: 1, base: 0 }),
          Step.invariants(["previous_step != 12 or input == 3"])
        )
      }
      case 15:
        return fan ? leaf() : Step.signal(name, { data: Schema.Number.pipe(Schema.lessThan(90)) })
      case 16:
        return Step.states(name, {
          start: "a",
          states: { a: tree(depth - 1, fan), b: tree(depth - 1, fan) },
          ends: ["end"],
          transitions: [
            { from: "a", on: "success", to: "b", when: "output.last_output > 50" },
            { from: "a", on: "success", to: "end" },
            { from: "a", on: "failure", to: "b" },
            { from: "b", on: "success", to: "a", when: "{{ previous_step < 30 }}" },
            { on: "success", to: "end", when: "output.last_output != 41" }
          ],
          max: 4
        }) as Numbers
      case 17: {
        const names = (n: number) => (n % 3 === 0 ? ["a", "b"] : n % 3 === 1 ? ["b"] : [])
        const on = tree(depth - 1, fan).pipe(Step.andThen(Step.fn(`${name}_names`, names)))
        const sum = Step.fn(
          `${name}_sum`,
          (o: { readonly a?: number; readonly b?: number }) => ((o.a ?? 0) + (o.b ?? 7)) % 100
        )
        const branches = { a: tree(depth - 1, fan), b: tree(depth - 1, fan) }
        return Step.route(name, { on, branches }).pipe(Step.andThen(sum)) as Numbers
      }
      case 18: {
        const sum = Step.fn(`${name}_sum`, (ns: Json) => [ns].flat().reduce<number>((a, n) => a + Number(n), 0) % 100)
        const branches = { a: tree(depth - 1, fan), b: tree(depth - 1, fan), c: tree(depth - 1, fan) }
        const reduce = (["values", "concat", "first", "last", "majority_vote"] as const)[next(5)]!
        const merge = (["overwrite", "keep_first", "no_merge", "update"] as const)[next(4)]!
        const both = Step.parallel(name, branches, { onFailure: next(2) === 0 ? "ignore" : "fail", reduce, merge })
        return both.pipe(Step.andThen(sum)) as Numbers
      }
      case 19:
        return Step.loop(name, tree(depth - 1, fan), {
          max: 3,
          ...(next(2) === 0 ? {} : { until: `context.${name}.n | length == 2` }),
          init: [{ op: "set", target: `${name}.n`, value: [] }],
          state: [{ op: "append", target: `${name}.n`, value: "{{ previous_step }}" }],
          next: "{{ previous_step if index == 0 else input }}"
        }) as Numbers
      case 20: {
        const until = tree(depth - 1, fan).pipe(Step.andThen(Step.fn(`${name}_met`, (n: number) => n % 2 === 0)))
        return Step.loop(name, tree(depth - 1, fan), { until, max: 2, onMax: "continue" }) as Numbers
      }
      case 21: {
        const on = tree(depth - 1, fan).pipe(Step.andThen(Step.fn(`${name}_key`, (n: number) => n % 2 === 0)))
        const cases = { true: tree(depth - 1, fan), false: tree(depth - 1, fan) }
        return Step.branch(name, { on, cases }) as Numbers
      }
      case 22:
        return writing(name)(tree(depth - 1, fan)).pipe(
          Step.andThen(
            Step.pass<number>(`${name}_kept`).pipe(Step.withInput(`{{ context.${name} | default(input) }}`))
          ),
          Step.andThen(Step.sleepUntil(`${name}_rest`, "2020-01-01"))
        )
      case 23:
      case 24: {
        // An undo is given values that are there; it fails, waits and calls out like any step.
        const given = Step.fn(`${name}_given`, (o: Step.Undoable<number, number>) => (o.input + o.output) % 100)
        return tree(depth - 1, fan).pipe(Step.named(name), Step.compensate(undo(given, depth))) as Numbers
      }
      case 25: {
        // Nothing in a cache acts or waits; whether it has an answer is told by `answersOfCache`.
        const think = Step.make(`${name}_think`, {
          input: Schema.Number,
          output: Schema.Number,
          error: Schema.String,
          effect: "pure",
          run: (n, { path }) =>
            Effect.suspend(() => {
              effects.steps.push(path)
              return hash(path) % 6 === 0 ? Effect.fail(`no ${path}`) : Effect.succeed((n + hash(path)) % 100)
            })
        })
        const reads = Step.withInput("{{ previous_step + (context | length) }}")(Step.pass<number>(`${name}_seen`))
        const body = writing(name)(think as Numbers).pipe(Step.andThen(reads))
        return body.pipe(Step.named(name), Step.cached({ output: Schema.Number.pipe(Schema.lessThan(140)) })) as Numbers
      }
      case 26: {
        const proposer = Step.fn(`${name}_next`, ({ candidate, input }: Step.Search<number, number>) =>
          [0, 1, 2].map((i) => ((candidate ?? input) * 7 + i) % 40)
        )
        const evaluator = Step.fn(`${name}_of`, ({ candidate }: { readonly candidate: number }) => candidate).pipe(
          Step.andThen(leaf()),
          Step.andThen(Step.fn(`${name}_score`, (n: number) => (n % 101) / 100))
        )
        const found = Step.fn(`${name}_found`, ({ candidate }: Step.Found<number>) => candidate ?? 1)
        const options = { branching: 2, beam: 2, depth: 2, goal: 0.9, requireGoal: next(2) === 0 }
        return Step.treeSearch(name, { proposer, evaluator, ...options }).pipe(Step.andThen(found)) as Numbers
      }
      default:
        return tree(depth - 1, fan).pipe(
          Step.named(name),
          Step.withInput("{{ input if previous_step == 7 else previous_step }}")
        )
    }
  }
  return { pipeline: tree(4).pipe(Pipeline.make(`generated_${seed}`)), effects }
}
