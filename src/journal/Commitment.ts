/**
 * What an entry's head holds instead of its payload: BLAKE3 in its keyed mode, the random salt of the payload as key.
 * Without the salt nobody can try out what the payload may have been, so erasing both leaves a head that still stands in
 * the ledger and says nothing; with it, nobody can find another payload for the same commitment.
 */
import * as Effect from "effect/Effect"

/** Of a salt. */
export const saltBytes = 32

export interface Commitment {
  /** In lower-case hexadecimal. The salt must have its size. */
  readonly of: (salt: Uint8Array, bytes: Uint8Array) => string
}

export const make: Effect.Effect<Commitment> = Effect.suspend(() => {
  made ??= load()
  return Effect.promise(() => made!)
})

let made: Promise<Commitment> | undefined

/** One for the process: making a hasher takes milliseconds and is asynchronous, using it is neither. */
const load = async (): Promise<Commitment> => {
  const { createBLAKE3 } = await import("hash-wasm")
  // A hasher reads its key again at each `init`, from the bytes that it was made with: these.
  const key = new Uint8Array(saltBytes)
  const hasher = await createBLAKE3(256, key)
  return {
    of: (salt, bytes) => {
      key.set(salt)
      return hasher.init().update(bytes).digest("hex")
    }
  }
}
