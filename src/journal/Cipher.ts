/**
 * AES-256-GCM under one key, for any number of texts. No nonce is ever used twice: whoever seals makes a session key of
 * the key and a random salt (HKDF-SHA-256) and counts its nonces, so that two processes, or one before and after a crash,
 * never meet under one session key, and what is sealed again is sealed with the next number.
 *
 * What was sealed is bound to the place that it was sealed for: opened for another one, or changed in any bit, it is refused.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from "node:crypto"

export interface Cipher {
  /** Of `plain`, for the place `bound`. */
  readonly seal: (plain: Uint8Array, bound: string) => Uint8Array
  /** Undefined: this is not what was sealed under this key for this place. */
  readonly open: (sealed: Uint8Array, bound: string) => Buffer | undefined
}

export const keyBytes = 32

const version = 1
const saltBytes = 16
const counterBytes = 6
const nonceBytes = 12
const tagBytes = 16
const headBytes = 1 + saltBytes + counterBytes

/** By so much it grows. */
export const overheadBytes = headBytes + tagBytes

/** Far below what one key of GCM may seal. */
const sealedMax = 2 ** 32

/** Sessions that are remembered for opening: one for each process that wrote in a run. */
const sessionsMax = 64

/** `entropy`: bytes that nobody can guess, and that are not answered twice. */
export const make = (key: Uint8Array, entropy: (size: number) => Uint8Array): Cipher => {
  const secret = createSecretKey(key)
  const sessionKey = (salt: Uint8Array): KeyObject =>
    createSecretKey(new Uint8Array(hkdfSync("sha256", secret, salt, "flujo session", keyBytes)))

  let own: { readonly salt: Uint8Array; readonly key: KeyObject; count: number } | undefined
  const known = new Map<string, KeyObject>()

  const session = () => {
    if (own === undefined || own.count >= sealedMax) {
      const salt = Uint8Array.from(entropy(saltBytes))
      own = { salt, key: sessionKey(salt), count: 0 }
    }
    return own
  }

  const sessionOf = (salt: Buffer): KeyObject => {
    const name = salt.toString("latin1")
    let found = known.get(name)
    if (found === undefined) {
      found = sessionKey(salt)
      if (known.size >= sessionsMax) known.clear()
      known.set(name, found)
    }
    return found
  }

  return {
    seal: (plain, bound) => {
      const { count, key, salt } = session()
      own!.count += 1
      const sealed = Buffer.allocUnsafe(overheadBytes + plain.length)
      sealed[0] = version
      sealed.set(salt, 1)
      sealed.writeUIntBE(count, 1 + saltBytes, counterBytes)
      const cipher = createCipheriv("aes-256-gcm", key, nonceOf(sealed), { authTagLength: tagBytes })
      cipher.setAAD(Buffer.from(bound))
      sealed.set(cipher.update(plain), headBytes)
      // In this mode nothing is left to come at the end.
      cipher.final()
      sealed.set(cipher.getAuthTag(), headBytes + plain.length)
      return sealed
    },
    open: (given, bound) => {
      if (given.length < overheadBytes || given[0] !== version) return undefined
      const sealed = Buffer.from(given.buffer, given.byteOffset, given.byteLength)
      const end = sealed.length - tagBytes
      const decipher = createDecipheriv("aes-256-gcm", sessionOf(sealed.subarray(1, 1 + saltBytes)), nonceOf(sealed), {
        authTagLength: tagBytes
      })
      decipher.setAAD(Buffer.from(bound))
      decipher.setAuthTag(sealed.subarray(end))
      const plain = decipher.update(sealed.subarray(headBytes, end))
      try {
        decipher.final()
        return plain
      } catch {
        return undefined
      }
    }
  }
}

const nonceOf = (sealed: Buffer): Buffer => {
  const nonce = Buffer.alloc(nonceBytes)
  sealed.copy(nonce, nonceBytes - counterBytes, 1 + saltBytes, headBytes)
  return nonce
}
