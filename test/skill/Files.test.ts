import { execFileSync, spawn } from "node:child_process"
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext, NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer } from "effect"
import type { SkillError } from "../../src/pipeline/Skill.js"
import * as Builtins from "../../src/skill/Builtins.js"
import * as NodeFile from "../../src/skill/builtins/NodeFile.js"
import * as Long from "../Long.js"
import * as Folder from "./Folder.js"

const refusedIn = (effect: Effect.Effect<unknown, SkillError>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.strictEqual(error.reason, "Refused", error.message)
    return error.detail
  })

/** Names that must not be reached, whatever they would lead to. */
const escapes = [
  "../outside/secret",
  "a/../../outside/secret",
  "a/..",
  "..",
  "a/../b",
  "/etc/passwd",
  "/",
  "//etc/passwd"
]
const malformed = ["", ".", "./", "a/", "a/.", "a\0b", "a\nb", "a\u001b[31m", "a\u0085", "a\u2028b", "x".repeat(1025)]

describe("text skills", () => {
  it.scoped("stringify leaves a text alone and says any other value with sorted keys", () =>
    Effect.gen(function* () {
      const { call } = yield* Folder.make()
      assert.strictEqual(yield* call("stringify", 'a "b"\n'), 'a "b"\n')
      assert.strictEqual(yield* call("stringify", { b: [1], a: null }), '{\n  "a": null,\n  "b": [\n    1\n  ]\n}')
      assert.strictEqual(
        yield* call("stringify", JSON.parse('{"__proto__":1,"A":2}')),
        '{\n  "A": 2,\n  "__proto__": 1\n}'
      )
      assert.strictEqual(yield* call("stringify", false), "false")
    })
  )

  it.scoped("passthrough answers its input", () =>
    Effect.gen(function* () {
      const { call } = yield* Folder.make()
      const value = { a: [1, "x", null] }
      assert.deepStrictEqual(yield* call("passthrough", value), value)
    })
  )
})

describe("read_file", () => {
  it.scoped("reads text below the project folder, by a relative or an absolute path", () =>
    Effect.gen(function* () {
      const { call, put, root } = yield* Folder.make()
      put("notes/a b.txt", "zażółć 漢字 🎉\n")
      assert.strictEqual(yield* call("read_file", { path: "notes/a b.txt" }), "zażółć 漢字 🎉\n")
      assert.strictEqual(yield* call("read_file", { path: "./notes//a b.txt" }), "zażółć 漢字 🎉\n")
      assert.strictEqual(yield* call("read_file", { path: join(root, "notes/a b.txt") }), "zażółć 漢字 🎉\n")
      put("empty", "")
      assert.strictEqual(yield* call("read_file", { path: "empty" }), "")
    })
  )

  it.scoped("works in a project folder that is itself reached through a link", () =>
    Effect.gen(function* () {
      const { outside, put, root } = yield* Folder.make()
      put("a", "text")
      const link = join(outside, "link")
      symlinkSync(root, link)
      const skills = yield* Effect.provide(Builtins.make({ root: link }), NodeContext.layer)
      const read = skills.find(({ id }) => id.endsWith("read_file"))!.run as (
        input: { readonly path: string },
        info: { readonly idempotencyKey: string }
      ) => Effect.Effect<string, SkillError>
      assert.strictEqual(yield* read({ path: "a" }, { idempotencyKey: "k" }), "text")
      assert.strictEqual(yield* read({ path: join(link, "a") }, { idempotencyKey: "k" }), "text")
      assert.strictEqual(yield* read({ path: join(root, "a") }, { idempotencyKey: "k" }), "text")
    })
  )

  it.scoped("says plainly that a file is not there, and that this is no refusal", () =>
    Effect.gen(function* () {
      const { call } = yield* Folder.make()
      for (const path of ["nothing.txt", "no/such/folder/file"]) {
        const error = yield* Effect.flip(call("read_file", { path }))
        assert.strictEqual(error.reason, "Failed")
        assert.strictEqual(error.message, `skill flujo.builtins.read_file: "${path}": there is no such file`)
      }
    })
  )

  for (const path of [...escapes, ...malformed]) {
    it.scoped(`refuses ${JSON.stringify(path.slice(0, 40))}`, () =>
      Effect.gen(function* () {
        const { call, outside, put } = yield* Folder.make()
        put("a/b", "inside")
        put("b", "inside")
        writeFileSync(join(outside, "secret"), "secret")
        const detail = yield* refusedIn(call("read_file", { path }))
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what a message must not have.
        assert.notMatch(detail, /[\u0000-\u001f\u007f-\u009f]/)
      })
    )
  }

  it.scoped("refuses an absolute path that only starts like the project folder", () =>
    Effect.gen(function* () {
      const { call, root } = yield* Folder.make()
      mkdirSync(`${root}-other`)
      writeFileSync(`${root}-other/a`, "secret")
      assert.include(yield* refusedIn(call("read_file", { path: `${root}-other/a` })), "outside the project folder")
    })
  )

  it.scoped("follows no link: to a file, to a folder, out of the project, within it, or to nothing", () =>
    Effect.gen(function* () {
      const { call, outside, put, root } = yield* Folder.make()
      writeFileSync(join(outside, "secret"), "secret")
      put("real/a", "inside")
      symlinkSync(join(outside, "secret"), join(root, "file"))
      symlinkSync(outside, join(root, "folder"))
      symlinkSync("real", join(root, "within"))
      symlinkSync("nowhere", join(root, "dangling"))
      symlinkSync("loop", join(root, "loop"))
      for (const path of ["file", "folder/secret", "within/a", "within", "dangling", "loop", "loop/a"]) {
        assert.include(yield* refusedIn(call("read_file", { path })), "is a symbolic link", path)
      }
    })
  )

  it.scoped.runIf(process.platform === "linux")(
    "gives nothing away when a folder on the way is swapped for a link while it looks",
    () =>
      Effect.gen(function* () {
        const folder = yield* Folder.make()
        writeFileSync(join(folder.outside, "a"), "secret")
        folder.put("folder/a", "inside")
        yield* swapping(folder)
        const seen = new Map<string, number>()
        for (let i = 0; i < Long.runs(1500, 20_000); i++) {
          const read = yield* Effect.either(folder.call("read_file", { path: "folder/a" }))
          const answer = read._tag === "Right" ? String(read.right) : read.left.reason
          seen.set(answer, (seen.get(answer) ?? 0) + 1)
        }
        assert.isFalse(seen.has("secret"), JSON.stringify([...seen]))
        // The attack did happen.
        assert.isTrue(seen.has("Refused") && seen.has("Failed"), JSON.stringify([...seen]))
      })
  )

  it.effect("opens no link and waits at no pipe, even where one was not seen before", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "flujo-skill-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      symlinkSync("/etc/passwd", join(folder, "link"))
      const error = yield* Effect.flip(NodeFile.reading(join(folder, "link"), ({ read }) => read(10)))
      assert.strictEqual(error.code, "ELOOP")
      execFileSync("mkfifo", [join(folder, "pipe")])
      const kind = yield* NodeFile.reading(join(folder, "pipe"), ({ found }) => Effect.succeed(found.kind))
      assert.strictEqual(kind, "other")
    }).pipe(Effect.scoped)
  )

  it.scoped("refuses folders, pipes and files used as folders, without hanging", () =>
    Effect.gen(function* () {
      const { call, put, root } = yield* Folder.make()
      put("folder/a", "a")
      execFileSync("mkfifo", [join(root, "pipe")])
      assert.include(yield* refusedIn(call("read_file", { path: "folder" })), "is a folder")
      assert.include(yield* refusedIn(call("read_file", { path: "pipe" })), "is not a plain file")
      assert.include(yield* refusedIn(call("read_file", { path: "folder/a/b" })), '"a" is not a folder')
    })
  )

  it.scoped("refuses what is larger than the limit, and takes what just fits", () =>
    Effect.gen(function* () {
      const { call, put } = yield* Folder.make({ bytesMax: 10 })
      put("fits", "0123456789")
      put("large", "0123456789a")
      assert.strictEqual(yield* call("read_file", { path: "fits" }), "0123456789")
      assert.include(yield* refusedIn(call("read_file", { path: "large" })), "larger than 10 bytes")
    })
  )

  it.scoped("refuses what is not UTF-8", () =>
    Effect.gen(function* () {
      const { call, put } = yield* Folder.make()
      put("latin", new Uint8Array([0x63, 0x61, 0x66, 0xe9]))
      put("surrogate", new Uint8Array([0xed, 0xa0, 0x80]))
      for (const path of ["latin", "surrogate"]) {
        assert.include(yield* refusedIn(call("read_file", { path })), "not text in UTF-8")
      }
      put("bom", "\ufefftext")
      assert.strictEqual(yield* call("read_file", { path: "bom" }), "text")
    })
  )
})

describe("write_file", () => {
  it.scoped("writes a text, makes its folders, and answers where and how many bytes", () =>
    Effect.gen(function* () {
      const { call, files, root, text } = yield* Folder.make()
      const answer = yield* call("write_file", { path: "./out//deep/ł.txt", content: "zażółć" })
      assert.deepStrictEqual(answer, { path: "out/deep/ł.txt", bytes: 10 })
      assert.strictEqual(text("out/deep/ł.txt"), "zażółć")
      yield* call("write_file", { path: join(root, "abs"), content: { b: 1, a: 2 } })
      assert.strictEqual(text("abs"), '{\n  "a": 2,\n  "b": 1\n}')
      assert.deepStrictEqual(files(), ["abs", "out/deep/ł.txt"])
    })
  )

  it.scoped("neither changes what says where keys go nor reads what holds them", () =>
    Effect.gen(function* () {
      const { call, files, put } = yield* Folder.make()
      for (const name of [".env", "flujo.toml", ".env.example"]) put(name, "before")
      for (const path of [".env", ".ENV", ".env.local", "flujo.toml", "sub/../flujo.toml"]) {
        assert.isString(yield* refusedIn(call("write_file", { path, content: "OPENAI_BASE_URL=http://x" })))
      }
      assert.include(yield* refusedIn(call("read_file", { path: ".env" })), "holds settings")
      yield* call("read_file", { path: "flujo.toml" })
      yield* call("read_file", { path: ".env.example" })
      assert.deepStrictEqual(files(), [".env", ".env.example", "flujo.toml"])
    })
  )

  it.scoped("replaces a file, keeps its permissions, and is the same when called again", () =>
    Effect.gen(function* () {
      const { call, files, put, text } = yield* Folder.make()
      const file = put("run.sh", "old and longer")
      chmodSync(file, 0o750)
      const first = yield* call("write_file", { path: "run.sh", content: "new" })
      const again = yield* call("write_file", { path: "run.sh", content: "new" })
      assert.deepStrictEqual(first, again)
      assert.strictEqual(text("run.sh"), "new")
      assert.strictEqual(statSync(file).mode & 0o777, 0o750)
      assert.deepStrictEqual(files(), ["run.sh"])
    })
  )

  it.scoped("writes an empty file and one of the largest size, and refuses one byte more", () =>
    Effect.gen(function* () {
      const { call, files, text } = yield* Folder.make({ bytesMax: 600_000 })
      yield* call("write_file", { path: "empty", content: "" })
      yield* call("write_file", { path: "large", content: "é".repeat(300_000) })
      assert.strictEqual(text("empty"), "")
      assert.strictEqual(text("large"), "é".repeat(300_000))
      const detail = yield* refusedIn(call("write_file", { path: "larger", content: `${"é".repeat(300_000)}a` }))
      assert.include(detail, "600001 bytes, over the limit of 600000")
      assert.deepStrictEqual(files(), ["empty", "large"])
    })
  )

  const kept = [
    ".git/hooks/post-commit",
    ".flujo/state.db",
    ".GIT/config",
    "sub/.git/config",
    ".git",
    ".git./x",
    ".g\u200dit/x",
    "GIT~1/x"
  ]
  for (const path of [...escapes, ...malformed, ...kept]) {
    it.scoped(`refuses ${JSON.stringify(path.slice(0, 40))} and makes nothing`, () =>
      Effect.gen(function* () {
        const { call, files, outside } = yield* Folder.make()
        yield* refusedIn(call("write_file", { path, content: "x" }))
        assert.deepStrictEqual(files(), [])
        assert.isFalse(existsSync(join(outside, "secret")))
      })
    )
  }

  it.scoped("lets through names that only look like kept ones", () =>
    Effect.gen(function* () {
      const { call, files } = yield* Folder.make()
      for (const path of [".gitignore", ".github/workflows/a.yml", "flujo/a", "a..b", "...", "a\\b"]) {
        yield* call("write_file", { path, content: "x" })
      }
      assert.deepStrictEqual(files(), ["...", ".github/workflows/a.yml", ".gitignore", "a..b", "a\\b", "flujo/a"])
    })
  )

  it.scoped("writes through no link and leaves every link as it was", () =>
    Effect.gen(function* () {
      const { call, outside, put, root } = yield* Folder.make()
      writeFileSync(join(outside, "secret"), "secret")
      put("real/a", "inside")
      symlinkSync(join(outside, "secret"), join(root, "file"))
      symlinkSync(outside, join(root, "folder"))
      symlinkSync("real", join(root, "within"))
      symlinkSync(join(outside, "new"), join(root, "dangling"))
      symlinkSync(join(outside, "made"), join(root, "danglingFolder"))
      const paths = [
        "file",
        "folder/secret",
        "folder/new",
        "folder/deep/new",
        "within/a",
        "dangling",
        "danglingFolder/a"
      ]
      for (const path of paths) {
        assert.include(yield* refusedIn(call("write_file", { path, content: "evil" })), "is a symbolic link", path)
      }
      assert.strictEqual(readFileSync(join(outside, "secret"), "utf8"), "secret")
      assert.strictEqual(readFileSync(join(root, "real/a"), "utf8"), "inside")
      for (const name of ["new", "deep", "made"]) assert.isFalse(existsSync(join(outside, name)), name)
    })
  )

  it.scoped.runIf(process.platform === "linux")(
    "writes nothing elsewhere when a folder on the way is swapped for a link meanwhile",
    () =>
      Effect.gen(function* () {
        const folder = yield* Folder.make()
        mkdirSync(join(folder.root, "folder"))
        yield* swapping(folder)
        let written = 0
        for (let i = 0; i < Long.runs(300, 5000); i++) {
          const path = i % 2 === 0 ? "folder/a" : `folder/new${i}/a`
          const exit = yield* Effect.exit(folder.call("write_file", { path, content: "x" }, String(i)))
          if (Exit.isSuccess(exit)) written += 1
          assert.deepStrictEqual(readdirSync(folder.outside), [])
        }
        assert.isAbove(written, 0)
      })
  )

  it.scoped("does not write into a file that has another name elsewhere: it gets a file of its own", () =>
    Effect.gen(function* () {
      const { call, outside, root } = yield* Folder.make()
      writeFileSync(join(outside, "secret"), "secret")
      linkSync(join(outside, "secret"), join(root, "hard"))
      yield* call("write_file", { path: "hard", content: "mine" })
      assert.strictEqual(readFileSync(join(outside, "secret"), "utf8"), "secret")
      assert.strictEqual(readFileSync(join(root, "hard"), "utf8"), "mine")
    })
  )

  it.scoped("refuses to replace a folder or a pipe, or to use a file as a folder", () =>
    Effect.gen(function* () {
      const { call, put, root } = yield* Folder.make()
      put("folder/a", "a")
      execFileSync("mkfifo", [join(root, "pipe")])
      for (const path of ["folder", "pipe", "folder/a/b"]) {
        yield* refusedIn(call("write_file", { path, content: "x" }))
      }
    })
  )

  it.scoped("writes at once: a reader sees one whole text or another, never a mixture, and no file is left over", () =>
    Effect.gen(function* () {
      const { call, files, text } = yield* Folder.make()
      const texts = Array.from({ length: 8 }, (_, i) => String(i).repeat(700_000))
      yield* call("write_file", { path: "f/shared", content: texts[0]! })
      const seen = new Set<string>()
      const reader = yield* Effect.fork(
        Effect.forever(
          Effect.zipRight(
            Effect.map(Effect.option(call("read_file", { path: "f/shared" })), (read) => {
              if (read._tag === "Some") seen.add(read.value as string)
            }),
            Effect.yieldNow()
          )
        )
      )
      yield* Effect.forEach(texts, (content, i) => call("write_file", { path: "f/shared", content }, `key${i}`), {
        concurrency: "unbounded"
      })
      yield* Fiber.interrupt(reader)
      assert.include(texts, text("f/shared"))
      for (const read of seen) assert.include(texts, read)
      assert.deepStrictEqual(files(), ["f/shared"])
    })
  )

  it.scoped("removes what the same call left when its process was killed, and nothing else", () =>
    Effect.gen(function* () {
      const { call, files, put, root } = yield* Folder.make()
      yield* call("write_file", { path: "a", content: "x" }, "one")
      // The name of a temporary file is not part of the contract, so take it from a write that is stopped for good.
      const left = yield* temporaryOf(root, "one")
      const other = yield* temporaryOf(root, "two")
      put(left, "half")
      put(other, "half")
      yield* call("write_file", { path: "a", content: "x" }, "one")
      assert.deepStrictEqual(files(), [other, "a"].sort())
    })
  )

  it.scoped("leaves the old file and no other when it is interrupted at any moment", () =>
    Effect.gen(function* () {
      const { call, files, put, text } = yield* Folder.make()
      put("f", "old")
      let cut = 0
      for (let i = 0; i < 60; i++) {
        const fiber = yield* Effect.fork(call("write_file", { path: "f", content: "new".repeat(400_000) }, `k${i}`))
        for (let turn = 0; turn < i; turn++) yield* Effect.promise(() => new Promise((done) => setImmediate(done)))
        const exit = yield* Fiber.interrupt(fiber)
        if (Exit.isInterrupted(exit)) cut += 1
        assert.include(["old", "new".repeat(400_000)], text("f"))
        assert.deepStrictEqual(files(), ["f"])
      }
      assert.isAbove(cut, 3)
    })
  )

  for (const method of ["writeAll", "sync", "rename", "chmod"] as const) {
    it.scoped(`leaves the old file and no other when ${method} fails, or never ends and is interrupted`, () =>
      Effect.gen(function* () {
        const { files, put, root, text } = yield* Folder.make()
        put("f", "old")
        const failing = yield* callWith(root, method, Effect.fail("broken"))
        const error = yield* Effect.flip(failing("k"))
        assert.strictEqual((error as SkillError).reason, "Failed")
        assert.strictEqual(text("f"), "old")
        assert.deepStrictEqual(files(), ["f"])
        const reached = yield* Deferred.make<void>()
        const hanging = yield* callWith(
          root,
          method,
          Effect.zipRight(Deferred.succeed(reached, undefined), Effect.interruptible(Effect.never))
        )
        const fiber = yield* Effect.fork(hanging("k"))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(text("f"), "old")
        assert.deepStrictEqual(files(), ["f"])
      })
    )
  }

  it.scoped("says that a project folder is gone", () =>
    Effect.gen(function* () {
      const { call, root } = yield* Folder.make()
      renameSync(root, `${root}-away`)
      const error = yield* Effect.flip(call("write_file", { path: "a", content: "x" }))
      assert.strictEqual(error.reason, "Failed")
      assert.include(error.detail, "the project folder")
    })
  )
})

/** Another process that puts a link to the outside in the place of `folder` and back, as fast as it can. */
const swapping = ({ outside, root }: Folder.Folder) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const attack = `
        const { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } = require("node:fs")
        process.chdir(${JSON.stringify(root)})
        for (;;) {
          try {
            for (const name of ["folder", "away", "link"]) rmSync(name, { recursive: true, force: true })
            mkdirSync("folder")
            writeFileSync("folder/a", "inside")
            symlinkSync(${JSON.stringify(outside)}, "link")
            for (;;) {
              renameSync("folder", "away"); renameSync("link", "folder")
              renameSync("folder", "link"); renameSync("away", "folder")
            }
          } catch {} // The one attacked made or removed something meanwhile.
        }`
      return spawn(process.execPath, ["-e", attack], { stdio: "ignore" })
    }),
    (child) =>
      Effect.sync(() => {
        assert.isNull(child.exitCode, "the attack went on to the end")
        child.kill("SIGKILL")
      })
  )

/** The name of the temporary file that a call under `key` makes. */
const temporaryOf = (root: string, key: string) =>
  Effect.gen(function* () {
    let name = ""
    const call = yield* callWith(root, "rename", Effect.fail("broken"), (from) => {
      name = from
    })
    yield* Effect.flip(call(key))
    return basename(name)
  })

/** `write_file` of `f`, with one method of the file system replaced. */
const callWith = (
  root: string,
  method: "writeAll" | "sync" | "rename" | "chmod",
  instead: Effect.Effect<never, string>,
  told: (from: string) => void = () => {}
) =>
  Effect.gen(function* () {
    const real = yield* FileSystem.FileSystem
    const broken = Effect.catchAll(instead, () =>
      Effect.flip(Effect.asVoid(real.readFile(join(root, "no such file"))))
    ).pipe(Effect.flatMap((error) => Effect.fail(error as never)))
    const files = {
      ...real,
      ...(method === "rename"
        ? {
            rename: (from: string) => {
              told(from)
              return broken
            }
          }
        : {}),
      ...(method === "chmod" ? { chmod: () => broken } : {}),
      open: (path: string, options?: FileSystem.OpenFileOptions) =>
        Effect.map(real.open(path, options), (file) =>
          options?.flag === "wx" && (method === "writeAll" || method === "sync")
            ? new Proxy(file, {
                get: (target, key) => {
                  const value: unknown = Reflect.get(target, key, target)
                  if (key === method) return method === "sync" ? broken : () => broken
                  return typeof value === "function" ? value.bind(target) : value
                }
              })
            : file
        )
    } as FileSystem.FileSystem
    const skills = yield* Effect.provide(
      Builtins.make({ root }),
      Layer.merge(NodeContext.layer, Layer.succeed(FileSystem.FileSystem, files))
    )
    const run = skills.find(({ id }) => id.endsWith("write_file"))!.run as (
      input: { readonly path: string; readonly content: string },
      info: { readonly idempotencyKey: string }
    ) => Effect.Effect<unknown, SkillError>
    return (key: string) => run({ path: "f", content: "new" }, { idempotencyKey: key })
  }).pipe(Effect.provide(NodeFileSystem.layer))
