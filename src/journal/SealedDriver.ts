/**
 * Encryption at rest, between a journal and whatever it is kept in. What a run holds passes here: payloads with their salts,
 * blobs, letters and answers of cached steps are sealed under the run's own key on their way in, and opened on their way
 * out. Heads, roots and the lists of runs and tasks pass as they are, so that lists and the ledger need no key.
 *
 * Each thing that is sealed is bound to its place: the store's tenant, the run, what it is of the run, and which one.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { RunId } from "../domain/RunId.js"
import type { Cipher } from "./Cipher.js"
import * as Commitment from "./Commitment.js"
import type { Answer, Driver, LetterRow, Row, Slice, Unread, Writing } from "./Driver.js"
import { JournalError } from "./Journal.js"
import * as Keyring from "./Keyring.js"

export interface Sealed {
  readonly driver: Driver
  readonly keyring: Keyring.Keyring
}

export const make = (driver: Driver, options: Keyring.Options): Sealed => {
  const keyring = Keyring.make(driver, options)
  const { encryption, tenant } = options

  // Neither what it is nor the id of a run has a space in it, so no two places have one text.
  const ofTenant = JSON.stringify(["flujo", tenant])
  const bound = (run: string, what: "entry" | "salt" | "blob" | "letter" | "kept", which: string): string =>
    `${ofTenant} ${what} ${run} ${which}`

  const sealRow = (run: RunId, cipher: Cipher, row: Row): Row => {
    const { blob, payload, salt, seq } = row
    if (salt === null) return row
    if (payload === null) {
      return { seq, head: row.head, payload, salt: cipher.seal(salt, bound(run, "salt", String(seq))), blob }
    }
    // Salt and payload in one: one nonce, one tag, and bytes where text would be a third longer.
    const both = Buffer.concat([salt, Buffer.from(payload)])
    return { seq, head: row.head, payload: null, salt: cipher.seal(both, bound(run, "entry", String(seq))), blob }
  }

  const sealWriting = (run: RunId, cipher: Cipher, { blobs, changes, letters, roots, rows }: Writing): Writing => ({
    rows: rows.map((row) => sealRow(run, cipher, row)),
    roots,
    blobs: blobs.map(({ address, bytes }) => ({ address, bytes: cipher.seal(bytes, bound(run, "blob", address)) })),
    letters,
    changes
  })

  const sealSlice = (slice: Slice, key: Keyring.Opened & { readonly stored?: Uint8Array }): Slice => {
    const { acquire, epoch, rest, run } = slice
    const { cipher, stored } = key
    if (cipher === undefined) return slice
    const { blobs, changes, letters, roots, rows } = sealWriting(run, cipher, slice)
    // Field by field, as in `Writer`: this is done for every commit.
    return {
      run,
      epoch,
      acquire: acquire === undefined || stored === undefined ? acquire : { ...acquire, key: stored },
      rows,
      roots,
      blobs,
      letters,
      changes,
      rest: rest?._tag === "Park" ? { _tag: "Park", writing: sealWriting(run, cipher, rest.writing) } : rest
    }
  }

  const commit = (slices: ReadonlyArray<Slice>): Effect.Effect<ReadonlyArray<Answer>, JournalError> =>
    Effect.gen(function* () {
      const keys: Array<Keyring.Opened & { readonly stored?: Uint8Array }> = []
      for (const { acquire, run } of slices) {
        const known = acquire === undefined ? keyring.peek(run) : undefined
        if (known !== undefined) keys.push(known)
        else if (acquire !== undefined) keys.push(yield* keyring.born(run, acquire.key))
        // Without its lease nothing of it is written, whatever is sent.
        else keys.push((yield* keyring.forWriting(run)) ?? (yield* gone(run)))
      }
      const answers = yield* driver.commit(slices.map((slice, i) => sealSlice(slice, keys[i]!)))
      for (const [i, { acquire, run }] of slices.entries()) {
        // What was not written has no key: an id that is taken is another run's.
        const tag = answers[i]?._tag
        const isWritten = tag === "Written" || tag === "LettersWaiting"
        if (acquire !== undefined && isWritten) keyring.remember(run, keys[i]!)
      }
      return answers
    })

  const openRow = (run: RunId, cipher: Cipher, row: Row): Row => {
    const { blob, seq } = row
    const salt = row.salt!
    if (blob !== null) {
      const plain = cipher.open(salt, bound(run, "salt", String(seq)))
      return plain === undefined ? unread(row, changed) : { ...row, salt: plain }
    }
    const both = cipher.open(salt, bound(run, "entry", String(seq)))
    if (both === undefined) return unread(row, changed)
    return {
      seq,
      head: row.head,
      payload: both.toString("utf8", Commitment.saltBytes),
      salt: both.subarray(0, Commitment.saltBytes),
      blob
    }
  }

  const select: Driver["select"] = (page) =>
    Effect.gen(function* () {
      const { run } = page
      const rows = yield* driver.select(page)
      if (!rows.some(isSealed)) return rows
      const found = yield* Effect.either(cipherOf(run))
      if (Either.isRight(found)) return rows.map((row) => (isSealed(row) ? openRow(run, found.right, row) : row))
      const { detail: why, reason } = found.left
      if (reason !== "Key" && reason !== "Corrupt") return yield* Effect.fail(found.left)
      return rows.map((row) => (isSealed(row) ? unread(row, { reason, why }) : row))
    })

  /** Of a run that holds something sealed. */
  const cipherOf = (run: RunId): Effect.Effect<Cipher, JournalError> =>
    Effect.flatMap(keyring.find(run), (found) =>
      found?.cipher === undefined ? gone(run) : Effect.succeed(found.cipher)
    )

  const blob: Driver["blob"] = (key) =>
    Effect.gen(function* () {
      const bytes = yield* driver.blob(key)
      const found = bytes === undefined ? undefined : yield* keyring.find(key.run)
      if (bytes === undefined || found?.cipher === undefined) return bytes
      // Written before the run was encrypted, it is as it was; what it should be, the entry's commitment says.
      return found.cipher.open(bytes, bound(key.run, "blob", key.address)) ?? bytes
    })

  const sealText = (cipher: Cipher, text: string, place: string): string =>
    sealedPrefix + Buffer.from(cipher.seal(Buffer.from(text), place)).toString("base64")

  const openText = (cipher: Cipher, text: string, place: string): string | undefined =>
    cipher.open(Buffer.from(text.slice(sealedPrefix.length), "base64"), place)?.toString()

  const openLetter = (run: RunId, row: LetterRow): Effect.Effect<LetterRow, JournalError> =>
    row.data.startsWith(sealedPrefix)
      ? Effect.flatMap(cipherOf(run), (cipher) => {
          const data = openText(cipher, row.data, bound(run, "letter", row.id))
          return data === undefined
            ? refuse(run, "Corrupt", `its letter ${row.id} was changed, or belongs elsewhere`)
            : Effect.succeed({ ...row, data })
        })
      : Effect.succeed(row)

  return {
    keyring,
    driver: {
      ...driver,
      commit: encryption === undefined ? driver.commit : commit,
      select,
      blob,
      runKey: (run) => Effect.map(keyring.find(run), (key) => key?.address),
      take: (wish) =>
        Effect.gen(function* () {
          // Before anything changes hands: who cannot read the run cannot drive it. Another process may have erased one
          // whose key is remembered here.
          const isThere = (yield* driver.runKey(wish.run)) !== undefined
          const key = isThere ? yield* keyring.forWriting(wish.run) : undefined
          if (key === undefined) {
            const row = yield* driver.run(wish.run)
            return yield* row?.status === "erased" ? erased(wish.run) : gone(wish.run)
          }
          const taken = yield* driver.take(wish)
          return taken && { ...taken, key: key.address }
        }),
      deliver: (letter) =>
        Effect.gen(function* () {
          const { data, id, run } = letter
          const key = yield* keyring.forWriting(run)
          // Nothing is sent in the clear to a run that may come to be just now.
          if (key === undefined && (yield* driver.run(run)) === undefined) return { _tag: "Unknown" }
          const cipher = key?.cipher
          const sent =
            cipher === undefined ? letter : { ...letter, data: sealText(cipher, data, bound(run, "letter", id)) }
          const delivery = yield* driver.deliver(sent)
          return delivery._tag === "Taken" ? { ...delivery, first: yield* openLetter(run, delivery.first) } : delivery
        }),
      erase: (erasing) => Effect.tap(driver.erase(erasing), () => Effect.sync(() => keyring.forget(erasing.run))),
      letters: (run) =>
        Effect.flatMap(driver.letters(run), (rows) => Effect.forEach(rows, (row) => openLetter(run, row))),
      keep: (row, max) =>
        Effect.gen(function* () {
          const key = yield* keyring.forWriting(row.run)
          if (key === undefined) return
          const { cipher } = key
          if (cipher === undefined) return yield* driver.keep(row, max)
          yield* driver.keep({ ...row, value: sealText(cipher, row.value, bound(row.run, "kept", row.key)) }, max)
        }),
      recall: (key) =>
        Effect.gen(function* () {
          const row = yield* driver.recall(key)
          if (row === undefined || !row.value.startsWith(sealedPrefix)) return row
          const cipher = (yield* keyring.find(row.run))?.cipher
          // What cannot be opened is not there, as what cannot be read: the step is asked itself.
          const value = cipher && openText(cipher, row.value, bound(row.run, "kept", row.key))
          return value === undefined ? undefined : { ...row, value }
        })
    }
  }
}

/** No JSON begins so. */
const sealedPrefix = "sealed:"

/** A salt that is not sealed has one size, and what is sealed is longer than it. */
const isSealed = ({ payload, salt }: Row): boolean =>
  payload === null && salt !== null && salt.length > Commitment.saltBytes

const changed: Unread = { reason: "Corrupt", why: "what was encrypted there was changed, or belongs elsewhere" }

const unread = ({ blob, head, seq }: Row, why: Unread): Row => ({
  seq,
  head,
  payload: null,
  salt: null,
  blob,
  unread: why
})

const refuse = (run: RunId, reason: JournalError["reason"], detail: string): JournalError =>
  new JournalError({ reason, where: `run ${run}`, detail })

const gone = (run: RunId): JournalError => refuse(run, "Corrupt", "its key is missing")

const erased = (run: RunId): JournalError =>
  refuse(run, "Erased", "what was said in it was erased, so that nobody can go on with it")
