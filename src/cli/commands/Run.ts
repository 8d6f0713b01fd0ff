/** `flujo run` */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Budget } from "../../domain/Budget.js"
import * as Json from "../../domain/Json.js"
import * as RunId from "../../domain/RunId.js"
import * as Flujo from "../../engine/Flujo.js"
import * as Bound from "../../plan/Bound.js"
import * as Needs from "../../plan/Needs.js"
import * as Plan from "../../plan/Plan.js"
import { excerpt, printable } from "../../redaction/Printable.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import * as Driving from "../Driving.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import * as Input from "../Input.js"
import { Invocation } from "../Invocation.js"
import * as View from "../View.js"
import type { Workflow } from "../Workflow.js"
import * as Workspace from "../Workspace.js"
import * as Labels from "./Labels.js"
import * as Money from "./Money.js"

export const run: Module<typeof Flags.run>["run"] = (flags) =>
  Effect.gen(function* () {
    const host = yield* Host
    const invocation = yield* Invocation
    const runId = yield* idOf(flags.runId)
    const labels = yield* Labels.read(flags.label)
    const workspace = yield* Workspace.read(flags.stateUri)
    const file = yield* BlueprintFile.locate(workspace, invocation.args[0])
    const checked = yield* BlueprintFile.readToRun(workspace, file)
    const { color } = View.options(host, invocation, "errors", { redaction: workspace.redaction })
    const blueprint = yield* BlueprintFile.sound(checked, color)
    const { pipeline } = blueprint
    const table = Money.prices(workspace)
    const { limits, onBudget } = Money.limits(
      workspace,
      { pipeline: pipeline.name, labels: Object.entries(labels) },
      yield* Money.amount("budget", flags.budget)
    )
    const budget = {
      ...limits,
      mode: Option.getOrElse(flags.budgetMode, () => "strict" as const),
      onBudget: Option.getOrElse(flags.onBudget, () => onBudget)
    }
    yield* Money.strict(workspace, pipeline.root)
    if (flags.dryRun) {
      const shared = yield* Effect.scoped(
        Money.standings(workspace, { pipeline: pipeline.name, labels: Object.entries(labels) })
      )
      const { data, text, ...reply } = described(blueprint, Bound.make(pipeline, table), budget, shared)
      return { ...reply, data: workspace.redaction.json(data), text: workspace.redaction.text(text) }
    }
    const text = yield* Input.read(workspace, flags)
    const input = isTyped(blueprint) ? yield* inputOf(pipeline, text) : text
    const run = runId ?? (yield* RunId.make)
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const journal = yield* Workspace.journal(workspace)
        return yield* Driving.drive(
          { workspace, journal, blueprint, folder: checked.folder, run, flags },
          Flujo.run(pipeline, input, {
            runId: run,
            labels,
            sources: [...blueprint.sources, ...checked.code],
            budget
          })
        )
      })
    )
  })

const described = (
  { pipeline, warnings }: Workflow,
  bound: Bound.Bound,
  budget: Budget,
  shared: ReadonlyArray<Money.Standing>
) => {
  const { digest, name, outline } = Plan.make(pipeline)
  const steps = outline.map(({ kind, path }) => ({ path, kind: kind.toLowerCase() }))
  const width = Math.max(0, ...steps.map(({ path }) => path.length))
  const excess = budget.mode === "reserve" ? undefined : Money.excess(bound, budget, shared)
  const count = steps.length === 1 ? "1 step" : `${steps.length} steps`
  const needs = Needs.of(pipeline)
  const section = (title: string, lines: ReadonlyArray<string>) =>
    lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${excerpt(line, 160)}`)]
  const text = [
    `${printable(name)} is valid: ${count}, nothing was run.`,
    ...steps.map(({ kind, path }) => `  ${path.padEnd(width)}  ${kind}`),
    ...section(
      "Models that are asked:",
      needs.models.map(({ agents, model }) => `${model} (${agents.join(", ")})`)
    ),
    ...section(
      "Skills that are run:",
      needs.skills.map(({ effect, id }) => `${id} (${effect})`)
    ),
    ...section(
      "People who are asked:",
      needs.people.map(({ kind, message, step }) => `${step}: ${kind}${message === undefined ? "" : `, ${message}`}`)
    ),
    "",
    ...Money.boundLines(bound),
    ...(shared.length === 0
      ? []
      : ["With other runs it shares:", ...shared.map((one) => printable(Money.standingLine(one)))]),
    ...(excess === undefined ? [] : [`It would not start: ${printable(excess)}`])
  ].join("\n")
  const data = {
    validated: true,
    name,
    plan: digest,
    steps,
    warnings: warnings.length,
    needs: needsJson(needs),
    bound: Money.boundJson(bound),
    shared: shared.map(Money.standingJson)
  }
  return {
    exit: excess === undefined ? exits.done : exits.invalid,
    data: { ...data, starts: excess === undefined },
    text
  }
}

const needsJson = ({ models, people, skills }: Needs.Needs) => ({
  models: models.map((one) => ({ ...one })),
  skills: skills.map((one) => ({ ...one })),
  people: people.map(({ message, ...one }) => ({ ...one, message: message ?? null }))
})

/** Whether it says what it takes. Of a blueprint that says nothing about its input, a text is the input as it stands. */
export const isTyped = ({ pipeline, tree }: Workflow): boolean =>
  tree === undefined || (pipeline.root._tag === "Check" && pipeline.root.input !== undefined)

/** The text itself where it fits, else the JSON that it is. */
export const inputOf = (pipeline: Workflow["pipeline"], text: string): Effect.Effect<Json.Json, Fault> =>
  Either.match(
    Either.orElse(Flujo.decodeInput(pipeline, text), (asText) =>
      Either.flatMap(
        Either.mapLeft(Json.parse(text), () => asText),
        (json) => Flujo.decodeInput(pipeline, json)
      )
    ),
    {
      onLeft: (error) => Effect.fail(new Fault({ ...Faults.run(error, ""), location: undefined })),
      onRight: (input) => Effect.succeed(input)
    }
  )

const idOf = (given: Option.Option<string>): Effect.Effect<RunId.RunId | undefined, Fault> =>
  Option.match(given, {
    onNone: () => Effect.succeed(undefined),
    onSome: (text) =>
      text === "last"
        ? Effect.fail(new Fault({ ...cliErrors.BadValue, text: '--run-id "last": this word means the newest run' }))
        : Effect.mapError(
            Schema.decode(RunId.RunId)(text as RunId.RunId),
            () =>
              new Fault({
                ...cliErrors.BadValue,
                text: `--run-id ${JSON.stringify(excerpt(text, 60))}: an id has 1 to 128 letters, digits, ".", "_" or "-", and begins with a letter or a digit`
              })
          )
  })
