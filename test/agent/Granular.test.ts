import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Turn from "../../src/agent/Turn.js"
import * as Turns from "../../src/agent/Turns.js"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import * as Print from "../../src/blueprint/Print.js"
import type { Entry } from "../../src/domain/Event.js"
import type { ModelMessage } from "../../src/domain/Model.js"
import { textOf } from "../../src/domain/Model.js"
import * as Flujo from "../../src/engine/Flujo.js"
import * as Tokens from "../../src/llm/Tokens.js"
import * as Agent from "../../src/pipeline/Agent.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Skill from "../../src/pipeline/Skill.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Plan from "../../src/plan/Plan.js"
import { plan } from "../blueprint/Marked.js"
import { options } from "../blueprint/Skills.js"
import * as World from "../gate/world.js"
import * as Models from "./models.js"

const skill = (id: string, output: (city: string) => string, honoursKey = true) =>
  Skill.make(id, {
    description: `Does ${id}.`,
    input: Schema.Struct({ city: Schema.String }),
    output: Schema.String,
    effect: "external",
    honoursKey,
    run: ({ city }) => Effect.sync(() => output(city))
  })

const look = skill("test.look", (city) => `seen ${city}`)
const long = skill("test.long", (city) => `${city} ${"é".repeat(20_000)}`)
const finish = skill("test.finish", (city) => `all of ${city}`)

const researcher = (tools: ReadonlyArray<Skill.AnySkill> = []) =>
  Agent.make("researcher", { model: "test:m", system: "Research.", tools, settings: { maxTokens: 100 } })

const report = Schema.Struct({ text: Schema.String, is_complete: Schema.Boolean })
const reporter = Agent.make("reporter", { model: "test:m", system: "Report.", output: report })

type Options = NonNullable<Parameters<typeof Step.granular>[2]>

const plain = (step: unknown) =>
  (step as Step.Step<string, string>).pipe(Pipeline.make("research")) as unknown as Pipeline.Pipeline<string, string>

const of = (agent: Agent.AnyAgent, said: Options = {}) =>
  plain(Step.granular("research", agent as never, said as never))

const run = (
  pipeline: Pipeline.Pipeline<string, string>,
  answer: Parameters<typeof Models.layer>[0],
  sent: Array<Models.Asked> = []
) => World.start(pipeline, "go").pipe(Effect.provide(World.make().boot()), Effect.provide(Models.layer(answer, sent)))

const call = (name: string, city: string): ReadonlyArray<Models.Call> => [{ name, arguments: JSON.stringify({ city }) }]

const says =
  (...texts: ReadonlyArray<string>) =>
  (_: unknown, turn: number) =>
    texts[turn] ?? "still at it"

const errorOf = (rested: World.Rested) => rested.error as Agent.AgentError

describe("an agent that goes on", () => {
  it.effect("ends at a reply that is or ends in a line COMPLETE or DONE, and at nothing less", () =>
    Effect.gen(function* () {
      const sent: Array<Models.Asked> = []
      const first = yield* run(of(researcher()), says("COMPLETE it is not", "I am DONE", "so it is\nDONE"), sent)
      assert.strictEqual(first.value, "so it is")
      assert.strictEqual(sent.length, 3)
      const told = sent[2]!.ask.messages
      assert.deepStrictEqual(
        told.map(({ role }) => role),
        ["system", "user", "assistant", "user", "assistant", "user"]
      )
      assert.strictEqual(textOf(told.at(-1)!), "Go on. When you are done, end with a line that is COMPLETE.")
      assert.strictEqual(
        (yield* run(of(researcher()), says("the whole of it", " COMPLETE \n"))).value,
        "the whole of it"
      )
      assert.strictEqual((yield* run(of(researcher()), says("DONE"))).value, "DONE")
    })
  )

  it.effect("ends at a flag of its output, a tool, an expression or a function", () =>
    Effect.gen(function* () {
      const reports = (_: unknown, turn: number) => JSON.stringify({ text: `v${turn}`, is_complete: turn === 2 })
      assert.deepStrictEqual((yield* run(of(reporter), reports)).value as unknown, { text: "v2", is_complete: true })
      const sent: Array<Models.Asked> = []
      const tools = (_: unknown, turn: number) => (turn === 0 ? call("look", "Oslo") : call("finish", "Oslo"))
      const ended = yield* run(of(researcher([look, finish]), { stop: [{ tool: "finish" }], maxTurns: 2 }), tools, sent)
      assert.strictEqual(ended.value, "all of Oslo")
      assert.strictEqual(sent.length, 2)
      const long = says("a", "bb", "ccc")
      const expression = of(researcher(), { stop: [{ expression: "previous_step | length > 1" }] })
      assert.strictEqual((yield* run(expression, long)).value, "bb")
      const fn = of(researcher(), { stop: [(text: string) => text.length > 2] } as never)
      assert.strictEqual((yield* run(fn, long)).value, "ccc")
      assert.strictEqual((yield* run(of(researcher(), { stop: ["reply"] }), long)).value, "a")
    })
  )

  it.effect("cut anywhere and resumed is the same run, and no answered call is asked again", () =>
    Effect.gen(function* () {
      const sent: Array<Models.Asked> = []
      const answer = (_: unknown, turn: number): Models.Answer =>
        turn === 0 ? call("look", "Oslo") : turn === 1 ? "found" : "so it is\nCOMPLETE"
      const { points } = yield* World.everyCut(of(researcher([look])), "go", {
        before: () => {
          sent.length = 0
        },
        after: (rest, first) => {
          const answered = new Set(first.flatMap(({ event }) => (event.kind === "Answered" ? [event.path] : [])))
          for (const { event } of rest.entries) {
            if (event.kind !== "Asked" || event.data.effect !== "model") continue
            const { payload } = event as unknown as { payload: { idempotencyKey: string } }
            const count = sent.filter(({ key }) => key === payload.idempotencyKey).length
            assert.isAtMost(count, answered.has(event.path) ? 1 : 2, event.path)
          }
        }
      }).pipe(Effect.provide(Models.layer(answer, sent)))
      assert.isAtLeast(points, 8)
    })
  )

  it.effect(
    "fails where its turns are used up, and where nothing new comes of them, or answers what it said last",
    () =>
      Effect.gen(function* () {
        const used = yield* run(of(researcher(), { maxTurns: 4 }), (_, turn) => `not yet ${turn}`)
        assert.strictEqual(errorOf(used).reason, "MaxTurns")
        const sent: Array<Models.Asked> = []
        const same = yield* run(of(researcher(), { noProgressTurns: 4 }), says(), sent)
        assert.strictEqual(errorOf(same).reason, "NoProgress")
        assert.strictEqual(sent.length, 4)
        assert.strictEqual((yield* run(of(researcher(), { onNoProgress: "stop" }), says())).value, "still at it")
        const calls = yield* run(of(researcher([look])), () => call("look", "Oslo"))
        assert.match(errorOf(calls).detail, /3 turns in a row called look with the same arguments/)
        const empty = yield* run(of(researcher()), says(""))
        assert.strictEqual(errorOf(empty).reason, "Incomplete")
      })
  )

  it.effect("is sent the beginning of a long result with its digest, and the journal has the whole", () =>
    Effect.gen(function* () {
      const sent: Array<Models.Asked> = []
      const answer = (_: unknown, turn: number): Models.Answer => (turn === 0 ? call("long", "Oslo") : "DONE")
      const { entries } = yield* run(of(researcher([long]), { blobThresholdBytes: 2000 }), answer, sent)
      const [told] = Models.toolMessages(sent[1]!.ask)
      assert.isBelow(told!.content.length, 800)
      assert.match(told!.content, /^Oslo éé.*… \(cut: the beginning of 40005 bytes, whose digest is [0-9a-f]{64}\)$/)
      const whole = entries.find(({ event }) => event.kind === "Answered" && event.path === "research/turn[0]/tool[0]")
      assert.include(JSON.stringify(whole), "é".repeat(20_000))
      const short: Array<Models.Asked> = []
      yield* run(of(researcher([long]), { blobThresholdBytes: 100_000 }), answer, short)
      assert.strictEqual(Buffer.byteLength(Models.toolMessages(short[1]!.ask)[0]!.content), 40_005)
    })
  )
})

const turn = (index: number, words: number): Turns.Turn => [
  {
    role: "assistant",
    content: "",
    parts: [{ _tag: "ToolCall", id: `c${index}`, name: "look", arguments: "{}" }]
  },
  { role: "tool", callId: `c${index}`, name: "look", content: "word ".repeat(words) }
]

describe("the history of an agent's turns", () => {
  const head: ReadonlyArray<ModelMessage> = [
    { role: "system", content: "s" },
    { role: "user", content: "u" }
  ]

  it("is cut by whole turns to what fits, never between a call and its result, and says how much is left out", () => {
    const sizes = FastCheck.array(FastCheck.integer({ min: 0, max: 300 }), { maxLength: 12 })
    FastCheck.assert(
      FastCheck.property(sizes, FastCheck.integer({ min: 256, max: 2000 }), (words, max) => {
        const turns = words.map((count, index) => turn(index, count))
        const { leftOut, messages } = Turns.within(head, turns, max)
        const kept = turns.slice(leftOut)
        assert.deepStrictEqual(messages.slice(2), kept.flat())
        if (turns.length > 0) assert.isAtLeast(kept.length, 1)
        if (kept.length > 1)
          assert.isAtMost(
            kept.reduce((sum, one) => sum + Turns.tokensOf(one), 0),
            max
          )
        const more = turns[leftOut - 1]
        if (more !== undefined)
          assert.isAbove(
            [more, ...kept].reduce((sum, one) => sum + Turns.tokensOf(one), 0),
            max
          )
        assert.strictEqual(textOf(messages[1]!).includes("left out"), leftOut > 0)
        const ids = messages.flatMap((one) => (one.role === "assistant" ? (one.parts ?? []) : []))
        const results = messages.flatMap((one) => (one.role === "tool" ? [one.callId] : []))
        assert.deepStrictEqual(
          ids.map((part) => (part as { id: string }).id),
          results
        )
      }),
      { numRuns: 200, seed: 3 }
    )
  })

  it.effect("is what each request has, is told in the trace, and costs no more than the bound", () =>
    Effect.gen(function* () {
      const sent: Array<Models.Asked> = []
      const agent = researcher([look])
      const said = { maxTurns: 12, historyMaxTokens: 256 }
      const answer = (_: unknown, __: number): Models.Answer =>
        sent.length === 12 ? "x\nDONE" : call("look", `${"city ".repeat(12)}${sent.length}`)
      const { entries, tag } = yield* run(of(agent, said), answer, sent)
      assert.strictEqual(tag, "Completed")
      const [first, ...later] = sent.map(({ ask }) => Models.toolMessages(ask).length)
      assert.strictEqual(first, 0)
      assert.isAtMost(Math.max(...later), 4)
      assert.match(textOf(sent[11]!.ask.messages[1]!), /^go\n\n\(\d+ of your turns are left out here\)$/)
      const last = entries.findLast(({ event }) => event.kind === "Asked" && event.data.effect === "model") as Entry
      assert.match(JSON.stringify(last), /"own_turns_left_out":\d+/)
      const node = Step.granular("research", agent as never, said).node
      const { inputs } = Turn.most(agent, 2, node._tag === "Agent" ? node.granular : undefined)
      for (const [index, { ask }] of sent.entries()) assert.isAtMost(Tokens.boundOfAsk(ask), inputs[index]!)
      assert.isBelow(inputs.at(-1)!, Turn.most({ ...agent, maxTurns: 12 }, 2).inputs.at(-1)!)
    })
  )
})

describe("what a granular agent was like when it began", () => {
  const answer = (_: unknown, turn: number): Models.Answer =>
    turn === 0 ? [{ name: "ask_user", arguments: '{"question":"Where?"}' }] : "there\nDONE"
  const asking = (system: string, said: Options) => {
    const agent = Agent.make("researcher", { model: "test:m", system, tools: [{ _tag: "AskUser", name: "ask_user" }] })
    return of(agent, said)
  }
  /** Begun by one version, gone on with by another. */
  const upgraded = (one: Pipeline.Pipeline<string, string>, other: Pipeline.Pipeline<string, string>) =>
    Effect.gen(function* () {
      yield* World.start(one, "go")
      yield* World.answer("research/turn[0]/tool[0]", "Oslo")
      return yield* Effect.either(Flujo.resume(other, World.runId, { upgrade: true }))
    }).pipe(Effect.provide(World.make().boot()), Effect.provide(Models.layer(answer)))

  const detail = (result: Either.Either<unknown, unknown>) =>
    Either.isLeft(result) ? String((result.left as Error).message) : "it went on"

  it.effect("strict: a run does not go on with other limits, and the difference is named", () =>
    Effect.gen(function* () {
      const result = yield* upgraded(asking("Look.", {}), asking("Look.", { historyMaxTokens: 500 }))
      assert.match(detail(result), /research\/fingerprint.*history_max_tokens: recorded null, now 500/)
    })
  )

  it.effect("compat: it goes on under the limits that it began with, and not with another prompt", () =>
    Effect.gen(function* () {
      const compat = { fingerprint: "compat" } as const
      const went = yield* upgraded(
        asking("Look.", compat),
        asking("Look.", { ...compat, historyMaxTokens: 500, blobThresholdBytes: 4000 })
      )
      assert.isTrue(Either.isRight(went), detail(went))
      const other = yield* upgraded(asking("Look.", compat), asking("Look well.", compat))
      assert.match(detail(other), /research\/fingerprint.*system: recorded/)
    })
  )
})

const file = (step: string, agent = "") => `agents:
  researcher: { model: "test:m", system_prompt: Research.${agent} }
steps:
  - kind: granular
    name: research
    uses: agents.researcher
${step}`

const findings = (step: string, agent?: string) =>
  Blueprint.check({ path: "pipeline.yaml", text: file(step, agent) }, options, plan).diagnostics.map(
    ({ code, hint, message }) => `${code} ${message} (${hint})`
  )

describe("kind: granular", () => {
  const whole = `    max_turns: 7
    history_max_tokens: 900
    blob_threshold_bytes: 5000
    enforce_idempotency: true
    fingerprint: compat
    stop_when: [sentinel, { expression: "previous_step | length > 100" }]
    no_progress_turns: 5
    on_no_progress: stop
`

  it("is the same plan as in TypeScript, and printed it is read as the same", () => {
    const { pipeline } = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text: file(whole) }, options))
    const twin = Step.granular("research", Agent.make("researcher", { model: "test:m", system: "Research." }), {
      maxTurns: 7,
      historyMaxTokens: 900,
      blobThresholdBytes: 5000,
      enforceIdempotency: true,
      fingerprint: "compat",
      stop: ["sentinel", { expression: "previous_step | length > 100" }],
      noProgressTurns: 5,
      onNoProgress: "stop"
    }).pipe(Pipeline.make("pipeline"))
    assert.strictEqual(Plan.make(pipeline).text, Plan.make(twin).text)
    const printed = Either.getOrThrow(Print.print(twin))
    const read = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text: printed.text }, options))
    assert.strictEqual(Plan.make(read.pipeline).text, Plan.make(twin).text)
    assert.notInclude(Either.getOrThrow(Print.print(of(researcher()) as never)).text, "stop_when")
  })

  it("is checked: keys, limits, and ends that cannot come", () => {
    assert.deepStrictEqual(findings(""), [])
    assert.deepStrictEqual(findings(whole), [])
    assert.match(findings("    max_turns: 0\n")[0]!, /^FLJ-BLUEPRINT-19/)
    assert.match(findings("    history_max_tokens: 10\n")[0]!, /^FLJ-BLUEPRINT-19/)
    assert.match(
      findings("    blob_treshold_bytes: 5000\n")[0]!,
      /^FLJ-BLUEPRINT-15 .*did you mean `blob_threshold_bytes`/
    )
    assert.match(findings("    fingerprint: loose\n")[0]!, /^FLJ-BLUEPRINT-19/)
    assert.match(findings("    stop_when: never\n")[0]!, /^FLJ-BLUEPRINT-19/)
    assert.match(findings("    stop_when: {}\n")[0]!, /^FLJ-BLUEPRINT-16/)
    assert.match(
      findings("    stop_when: { flag: is_complete }\n")[0]!,
      /^FLJ-PLAN-18 the agent's output has no boolean/
    )
    assert.match(findings("    stop_when: { tool: finish }\n")[0]!, /^FLJ-PLAN-18 the agent has no tool "finish"/)
    assert.match(findings('    stop_when: { expression: "nothing > 1" }\n')[0]!, /^FLJ-PLAN-7 there is no nothing/)
    const data = ", output_schema: { type: object, properties: { n: { type: integer } } }"
    assert.match(findings("    stop_when: sentinel\n", data)[0]!, /^FLJ-PLAN-18 .*does not end in a line/)
    assert.match(
      findings(
        '    stop_when: { expression: "previous_step.m > 1" }\n',
        ", output_schema: { type: object, properties: { n: { type: integer } }, additionalProperties: false }"
      )[0]!,
      /has no field m/
    )
    const text = file("").replace("uses: agents.researcher", "agent: { id: flujo.builtins.stringify }")
    const { diagnostics } = Blueprint.check({ path: "pipeline.yaml", text }, options, plan)
    assert.match(diagnostics[0]!.message, /a granular step is that of an agent/)
  })

  it("with enforce_idempotency takes only tools that honour the key", () => {
    const bad = skill("test.send", (city) => city, false)
    const found = Plan.make(of(researcher([look, bad]), { enforceIdempotency: true })).findings
    assert.deepStrictEqual(
      found.map(({ code, message }) => `${code} ${message}`),
      ["FLJ-PLAN-18 the tool send (external) does not honour an idempotency key, and each tool must"]
    )
    assert.deepStrictEqual(Plan.make(of(researcher([look]), { enforceIdempotency: true })).findings, [])
  })
})
