import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Ajv } from "ajv"
import { parse } from "yaml"
import * as Language from "../../src/blueprint/Language.js"
import * as LanguageSchema from "../../src/blueprint/LanguageSchema.js"
import { examples } from "../../src/check/Examples.js"
import { check, kinds } from "../check/Checked.js"
import { numbers } from "../engine/generated.js"
import { runs } from "../Long.js"

type Data = null | boolean | number | string | ReadonlyArray<Data> | { readonly [key: string]: Data }

const ajv = new Ajv({ strict: false, allErrors: false })
const schema = LanguageSchema.make(kinds)
const fits = ajv.compile(schema)

/** What the reader says it knows at a place, asked with a key that is like none. */
const knownAt = (text: string): ReadonlyArray<string> => {
  const strange = "q".repeat(40)
  const { diagnostics } = check(text.replace("STRANGE", strange))
  const found = diagnostics.find(({ message }) => message.includes(`\`${strange}\``))
  return [...new Set([...(found?.hint ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name!))]
}

const places: ReadonlyArray<readonly [string, Language.Keys, string]> = [
  ["the document", Language.document.keys, "steps: [{ name: a }]\nSTRANGE: 1\n"],
  ["an agent", Language.agent.keys, "agents: { a: { STRANGE: 1 } }\nsteps: [{ name: a }]\n"],
  [
    "model_settings",
    Language.modelSettings.keys,
    "agents: { a: { model_settings: { STRANGE: 1 } } }\nsteps: [{ name: a }]\n"
  ],
  ["router", Language.router.keys, "steps: [{ kind: dynamic_router, router: { STRANGE: 1 } }]\n"],
  ["refine", Language.refine.keys, "steps: [{ kind: refine, refine: { STRANGE: 1 } }]\n"],
  [
    "finalize",
    Language.finalize.keys,
    "steps: [{ kind: map, map: { body: { name: a }, finalize: { STRANGE: 1 } } }]\n"
  ],
  [
    "config of an import",
    Language.importConfig.keys,
    "imports: { c: ./child.yaml }\nsteps: [{ name: a, uses: imports.c, config: { STRANGE: 1 } }]\n"
  ],
  ["config", Language.config.keys, "steps: [{ name: a, config: { STRANGE: 1 } }]\n"],
  ["a validator", Language.validator.keys, "steps: [{ name: a, validators: [{ STRANGE: 1 }] }]\n"],
  ["retries", Language.retries.keys, "steps: [{ name: a, config: { retries: { STRANGE: 1 } } }]\n"],
  ["loop", Language.loop.keys, "steps: [{ kind: loop, loop: { STRANGE: 1 } }]\n"],
  ["map", Language.map.keys, "steps: [{ kind: map, map: { STRANGE: 1 } }]\n"],
  ...Object.entries(Language.kinds).map(
    ([kind, shape]) =>
      [
        `kind ${kind}`,
        { ...Language.common, ...shape.keys },
        `steps: [{ kind: ${kind}, name: a, STRANGE: 1 }]\n`
      ] as const
  )
]

describe("the language as data", () => {
  for (const [place, keys, text] of places) {
    it(`has just the keys that the reader knows in ${place}`, () => {
      assert.deepStrictEqual(Object.keys(keys).sort(), [...knownAt(text)].sort())
    })
  }

  it("has just the kinds that the reader knows", () => {
    const { diagnostics } = check("steps: [{ kind: qqqqqqqqqqqqqqqqqqqqqqqq }]")
    const known = /kinds are (.*)$/.exec(diagnostics[0]?.hint ?? "")?.[1]?.split(", ")
    assert.deepStrictEqual([...Object.keys(Language.kinds), ...kinds.keys()].sort(), [...(known ?? [])].sort())
  })

  it("describes every key and gives an example that fits", () => {
    const { definitions } = JSON.parse(JSON.stringify(schema))
    const shapes = [
      Language.document,
      Language.agent,
      Language.modelSettings,
      Language.config,
      Language.retries,
      Language.validator,
      Language.loop,
      Language.map,
      Language.router,
      Language.refine,
      Language.finalize,
      Language.importConfig,
      { about: "", keys: Language.common },
      ...Object.values(Language.kinds)
    ]
    for (const { keys } of shapes) {
      for (const [name, { about, example, schema }] of Object.entries(keys)) {
        assert.match(about, /^[A-Z{].*\.$/, name)
        const one = new Ajv({ strict: false }).compile({ ...schema, definitions })
        assert.isTrue(one(example), `${name}: ${JSON.stringify(one.errors)}`)
      }
    }
  })
})

const folder = join(import.meta.dirname, "../../blueprints")
const sound: ReadonlyArray<Data> = [
  ...readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .map((name): Data => parse(readFileSync(join(folder, name), "utf8"))),
  ...Object.values(examples).flatMap(({ good }): ReadonlyArray<Data> => (good === "" ? [] : [parse(good)]))
]

const keyPool = [
  ...new Map(places.flatMap(([, keys]) => Object.entries(keys)).map(([name, { example }]) => [name, example])),
  ["nmae", "x"],
  ["x", 1]
] as ReadonlyArray<readonly [string, Data]>
const valuePool: ReadonlyArray<Data> = [
  null,
  true,
  0,
  -1,
  3,
  1.5,
  "x",
  "",
  " ",
  [],
  {},
  "30s",
  "soon",
  "{{ input }}",
  ["a"],
  { a: 1 },
  { name: "y" },
  [{ name: "y" }],
  { steps: [{ name: "y" }] }
]

/** `data` with one thing changed somewhere. */
const mutated = (data: Data, next: (below: number) => number): Data => {
  const isMap = (value: Data): value is { readonly [key: string]: Data } =>
    typeof value === "object" && value !== null && !Array.isArray(value)
  const change = (value: Data): Data => {
    if (Array.isArray(value) && value.length > 0 && next(5) > 0) {
      const at = next(value.length)
      return value.map((item, i) => (i === at ? change(item) : item))
    }
    if (!isMap(value)) return valuePool[next(valuePool.length)]!
    const entries = Object.entries(value)
    const at = next(Math.max(1, entries.length))
    switch (next(8)) {
      case 0:
        return Object.fromEntries(entries.filter((_, i) => i !== at))
      case 1:
      case 2: {
        const [name, example] = keyPool[next(keyPool.length)]!
        return { ...value, [name]: example }
      }
      case 3:
        return Object.fromEntries(
          entries.map(([name, item], i) => [i === at ? keyPool[next(keyPool.length)]![0] : name, item])
        )
      case 4:
        return valuePool[next(valuePool.length)]!
      default:
        return Object.fromEntries(entries.map(([name, item], i) => [name, i === at ? change(item) : item]))
    }
  }
  return change(data)
}

/** Faults that a schema can say: unknown, missing and excluding keys, kinds of values. */
const structural = new Set(["15", "16", "17", "18", "20"].map((n) => `FLJ-BLUEPRINT-${n}`))

/** What depends on which agent or skill a name is of. */
const semantic = /is a setting of a model|takes no `params`/

describe("schema and checker", () => {
  it("both take every example and every blueprint of the repository", () => {
    for (const data of sound) assert.isTrue(fits(data), `${JSON.stringify(fits.errors)} ${JSON.stringify(data)}`)
  })

  it("the schema refuses what cannot stand beside on_failure", () => {
    const step = (on_failure: string, more: { readonly [key: string]: Data }): Data => ({
      imports: { c: "./child.yaml" },
      steps: [{ name: "a", uses: "imports.c", config: { on_failure }, ...more }]
    })
    assert.isTrue(fits(step("skip", {})))
    assert.isTrue(fits(step("abort", { fallback: { name: "b" }, sink_to: "x" })))
    assert.isTrue(fits(step("continue_with_default", { sink_to: "x" })))
    assert.isFalse(fits(step("skip", { fallback: { name: "b" } })))
    assert.isFalse(fits(step("continue_with_default", { fallback: { name: "b" } })))
    assert.isFalse(fits(step("skip", { sink_to: "x" })))
    assert.isFalse(fits(step("skip", { updates_context: ["x"] })))
    assert.isFalse(fits(step("sometimes", {})))
  })

  it("agree on how small and how large a number may be", () => {
    const limited: ReadonlyArray<readonly [Language.Keys, (entry: Data) => Data]> = [
      [
        Language.modelSettings.keys,
        (model_settings) => ({
          agents: { a: { model: "a:b", system_prompt: "x", model_settings } },
          steps: [{ name: "a", uses: "agents.a" }]
        })
      ],
      [
        Language.config.keys,
        (config) => ({
          agents: { a: { model: "a:b", system_prompt: "x" } },
          steps: [{ name: "a", uses: "agents.a", config }]
        })
      ],
      [
        Language.retries.keys,
        (retries) => ({ steps: [{ name: "a", config: { retries: { times: 1, ...Object(retries) } } }] })
      ],
      [Language.loop.keys, (loop) => ({ steps: [{ kind: "loop", loop: { body: { name: "a" }, ...Object(loop) } }] })],
      [Language.map.keys, (map) => ({ steps: [{ kind: "map", map: { body: { name: "a" }, ...Object(map) } }] })],
      [
        Language.kinds.parallel!.keys,
        (keys) => ({ steps: [{ kind: "parallel", branches: { a: { name: "a" } }, ...Object(keys) }] })
      ]
    ]
    let compared = 0
    for (const [keys, make] of limited) {
      for (const [name, { schema }] of Object.entries(keys)) {
        const { maximum, minimum } = schema
        if (typeof minimum !== "number" || typeof maximum !== "number" || Math.abs(maximum) > 1e12) continue
        for (const value of [minimum - 1, minimum, maximum, maximum + 1]) {
          const data = make({ [name]: value })
          const isRight = check(JSON.stringify(data)).blueprint !== undefined
          assert.strictEqual(fits(data), isRight, `${name}: ${value}`)
          compared++
        }
      }
    }
    assert.isAbove(compared, 30)
  })

  it("agree on changed documents: what one takes the other does, up to what a template or a name means", () => {
    const seed = 20_251
    const next = numbers(seed)
    let valid = 0
    for (let i = 0; i < runs(1_500, 10_000); i++) {
      let data: Data = sound[next(sound.length)] ?? {}
      for (let changes = 1 + next(2); changes > 0; changes--) data = mutated(data, next)
      const text = JSON.stringify(data)
      const errors = check(text).diagnostics.filter(({ severity }) => severity === "error")
      const said = `seed ${seed}, document ${i}: ${text}\n${errors.map(({ code, message }) => `${code} ${message}`).join("\n")}`
      if (fits(data)) {
        valid++
        const wrong = errors.filter(({ code, message }) => structural.has(code) && !semantic.test(message))
        assert.deepStrictEqual(
          wrong.map(({ code, message }) => `${code} ${message}`),
          [],
          said
        )
      } else {
        assert.isAbove(errors.length, 0, `${said}\n${JSON.stringify(fits.errors)}`)
      }
    }
    assert.isAbove(valid, 100)
  })
})
