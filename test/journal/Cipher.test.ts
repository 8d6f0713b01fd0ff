import { randomBytes } from "node:crypto"
import { assert, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Cipher from "../../src/journal/Cipher.js"

const make = () => Cipher.make(randomBytes(32), randomBytes)
const bytes = FastCheck.uint8Array({ maxLength: 200 })

it.prop(
  "what was sealed is opened for its place, by whoever has the key",
  { bytes, bound: FastCheck.string() },
  (given) => {
    const key = randomBytes(32)
    const sealed = Cipher.make(key, randomBytes).seal(given.bytes, given.bound)
    const opened = Cipher.make(key, randomBytes).open(sealed, given.bound)
    assert.deepStrictEqual(opened && Uint8Array.from(opened), given.bytes)
    assert.strictEqual(sealed.length, given.bytes.length + Cipher.overheadBytes)
  }
)

it.prop("any single flipped bit is refused", { bytes: FastCheck.uint8Array({ maxLength: 40 }) }, (given) => {
  const cipher = make()
  const sealed = cipher.seal(given.bytes, "here")
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Uint8Array.from(sealed)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    assert.isUndefined(cipher.open(changed, "here"), `bit ${bit}`)
  }
})

it.prop("cut anywhere it is refused", { bytes }, (given) => {
  const cipher = make()
  const sealed = cipher.seal(given.bytes, "here")
  for (let length = 0; length < sealed.length; length++) {
    assert.isUndefined(cipher.open(sealed.subarray(0, length), "here"))
  }
})

it.prop(
  "for another place, or under another key, it is refused",
  { bytes, a: FastCheck.string(), b: FastCheck.string() },
  ({ a, b, bytes }) => {
    FastCheck.pre(a !== b)
    const cipher = make()
    assert.isUndefined(cipher.open(cipher.seal(bytes, a), b))
    assert.isUndefined(make().open(cipher.seal(bytes, a), a))
  }
)

it("no session and number come twice, however many journals seal under one key", () => {
  const key = randomBytes(32)
  const seen = new Set<string>()
  for (let process = 0; process < 20; process++) {
    const cipher = Cipher.make(key, randomBytes)
    for (let i = 0; i < 500; i++) {
      seen.add(Buffer.from(cipher.seal(new Uint8Array(0), "here").subarray(1, 23)).toString("hex"))
    }
  }
  assert.strictEqual(seen.size, 10_000)
})
