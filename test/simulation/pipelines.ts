/** Generated pipelines for the simulation of the engine: those of the storms, in which agents think and skills act, too. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Budget } from "../../src/domain/Budget.js"
import { NanoUsd } from "../../src/domain/NanoUsd.js"
import * as Agent from "../../src/pipeline/Agent.js"
import type { Pipeline } from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Tool from "../../src/pipeline/Tool.js"
import { hash, numbers } from "../engine/generated.js"
import { rate, table } from "../engine/money.js"
import * as Storms from "../engine/storms.js"

const Grade = Schema.Struct({ grade: Schema.Int.pipe(Schema.between(0, 99)), why: Schema.optional(Schema.String) })

const skill = (id: string, effect: "read" | "external" | "write", honoursKey: boolean) =>
  Skill.make(id, {
    description: id,
    input: Schema.Struct({ number: Schema.Number }),
    output: Schema.Int.pipe(Schema.between(0, 99)),
    effect,
    honoursKey,
    run: () => Effect.dieMessage("the outside is reached")
  })

const look = skill("tests.look", "read", true)
const send = skill("tests.send", "external", true)
const pay = skill("tests.pay", "write", false)

export const prices = table({ "test:small": rate("0.5", "2"), "test:large": rate("5", "20") })

const limits = { maxTokens: 200 }

const grader = Agent.make("grader", {
  model: "test:small",
  system: "Grade.",
  output: Grade,
  settings: limits,
  maxCorrections: 1
})
const worker = Agent.make("worker", {
  model: "test:large",
  system: "Work.",
  output: Grade,
  settings: limits,
  tools: [look, send, Tool.make(pay, { requiresApproval: true }), Tool.askUser],
  maxTurns: 4
})

const graded = (name: string) => Step.fn(`${name}_graded`, ({ grade }: typeof Grade.Type) => grade)

const thinking = (name: string, kind: number): Storms.Numbers => {
  const given = Step.fn(`${name}_given`, (n: number) => ({ number: Number(n) || 0 }))
  const step =
    kind < 3
      ? Step.agent(name, grader).pipe(Step.andThen(graded(name)))
      : kind < 6
        ? Step.agent(name, worker).pipe(Step.andThen(graded(name)))
        : given.pipe(Step.andThen(Step.skill(name, kind < 8 ? look : kind < 10 ? send : pay)))
  return step as unknown as Storms.Numbers
}

export interface Simulated {
  readonly pipeline: Pipeline<number, number, unknown>
  readonly budget: Budget | undefined
}

export const generate = (seed: number): Simulated => {
  const next = numbers(hash(`budget ${seed}`))
  // Most are small: what needs a large one is rare, and costs as much as ten small ones.
  const depth = [1, 2, 2, 2, 3, 3, 3, 4][next(8)]!
  const pipeline = Storms.generate(seed, { steps: [], calls: [] }, thinking, depth)
  const budget =
    next(3) === 0
      ? {
          mode: "reserve" as const,
          maxCost: NanoUsd.make(1_000_000 * (1 + next(40))),
          maxTokens: 1_000 * (1 + next(80))
        }
      : undefined
  return { pipeline, budget }
}
