/**
 * The private key of a log, in a file for its owner only. It is made on first use; a store that knows a key which is not here
 * gets no other one by itself. The next key of a rotation stands beside it until the store knows it.
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import { type JournalError, KeyError, type KeyHolder, type LogKey, type Log as StoreLog } from "./Journal.js"
import * as Log from "./Log.js"
import * as SignedNote from "./SignedNote.js"

const next = (file: string): string => `${file}.next`

/** Where a log's key is, and what may be done with it. */
export interface KeyFile {
  readonly file: string
  /** Answers the key, making the first one. */
  readonly holder: KeyHolder
  /** The key that is there, if the store's last one is. */
  readonly find: (keys: ReadonlyArray<LogKey>) => Effect.Effect<SignedNote.Signer | undefined, KeyError>
  /** Goes on with a new key, which the last one vouches for; without that one only if `isLost` says that this is meant. */
  readonly renew: (
    log: StoreLog,
    options: { readonly isLost: boolean }
  ) => Effect.Effect<SignedNote.Signer, KeyError | JournalError>
}

export const make = (fs: FileSystem.FileSystem, path: Path.Path, file: string): KeyFile => {
  const unusable = (error: PlatformError) =>
    new KeyError({
      reason: "Unusable",
      detail: `the key of the ledger, ${file}, cannot be used: ${error._tag === "SystemError" ? error.reason : error.message}`
    })

  const read = (from: string): Effect.Effect<SignedNote.Signer | undefined, KeyError> =>
    Effect.gen(function* () {
      if (!(yield* Effect.mapError(fs.exists(from), unusable))) return undefined
      const signer = SignedNote.signerOf(yield* Effect.mapError(fs.readFileString(from), unusable))
      if (signer !== undefined) return signer
      return yield* new KeyError({ reason: "Unusable", detail: `${from} is no private Ed25519 key` })
    })

  /** Fails where there is a file already. */
  const placed = (draft: string, to: string): Effect.Effect<void, PlatformError> =>
    Effect.catchAll(fs.link(draft, to), (error) =>
      // Some file systems have no links.
      Effect.flatMap(fs.exists(to), (isThere) => (isThere ? Effect.fail(error) : fs.rename(draft, to)))
    )

  /** Whole or not at all, whatever happens meanwhile, and never over one that is there. */
  const write = (to: string): Effect.Effect<SignedNote.Signer, KeyError> =>
    Effect.gen(function* () {
      yield* Effect.mapError(fs.makeDirectory(path.dirname(to), { recursive: true }), unusable)
      const pem = SignedNote.generate()
      const signer = SignedNote.signerOf(pem)
      if (signer === undefined) return yield* Effect.dieMessage("a key that was made cannot be read")
      const draft = `${to}.${path.basename(signer.name)}`
      yield* fs.open(draft, { flag: "wx", mode: 0o600 }).pipe(
        Effect.flatMap((file) => Effect.zipRight(file.writeAll(new TextEncoder().encode(pem)), file.sync)),
        Effect.scoped,
        Effect.zipRight(placed(draft, to)),
        Effect.ensuring(Effect.ignore(fs.remove(draft, { force: true }))),
        Effect.mapError(unusable)
      )
      return signer
    })

  const isOf = (signer: SignedNote.Signer | undefined, key: LogKey): boolean =>
    signer !== undefined && SignedNote.showVerifier(signer) === key.verifier

  const find: KeyFile["find"] = (keys) =>
    Effect.gen(function* () {
      const last = keys.at(-1)
      const here = yield* read(file)
      if (last === undefined || isOf(here, last)) return here
      // A rotation was cut between its two halves.
      const successor = yield* read(next(file))
      if (!isOf(successor, last)) return undefined
      yield* Effect.mapError(fs.rename(next(file), file), unusable)
      return successor
    })

  return {
    file,
    find,
    holder: (keys) =>
      Effect.gen(function* () {
        const found = yield* find(keys)
        if (found !== undefined) return found
        // Two processes may be the first at once: the file of one of them stands, and the other reads it.
        if (keys.length === 0)
          return yield* Effect.orElse(write(file), () => Effect.flatMap(find(keys), orUnusable(file)))
        const isThere = (yield* read(file)) !== undefined
        return yield* new KeyError(
          isThere
            ? { reason: "Unknown", detail: `the key in ${file} is not the one that this log goes on with` }
            : { reason: "Lost", detail: `the key of this log is not at ${file}` }
        )
      }),
    renew: (log, { isLost }) =>
      Effect.gen(function* () {
        const keys = yield* log.keys
        const before = yield* find(keys)
        const last = keys.at(-1)
        if (before === undefined && last !== undefined && !isLost) {
          return yield* new KeyError({ reason: "Lost", detail: `the key of this log is not at ${file}` })
        }
        yield* Effect.mapError(fs.remove(next(file), { force: true }), unusable)
        const signer = yield* write(next(file))
        const verifier = SignedNote.showVerifier(signer)
        const vouched =
          before === undefined || last === undefined ? null : SignedNote.make(Log.vouchText(verifier), before)
        if (!(yield* log.addKey({ number: keys.length, verifier, vouched }))) {
          return yield* new KeyError({ reason: "Unknown", detail: "another process gave this log a key just now" })
        }
        yield* Effect.mapError(fs.rename(next(file), file), unusable)
        return signer
      })
  }
}

const orUnusable =
  (file: string) =>
  (signer: SignedNote.Signer | undefined): Effect.Effect<SignedNote.Signer, KeyError> =>
    signer === undefined
      ? Effect.fail(new KeyError({ reason: "Unusable", detail: `the key of the ledger could not be made at ${file}` }))
      : Effect.succeed(signer)
