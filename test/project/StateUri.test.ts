import * as Path from "@effect/platform/Path"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as StateUri from "../../src/project/StateUri.js"

const posix = Effect.runSync(Effect.provide(Path.Path, NodePath.layerPosix))
const win32 = Effect.runSync(Effect.provide(Path.Path, NodePath.layerWin32))

const parse = (text: string) => StateUri.parse(text, { base: "/home/me/project", path: posix })
const refusal = (text: string) => {
  const parsed = parse(text)
  assert.isTrue(Either.isLeft(parsed), text)
  return Either.isLeft(parsed) ? parsed.left.message : ""
}

describe("state URIs", () => {
  for (const text of [
    "memory://",
    "memory",
    "mem://",
    "inmemory://",
    "MEMORY://",
    " memory:// ",
    "sqlite://:memory:"
  ]) {
    it(`${text} is memory`, () => assert.deepStrictEqual(parse(text), Either.right(StateUri.memory)))
  }

  const files = {
    "sqlite:///.flujo/state.db": "/home/me/project/.flujo/state.db",
    "sqlite:///flujo_ops.db": "/home/me/project/flujo_ops.db",
    "sqlite:///./a/../b.db": "/home/me/project/b.db",
    "sqlite:///../shared.db": "/home/me/shared.db",
    "sqlite:////var/lib/flujo.db": "/var/lib/flujo.db",
    "sqlite://file.db": "/home/me/project/file.db",
    "sqlite://./file.db": "/home/me/project/file.db",
    "SQLite:///a%20b c.db": "/home/me/project/a%20b c.db",
    "sqlite:///état.db": "/home/me/project/état.db"
  }
  for (const [text, path] of Object.entries(files)) {
    it(`${text} is ${path}`, () => assert.deepStrictEqual(parse(text), Either.right(StateUri.sqlite(path))))
  }

  it("a drive letter is an absolute path on Windows", () => {
    const windows = (text: string) => StateUri.parse(text, { base: "C:\\work", path: win32 })
    assert.deepStrictEqual(windows("sqlite:///D:/data/state.db"), Either.right(StateUri.sqlite("D:\\data\\state.db")))
    assert.deepStrictEqual(windows("sqlite:///D:\\state.db"), Either.right(StateUri.sqlite("D:\\state.db")))
    assert.deepStrictEqual(windows("sqlite:///.flujo/s.db"), Either.right(StateUri.sqlite("C:\\work\\.flujo\\s.db")))
  })

  it("Postgres is named by either scheme, and keeps its password to itself", () => {
    for (const scheme of ["postgres", "postgresql", "PostgreSQL"]) {
      const text = `${scheme}://ann:hunter2@db-host:5433/flujo_db`
      const found = Either.getOrThrow(parse(` ${text} `))
      assert.deepStrictEqual(found, {
        _tag: "Postgres",
        uri: Redacted.make(text),
        shown: "postgresql://ann@db-host:5433/flujo_db"
      })
      assert.strictEqual(found._tag === "Postgres" ? Redacted.value(found.uri) : "", text)
      assert.notInclude(JSON.stringify(found), "hunter2")
      assert.strictEqual(StateUri.show(found), "postgresql://ann@db-host:5433/flujo_db")
    }
    assert.include(refusal("postgresql://host/db"), "names no user")
    assert.strictEqual(StateUri.show(StateUri.memory), "memory://")
    assert.strictEqual(StateUri.show(StateUri.sqlite("/a/b.db")), "sqlite:////a/b.db")
  })

  it("an unknown scheme names the supported ones", () => {
    assert.include(refusal("mysql://host/db"), "supported are sqlite, postgresql and memory")
    assert.include(refusal("postgress://host/db"), "did you mean postgres://?")
    assert.include(refusal("sqllite:///a.db"), "did you mean sqlite://?")
    assert.include(refusal("memroy://"), "did you mean memory://?")
  })

  it("says how to write what is not a URI", () => {
    assert.include(refusal("state.db"), "sqlite:///path/in/project.db")
    assert.include(refusal("/var/state.db"), "sqlite:////absolute/path.db")
    assert.include(refusal("C:\\state.db"), "sqlite:////absolute/path.db")
    assert.include(refusal("C://state.db"), "sqlite:////absolute/path.db")
    for (const text of ["", " ", "sqlite", "sqlite:", "sqlite:a.db", "sqlite:/a.db", "sqlite://", "sqlite:///"])
      refusal(text)
    for (const text of ["sqlite:///a/", "sqlite:///.", "sqlite:///a/..", "sqlite:////", "memory://name"]) refusal(text)
    for (const text of ["sqlite:///a\0b", "sqlite:///a?mode=ro", "sqlite:///~/a.db", `sqlite:///${"a".repeat(5000)}`]) {
      refusal(text)
    }
  })

  it("no password is ever shown", () => {
    for (const uri of [
      "postgresql://user:hunter2@db-host:5432/flujo_db?ssl=1",
      "postgresql://user:hunter2@db-host:5432",
      "postgresql:user:hunter2@db-host",
      "mysql://user:hunter2@host",
      "postgres://user:p/@hunter2@host/db",
      "://user:hunter2@host",
      "://user:p@hunter2@host",
      "//user:p@hunter2@host",
      "x://user:hunter2@host",
      "redis+tls://:hunter2@host"
    ]) {
      assert.notInclude(refusal(uri), "hunter2", uri)
      assert.notInclude(JSON.stringify(Either.getLeft(parse(uri))), "hunter2", uri)
    }
  })

  it("any text is a state or a refusal, and a path is absolute", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.oneof(
          FastCheck.string({ unit: "binary" }),
          FastCheck.tuple(
            FastCheck.constantFrom("sqlite:", "sqlite://", "sqlite:///", "memory:"),
            FastCheck.string()
          ).map((parts) => parts.join(""))
        ),
        (text) => {
          const parsed = parse(text)
          if (Either.isRight(parsed) && parsed.right._tag === "Sqlite")
            assert.isTrue(posix.isAbsolute(parsed.right.path))
        }
      ),
      { numRuns: 500 }
    )
  })
})
