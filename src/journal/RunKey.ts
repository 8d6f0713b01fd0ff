/**
 * The key of a run. What a backend stores of it is 32 bytes where the run is not encrypted: they key the addresses of its
 * blobs. Where it is, it is those and the key that its payloads are sealed with, sealed together under a wrapping key.
 */
import * as Option from "effect/Option"
import * as Cipher from "./Cipher.js"
import { fingerprintBytes, type WrappingKey } from "./Encryption.js"

/** Of the addresses of blobs. */
export const addressBytes = 32

/** What is sealed: the key of the addresses, and that of the payloads. */
export interface RunKey {
  readonly address: Uint8Array
  readonly data: Uint8Array
}

/** As it is stored. */
export interface Wrapped {
  /** Of the wrapping key. */
  readonly id: string
  readonly fingerprint: Buffer
  readonly sealed: Buffer
}

const version = 1

export const isPlain = (stored: Uint8Array): boolean => stored.length === addressBytes

/** None: it is nothing that this version of flujo knows. */
export const parse = (stored: Uint8Array): Option.Option<Wrapped> => {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength)
  const idStart = 2 + fingerprintBytes
  const idEnd = idStart + (bytes[1 + fingerprintBytes] ?? 0)
  return bytes[0] !== version || bytes.length !== idEnd + Cipher.overheadBytes + addressBytes + Cipher.keyBytes
    ? Option.none()
    : Option.some({
        id: bytes.toString("latin1", idStart, idEnd),
        fingerprint: bytes.subarray(1, 1 + fingerprintBytes),
        sealed: bytes.subarray(idEnd)
      })
}

export const wrap = ({ address, data }: RunKey, by: WrappingKey, bound: string): Uint8Array =>
  Buffer.concat([
    Buffer.of(version),
    by.fingerprint,
    Buffer.of(by.id.length),
    Buffer.from(by.id, "latin1"),
    by.cipher.seal(Buffer.concat([address, data]), bound)
  ])

export const isBy = ({ fingerprint }: Wrapped, key: WrappingKey): boolean => fingerprint.equals(key.fingerprint)

/** Undefined: it is not what this key sealed for this run. */
export const unwrap = ({ sealed }: Wrapped, by: WrappingKey, bound: string): RunKey | undefined => {
  const both = by.cipher.open(sealed, bound)
  return both === undefined ? undefined : { address: both.subarray(0, addressBytes), data: both.subarray(addressBytes) }
}

/** `2026-01 (5f0c1e22…)`: which key it is, for people. */
export const show = ({ fingerprint, id }: Pick<Wrapped, "id" | "fingerprint">): string =>
  `${id} (${fingerprint.toString("hex")})`
