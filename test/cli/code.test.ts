/** Code of a project: what blueprints may name, and what is said where it cannot be had. */
import { symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ended, envelope, place, refused, root } from "./Flujo.js"

const skill = (id: string, run: string) => `import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Skill from "flujo/Skill"

export const told = Skill.make("${id}", {
  description: "for a test",
  input: Schema.String,
  output: Schema.String,
  effect: "pure",
  run: (text) => ${run}
})
export const other = 1
`
const shout = skill("text.shout", "Effect.succeed(text.toUpperCase())")
const naming = (name: string) => `name: named\nsteps:\n  - name: told\n    skill: "${name}"\n`
const project = (files: Readonly<Record<string, string>>) => place({ "flujo.toml": "", ...files })

describe("skills of a project", () => {
  it.concurrent("are named by id, by file, and from an imported file", async () => {
    const here = project({
      "skills/text.ts": shout,
      "lib/more.ts": `${skill("text.twice", "Effect.succeed(twice(text))")}import { twice } from "./inner/twice.js"\nexport default told\n`,
      "lib/inner/twice.ts": "export const twice = (text: string): string => text + text\n",
      "flujo.toml": 'code.allow = ["lib/*.ts"]\n',
      "flows/child.yaml": 'name: child\nsteps:\n  - { name: twice, agent: { id: "../lib/more.ts" } }\n',
      "pipeline.yaml": `name: main
imports: { child: ./flows/child.yaml }
steps:
  - { name: a, skill: text.shout }
  - { name: b, uses: imports.child }
  - { name: c, skill: ./skills/text.ts#told }
`
    })
    const done = await here.flujo("run --input ab")
    ended(done, 0)
    assert.strictEqual(done.stdout, "ABAB\n")
    ended(await here.flujo("lens replay last"), 0)
  })

  it.concurrent("fail as they say, in the classes of the flujo that runs", async () => {
    const failing = skill(
      "text.no",
      `Effect.fail(new Skill.SkillError({ skill: "text.no", reason: "Refused", detail: "not " + text }))`
    )
    const here = project({ "skills/text.ts": failing, "pipeline.yaml": naming("text.no") })
    refused(await here.flujo("run --input this"), 1, "FLJ-PIPELINE-10", "not this")
  })

  it.concurrent("are not loaded where nothing names them", async () => {
    const here = project({
      "skills/bad.ts": 'throw new Error("never to be loaded")\n',
      "pipeline.yaml": naming("flujo.builtins.stringify")
    })
    const done = await here.flujo("run --input x")
    ended(done, 0)
    assert.strictEqual(done.stdout, "x\n")
  })

  it.concurrent("write to standard error what they print, also when they run", async () => {
    const printing = skill("text.loud", 'Effect.sync(() => { console.log("running"); return text })')
    const here = project({
      "skills/text.ts": `console.log("loading")\n${printing}`,
      "pipeline.yaml": naming("text.loud")
    })
    const done = await here.flujo("run --json --input x")
    assert.strictEqual(envelope(done).data.output, "x")
    assert.include(done.stderr, "loading")
    assert.include(done.stderr, "running")
  })

  it.concurrent("that cannot be loaded keep no others from it, and are told of where one is missed", async () => {
    const here = project({
      "skills/a.ts": "export const a: = 1\n",
      "skills/b.ts": shout,
      "good.yaml": naming("text.shout"),
      "bad.yaml": naming("text.mumble")
    })
    ended(await here.flujo("run good.yaml --input x"), 0)
    refused(await here.flujo("run bad.yaml --input x"), 3, "bad.yaml:4:12", "skills/a.ts:1:17: Unexpected token")
  })

  it.concurrent("cannot take the place of one that comes with flujo, or of each other", async () => {
    const here = project({
      "skills/text.ts": skill("flujo.builtins.stringify", "Effect.succeed(text)"),
      "pipeline.yaml": naming("text.shout"),
      "byfile.yaml": naming("./skills/text.ts#told")
    })
    refused(await here.flujo("run --input x"), 3, "FLJ-CODE-4", "skills/text.ts", "flujo.builtins.stringify")
    refused(await here.flujo("run byfile.yaml --input x"), 3, "FLJ-CODE-3", "are those of flujo")
    const twice = project({ "skills/a.ts": shout, "skills/b.ts": shout, "pipeline.yaml": naming("text.shout") })
    refused(await twice.flujo("run --input x"), 3, "FLJ-CODE-4", "skills/b.ts", "told of skills/a.ts")
  })

  it.concurrent("are listed by dev doctor, with what is wrong with others", async () => {
    const here = project({ "skills/a.ts": "throw 1\n", "skills/b.ts": shout, "pipeline.yaml": naming("text.shout") })
    const done = await here.flujo("dev doctor")
    ended(done, 1)
    assert.match(done.stdout, /error .* skills\/a\.ts: it throws when it is loaded/)
    assert.match(done.stdout, /ok .* text\.shout \(skills\/b\.ts\)/)
  })

  it.concurrent("of a run that goes on are those of now, which is said where they changed", async () => {
    const here = project({
      "skills/text.ts": shout,
      "pipeline.yaml": `name: main\nsteps:\n  - { kind: hitl, name: ask, message: "Well?" }\n  - { name: told, skill: text.shout }\n`
    })
    ended(await here.flujo("run --input x"), 0)
    here.write("skills/text.ts", skill("text.shout", 'Effect.succeed(text + "!")'))
    const done = await here.flujo("answer last yes")
    ended(done, 0)
    assert.strictEqual(done.stdout, "yes!\n")
    assert.include(done.stderr, "note: skills/text.ts has changed since; the run goes on with its code as it is now")
  })
})

describe("code that is refused", () => {
  const says = async (name: string, files: Readonly<Record<string, string>>, ...wanted: ReadonlyArray<string>) => {
    const here = project({ "pipeline.yaml": naming(name), ...files })
    refused(await here.flujo("run --input x"), 3, "pipeline.yaml:4:12", ...wanted)
    const validated = await here.flujo("validate --format json")
    ended(validated, 3)
    assert.include(JSON.parse(validated.stdout).errors[0].code, wanted[0]!)
  }

  it.concurrent("is not on the list, is no code, or leads out of the project", async () => {
    await says("./lib/a.ts#told", { "lib/a.ts": shout }, "FLJ-CODE-1", 'code.allow = ["lib/a.ts"]')
    await says("./skills/a.json#told", { "skills/a.json": "{}" }, "FLJ-CODE-1", "code ends in .ts")
    await says("./../a.ts#told", {}, "FLJ-CODE-1", "no path to a file inside the project")
    await says("./skills/a.ts#no-name", { "skills/a.ts": shout }, "FLJ-CODE-1", "not the name of an export")
  })

  it.concurrent("is written by no pipeline, nor what it may import", async () => {
    const writing = (path: string) =>
      `steps:\n  - name: w\n    skill: flujo.builtins.write_file\n    params: { path: "${path}", content: "export default 1" }\n`
    const here = project({
      "flujo.toml": 'code.allow = ["Lib/*.ts"]\nkinds.k = "./own/k.ts#k"\n',
      "skills/a.ts": shout
    })
    const paths = [
      "skills/pwn.ts",
      "Skills/lib/x.ts",
      "lib/new.ts",
      "own/k.ts",
      "node_modules/effect/package.json",
      "package.json"
    ]
    for (const path of paths) {
      here.write("w.yaml", writing(path))
      const done = await here.flujo("run w.yaml --input x")
      assert.strictEqual(done.status, 1, done.stderr)
      assert.match(done.stderr, /loaded as code|nothing is written into|holds settings/, path)
      assert.isFalse(here.has(path))
    }
    here.write("w.yaml", writing("out/made.ts"))
    ended(await here.flujo("run w.yaml --input x"), 0)
  })

  it.concurrent("ends the process while it is loaded: that is no success", async () => {
    const here = project({ "skills/a.ts": "process.exit(0)\n", "pipeline.yaml": naming("./skills/a.ts#told") })
    refused(await here.flujo("run --input x"), 3, "skills/a.ts ended the process")
  })

  it.concurrent("stands behind a link that leads elsewhere", async () => {
    const outside = place({ "a.ts": shout })
    const here = project({ "pipeline.yaml": naming("./skills/a.ts#told"), "lib/b.ts": shout, "skills/x.md": "" })
    symlinkSync(outside.at("a.ts"), here.at("skills/a.ts"))
    refused(await here.flujo("run --input x"), 3, "FLJ-CODE-1", "leads out of the project")
    symlinkSync(here.at("lib/b.ts"), here.at("skills/b.ts"))
    here.write("pipeline.yaml", naming("./skills/b.ts#told"))
    refused(await here.flujo("run --input x"), 3, "FLJ-CODE-1", "leads to lib/b.ts")
  })

  it.concurrent("cannot be loaded, with the place in it", async () => {
    await says("./skills/a.ts#told", {}, "FLJ-CODE-2", "there is no such file")
    await says(
      "./skills/a.ts#told",
      { "skills/a.ts": "export const a = 1\nexport const told: = 2\n" },
      "FLJ-CODE-2",
      "skills/a.ts:2:20"
    )
    const throws = 'const f = () => {\n  throw new Error("out of order")\n}\nf()\n'
    await says("./skills/a.ts#told", { "skills/a.ts": throws }, "FLJ-CODE-2", "skills/a.ts:2:9", "out of order")
    const missing = 'import { x } from "not-there"\nexport const told = x\n'
    await says(
      "./skills/a.ts#told",
      { "skills/a.ts": missing },
      "FLJ-CODE-2",
      "skills/a.ts:1:19",
      "npm install not-there"
    )
    const inner = { "skills/a.ts": 'import "../lib/b.js"\n', "lib/b.ts": "\n\nnope(\n" }
    await says("./skills/a.ts#told", inner, "FLJ-CODE-2", "lib/b.ts:4")
  })

  it.concurrent("exports something else", async () => {
    await says("./skills/a.ts#tolt", { "skills/a.ts": shout }, "FLJ-CODE-3", "it exports no tolt", "it exports told")
    await says("./skills/a.ts#other", { "skills/a.ts": shout }, "FLJ-CODE-3", "other is no skill")
    await says("./skills/a.ts", { "skills/a.ts": shout }, "FLJ-CODE-3", "it exports no default")
  })

  it.concurrent("is said in flujo.toml in a way that cannot be meant", async () => {
    const here = project({ "flujo.toml": 'code.allow = ["../lib/**"]\n', "pipeline.yaml": naming("text.shout") })
    refused(await here.flujo("run --input x"), 2, "flujo.toml:1", "leads out of the project")
    writeFileSync(here.at("flujo.toml"), 'code.allow = "lib"\n')
    refused(await here.flujo("run --input x"), 2, "must be a list of texts")
  })
})

it.concurrent("a kind of the project's own runs, replays, and is loaded only where it is used", async () => {
  const kind = (times: number) => `import { Kind, Pipeline, Step } from "flujo"
import { Schema } from "effect"
export const say = Kind.make({
  about: "Says it again.",
  document: Schema.Struct({ word: Schema.String }),
  example: { word: "a" },
  make: ({ word }, { name }) => Step.fn("said", (text: string) => text + word.repeat(${times})).pipe(Pipeline.make(name))
})
export default 1
`
  const here = project({
    "kinds/say.ts": kind(2),
    "flujo.toml": 'kinds.say = "./kinds/say.ts#say"\nkinds.broken = "./kinds/broken.ts"\n',
    "pipeline.yaml": "name: main\nsteps:\n  - { kind: say, name: a, word: x }\n"
  })
  const done = await here.flujo("run --input y")
  ended(done, 0)
  assert.strictEqual(done.stdout, "yxx\n")
  ended(await here.flujo("lens replay last"), 0)
  here.write("kinds/say.ts", kind(3))
  refused(await here.flujo("lens replay last"), 5)
  const doctor = await here.flujo("dev doctor")
  ended(doctor, 1)
  assert.include(doctor.stdout, "kinds/broken.ts: there is no such file")
  refused(await here.flujo("dev schema"), 3, "kinds/broken.ts")
  here.write("flujo.toml", 'kinds.say = "./kinds/say.ts#say"\n')
  assert.include((await here.flujo("dev schema")).stdout, "step_say")
  here.write("flujo.toml", 'kinds.loop = "./kinds/say.ts#say"\n')
  refused(await here.flujo("run --input y"), 3, "flujo.toml:1", "loop is a kind that comes with flujo")
  here.write("flujo.toml", 'kinds.say = "../say.ts#say"\n')
  refused(await here.flujo("run --input y"), 2, "leads out of the project")
  here.write("flujo.toml", 'kinds.say = "./kinds/say.ts"\n')
  refused(await here.flujo("run --input y"), 3, "pipeline.yaml:3:13", "default is no kind of step", "it exports say")
})

it.concurrent("the packages of a project come before those that flujo brings", async () => {
  const here = project({
    "skills/text.ts": `import * as own from "effect/Own"\n${shout.replace("text.toUpperCase()", "own.name + text")}`,
    "pipeline.yaml": naming("text.shout")
  })
  refused(await here.flujo("run --input x"), 3, "effect/Own")
  const effect = join(root, "node_modules/effect")
  here.write(
    "node_modules/effect/package.json",
    '{ "name": "effect", "version": "3.22.4", "exports": { "./package.json": "./package.json", "./*": "./*.cjs" } }'
  )
  here.write("node_modules/effect/Own.cjs", 'exports.name = "own "\n')
  for (const name of ["Effect", "Schema"]) {
    here.write(
      `node_modules/effect/${name}.cjs`,
      `module.exports = require(${JSON.stringify(join(effect, "dist/cjs", `${name}.js`))})\n`
    )
  }
  const done = await here.flujo("run --input x")
  ended(done, 0)
  assert.strictEqual(done.stdout, "own x\n")
})
