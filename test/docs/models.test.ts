/** docs/models.md says what is so: its tables are those of the code, its example compiles. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import { type ModelAsk, ModelError } from "../../src/domain/Model.js"
import { limitsDefault } from "../../src/llm/Endpoint.js"
import { reasonsDefault } from "../../src/llm/Fallback.js"
import * as Chat from "../../src/llm/internal/Chat.js"
import { breakerDefault, concurrencyDefault } from "../../src/llm/internal/Gate.js"
import * as Messages from "../../src/llm/internal/Messages.js"
import * as Responses from "../../src/llm/internal/Responses.js"
import * as Providers from "../../src/llm/Providers.js"

const root = resolve(import.meta.dirname, "../..")
const doc = readFileSync(join(root, "docs/models.md"), "utf8")

/** The rows of the table below `heading`, as cells. */
const table = (heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const [, below = ""] = doc.split(`\n## ${heading}\n`)
  const [, rows = ""] = /^\|.*\n\| :--.*\n((?:\|.*\n)+)/m.exec(below) ?? []
  return rows
    .trim()
    .split("\n")
    .map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
    )
}
const codes = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code)

it("the providers, their other names, keys and addresses", () => {
  assert.deepStrictEqual(
    table("Providers").map(([prefix, aliases, keys, address, without]) => ({
      prefix: codes(prefix!),
      aliases: codes(aliases!),
      keys: codes(keys!),
      mayBeAbsent: /may be absent|none is sent/.test(keys!),
      address: codes(address!),
      without: codes(without!)
    })),
    Providers.prefixes.map((prefix) => {
      const provider = Providers.providers[prefix]
      return {
        prefix: [`${prefix}:`],
        aliases: provider.aliases.map((alias) => `${alias}:`),
        keys: [...provider.keyVariables],
        mayBeAbsent: !provider.keyNeeded,
        address: [provider.baseUrlVariable],
        without: provider.baseUrl === undefined ? [] : [provider.baseUrl]
      }
    })
  )
})

it("every reason of a failure", () => {
  assert.deepStrictEqual(
    table("Failures")
      .map(([reason]) => codes(reason!)[0])
      .sort(),
    [...ModelError.fields.reason.literals].sort()
  )
})

it("every limit and its default", () => {
  const shown = (value: number | string) => (value === limitsDefault.bytesMax ? "16 MiB" : String(value))
  assert.deepStrictEqual(
    table("Limits").map(([name, value]) => [codes(name!)[0], value]),
    [
      ...Object.entries(limitsDefault).map(([name, value]) => [name, shown(value)]),
      ["concurrency", String(concurrencyDefault)],
      ["rate", "none"],
      ["breaker.failures", String(breakerDefault.failures)],
      ["breaker.rest", breakerDefault.rest]
    ]
  )
  assert.strictEqual(Duration.toMinutes(limitsDefault.streamTimeout), 10)
})

it("what each protocol has words for", () => {
  const settings: Readonly<Record<string, ModelAsk["settings"]>> = {
    maxTokens: { maxTokens: 5000 },
    temperature: { temperature: 0, topP: 1 },
    seed: { seed: 1 },
    stop: { stop: ["x"] },
    "reasoning.effort": { reasoning: { effort: "low" } },
    "reasoning.tokensMax": { maxTokens: 5000, reasoning: { tokensMax: 2000 } },
    "reasoning.summary": { reasoning: { summary: "auto" } },
    verbosity: { verbosity: "low" }
  }
  const { speaks } = Providers.providers.openai
  assert.notStrictEqual(speaks, "messages")
  const wires = [speaks === "messages" ? Messages.wire : Chat.make(speaks), Responses.wire, Messages.wire]
  const rows = table("What an ask may say").filter(([name]) => name!.startsWith("`"))
  assert.deepStrictEqual(
    rows.map(([name]) => codes(name!)[0]),
    Object.keys(settings)
  )
  for (const [name, ...cells] of rows) {
    const ask: ModelAsk = { model: "m", messages: [], output: { _tag: "Text" }, settings: settings[codes(name!)[0]!]! }
    assert.deepStrictEqual(
      wires.map((wire) => Either.isRight(wire.request(ask, false))),
      cells.map((cell) => cell !== "–" && !cell.includes("only")),
      name
    )
  }
})

it("examples that compile, and the failures for which a model stands in", () => {
  const examples = [...doc.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!)
  const files = examples.map((code, index) => [`example_${index}.ts`, code] as const)
  const folder = join(root, "node_modules/.cache/flujo/models")
  mkdirSync(folder, { recursive: true })
  for (const [name, code] of files) {
    const whole = code.startsWith("import ") ? code : `import { Fallback } from "flujo"\nexport const made = ${code}`
    writeFileSync(join(folder, name), whole)
  }
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), include: [], files: files.map(([name]) => name) })
  )
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", folder],
    {
      encoding: "utf8"
    }
  )
  rmSync(folder, { recursive: true, force: true })
  assert.strictEqual(status, 0, stdout)
  assert.include(
    doc.replace(/\s+/g, " "),
    `stands in for ${reasonsDefault
      .map((reason) => `\`${reason}\``)
      .join(", ")
      .replace(/, (?=[^,]*$)/, " and ")}`
  )
})
