import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as PostgresUri from "../../src/domain/PostgresUri.js"

const parsed = (text: string): PostgresUri.PostgresUri =>
  Either.getOrThrowWith(PostgresUri.parse(text), ({ detail }) => new Error(detail))

const refusal = (text: string): string => {
  const found = PostgresUri.parse(text)
  assert.isTrue(Either.isLeft(found), text)
  return Either.isLeft(found) ? `${found.left.detail} ${found.left.hint ?? ""}` : ""
}

describe("Postgres URIs", () => {
  it("are read part by part, with defaults", () => {
    const { password, ...rest } = parsed("postgresql://ann:s%40cr%2Fet@db.example:6432/flujo_db")
    assert.strictEqual(password === undefined ? undefined : Redacted.value(password), "s@cr/et")
    assert.deepStrictEqual(rest, {
      host: "db.example",
      port: 6432,
      database: "flujo_db",
      user: "ann",
      tls: { mode: "disable", rootCert: undefined, cert: undefined, key: undefined },
      schema: "flujo",
      applicationName: "flujo",
      connectTimeoutMillis: 5000,
      connectionsMax: 10,
      shown: "postgresql://ann@db.example:6432/flujo_db"
    })
    assert.strictEqual(parsed("postgres://ann@host/db").port, 5432)
    assert.isUndefined(parsed("postgres://ann@host/db").password)
    assert.strictEqual(parsed("postgresql://ann@[::1]/db").host, "::1")
    assert.strictEqual(parsed("postgresql://ann@[::1]/db").shown, "postgresql://ann@[::1]:5432/db")
  })

  it("take parameters, and only those that mean something", () => {
    const all = parsed(
      "postgresql://ann@host/db?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem&schema=other&application_name=night&connect_timeout=9&pool_max_conns=4"
    )
    assert.deepStrictEqual(all.tls, { mode: "verify-full", rootCert: "/ca.pem", cert: "/c.pem", key: "/k.pem" })
    assert.deepInclude(all, {
      schema: "other",
      applicationName: "night",
      connectTimeoutMillis: 9000,
      connectionsMax: 4
    })
    assert.strictEqual(parsed("postgresql://ann@/db?host=/var/run/postgresql").host, "/var/run/postgresql")
    assert.include(refusal("postgresql://ann@host/db?ssl=true"), 'no parameter "ssl"')
    assert.include(refusal("postgresql://ann@host/db?sslmode=prefer"), "require, or disable")
    assert.include(refusal("postgresql://ann@host/db?sslmode=yes"), "sslmode is one of")
    assert.include(refusal("postgresql://ann@host/db?sslrootcert=/ca.pem"), "add sslmode=verify-full")
    assert.include(refusal("postgresql://ann@host/db?sslmode=require&sslcert=/c.pem"), "go together")
    assert.include(refusal("postgresql://ann@host/db?sslmode=require&sslrootcert=ca.pem"), "absolute")
    assert.include(refusal("postgresql://ann@host/db?schema=a&schema=b"), "twice")
    assert.include(refusal("postgresql://ann@host/db?schema=A;drop"), "no name of a schema")
    assert.include(refusal("postgresql://ann@host/db?schema=pg_catalog"), "no name of a schema")
    assert.include(refusal("postgresql://ann@host/db?pool_max_conns=1"), "from 2 to 1000")
    assert.include(refusal("postgresql://ann@host/db?connect_timeout=0"), "from 1 to 300")
    assert.include(refusal("postgresql://ann@host/db?host=/tmp"), "Unix socket only")
    assert.include(refusal("postgresql://ann@/db?host=/tmp&sslmode=require"), "no TLS")
  })

  it("that lack something, or name too much, say what", () => {
    assert.include(refusal("postgresql://host/db"), "names no user")
    assert.include(refusal("postgresql://ann@host"), "names no database")
    assert.include(refusal("postgresql://ann@/db"), "names no host")
    assert.include(refusal("postgresql://ann@a:1,b:2/db"), "names one host")
    assert.include(refusal("postgresql://ann@host:x/db"), "cannot be read")
    assert.include(refusal("postgresql://ann:50%@host/db"), "% that encodes nothing")
    assert.include(refusal("postgresql:ann@host/db"), "begins with postgresql://")
  })

  it("with a password that was not encoded are refused, not misread", () => {
    for (const text of ["postgres://ann:p/@ss@host/db", "postgres://ann:p#@ss@host/db", "postgres://ann:p?x@host/db"]) {
      assert.include(refusal(text), "must be encoded")
      assert.notInclude(refusal(text), "ss@host")
    }
  })

  it("never show their password, whatever it is", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.string({ unit: "binary", minLength: 1 }).filter(
          (text) => text.isWellFormed() && !text.includes("\0")
        ),
        (secret) => {
          const password = `s3cr3t${secret}`
          const uri = parsed(`postgresql://ann:${encodeURIComponent(password)}@host:5433/db`)
          assert.strictEqual(Redacted.value(uri.password!), password)
          assert.notInclude(JSON.stringify(uri), "s3cr3t")
          assert.notInclude(String(uri.password), "s3cr3t")
        }
      )
    )
  })

  it("that are any text are read or refused without their password", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "binary" }), (noise) => {
        const found = PostgresUri.parse(`postgresql://ann:s3cr3t${noise}@host/db`)
        assert.notInclude(JSON.stringify(Either.merge(found)), "s3cr3t")
      }),
      { numRuns: 500 }
    )
  })
})
