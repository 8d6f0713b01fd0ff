/** Exported runs as the command line reads them. */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Journal } from "../journal/Journal.js"
import type { RunRow } from "../journal/RunIndex.js"
import type { FixtureError } from "../testing/Fixture.js"
import { cliErrors } from "./codes/Cli.js"
import { ledgerErrors } from "./codes/Ledger.js"
import { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"

export interface Opened {
  readonly journal: Journal["Type"]
  readonly row: RunRow
}

/** The run in a file, verified, in a journal of its own. `shown`: the file as it is named to people. */
export const open = (file: string, shown: string): Effect.Effect<Opened, Fault, FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const Fixture = yield* Effect.promise(() => import("../testing/Fixture.js"))
    const copy = yield* Effect.mapError(Fixture.load(file), fault(shown))
    const journal = yield* Effect.mapError(Fixture.open(copy), Faults.journal)
    const row = yield* Effect.mapError(journal.run(copy.run), Faults.journal)
    if (Option.isSome(row)) return { journal, row: row.value }
    return yield* new Fault({ ...ledgerErrors.Broken, text: "it holds no run", location: { file: shown } })
  })

const fault =
  (file: string) =>
  ({ detail, reason, run }: FixtureError): Fault =>
    reason === "Unreadable"
      ? new Fault({ ...cliErrors.File, text: detail, location: { file } })
      : new Fault({ ...ledgerErrors.Broken, text: detail, location: { file, run } })
