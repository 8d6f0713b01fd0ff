/** Wrapping keys for tests. */
import * as Redacted from "effect/Redacted"
import * as Encryption from "../../src/journal/Encryption.js"

export const first = { id: "first", key: Redacted.make("01".repeat(32)) }
export const second = { id: "second", key: Redacted.make(Buffer.alloc(32, 2).toString("base64")) }

export const encryption = Encryption.of(first)
