/**
 * The keys that wrap the keys of runs. A wrapping key never touches what a run holds: it seals the run's own key, so that
 * another one can take its place without anything being written anew but that. Which key sealed something is told by a
 * fingerprint; its id is for people.
 *
 * ```ts
 * JournalSqlite.layer({ path: "state.db", encryption: Encryption.of({ id: "2026-01", key: Redacted.make(text) }) })
 * ```
 */
import { createHmac } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Cipher from "./Cipher.js"
import { JournalError } from "./Journal.js"

/** Where a key comes from. It is asked for when it is first needed, and once. */
export interface Source {
  /** As people call it: at most 64 letters, digits, `.`, `_` and `-`. */
  readonly id: string
  /** The key as text; see `parse`. */
  readonly key: Effect.Effect<Redacted.Redacted, JournalError>
}

export interface Encryption {
  /** Wraps the keys of new runs. */
  readonly current: Source
  /** Keys that others may still be wrapped with. */
  readonly old: ReadonlyArray<Source>
}

/** Keys that are at hand. */
export const of = (
  current: { readonly id: string; readonly key: Redacted.Redacted },
  old: ReadonlyArray<{ readonly id: string; readonly key: Redacted.Redacted }> = []
): Encryption => {
  const source = ({ id, key }: typeof current): Source => ({ id, key: Effect.succeed(key) })
  return { current: source(current), old: old.map(source) }
}

export const isId = (id: string): boolean => /^[A-Za-z0-9._-]{1,64}$/.test(id)

/** 32 bytes as 64 hexadecimal digits, or in Base64; undefined if it is anything else. Space around it does not count. */
export const parse = (text: string): Uint8Array | undefined => {
  const trimmed = text.trim()
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return Buffer.from(trimmed, "hex")
  const isBase64 = /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)
  return isBase64 ? Buffer.from(trimmed, "base64url") : undefined
}

export const fingerprintBytes = 8

/** A key that was read. */
export interface WrappingKey {
  readonly id: string
  readonly fingerprint: Buffer
  readonly cipher: Cipher.Cipher
}

/** Asks for the key of `source`. */
export const load = (
  { id, key }: Source,
  entropy: (size: number) => Uint8Array
): Effect.Effect<WrappingKey, JournalError> =>
  Effect.flatMap(key, (text) => {
    const bytes = isId(id) ? parse(Redacted.value(text)) : undefined
    return bytes === undefined
      ? new JournalError({
          reason: "Key",
          where: isId(id) ? `encryption key ${id}` : "encryption",
          detail: isId(id)
            ? "what is there is not a key: 32 bytes are wanted, as 64 hexadecimal digits or in Base64; make one with: openssl rand -hex 32"
            : "an id of a key has at most 64 letters, digits, '.', '_' and '-'"
        })
      : Effect.succeed({ id, fingerprint: fingerprintOf(bytes), cipher: Cipher.make(bytes, entropy) })
  })

/** Tells keys apart, and nothing about them. */
const fingerprintOf = (key: Uint8Array): Buffer =>
  createHmac("sha256", key).update("flujo fingerprint of a wrapping key").digest().subarray(0, fingerprintBytes)
