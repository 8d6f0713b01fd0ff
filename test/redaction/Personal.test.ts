import { assert, describe, it } from "@effect/vitest"
import * as Personal from "../../src/redaction/Personal.js"

const found = (text: string, ...kinds: ReadonlyArray<Personal.Kind>) =>
  Personal.find(text, kinds.length === 0 ? Personal.kinds : kinds).map(
    ({ from, kind, to }) => `${kind} ${text.slice(from, to)}`
  )

describe("what is personal in a text", () => {
  it("is found by its form, and where it has a check digit by that too", () => {
    assert.deepStrictEqual(found("Write to ada.l+x@mail.example.org, or béa@exämple.fr."), [
      "emails ada.l+x@mail.example.org",
      "emails béa@exämple.fr"
    ])
    assert.deepStrictEqual(found("Call +47 22 33 44 55 or (555) 123-4567."), [
      "phones +47 22 33 44 55",
      "phones (555) 123-4567"
    ])
    assert.deepStrictEqual(found("4111 1111 1111 1111 and 4111 1111 1111 1112"), ["cards 4111 1111 1111 1111"])
    assert.deepStrictEqual(found("GB82 WEST 1234 5698 7654 32 and GB83 WEST 1234 5698 7654 32"), [
      "ibans GB82 WEST 1234 5698 7654 32"
    ])
    assert.deepStrictEqual(found("4111111111111111 192.168.0.1 and 1 4111111111111111 12"), [
      "cards 4111111111111111",
      "ips 192.168.0.1",
      "cards 4111111111111111"
    ])
    assert.deepStrictEqual(found("GB82 WEST 1234 5698 7654 32 AND MORE"), ["ibans GB82 WEST 1234 5698 7654 32"])
    assert.deepStrictEqual(found("from 192.168.0.1, not 1.2.3.4.5 or 999.1.1.1"), ["ips 192.168.0.1"])
    assert.deepStrictEqual(found("the key is sk-abcdefghijklmnopqrstuvwx0123456789"), [
      "secrets sk-abcdefghijklmnopqrstuvwx0123456789"
    ])
  })

  it("is not what only looks a little like it, nor of a kind that is not asked for", () => {
    assert.deepStrictEqual(found("On 2026-11-25 at 10:25 we sold 1,000,000 at 3.5% (order 1234567890123)."), [])
    assert.deepStrictEqual(found("a@b, @handle, 12 34 56"), [])
    assert.deepStrictEqual(found("ada@example.org", "phones"), [])
  })

  it("is looked for in time in proportion to the text", () => {
    for (const part of ["1 ", "a@", "+1 ", "GB82 ", "1.", "a.a.", "[EMAIL_1]"]) {
      assert.isArray(Personal.find(part.repeat(20_000), Personal.kinds))
    }
  })
})
