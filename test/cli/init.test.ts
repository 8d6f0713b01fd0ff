/** `flujo init`: a project from nothing, and nothing of the user's lost. */
import { mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { ended, envelope, place, refused } from "./Flujo.js"

const files = [".env.example", ".gitignore", "README.md", "flujo.schema.json", "flujo.toml", "pipeline.yaml"]

describe.concurrent("init", () => {
  it("makes a project that runs", async () => {
    const here = place()
    const done = await here.flujo("init bot")
    ended(done, 0)
    assert.deepStrictEqual(readdirSync(here.at("bot")).sort(), files)
    assert.include(done.stdout, "created      pipeline.yaml")
    const [, next] = /^next: (.*)$/m.exec(done.stderr)!
    const ran = await here.shell(next!)
    ended(ran, 0)
    assert.strictEqual(ran.stdout, "Some text to summarize.\n")
    ended(await here.flujo("validate", { cwd: "bot" }), 0)
  })

  it("of here, of a folder with spaces, and of --project say how to go there", async () => {
    const here = place()
    assert.match((await here.flujo("init")).stderr, /^next: flujo run/m)
    const spaced = await here.flujo(["init", "my bot"])
    assert.include(spaced.stderr, "next: cd 'my bot' && flujo run")
    ended(await here.shell(/^next: (.*)$/m.exec(spaced.stderr)![1]!), 0)
    const named = await here.flujo("--project other init")
    ended(named, 0)
    assert.isTrue(here.has("other/flujo.toml"))
    ended(await here.shell(/^next: (.*)$/m.exec(named.stderr)![1]!), 0)
  })

  it("a second time changes nothing and keeps what was changed", async () => {
    const here = place()
    ended(await here.flujo("init"), 0)
    here.write("pipeline.yaml", "mine")
    here.write(".gitignore", "node_modules/\n.env")
    const again = await here.flujo("init")
    ended(again, 0)
    assert.include(again.stdout, "unchanged    flujo.toml")
    assert.include(again.stdout, "kept         pipeline.yaml")
    assert.include(again.stdout, "--force overwrites it")
    assert.strictEqual(here.read("pipeline.yaml"), "mine")
    assert.strictEqual(here.read(".gitignore"), "node_modules/\n.env\n.flujo/\n")
  })

  it("--force without --yes and without a terminal touches nothing, and lists what it would overwrite", async () => {
    const here = place({ "pipeline.yaml": "mine" })
    const done = await here.flujo("init --force")
    refused(done, 2, "would overwrite pipeline.yaml", "--yes")
    assert.deepStrictEqual(readdirSync(here.folder), ["pipeline.yaml"])
    assert.strictEqual(here.read("pipeline.yaml"), "mine")
  })

  it("--force --yes overwrites what init writes, and nothing else", async () => {
    const here = place({ "pipeline.yaml": "mine", "notes.md": "mine", ".gitignore": "mine\n", ".env": "KEY=mine\n" })
    const done = envelope(await here.flujo("init --force --yes --json"))
    assert.deepInclude(done.data.files, { file: "pipeline.yaml", action: "overwrite" })
    assert.deepInclude(done.data.files, { file: ".gitignore", action: "extend" })
    assert.include(here.read("pipeline.yaml"), "digest")
    assert.strictEqual(here.read("notes.md"), "mine")
    assert.strictEqual(here.read(".env"), "KEY=mine\n")
    assert.include(here.read(".gitignore"), "mine\n")
  })

  it("--force where nothing is to be overwritten needs no --yes", async () => {
    ended(await place().flujo("init --force"), 0)
  })

  it("leaves alone what is no text file of its own: a link, a folder", async () => {
    const here = place({ "elsewhere.toml": "mine", "pipeline.yaml/inner": "" })
    symlinkSync("elsewhere.toml", here.at("flujo.toml"))
    const done = await here.flujo("init --force --yes")
    ended(done, 0)
    assert.include(done.stdout, "left alone   flujo.toml")
    assert.include(done.stdout, "left alone   pipeline.yaml")
    assert.strictEqual(here.read("elsewhere.toml"), "mine")
  })

  it("of what is no folder, or may not be written, is refused", async () => {
    const here = place({ file: "" })
    refused(await here.flujo("init file"), 2, "not a folder")
    refused(await here.flujo("init file/inner"), 2)
    refused(await here.flujo(["init", ""]), 2, "no path")
    refused(await here.flujo("init /proc/flujo"), 2)
    refused(await here.flujo("init a b"), 2, "one argument too many")
    mkdirSync(here.at("gone"))
    const gone = await here.shell("cd gone && rmdir ../gone && flujo init")
    refused(gone, 2, "the working folder was deleted")
  })
})
