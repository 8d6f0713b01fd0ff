import { assert, it } from "@effect/vitest"
import { sha256 } from "@noble/hashes/sha2"
import { bytesToHex } from "@noble/hashes/utils"
import { FastCheck as fc, Schema } from "effect"
import * as Digest from "../../src/domain/Digest.js"
import { canonical } from "../../src/domain/Json.js"

it("is SHA-256 of the UTF-8 text: the examples of FIPS 180-4", () => {
  assert.strictEqual(Digest.ofText(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  assert.strictEqual(Digest.ofText("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
})

it("agrees with another implementation, over canonical text", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const json = JSON.parse(JSON.stringify(value))
      assert.strictEqual(Digest.of(json), bytesToHex(sha256(new TextEncoder().encode(canonical(json)))))
    })
  )
})

it("does not depend on the order of keys", () => {
  assert.strictEqual(Digest.of({ a: 1, b: [2] }), Digest.of({ b: [2], a: 1 }))
  assert.notStrictEqual(Digest.of({ a: 1 }), Digest.of({ a: "1" }))
})

it("is 64 lower-case hexadecimal digits", () => {
  const is = Schema.is(Digest.Digest)
  assert.isTrue(is(Digest.of(null)))
  for (const text of ["", "a".repeat(63), "a".repeat(65), "A".repeat(64), `${"a".repeat(64)}\n`])
    assert.isFalse(is(text))
})
