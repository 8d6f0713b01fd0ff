import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Diagnostics from "../../src/blueprint/Diagnostics.js"
import * as Plain from "../../src/blueprint/internal/Plain.js"
import * as Print from "../../src/blueprint/Print.js"
import * as Agent from "../../src/pipeline/Agent.js"
import type { Node } from "../../src/pipeline/Node.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Shape from "../../src/pipeline/Shape.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import { runs } from "../Long.js"
import * as Generated from "./generated.js"
import { judge, options } from "./Skills.js"

const printed = (pipeline: Pipeline.Pipeline.Any): Print.Printed => {
  const found = Print.print(pipeline)
  if (Either.isLeft(found)) throw new Error(found.left.message)
  return found.right
}

const read = ({ files, text }: Print.Printed): Blueprint.Blueprint =>
  Either.getOrThrowWith(
    Blueprint.parse(
      { path: "pipeline.yaml", text },
      { ...options, files: new Map(files.map((file) => [file.path, file])) }
    ),
    (diagnostics) => new Error(Diagnostics.renderAll(diagnostics))
  )

const source = `# What it is for.
version: '0.1'   # the language
name: "report"

agents:
  # Writes.
  writer: { model: "openai:gpt-4o", system_prompt: 'Write.' }

steps:
  # First.
  - uses: agents.writer   # the one above
    step: draft
    config: { max_retries: 2, timeout: 30 seconds }

  - kind: conditional
    name: check
    condition_expression: previous_step == 'good'
    branches:
      # Yes.
      true: [{ name: keep }]   # as it is
      false:
        - name: mend
          input: |
            Mend {{ previous_step }}
          # At last.
  - name: last
    description: "the end"
`

const whole = (text: string) => read({ text, files: [] })

/** The text after the steps of its pipeline are others. */
const changed = (text: string, change: (steps: ReadonlyArray<Node>) => ReadonlyArray<Node>): string => {
  const from = whole(text)
  const { pipeline } = from
  const steps = pipeline.root._tag === "Sequence" ? pipeline.root.steps : [pipeline.root]
  const next = { ...pipeline, root: { _tag: "Sequence" as const, steps: change(steps) } }
  const found = Either.getOrThrow(Print.print(next, { from }))
  assert.deepStrictEqual(Plain.of(whole(found.text).pipeline), Plain.of(next))
  return found.text
}

const problems = (step: Step.Step.Any) => {
  const found = Print.print(Pipeline.make("p")(Step.fromNode(step.node)))
  return Either.isLeft(found) ? found.left.problems.map(({ path, detail }) => `${path}: ${detail}`) : []
}

/** Lets the runner hear of a long test. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

const linesOf = (text: string) => new Set(text.split("\n"))

describe("print", () => {
  it(`gives a text that is read as the same tree, with the same plan and the same findings`, async () => {
    for (let seed = 1; seed <= runs(25, 1_000); seed++) {
      await turn()
      const pipeline = Generated.pipeline(seed)
      const text = printed(pipeline)
      const again = read(text)
      const [ours, theirs] = [Plan.make(pipeline), Plan.make(again.pipeline)]
      assert.deepStrictEqual(Plain.of(again.pipeline), Plain.of(pipeline), `seed ${seed}`)
      assert.deepStrictEqual(theirs.json, ours.json, `seed ${seed}`)
      assert.strictEqual(theirs.digest, ours.digest, `seed ${seed}`)
      assert.deepStrictEqual(again.warnings, [], `seed ${seed}`)
      const said = (plan: typeof ours) => plan.findings.map(({ code, path }) => `${code} ${path}`)
      assert.deepStrictEqual(said(theirs), said(ours), `seed ${seed}`)
      assert.strictEqual(printed(again.pipeline).text, text.text, `seed ${seed}`)
    }
  }, 900_000)

  it("names what text cannot say, each with the path of its step", () => {
    const fn = Step.fn("add", (n: number) => n + 1)
    assert.deepStrictEqual(
      problems(
        Step.pass<number>("a").pipe(
          Step.andThen(Step.loop("turns", fn, { until: (n) => n > 3, max: 3 })),
          Step.andThen(Step.parallel("both", { x: Step.pass<number>("b"), y: fn.pipe(Step.fallback(fn)) })),
          Step.andThen(Step.approve("ok", { message: () => "?" }))
        )
      ),
      [
        "turns/add: a function has no form in text",
        "turns/exit: `exit_expression` is a function, which has no form in text",
        "both/y/add: a function has no form in text",
        "both/y/add!fallback/add: a function has no form in text",
        "ok: `message` is a function, which has no form in text"
      ]
    )
    assert.deepStrictEqual(
      problems(Step.pass<number>("a").pipe(Step.timeout("1 second"), Step.withInput("x"), Step.timeout("2 seconds"))),
      ["a: its `input` stands where no key puts one"]
    )
    assert.deepStrictEqual(
      problems(Step.pass<number>("a").pipe(Step.andThen(Step.pass("b")), Step.timeout("1 second"))),
      [": something stands around several steps that have no name together"]
    )
    assert.deepStrictEqual(
      problems(Step.fromNode({ _tag: "Input", step: Step.pass("a").node, input: { _tag: "Value", value: "{{ x }}" } })),
      ["a: a text has braces in it that are no template"]
    )
    assert.deepStrictEqual(
      problems(
        Step.fromNode({
          _tag: "Check",
          step: Step.pass("a").node,
          input: { ...Shape.any, jsonSchema: { opaque: "symbol" } },
          output: undefined
        })
      ),
      ["a: JSON Schema cannot say symbol"]
    )
  })

  it("names two agents of one name", () => {
    const agent = (model: string) =>
      Step.agent(model, Agent.make("writer", { model: `openai:${model}`, system: "Write." }))
    assert.deepStrictEqual(problems(agent("a").pipe(Step.andThen(agent("b")))), [
      "b: another agent is called writer too"
    ])
  })

  it("never gives a text that is read as something else", () => {
    // A name that no text has, as it would be trimmed.
    assert.deepStrictEqual(problems(Step.pass(" a ")), [": its text would be read as another pipeline"])
    assert.match(problems(Step.pass(""))[0] ?? "", /FLJ-BLUEPRINT/)
  })

  it("writes a pipeline within another into a file of its own, once", () => {
    const child = Step.pass<number>("a").pipe(Pipeline.make("child"))
    const pipeline = Pipeline.asStep(child, "x").pipe(Step.andThen(Pipeline.asStep(child, "y")), Pipeline.make("p"))
    const { files, text } = printed(pipeline)
    assert.deepStrictEqual(files, [
      { path: "child.yaml", text: 'version: "0.1"\nname: child\n\nsteps:\n  - name: a\n' }
    ])
    assert.strictEqual(
      text,
      'version: "0.1"\nname: p\n\nimports:\n  child: ./child.yaml\n\nsteps:\n  - name: x\n    uses: imports.child\n  - name: y\n    uses: imports.child\n'
    )
  })
})

describe("print of what was read from a text", () => {
  it("written anew says what holds after each step once, for the whole document", () => {
    const text = `version: "0.1"
name: p

static_invariants:
  - previous_step != ''

steps:
  - name: a
    description: words
    static_invariants: [ input != '' ]
  - name: b
    when: input == 1
`
    const from = whole(text)
    assert.strictEqual(Either.getOrThrow(Print.print(from.pipeline, { from, layout: "fresh" })).text, text)
  })

  it("written anew keeps the names of files and what the document says of itself", () => {
    const files = [
      { path: "parts/a.yaml", text: "name: a\nimports: { b: ../b.yaml }\nsteps: [{ name: one, uses: imports.b }]" },
      { path: "b.yaml", text: "name: b\nsteps: [{ step: two }]" }
    ]
    const from = read({
      text: "description: all\nimports: { x: ./parts/a.yaml }\nsteps: [{ name: it, uses: imports.x }]",
      files
    })
    const fresh = Either.getOrThrow(Print.print(from.pipeline, { from, layout: "fresh" }))
    const head = 'version: "0.1"\n'
    assert.strictEqual(
      fresh.text,
      `${head}description: all\n\nimports:\n  a: ./parts/a.yaml\n\nsteps:\n  - name: it\n    uses: imports.a\n`
    )
    assert.deepStrictEqual(fresh.files, [
      {
        path: "parts/a.yaml",
        text: `${head}name: a\n\nimports:\n  b: ../b.yaml\n\nsteps:\n  - name: one\n    uses: imports.b\n`
      },
      { path: "b.yaml", text: `${head}name: b\n\nsteps:\n  - name: two\n` }
    ])
    assert.deepStrictEqual(Plain.of(read(fresh).pipeline), Plain.of(from.pipeline))
  })

  it("names a skill as the text did, by its id or by its file", () => {
    const code = {
      skill: ({ name, path }: { readonly name: string; readonly path: string }) =>
        path === "lib/score.ts" && name === "score"
          ? Either.right(judge)
          : Either.left({ code: "FLJ-CODE-1", message: "no such file", hint: undefined } as const),
      kind: () => undefined,
      kinds: [],
      unread: []
    }
    const text =
      "# mine\nsteps:\n  - { name: a, skill: './lib/score.ts#score' }\n  - { name: b, skill: flujo.builtins.stringify }\n"
    const from = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text }, { ...options, code }))
    const fresh = Either.getOrThrow(Print.print(from.pipeline, { from, layout: "fresh" })).text
    assert.include(fresh, "skill: ./lib/score.ts#score\n")
    assert.include(fresh, "skill: flujo.builtins.stringify\n")
    const steps = from.pipeline.root._tag === "Sequence" ? from.pipeline.root.steps : []
    const root: Node = { _tag: "Sequence", steps: [...steps, Step.pass("c").node] }
    const longer = Either.getOrThrow(Print.print({ ...from.pipeline, root }, { from })).text
    assert.strictEqual(longer, `${text}  - name: c\n`)
  })

  it("shows no character that is not seen", () => {
    const from = whole('steps: [{ name: a, description: "\\u202ex\\u2066", meta: { "\\u200b": 1 } }]')
    const { text } = Either.getOrThrow(Print.print(from.pipeline, { from, layout: "fresh" }))
    assert.notMatch(text, /[\u202e\u2066\u200b]/)
    assert.deepStrictEqual(Plain.of(whole(text).pipeline), Plain.of(from.pipeline))
  })

  it("is that text", () => {
    const files = readdirSync("blueprints").filter((name) => name.endsWith(".yaml"))
    for (const text of [
      source,
      source.replaceAll("\n", "\r\n"),
      ...files.map((name) => readFileSync(`blueprints/${name}`, "utf8"))
    ]) {
      const from = whole(text)
      assert.strictEqual(Either.getOrThrow(Print.print(from.pipeline, { from })).text, text)
      assert.strictEqual(Either.getOrThrow(Print.print({ ...from.pipeline }, { from })).text, text)
    }
  })

  it("differs only where a value is another", () => {
    const text = changed(source, (steps) => [
      ...steps.slice(0, 2),
      { _tag: "Note", step: Step.pass("last").node, description: "over", meta: undefined }
    ])
    assert.strictEqual(text, source.replace('"the end"', "over"))
  })

  it("differs only where a key comes or goes", () => {
    const noted = (steps: ReadonlyArray<Node>): ReadonlyArray<Node> => [
      { _tag: "Note", step: steps[0]!, description: "writes", meta: { owner: "docs" } },
      ...steps.slice(1, -1),
      Step.pass("last").node
    ]
    assert.strictEqual(
      changed(source, noted),
      source
        .replace("30 seconds }\n", "30 seconds }\n    description: writes\n    meta: { owner: docs }\n")
        .replace('    description: "the end"\n', "")
    )
  })

  it("differs only where a step comes or goes, at the beginning, in the middle and at the end", () => {
    const added = Step.pass("new").node
    assert.strictEqual(
      changed(source, (steps) => [added, ...steps]),
      source.replace("  - uses: agents.w", "  - name: new\n  - uses: agents.w")
    )
    assert.strictEqual(
      changed(source, (steps) => [...steps, added]),
      `${source}  - name: new\n`
    )
    assert.strictEqual(
      changed(source, ([first, second, last]) => [first!, added, second!, last!]),
      source.replace("30 seconds }\n", "30 seconds }\n  - name: new\n")
    )
    assert.strictEqual(
      changed(source, (steps) => steps.slice(0, -1)),
      source.slice(0, source.indexOf("  - name: last"))
    )
    const crlf = source.replaceAll("\n", "\r\n")
    assert.strictEqual(
      changed(crlf, (steps) => [...steps, added]),
      `${crlf}  - name: new\r\n`
    )
  })

  it("writes a step anew that is said in a form of its own", () => {
    const text = changed(source, ([first, ...rest]) => {
      const changes = (node: Node): Node =>
        node._tag === "Retry" && node.policy._tag === "Data"
          ? { ...node, policy: { ...node.policy, retry: { ...node.policy.retry, times: 3 } } }
          : node
      return [changes(first!), ...rest]
    })
    const step = "  - name: draft\n    uses: agents.writer\n    config: { retries: { times: 3 }, timeout: 30s }\n"
    assert.strictEqual(text, source.replace(/ {2}- uses: agents\.writer[\s\S]*?seconds }\n/, step))
  })

  it(`keeps every line of what did not change, and says what was changed`, async () => {
    let [kept, lines] = [0, 0]
    for (let seed = 1; seed <= runs(15, 500); seed++) {
      await turn()
      const { files, text: bare } = printed(Generated.pipeline(seed))
      // A step that is added does not have what holds after each of the others.
      if (files.length > 0 || /^static_invariants:/m.test(bare)) continue
      // A comment before every step.
      let count = 0
      const text = bare.replace(/^( *)- name:.*$/gm, (line, margin: string) => `${margin}# ${count++}\n${line}`)
      const from = whole(text)
      const { pipeline } = from
      const check = pipeline.root._tag === "Check" && pipeline.root.whole === true ? pipeline.root : undefined
      const inner = check?.step ?? pipeline.root
      const steps = inner._tag === "Sequence" ? inner.steps : [inner]
      const at = seed % steps.length
      const added = Step.pass("added").node
      const changes: ReadonlyArray<ReadonlyArray<Node>> = [
        [...steps.slice(0, at), added, ...steps.slice(at)],
        [
          ...steps.slice(0, at),
          {
            _tag: "Note",
            step: { _tag: "Scope", name: "around", step: steps[at]!, pipeline: undefined },
            description: "x",
            meta: undefined
          },
          ...steps.slice(at + 1)
        ],
        [...steps, added]
      ]
      for (const next of changes) {
        const step: Node = { _tag: "Sequence", steps: next }
        const other = { ...pipeline, root: check === undefined ? step : { ...check, step } }
        const found = Either.getOrThrow(Print.print(other, { from }))
        assert.deepStrictEqual(Plain.of(read(found).pipeline), Plain.of(other), `seed ${seed}`)
        if (next === changes[1]) continue
        const now = linesOf(found.text)
        lines += linesOf(text).size
        for (const line of linesOf(text)) kept += now.has(line) ? 1 : 0
      }
    }
    assert.strictEqual(kept, lines)
  }, 900_000)
})
