/**
 * The keys of the runs of one store, opened with the wrapping keys that are given; those of late are remembered. Nothing is
 * asked of a wrapping key before something encrypted is met, or is to be made.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { RunId } from "../domain/RunId.js"
import * as Cipher from "./Cipher.js"
import type { Driver } from "./Driver.js"
import * as Encryption from "./Encryption.js"
import { JournalError, type StoreEncryption } from "./Journal.js"
import * as RunKey from "./RunKey.js"

/** `cipher`: of what the run holds; undefined if it is not encrypted. */
export interface Opened {
  readonly address: Uint8Array
  readonly cipher: Cipher.Cipher | undefined
}

export interface Born extends Opened {
  /** What the backend stores. */
  readonly stored: Uint8Array
}

export interface Options {
  readonly encryption: Encryption.Encryption | undefined
  readonly tenant: string
  readonly entropy: (size: number) => Uint8Array
}

export interface Keyring {
  /** One that is remembered. */
  readonly peek: (run: RunId) => Opened | undefined
  /** Undefined: there is no such run, or nothing is left of its key. */
  readonly find: (run: RunId) => Effect.Effect<Opened | undefined, JournalError>
  /** As `find`; a run that is not encrypted is from here on, if there is a key to do it with. */
  readonly forWriting: (run: RunId) => Effect.Effect<Opened | undefined, JournalError>
  /** Of a run that is to be, its addresses keyed by `address`; not remembered before `remember`. */
  readonly born: (run: RunId, address: Uint8Array) => Effect.Effect<Born, JournalError>
  readonly remember: (run: RunId, opened: Opened) => void
  readonly forget: (run: RunId) => void
  readonly store: StoreEncryption
}

const rememberedMax = 10_000

export const make = (driver: Driver, { encryption, entropy, tenant }: Options): Keyring => {
  const opened = new Map<RunId, Opened>()
  const loaded = new Map<Encryption.Source, Encryption.WrappingKey>()

  const boundTo = (run: RunId): string => JSON.stringify(["flujo run key", tenant, run])

  const refuse = (run: RunId, reason: JournalError["reason"], detail: string): JournalError =>
    new JournalError({ reason, where: `run ${run}`, detail })

  const load = (source: Encryption.Source): Effect.Effect<Encryption.WrappingKey, JournalError> =>
    Effect.suspend(() => {
      const known = loaded.get(source)
      if (known !== undefined) return Effect.succeed(known)
      return Effect.tap(Encryption.load(source, entropy), (key) => Effect.sync(() => loaded.set(source, key)))
    })

  const current: Effect.Effect<Encryption.WrappingKey | undefined, JournalError> =
    encryption === undefined ? Effect.succeed(undefined) : load(encryption.current)

  /** The wrapping key that sealed it. Old ones are asked for only if it was none before. */
  const wrapperOf = (run: RunId, wrapped: RunKey.Wrapped): Effect.Effect<Encryption.WrappingKey, JournalError> =>
    Effect.gen(function* () {
      const name = RunKey.show(wrapped)
      if (encryption === undefined) {
        return yield* refuse(
          run,
          "Key",
          `it is encrypted with the key ${name}, and no key is given here: set encryption.key_file, key_env or key_command in flujo.toml`
        )
      }
      for (const source of [encryption.current, ...encryption.old]) {
        const key = yield* load(source)
        if (RunKey.isBy(wrapped, key)) return key
      }
      return yield* refuse(
        run,
        "Key",
        `it is encrypted with the key ${name}, which is none of those given here; list it under encryption.old in flujo.toml, or give the right one`
      )
    })

  const remember: Keyring["remember"] = (run, one) => {
    opened.delete(run)
    opened.set(run, one)
    if (opened.size <= rememberedMax) return
    const [oldest] = opened.keys()
    if (oldest !== undefined) opened.delete(oldest)
  }

  const open = (run: RunId, stored: Uint8Array): Effect.Effect<RunKey.RunKey | undefined, JournalError> =>
    Effect.gen(function* () {
      if (RunKey.isPlain(stored)) return undefined
      const wrapped = RunKey.parse(stored)
      if (Option.isNone(wrapped)) return yield* refuse(run, "Corrupt", "its key cannot be read")
      const by = yield* wrapperOf(run, wrapped.value)
      const key = RunKey.unwrap(wrapped.value, by, boundTo(run))
      return key ?? (yield* refuse(run, "Corrupt", "its key was changed, or is that of another run"))
    })

  const openedOf = ({ address, data }: RunKey.RunKey): Opened => ({ address, cipher: Cipher.make(data, entropy) })

  const find: Keyring["find"] = (run) =>
    Effect.gen(function* () {
      const known = opened.get(run)
      if (known !== undefined) return known
      const stored = yield* driver.runKey(run)
      if (stored === undefined) return undefined
      const key = yield* open(run, stored)
      const found = key === undefined ? { address: stored, cipher: undefined } : openedOf(key)
      // One that is not encrypted may be, by another process, the next time.
      if (key !== undefined) remember(run, found)
      return found
    })

  const forWriting: Keyring["forWriting"] = (run) =>
    Effect.gen(function* () {
      for (let round = 0; round < roundsMax; round++) {
        const found = yield* find(run)
        if (found === undefined || found.cipher !== undefined || encryption === undefined) return found
        const { stored, ...one } = yield* born(run, found.address)
        if (yield* driver.putRunKey({ run, seen: found.address, key: stored })) {
          remember(run, one)
          return one
        }
      }
      return yield* refuse(run, "Unavailable", "its key changed at every try; try again")
    })

  const born: Keyring["born"] = (run, address) =>
    Effect.map(current, (by) => {
      if (by === undefined) return { address, cipher: undefined, stored: address }
      const data = Uint8Array.from(entropy(Cipher.keyBytes))
      return { ...openedOf({ address, data }), stored: RunKey.wrap({ address, data }, by, boundTo(run)) }
    })

  /** False: the current key wraps it, or nothing does. */
  const rewrap = (run: RunId, stored: Uint8Array): Effect.Effect<boolean, JournalError> =>
    Effect.gen(function* () {
      const by = yield* current
      const wrapped = RunKey.isPlain(stored) ? Option.none() : RunKey.parse(stored)
      if (by === undefined || (Option.isSome(wrapped) && RunKey.isBy(wrapped.value, by))) return false
      const key = yield* open(run, stored)
      if (key === undefined) return false
      return yield* driver.putRunKey({ run, seen: stored, key: RunKey.wrap(key, by, boundTo(run)) })
    })

  const all: Stream.Stream<{ readonly run: RunId; readonly key: Uint8Array }, JournalError> =
    Stream.paginateChunkEffect(undefined, (after: RunId | undefined) =>
      Effect.map(driver.runKeys({ after, limit: pageRows }), (page) => [
        Chunk.unsafeFromArray(page),
        Option.fromNullable(page.length < pageRows ? undefined : page.at(-1)?.run)
      ])
    )

  return {
    peek: (run) => opened.get(run),
    find,
    forWriting,
    born,
    remember,
    forget: (run) => {
      opened.delete(run)
    },
    store: {
      // A map for each asking: what is counted into is not to be shared.
      runsByKey: Effect.suspend(() =>
        Stream.runFold(all, new Map<string | undefined, number>(), (counts, { key }) => {
          const name = nameOf(key)
          return counts.set(name, (counts.get(name) ?? 0) + 1)
        })
      ),
      keyOf: (run) => Effect.map(driver.runKey(run), (key) => key && nameOf(key)),
      rewrap: Stream.runFoldEffect(all, 0, (count, { key, run }) =>
        Effect.map(rewrap(run, key), (isNew) => (isNew ? count + 1 : count))
      ),
      ready: Effect.gen(function* () {
        const by = yield* current
        if (by === undefined) return
        // The newest run tells whether another key went by this one's name.
        const [newest] = yield* driver.runs({ limit: 1 })
        const stored = newest && (yield* driver.runKey(newest.run))
        const wrapped = stored === undefined || RunKey.isPlain(stored) ? Option.none() : RunKey.parse(stored)
        if (Option.isNone(wrapped) || wrapped.value.id !== by.id || RunKey.isBy(wrapped.value, by)) return
        return yield* new JournalError({
          reason: "Key",
          where: `encryption key ${by.id}`,
          detail: `the key that is given is ${RunKey.show(by)}, and this state was encrypted with ${RunKey.show(wrapped.value)}: give that one, or another id to a new one`
        })
      })
    }
  }
}

const pageRows = 1_000

const nameOf = (key: Uint8Array): string | undefined =>
  RunKey.isPlain(key) ? undefined : Option.match(RunKey.parse(key), { onNone: () => "?", onSome: RunKey.show })

/** Others may encrypt the same run at the same time, and are read again. */
const roundsMax = 8
