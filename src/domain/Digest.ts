/** SHA-256 of canonical bytes, in lower-case hexadecimal: names of plans, requests and idempotency keys. */
import { createHash } from "node:crypto"
import * as Schema from "effect/Schema"
import { canonical, type Json } from "./Json.js"

export const Digest = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/), Schema.brand("flujo/Digest"))
export type Digest = typeof Digest.Type

export const ofText = (text: string): Digest => createHash("sha256").update(text, "utf8").digest("hex") as Digest

export const of = (value: Json): Digest => ofText(canonical(value))
