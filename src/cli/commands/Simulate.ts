/** `flujo simulate` */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import type { JsonObject } from "../../domain/Json.js"
import * as Text from "../../lens/Text.js"
import * as Scripted from "../../llm/Scripted.js"
import { printable } from "../../redaction/Printable.js"
import * as Simulate from "../../testing/Simulate.js"
import * as Explore from "../../testing/simulation/Explore.js"
import * as Faults from "../../testing/simulation/Faults.js"
import * as Leaves from "../../testing/simulation/Leaves.js"
import * as BlueprintFile from "../BlueprintFile.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import * as FaultsOf from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Laws from "../Laws.js"
import type { Workflow } from "../Workflow.js"
import * as Workspace from "../Workspace.js"
import * as Money from "./Money.js"
import { inputOf, isTyped } from "./Run.js"

const seedsDefault = 100

export const run: Module<typeof Flags.simulate>["run"] = (flags) =>
  Effect.gen(function* () {
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(Option.none())
    const file = yield* BlueprintFile.locate(workspace, invocation.args[0])
    const checked = yield* BlueprintFile.readToRun(workspace, file)
    const blueprint = yield* BlueprintFile.sound(checked, false)
    const { pipeline } = blueprint
    const laws = yield* Effect.forEach(flags.invariant, Laws.parse)
    const { kinds, only } = yield* wanted(flags.faults)
    const scripts = yield* scriptsOf(workspace, blueprint, checked.folder)
    const setting = Simulate.settingOf(
      pipeline,
      {
        code: "made-up",
        faults: kinds,
        scripts,
        prices: Money.prices(workspace),
        input: Option.isSome(flags.input)
          ? FastCheck.constant(isTyped(blueprint) ? yield* inputOf(pipeline, flags.input.value) : flags.input.value)
          : isTyped(blueprint)
            ? undefined
            : FastCheck.lorem({ maxCount: 12 }),
        invariants: Object.fromEntries([
          [Laws.ownName, Laws.ofBlueprint],
          ...laws.map((law) => [`--invariant ${law.source}`, Laws.holds(law)] as const)
        ])
      },
      Context.empty()
    )
    const seeds: Explore.Seeds = Option.isSome(flags.seed)
      ? { from: flags.seed.value, count: 1, only }
      : {
          from: Option.getOrElse(flags.from, () => 1),
          count: Option.getOrElse(flags.seeds, () => seedsDefault),
          only
        }
    const explored = yield* Effect.tryPromise({
      try: () => Explore.explore(() => setting, seeds),
      catch: (error) => FaultsOf.internal(error)
    })
    const { redaction } = workspace
    if (explored.found === undefined) {
      return { exit: exits.done, data: dataOf(explored), text: redaction.text(textOf(explored)) }
    }
    const { broken, isRepeated, outcome } = explored.found
    const names = outcome.fired.map(Faults.nameOf)
    const again = invocation.again(
      [
        "simulate",
        ...invocation.args.slice(0, 1).map(quoted),
        `--seed ${outcome.seed}`,
        `--faults ${names.length === 0 ? "none" : names.join(",")}`,
        ...Option.toArray(flags.input).map((text) => `--input ${quoted(text)}`),
        ...flags.invariant.map((text) => `--invariant ${quoted(text)}`)
      ].join(" ")
    )
    const trace = Simulate.trace(outcome).map((line) => redaction.text(printable(line)))
    return yield* new Fault({
      ...cliErrors.Simulated,
      text: redaction.text(`${broken.invariant} does not hold under seed ${outcome.seed}: ${broken.detail}`),
      hint: isRepeated
        ? undefined
        : "the same seed does not break it again: something here does not follow from the seed",
      frame: trace.join("\n"),
      details: redaction.json({
        ...dataOf(explored),
        seed: outcome.seed,
        invariant: broken.invariant,
        detail: broken.detail,
        faults: names,
        repeats: isRepeated,
        trace
      }),
      next: [again]
    })
  })

const quoted = (text: string): string => (/^[\w./#@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

const dataOf = ({ ends, entries, fired, lives, never, seeds }: Explore.Explored): JsonObject => ({
  seeds,
  lives,
  entries,
  ends: { ...ends },
  faults: { ...fired },
  never: [...never]
})

const textOf = ({ ends, entries, fired, lives, never, seeds }: Explore.Explored): string => {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([name]) => !name.includes(":"))
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${Text.grouped(count)}`)
      .join(", ")
  const lowered = Object.fromEntries(Object.entries(ends).map(([end, count]) => [end.toLowerCase(), count]))
  return [
    `${Text.grouped(seeds)} ${seeds === 1 ? "seed" : "seeds"}, ${Text.grouped(lives)} lives of processes, ${Text.grouped(entries)} entries: nothing broke.`,
    `Runs: ${list(lowered)}`,
    `Faults: ${Object.keys(fired).length === 0 ? "none struck" : list(fired)}`,
    ...(never.length === 0 ? [] : [`Never struck: ${never.join(", ")}`])
  ].join("\n")
}

interface Wanted {
  readonly kinds: ReadonlyArray<Faults.Kind> | undefined
  readonly only: ReadonlySet<string> | undefined
}

const wanted = (given: Option.Option<string>): Effect.Effect<Wanted, Fault> =>
  Effect.gen(function* () {
    const text = Option.getOrElse(given, () => "all").trim()
    if (text === "all") return { kinds: Faults.all, only: undefined }
    if (text === "none") return { kinds: [], only: undefined }
    const refuse = (why: string) => new Fault({ ...cliErrors.BadValue, text: `--faults: ${why}` })
    const kinds = new Set<Faults.Kind>()
    const only = new Set<string>()
    let whole = 0
    for (const name of text.split(",").map((one) => one.trim())) {
      const [, kind = "", index] = /^([a-z-]+)(?:@(\d{1,9}))?$/.exec(name) ?? []
      if (!Faults.isKind(kind))
        return yield* refuse(`there is no "${printable(name)}"; there are ${Faults.all.join(", ")}`)
      kinds.add(kind)
      if (index === undefined) whole += 1
      else only.add(Faults.nameOf({ kind, index: Number(index) }))
    }
    if (whole > 0 && only.size > 0) return yield* refuse("name kinds, or single faults, not both")
    return { kinds: [...kinds], only: only.size === 0 ? undefined : only }
  })

/** The scripts of the models that are scripted, read before anything runs. */
const scriptsOf = (workspace: Workspace.Workspace, { pipeline }: Workflow, folder: string) =>
  Effect.gen(function* () {
    const names = new Set(Leaves.of(pipeline.root).flatMap((leaf) => (leaf._tag === "Agent" ? [leaf.agent.model] : [])))
    const { load } = yield* Scripted.make({ folder, within: [workspace.base, folder] })
    const scripts: Record<string, Scripted.Script> = {}
    for (const name of names) {
      if (!name.startsWith("scripted:")) continue
      scripts[name] = yield* Effect.mapError(load(name.slice("scripted:".length).trim()), (error) => {
        return new Fault({ ...cliErrors.File, text: error.detail })
      })
    }
    return scripts
  })
