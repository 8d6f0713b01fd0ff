/** What the commands of the ledger have in common: roots as they are typed and shown, and files that are written. */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Json } from "../domain/Json.js"
import type { JournalError, KeyError, Root } from "../journal/Journal.js"
import type * as KeyFile from "../journal/KeyFile.js"
import * as Ledger from "../journal/Ledger.js"
import type * as LogAudit from "../journal/LogAudit.js"
import * as SignedNote from "../journal/SignedNote.js"
import * as ProjectFile from "../project/ProjectFile.js"
import { cliErrors } from "./codes/Cli.js"
import { ledgerErrors } from "./codes/Ledger.js"
import { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import * as Workspace from "./Workspace.js"

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
  text: Stream.Stream<string, JournalError | Fault>
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
      Stream.mapError((error) => (error instanceof Fault ? error : Faults.journal(error))),
      Stream.run(fs.sink(file, { flag: "a" })),
      Effect.mapError((error) => (error instanceof Fault ? error : refused(error))),
      Effect.onError(() => Effect.ignore(fs.remove(file)))
    )
    return file
  })

/** The file of the private key of the log. */
export const keyFile = (
  workspace: Workspace.Workspace
): Effect.Effect<KeyFile.KeyFile, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.flatMap(Workspace.keyFile(workspace), (key) =>
    key === undefined
      ? Effect.fail(new Fault({ ...cliErrors.InMemory, text: "the state is memory://, so there is nothing to sign" }))
      : Effect.succeed(key)
  )

export const keyFault = ({ detail }: KeyError): Fault =>
  new Fault({ ...ledgerErrors.Key, text: detail, hint: "flujo ledger keys shows what there is" })

export const sealFault = (error: KeyError | JournalError): Fault =>
  error._tag === "KeyError" ? keyFault(error) : Faults.journal(error)

/** What does not hold in the log, or between the log and a run. */
export const logBroken = ({ why }: LogAudit.Bad, run?: string): Fault =>
  new Fault({ ...ledgerErrors.Log, text: run === undefined ? why : `run ${run}: ${why}`, location: { run } })

/** What was kept elsewhere, as it is named on a command line. */
export const logClaims = (
  cwd: string,
  flags: { readonly checkpoint: Option.Option<string>; readonly key: Option.Option<string> }
): Effect.Effect<LogAudit.Claims, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const verifier = Option.map(flags.key, SignedNote.verifierOf)
    if (Option.isSome(verifier) && verifier.value === undefined) {
      return yield* new Fault({
        ...cliErrors.BadValue,
        text: "--key: this is no public key of a log",
        hint: "flujo ledger keys shows it: NAME+NUMBER+KEY"
      })
    }
    if (Option.isNone(flags.checkpoint)) return { verifier: Option.getOrUndefined(verifier) }
    const file = path.resolve(cwd, flags.checkpoint.value)
    const text = yield* Effect.mapError(ProjectFile.read(file, { sizeMax: checkpointBytesMax }), Faults.project)
    const checkpoint = SignedNote.parse(text.endsWith("\n\n") ? text.slice(0, -1) : text)
    if (checkpoint === undefined) {
      return yield* new Fault({ ...cliErrors.File, text: "the file holds no checkpoint", location: { file } })
    }
    return { checkpoint, verifier: Option.getOrUndefined(verifier) }
  })

const checkpointBytesMax = 64 * 1024
