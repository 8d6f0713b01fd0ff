/**
 * Recorded runs as tests. A run that `lens replay --export` or `ledger export` wrote is a fixture: it is verified to the
 * last bit, opened in memory, and walked again with the outside shut, so that it needs neither the store that it came
 * from nor a model, a key or a network.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Blueprint from "../blueprint/Blueprint.js"
import * as Imports from "../blueprint/Imports.js"
import type { Source } from "../domain/Event.js"
import type { RunId } from "../domain/RunId.js"
import * as Version from "../domain/Version.js"
import type { Replayed } from "../engine/Drive.js"
import * as Flujo from "../engine/Flujo.js"
import type { RunError } from "../engine/RunError.js"
import * as FileBytes from "../journal/FileBytes.js"
import { Journal, type JournalError, type RunCopy } from "../journal/Journal.js"
import * as JournalMake from "../journal/JournalMake.js"
import * as JournalMemory from "../journal/JournalMemory.js"
import * as Ledger from "../journal/Ledger.js"
import * as LedgerFile from "../journal/LedgerFile.js"
import type { Pipeline } from "../pipeline/Pipeline.js"
import * as Finding from "../plan/Finding.js"
import * as Plan from "../plan/Plan.js"
import * as Builtins from "../skill/Builtins.js"
import * as SkillRegistry from "../skill/SkillRegistry.js"

/**
 * `Unreadable`: there is no such file, or it cannot be read. `Broken`: it is not as it was written. `NoBlueprint`: the run
 * was started by a program, so a pipeline must be given. `Invalid`: the blueprint that it keeps has errors now.
 */
export class FixtureError extends Schema.TaggedError<FixtureError>("flujo/testing/FixtureError")("FixtureError", {
  reason: Schema.Literal("Unreadable", "Broken", "NoBlueprint", "Invalid"),
  file: Schema.String,
  /** Undefined where not even that could be read. */
  run: Schema.optional(Schema.String),
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.file}: ${this.detail}`
  }
}

/** What a file holds, verified. */
export const load = (file: string): Effect.Effect<RunCopy, FixtureError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const read = yield* Effect.mapError(LedgerFile.read(FileBytes.of(fs, file)), (error) => {
      const detail = `the file cannot be read: ${FileBytes.whyOf(error)}`
      return new FixtureError({ reason: "Unreadable", file, detail })
    })
    if (Either.isRight(read)) return read.right
    const { found, run } = read.left
    const detail = Ledger.isBad(found) ? Ledger.describe(found) : "it holds no run"
    return yield* new FixtureError({ reason: "Broken", file, run, detail })
  })

/** A journal in memory that holds this run and no other. */
export const open = (copy: RunCopy): Effect.Effect<Journal["Type"], JournalError, Scope.Scope> =>
  Effect.tap(JournalMake.make(JournalMemory.makeDriver()), (journal) => journal.restore(copy))

/**
 * Walks the run in `file` again: by `pipeline`, or by the blueprint that the run keeps. Fails with a `RunError` of reason
 * `Diverged` at the first event that is not as recorded. A pipeline may be another version than the one that was run, as
 * long as it goes the same way.
 */
export const replayFixture = <In, Out, E, R>(
  file: string,
  pipeline?: Pipeline<In, Out, E, R>
): Effect.Effect<Replayed, FixtureError | RunError> =>
  Effect.gen(function* () {
    const copy = yield* load(file)
    const journal = yield* Effect.mapError(open(copy), ({ detail }) => {
      return new FixtureError({ reason: "Broken", file, run: copy.run, detail })
    })
    const found: Pipeline.Any = pipeline ?? (yield* keptOf(file, journal, copy.run))
    return yield* Effect.provideService(Flujo.replay(found, copy.run, { anyVersion: true }), Journal, journal)
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

/** The texts that the run goes by; none where they are a program's. */
export const sourcesOf = (journal: Journal["Type"], run: RunId): Effect.Effect<ReadonlyArray<Source>, JournalError> =>
  Effect.map(Stream.runCollect(journal.read(run)), (entries) => Version.of(entries)?.sources ?? [])

const keptOf = (file: string, journal: Journal["Type"], run: RunId) =>
  Effect.gen(function* () {
    const broken = ({ message }: JournalError | RunError) =>
      new FixtureError({ reason: "Broken", file, run, detail: message })
    const [main, ...imported] = yield* Effect.mapError(sourcesOf(journal, run), broken)
    if (main === undefined) {
      const detail = "the run was started by a program: give its pipeline"
      return yield* new FixtureError({ reason: "NoBlueprint", file, run, detail })
    }
    const undefinedVariables = yield* Flujo.undefinedVariables(run).pipe(
      Effect.provideService(Journal, journal),
      Effect.mapError(broken)
    )
    const skills = Either.getOrThrow(SkillRegistry.make(yield* Builtins.make({ root: "." })))
    const { blueprint, diagnostics } = Blueprint.check(
      main,
      {
        skills: skills.lookup,
        skillIds: skills.ids,
        files: Imports.fromSources([main, ...imported]),
        undefinedVariables
      },
      { find: (found) => Plan.make(found).findings, rules: Finding.rules }
    )
    if (blueprint !== undefined) return blueprint.pipeline
    const [first] = diagnostics.filter(({ severity }) => severity === "error")
    const detail = `the blueprint that it keeps is refused now: ${first?.message ?? ""}`
    return yield* new FixtureError({ reason: "Invalid", file, run, detail })
  })
