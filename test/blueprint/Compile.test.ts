/** Modules that are written for blueprints compile, and make the plans that the blueprints make. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { build } from "esbuild"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Compile from "../../src/blueprint/Compile.js"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import type * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import { runs } from "../Long.js"
import * as Generated from "./generated.js"
import { options } from "./Skills.js"

const root = resolve(import.meta.dirname, "../..")

type Made = Pipeline.Pipeline.Any | ((skills: Skill.Lookup) => Pipeline.Pipeline.Any)

/** Compiles all of them in one program, strictly, and answers what each exports. */
const compiled = async (
  folder: string,
  texts: ReadonlyArray<string>
): Promise<ReadonlyArray<Pipeline.Pipeline.Any>> => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const files = texts.map((text, index) => {
    writeFileSync(join(folder, `m${index}.ts`), text)
    return `m${index}.ts`
  })
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: { declaration: false },
      include: [],
      files
    })
  )
  const tsc = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
    encoding: "utf8"
  })
  assert.strictEqual(tsc.status, 0, tsc.stdout.slice(0, 4_000))
  const all = files.map((_, index) => `export * as m${index} from "./m${index}.js"`).join("\n")
  const outfile = join(folder, "all.mjs")
  await build({
    stdin: { contents: all, resolveDir: folder, loader: "ts" },
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    conditions: ["flujo-source"],
    external: ["effect", "effect/*", "ajv", "ajv/*", "yaml", "@effect/*"],
    logLevel: "error"
  })
  const modules: Record<string, { readonly pipeline: Made }> = await import(
    /* @vite-ignore */ pathToFileURL(outfile).href
  )
  rmSync(folder, { recursive: true, force: true })
  return files.map((_, index) => {
    const { pipeline } = modules[`m${index}`]!
    return typeof pipeline === "function" ? pipeline(options.skills) : pipeline
  })
}

const written = (pipeline: Pipeline.Pipeline.Any): string =>
  Either.getOrThrowWith(Compile.toTypeScript(pipeline), ({ message }) => new Error(message))

const same = (made: Pipeline.Pipeline.Any, wanted: Pipeline.Pipeline.Any, name: string) => {
  const [ours, theirs] = [Plan.make(made), Plan.make(wanted)]
  assert.deepStrictEqual(ours.json, theirs.json, name)
  assert.strictEqual(ours.digest, theirs.digest, name)
}

describe("toTypeScript", () => {
  it("names what is a function already", () => {
    const made = Compile.toTypeScript(Step.fn("f", (n: number) => n).pipe(Pipeline.make("p")))
    assert.deepStrictEqual(Either.isLeft(made) && made.left.problems.map(({ path }) => path), ["f"])
  })

  it("makes modules that compile and have the digests of generated pipelines", async () => {
    const seeds = Array.from({ length: runs(25, 300) }, (_, index) => index + 1)
    const pipelines = seeds.map(Generated.pipeline)
    const made = await compiled(join(root, "node_modules/.cache/flujo/compile-generated"), pipelines.map(written))
    for (const [index, pipeline] of pipelines.entries()) same(made[index]!, pipeline, `seed ${seeds[index]}`)
  }, 600_000)

  it("makes modules that compile and have the digests of the examples", async () => {
    const pages = ["docs/blueprints.md", "docs/expressions.md", "docs/budgets.md", "README.md"]
    const examples = [
      ...pages.flatMap((page) =>
        [...readFileSync(join(root, page), "utf8").matchAll(/^(?:<!-- (.*) -->\n)?```yaml\n([\s\S]*?)^```$/gm)].map(
          ([, said, text], index) => ({
            name: `${page} ${index}`,
            file: /"file": "([^"]+)"/.exec(said ?? "")?.[1],
            text: text!
          })
        )
      ),
      ...readdirSync(join(root, "blueprints"))
        .filter((name) => name.endsWith(".yaml"))
        .map((name) => ({ name, file: undefined, text: readFileSync(join(root, "blueprints", name), "utf8") }))
    ].filter(({ text }) => /^steps:/m.test(text))
    const files = new Map(
      examples.flatMap(({ file, text }) => (file === undefined ? [] : [[file, { path: file, text }] as const]))
    )
    const pipelines = examples.map(({ name, text }) => {
      const read = Blueprint.parse({ path: "pipeline.yaml", text }, { ...options, files })
      if (Either.isLeft(read)) throw new Error(`${name}: ${Diagnostics.renderAll(read.left)}`)
      return read.right.pipeline
    })
    assert.isAbove(pipelines.length, 18)
    const made = await compiled(join(root, "node_modules/.cache/flujo/compile-examples"), pipelines.map(written))
    for (const [index, pipeline] of pipelines.entries()) same(made[index]!, pipeline, examples[index]!.name)
  }, 600_000)
})
