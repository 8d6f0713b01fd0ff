import { createRequire } from "node:module"
import { assert, describe, it } from "@effect/vitest"
import { blake3 } from "@noble/hashes/blake3"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import type * as Driver from "../../src/journal/Driver.js"
import * as Row from "../../src/journal/Row.js"
import * as Histories from "./Histories.js"

/** Its types and its module system do not agree. */
const canonicalize: (value: unknown) => string = createRequire(import.meta.url)("canonicalize")

const run = Histories.id("r1")
const owned = { run, epoch: 3, key: new Uint8Array(32).fill(7) }

let turn = 0
/** Another salt each time, and the same ones in every execution. */
const entropy = (size: number) => new Uint8Array(size).fill(++turn % 251)

const make = Row.make({ tenant: "clinic", payloadBytesMax: 200_000, entropy })

const encode = (codec: Row.Codec, staged: Parameters<Row.Codec["encode"]>[1], seq = 0) => {
  const unplaced = codec.encode(owned, staged)
  if (typeof unplaced === "number") throw new Error(`too large: ${unplaced}`)
  return { row: codec.place(unplaced, seq), bytes: unplaced.blob?.bytes }
}

const wrong = (codec: Row.Codec, row: Driver.Row, bytes?: Uint8Array): string => {
  const decoded = codec.decode(run, row, bytes)
  return Either.isLeft(decoded) ? decoded.left : "nothing"
}

describe("Row", () => {
  it.effect.prop(
    "what is encoded is decoded again",
    { staged: Histories.anyStaged, seq: FastCheck.nat() },
    ({ seq, staged }) =>
      Effect.gen(function* () {
        const codec = yield* make
        const { bytes, row } = encode(codec, staged, seq)
        const entry = Either.getOrThrowWith(codec.decode(run, row, bytes), (why) => new Error(why))
        const { event, ...where } = entry
        assert.deepStrictEqual(where, { run, seq, at: staged.at, epoch: 3 })
        assert.deepStrictEqual(Histories.plain(event), Histories.plain(staged.event))
      }),
    { fastCheck: { numRuns: 200 } }
  )

  it.effect.prop(
    "a head is canonical JSON and does not hold the payload",
    { staged: Histories.anyStaged },
    ({ staged }) =>
      Effect.gen(function* () {
        const { row } = encode(yield* make, staged)
        assert.strictEqual(row.head, canonicalize(JSON.parse(row.head)))
        assert.notProperty(JSON.parse(row.head), "payload")
        assert.strictEqual("commitment" in JSON.parse(row.head), staged.payload !== undefined)
      })
  )

  it.effect.prop(
    "a commitment is keyed BLAKE3 of the payload, its salt the key, as another implementation has it",
    { text: FastCheck.string({ unit: "binary" }) },
    ({ text }) =>
      Effect.gen(function* () {
        const { row } = encode(yield* make, Histories.large(0, 1, text))
        const expected = blake3(utf8ToBytes(row.payload!), { key: row.salt! })
        assert.strictEqual(JSON.parse(row.head).commitment, bytesToHex(expected))
      })
  )

  it.effect("a payload above 64 KiB becomes a blob, whose address is keyed by the run", () =>
    Effect.gen(function* () {
      const codec = yield* make
      for (const content of ["x", "é", "𐍈"]) {
        const { bytes, row } = encode(codec, Histories.large(0, 70_000 / content.length, content))
        assert.isNull(row.payload)
        assert.strictEqual(row.blob, bytesToHex(blake3(bytes!, { key: owned.key })))
        assert.isTrue(Either.isRight(codec.decode(run, row, bytes)))
      }
      const justFits = encode(codec, Histories.large(0, Row.inlineBytesMax - '{"output":{"value":""}}'.length))
      assert.isNull(justFits.row.blob)
      const tooLong = encode(codec, Histories.large(0, Row.inlineBytesMax - '{"output":{"value":""}}'.length + 1))
      assert.isNotNull(tooLong.row.blob)
    })
  )

  it.effect("a payload over the limit is measured and not encoded", () =>
    Effect.gen(function* () {
      const codec = yield* make
      const staged = Histories.large(0, 100_001, "é")
      assert.strictEqual(codec.encode(owned, staged), Buffer.byteLength(staged.payload!))
    })
  )

  it.effect("whatever was changed is found, and its content is not repeated", () =>
    Effect.gen(function* () {
      const codec = yield* make
      const { row } = encode(codec, Histories.large(0, 10, "secret"), 4)
      // The longest that stands in a row.
      const spare = Row.inlineBytesMax - row.payload!.length
      const full = encode(codec, Histories.large(0, 10 * "secret".length + spare, "x"), 4).row
      assert.strictEqual(full.payload!.length, Row.inlineBytesMax)
      const head = JSON.parse(row.head)
      const changed = (part: object): Driver.Row => ({ ...row, head: JSON.stringify({ ...head, ...part }) })
      const messages = [
        wrong(codec, { ...row, payload: row.payload!.replace("s", "z") }),
        wrong(codec, { ...row, salt: new Uint8Array(32) }),
        wrong(codec, { ...row, salt: null }),
        wrong(codec, { ...row, salt: Uint8Array.of(...row.salt!, 0) }),
        wrong(codec, { ...row, salt: row.salt!.subarray(0, 31) }),
        wrong(codec, { ...row, payload: `${row.payload} ` }),
        wrong(codec, { ...full, payload: `${full.payload} ` }),
        wrong(codec, { ...row, payload: null }),
        wrong(codec, { ...row, payload: null, blob: "00" }),
        wrong(codec, { ...row, head: row.head.slice(1) }),
        wrong(codec, { ...row, head: "null" }),
        wrong(codec, { ...row, seq: 5 }),
        wrong(codec, changed({ tenant: "other" })),
        wrong(codec, changed({ run: "r2" })),
        wrong(codec, changed({ kind: "Nonsense" })),
        wrong(codec, changed({ kind: "toString" })),
        wrong(codec, changed({ kind: "StepFailed" })),
        wrong(codec, changed({ path: "a//b" })),
        wrong(codec, changed({ at: 1.5 })),
        wrong(codec, changed({ data: { more: 1 } })),
        wrong(codec, changed({ more: 1 })),
        wrong(codec, changed({ commitment: undefined }))
      ]
      for (const [i, message] of messages.entries()) {
        assert.notStrictEqual(message, "nothing", `change ${i}`)
        assert.notInclude(message, "secret")
      }
    })
  )
})
