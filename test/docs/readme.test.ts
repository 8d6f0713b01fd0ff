/** What the README shows is what a reader can do: its program compiles and runs, its blueprint is valid. */
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const root = resolve(import.meta.dirname, "../..")
const readme = readFileSync(join(root, "README.md"), "utf8")
const blocks = (language: string): ReadonlyArray<string> =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, "gm"))].map(([, text]) => text!)

// Inside node_modules, so that nothing else of the repository picks it up; `flujo` is found as the package's own name.
const folder = join(root, "node_modules/.cache/flujo/readme")
const elsewhere = mkdtempSync(join(tmpdir(), "flujo-readme-"))

describe("the README", () => {
  let server: Server
  const asked: Array<{ readonly messages: ReadonlyArray<{ readonly content: string }> }> = []

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true })
    server = createServer((request, response) => {
      let body = ""
      request.on("data", (piece) => {
        body += piece
      })
      request.on("end", () => {
        const ask = JSON.parse(body)
        asked.push(ask)
        const wanted = ask.response_format?.type === "json_schema"
        const content = wanted
          ? JSON.stringify({ topic: "quantum", summary: "Qubits, summed up.", sentiment_score: 0.5 })
          : "Quantum computers will be useful."
        response.setHeader("content-type", "application/json")
        response.end(
          JSON.stringify({
            id: "1",
            object: "chat.completion",
            created: 1,
            model: "gpt-4o",
            choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
            usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
          })
        )
      })
    })
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  })

  afterAll(() => {
    server.close()
    rmSync(folder, { recursive: true, force: true })
    rmSync(elsewhere, { recursive: true, force: true })
  })

  it("opens with two commands, and no others before the first example", () => {
    const opening = readme.slice(0, readme.indexOf("## In TypeScript"))
    const commands = [...opening.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text]) => text!.trim())
    assert.lengthOf(commands, 2)
    assert.match(commands[0]!, /^npm install && npm run --silent flujo -- run blueprints\/article_digest\.yaml /)
    assert.strictEqual(commands[1], "npm install && npm test")
  })

  it("has a program that compiles", () => {
    const [program, ...others] = blocks("ts")
    assert.lengthOf(others, 0)
    writeFileSync(join(folder, "program.ts"), program!)
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.json"), include: [], files: ["program.ts"] })
    )
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(root, "node_modules/typescript/bin/tsc"), "-p", folder],
      {
        encoding: "utf8"
      }
    )
    assert.strictEqual(status, 0, stdout)
  })

  it("has a program that runs, from research to a typed analysis", async () => {
    writeFileSync(join(folder, "program.ts"), blocks("ts")[0]!)
    const { port } = server.address() as AddressInfo
    const output = await new Promise<string>((done, fail) => {
      const child = spawn(process.execPath, [join(root, "scripts/ts.mjs"), join(folder, "program.ts")], {
        cwd: elsewhere,
        env: { ...process.env, OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` }
      })
      let out = ""
      child.stdout.on("data", (piece) => {
        out += piece
      })
      child.stderr.on("data", (piece) => {
        out += piece
      })
      child.on("error", fail)
      child.on("close", () => done(out))
    })
    assert.strictEqual(output.trim(), "Qubits, summed up.")
    assert.deepStrictEqual(
      asked.map(({ messages }) => messages.at(-1)?.content),
      ["The future of quantum computing", "Quantum computers will be useful."]
    )
  })

  it("has a blueprint without findings", async () => {
    const Blueprint = await import("../../src/blueprint/Blueprint.js")
    const Plan = await import("../../src/plan/Plan.js")
    const [yaml] = blocks("yaml")
    const parsed = Blueprint.parse({ path: "README.yaml", text: yaml! }, { skills: stringify, skillIds: [id] })
    assert.strictEqual(parsed._tag, "Right", JSON.stringify(parsed))
    if (parsed._tag === "Right") assert.deepStrictEqual(Plan.make(parsed.right.pipeline).findings, [])
  })
})

const id = "flujo.builtins.stringify"
const stringify = (name: string) =>
  name === id
    ? {
        id,
        version: "1",
        description: "",
        input: shape,
        output: shape,
        effect: "pure" as const,
        honoursKey: true,
        argument: undefined,
        run: () => {
          throw new Error("not run")
        }
      }
    : undefined
const { any: shape } = await import("../../src/pipeline/Shape.js")
