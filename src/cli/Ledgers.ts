/** What the commands of the ledger have in common: roots as they are typed and shown, and files that are written. */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Json } from "../domain/Json.js"
import type { JournalError, Root } from "../journal/Journal.js"
import * as Ledger from "../journal/Ledger.js"
import { cliErrors } from "./codes/Cli.js"
import { ledgerErrors } from "./codes/Ledger.js"
import { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"

/** `SIZE:HASH`, as `showRoot` shows it. */
export const roots = (typed: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Root>, Fault> =>
  Effect.forEach(typed, (text) => {
    const found = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text)
    return found === null
      ? Effect.fail(
          new Fault({
            ...cliErrors.BadValue,
            text: "--root: a root is the number of its entries, a colon, and 64 digits of hexadecimal",
            hint: "flujo ledger verify RUN shows it"
          })
        )
      : Effect.succeed({ size: Number(found[1]), root: found[2]! })
  })

export const showRoot = ({ root, size }: Root): string => `${size}:${root}`

/** `run`: undefined where not even that could be read. */
export const broken = (
  run: string | undefined,
  bad: Ledger.Bad,
  more: { readonly first?: string; readonly details?: Json; readonly file?: string } = {}
) =>
  new Fault({
    ...ledgerErrors.Broken,
    text: `${more.first ?? ""}${run === undefined ? "" : `run ${run}: `}${Ledger.describe(bad)}`,
    details: more.details,
    location: { run, file: more.file }
  })

/** Writes a file that is not there yet, from the working folder on; answers its path. Cut short, it is removed. */
export const write = (
  cwd: string,
  named: string,
  text: Stream.Stream<string, JournalError>
): Effect.Effect<string, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.resolve(cwd, named)
    const refused = (error: PlatformError) => {
      const reason = error._tag === "SystemError" ? error.reason : error.message
      return new Fault({
        ...cliErrors.File,
        text: reason === "AlreadyExists" ? "the file is there already" : `the file was not written: ${reason}`,
        hint: "name another one with --out",
        location: { file }
      })
    }
    // Made by itself, so that what was there before is never removed.
    yield* Effect.mapError(fs.writeFile(file, new Uint8Array(0), { flag: "wx", mode: 0o600 }), refused)
    yield* text.pipe(
      Stream.encodeText,
      Stream.mapError(Faults.journal),
      Stream.run(fs.sink(file, { flag: "a" })),
      Effect.mapError((error) => (error instanceof Fault ? error : refused(error))),
      Effect.onError(() => Effect.ignore(fs.remove(file)))
    )
    return file
  })
