/** The recorded runs of `test/corpus/histories`, and the blueprints that they keep. */
import { readdirSync } from "node:fs"
import { join, resolve } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Imports from "../../src/blueprint/Imports.js"
import type { Source } from "../../src/domain/Event.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as Finding from "../../src/plan/Finding.js"
import * as Plan from "../../src/plan/Plan.js"
import * as Builtins from "../../src/skill/Builtins.js"
import * as SkillRegistry from "../../src/skill/SkillRegistry.js"
import * as Fixture from "../../src/testing/Fixture.js"

export const folderOf = (root: string): string => join(resolve(root), "test/corpus/histories")

export const namesIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => name.slice(0, -".jsonl".length))
    .sort()

/** The blueprint of these texts, the first of which is its own; or what is wrong with it. */
export const read = (sources: ReadonlyArray<Source>) =>
  Effect.map(Builtins.make({ root: "." }), (builtins) => {
    const skills = Either.getOrThrow(SkillRegistry.make(builtins))
    const { blueprint, diagnostics } = Blueprint.check(
      sources[0]!,
      { skills: skills.lookup, skillIds: skills.ids, files: Imports.fromSources(sources) },
      { find: (found) => Plan.make(found).findings, rules: Finding.rules }
    )
    if (blueprint !== undefined) return blueprint
    throw new Error(diagnostics.map(({ message }) => message).join("; "))
  }).pipe(Effect.provide(NodeContext.layer))

/** A history, opened: what it was made from, and its replay by any text in the place of that. */
export const open = (folder: string, name: string) =>
  Effect.gen(function* () {
    const copy = yield* Fixture.load(join(folder, `${name}.jsonl`))
    const journal = yield* Fixture.open(copy)
    const sources = yield* Fixture.sourcesOf(journal, copy.run)
    const within = <A, E>(effect: Effect.Effect<A, E, Journal>) => Effect.provideService(effect, Journal, journal)
    const replay = (edit?: (text: string) => string) =>
      Effect.gen(function* () {
        const [main, ...more] = sources
        const blueprint = yield* read(edit === undefined ? sources : [{ ...main!, text: edit(main!.text) }, ...more])
        return yield* within(Flujo.replay(blueprint.pipeline, copy.run, { anyVersion: edit !== undefined }))
      })
    return { journal, run: copy.run, sources, replay }
  }).pipe(Effect.provide(NodeContext.layer))
