import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Conversation from "../../src/agent/Conversation.js"
import * as Blueprint from "../../src/blueprint/Blueprint.js"
import type { Entry } from "../../src/domain/Event.js"
import { type ModelAsk, textOf } from "../../src/domain/Model.js"
import { usd } from "../../src/domain/NanoUsd.js"
import * as Template from "../../src/expression/Template.js"
import { shipped } from "../../src/governance/PriceTable.js"
import * as Tokens from "../../src/llm/Tokens.js"
import * as Agent from "../../src/pipeline/Agent.js"
import type * as Node from "../../src/pipeline/Node.js"
import * as Pipeline from "../../src/pipeline/Pipeline.js"
import * as Step from "../../src/pipeline/Step.js"
import * as Bound from "../../src/plan/Bound.js"
import * as Plan from "../../src/plan/Plan.js"
import { plan } from "../blueprint/Marked.js"
import { options } from "../blueprint/Skills.js"
import * as Money from "../engine/money.js"
import * as World from "../gate/world.js"
import * as Models from "./models.js"

const about = (history: Node.History, more: Partial<Node.Conversation> = {}): Node.Conversation => ({
  ai: "last",
  users: ["hitl"],
  history,
  template: undefined,
  ...more
})

const said = (by: Conversation.Said["by"], json: Conversation.Said["json"], name = "one"): Conversation.Said => ({
  by,
  json,
  name
})

const turnsOf = (
  iterations: ReadonlyArray<ReadonlyArray<Conversation.Said>>,
  talk: Node.Conversation,
  input: Conversation.Said["json"] = "plan a trip"
) => iterations.reduce((so, one) => Conversation.after(so, one, talk), Conversation.begin(input))

const everything = about({ _tag: "Tokens", max: 100_000 })

describe("the turns of a conversation", () => {
  it("are the input, the last answer of an agent, and what people answered, with what they were asked", () => {
    const talk = turnsOf(
      [
        [
          said("agent", "a thought"),
          said("agent", { question: "where?" }),
          said("question", "where?"),
          said("person", "Oslo")
        ],
        [said("agent", '{"question":"when?"}'), said("question", "Say when, please"), said("person", { day: 3 })]
      ],
      everything
    )
    assert.deepStrictEqual(Conversation.text(talk).split("\n"), [
      "user: plan a trip",
      "assistant: where?",
      "user: Oslo",
      "assistant: when?",
      "assistant: Say when, please",
      'user: {"day":3}'
    ])
  })

  it("leave out that an agent has finished, and what says nothing", () => {
    const talk = turnsOf([[said("agent", { action: "finish" }), said("agent", "  ")]], everything, null)
    assert.strictEqual(Conversation.text(talk), "")
  })

  it("are those of the sources that were named", () => {
    const heard = [
      said("agent", "one", "first"),
      said("agent", "two", "second"),
      said("step", "three", "code"),
      said("person", "four", "ask")
    ]
    const text = (more: Partial<Node.Conversation>) =>
      Conversation.text(turnsOf([heard], { ...everything, ...more }, null))
    assert.strictEqual(text({}), "assistant: two\nuser: four")
    assert.strictEqual(text({ ai: "all_agents", users: [] }), "assistant: one\nassistant: two")
    assert.strictEqual(text({ ai: { names: ["first"] }, users: ["code"] }), "assistant: one\nuser: three")
    assert.strictEqual(text({ users: ["first", "ask"] }), "user: one\nassistant: two\nuser: four")
  })

  const talks = FastCheck.record({
    input: FastCheck.string({ maxLength: 400 }),
    lines: FastCheck.array(FastCheck.string({ minLength: 1, maxLength: 900, unit: "grapheme" }), { maxLength: 12 }),
    max: FastCheck.integer({ min: 64, max: 600 })
  })

  it("keep the newest within the limit of tokens and the first of the user, and count what is left out", () => {
    FastCheck.assert(
      FastCheck.property(talks, ({ input, lines, max }) => {
        const all = turnsOf(
          lines.map((line) => [said("agent", line)]),
          everything,
          input
        )
        const talk = turnsOf(
          lines.map((line) => [said("agent", line)]),
          about({ _tag: "Tokens", max }),
          input
        )
        const kept = [...(talk.first === undefined ? [] : [talk.first]), ...talk.turns]
        const brief = about({ _tag: "Summarize", max, ratio: 0.5, by: { step: Step.pass("x").node } })
        const short = lines.reduce((so, line) => {
          const more = Conversation.after(so, [said("agent", line)], brief)
          const older = Conversation.older(more, brief.history)
          return older === undefined
            ? more
            : Conversation.summarized(more, older.rest, "word ".repeat(99), brief.history)
        }, Conversation.begin(input))
        const all_ = short.first === undefined ? short.turns : [short.first, ...short.turns]
        assert.isAtMost(
          all_.reduce((sum, { content, role }) => sum + Tokens.estimate(`${role}: ${content}\n`), 0),
          max
        )
        const tokens = kept.reduce((sum, { content, role }) => sum + Tokens.estimate(`${role}: ${content}\n`), 0)
        assert.isAtMost(tokens, max)
        assert.strictEqual(talk.first === undefined, all.first === undefined)
        if (all.turns.length > 0) assert.isAtLeast(talk.turns.length, 1)
        assert.strictEqual(talk.leftOut, all.turns.length - talk.turns.length)
        const last = talk.turns.slice(1)
        assert.deepStrictEqual(last, all.turns.slice(all.turns.length - last.length))
        const prompt = Either.getOrThrow(Conversation.prompt(talk, undefined, "x"))
        const bound = Conversation.bytesMost(about({ _tag: "Tokens", max }))!
        assert.isAtMost(Buffer.byteLength(prompt?.text ?? ""), bound)
      }),
      { numRuns: 200, seed: 7 }
    )
  })

  it("keep what is newer beside a summary of what is older", () => {
    const history: Node.History = { _tag: "Summarize", max: 100, ratio: 0.5, by: { step: Step.pass("x").node } }
    const talk = turnsOf([[said("agent", "word ".repeat(80)), said("person", "Oslo")]], about(history))
    const { rest, turns } = Conversation.older(talk, history)!
    assert.deepStrictEqual([turns.length, rest.length], [1, 1])
    assert.strictEqual(
      Conversation.text(Conversation.summarized(talk, rest, "they spoke of words", history)),
      "user: plan a trip\nassistant: (What was said before, in short) they spoke of words\nuser: Oslo"
    )
  })

  it("keep a number of turns", () => {
    const talk = turnsOf(
      ["a", "b", "c"].map((line) => [said("agent", line)]),
      about({ _tag: "Turns", max: 2 })
    )
    assert.strictEqual(Conversation.text(talk), "user: plan a trip\nassistant: b\nassistant: c")
    const { text } = Either.getOrThrow(Conversation.prompt(talk, undefined, "next"))!
    assert.strictEqual(
      text,
      "The conversation so far:\nuser: plan a trip\n(1 turn is left out here)\nassistant: b\nassistant: c\n\n"
    )
  })

  it("are told by a template of one's own, which is never expanded twice", () => {
    const talk = turnsOf([[said("agent", "{{ input }}")]], everything)
    const template = Template.parse(
      "{% for turn in history %}<{{ turn.role }} {{ turn.step }}>{{ turn.content }}{% endfor %}"
    )
    const prompt = Either.getOrThrow(Conversation.prompt(talk, template, "x"))
    assert.strictEqual(prompt!.text, "<user >plan a trip<assistant one>{{ input }}\n\n")
  })

  it("do not tell an agent twice what its input says", () => {
    const talk = turnsOf([[said("agent", "where?"), said("person", "Oslo")]], everything)
    assert.strictEqual(Either.getOrThrow(Conversation.prompt(talk, undefined, "Oslo"))!.turns, 2)
    assert.strictEqual(Either.getOrThrow(Conversation.prompt(talk, undefined, "Rome"))!.turns, 3)
    assert.isUndefined(Either.getOrThrow(Conversation.prompt(Conversation.begin("go"), undefined, "go")))
  })
})

const helper = Agent.make("helper", { model: "test:m", system: "Ask.", settings: { maxTokens: 100 } })
const teller = Agent.make("teller", { model: "test:m", system: "Tell in short.", settings: { maxTokens: 50 } })

const userText = ({ messages }: ModelAsk): string => textOf(messages.findLast(({ role }) => role === "user")!)
const systemText = ({ messages }: ModelAsk): string => textOf(messages[0]!)

const asking = Step.agent("clarify", helper).pipe(
  Step.andThen(Step.ask("user", { message: "{{ previous_step }}", answer: Schema.String }))
)

const questions = ["where?", "when?", "who?", "how?"]
/** Answers by how much of the conversation it was told. */
const helpful = (ask: ModelAsk): string =>
  systemText(ask) === "Tell in short."
    ? `in short: ${userText(ask).length > 0}`
    : questions[questions.filter((one) => userText(ask).includes(`assistant: ${one}`)).length]!

const answers: World.Answers = (task) => (String(task).startsWith("talk[0]") ? "Oslo" : "in May")

const talkOf = (
  history: NonNullable<Parameters<typeof Step.conversation>[2]["history"]>,
  max = 3
): Pipeline.Pipeline<string, string> =>
  Step.conversation("talk", asking, { max, history } as never).pipe(
    Pipeline.make("trip")
  ) as unknown as Pipeline.Pipeline<string, string>

/** What a run needs is provided around it. */
const plain = (pipeline: Pipeline.Pipeline.Any) => pipeline as unknown as Pipeline.Pipeline<string, string>

const asked = (entries: ReadonlyArray<Entry>) => entries.flatMap(({ event }) => (event.kind === "Asked" ? [event] : []))

describe("a loop with a conversation", () => {
  it.effect(
    "really tells the agents of the next iteration what was said, over pauses, and cut anywhere is the same run",
    () =>
      Effect.gen(function* () {
        const sent: Array<Models.Asked> = []
        const { points, whole } = yield* World.everyCut(talkOf({ strategy: "truncate_tokens" }), "plan a trip", {
          answers,
          before: () => {
            sent.length = 0
          }
        }).pipe(Effect.provide(Models.layer(helpful, sent)))
        assert.isAtLeast(points, 8)
        assert.deepStrictEqual(
          sent.map(({ ask }) => userText(ask)),
          [
            "plan a trip",
            "The conversation so far:\nuser: plan a trip\nassistant: where?\n\nOslo",
            "The conversation so far:\nuser: plan a trip\nassistant: where?\nuser: Oslo\nassistant: when?\n\nin May"
          ].slice(3 - sent.length)
        )
        assert.strictEqual(whole.tag, "Completed")
      })
  )

  it.effect("tells what is older in short, by a call of its own that is journaled and paid", () =>
    Effect.gen(function* () {
      const long = "word ".repeat(80)
      const sent: Array<Models.Asked> = []
      const pipeline = talkOf({ strategy: "summarize", maxTokens: 100, by: Step.agent("teller", teller) })
      const answer = (ask: ModelAsk) => (systemText(ask) === "Ask." ? long : "they spoke of words")
      const { whole } = yield* World.everyCut(pipeline, "plan a trip", { answers }).pipe(
        Effect.provide(Models.layer(answer, sent))
      )
      const paths = asked(whole.entries).map(({ path }) => String(path))
      assert.deepStrictEqual(paths, [
        "talk[0]/clarify/turn[0]",
        "talk[0]/summary/teller/turn[0]",
        "talk[1]/clarify/turn[0]",
        "talk[1]/summary/teller/turn[0]",
        "talk[2]/clarify/turn[0]"
      ])
      const told = asked(whole.entries).map(({ payload }) => userText(payload.request as unknown as ModelAsk))
      assert.match(told[1]!, /^assistant: word word/)
      assert.match(
        told[4]!,
        /user: plan a trip\nassistant: \(What was said before, in short\) they spoke of words\n\nin May$/
      )
      const bound = Bound.make(pipeline, shipped)
      assert.strictEqual(bound.calls.most, 6)
    })
  )

  it.effect("costs no more than its bound says", () =>
    Effect.gen(function* () {
      const rates = Money.table({ "test:m": Money.rate("1", "2") })
      const spoken = Step.conversation(
        "talk",
        Step.agent("clarify", helper).pipe(Step.withInput("the next question")),
        { max: 20, history: { strategy: "truncate_tokens", maxTokens: 64 } }
      ).pipe(Pipeline.make("spoken"))
      const bound = Bound.make(spoken, rates, { inputBytes: 40 })
      const sent: Array<Models.Asked> = []
      yield* World.start(plain(spoken), "plan a trip for forty people and a dog").pipe(
        Effect.provide(World.make().boot()),
        Effect.provide(Models.layer(() => "é".repeat(50), sent))
      )
      const tokens = sent.reduce((sum, { ask }) => sum + Tokens.boundOfAsk(ask) + 100, 0)
      assert.strictEqual(sent.length, 20)
      assert.isAtMost(tokens, bound.tokens!)
      // A bound that did not count what is told would be less.
      const silent = Bound.make(
        Step.loop("talk", Step.agent("clarify", helper).pipe(Step.withInput("the next question")), { max: 20 }).pipe(
          Pipeline.make("silent")
        ),
        rates,
        { inputBytes: 40 }
      )
      assert.isAbove(tokens, silent.tokens!)
      assert.isBelow(bound.cost!, usd("1"))
    })
  )

  it.effect("answers what was said, where it is to", () =>
    Effect.gen(function* () {
      const pipeline = Step.conversation("talk", asking, { max: 2, answers: true }).pipe(Pipeline.make("trip"))
      const { whole } = yield* World.everyCut(plain(pipeline), "plan a trip", { answers }).pipe(
        Effect.provide(Models.layer(helpful))
      )
      const last = whole.entries.findLast(({ event }) => event.kind === "RunCompleted")
      assert.include(
        JSON.stringify(last),
        "user: plan a trip\\nassistant: where?\\nuser: Oslo\\nassistant: when?\\nuser: in May"
      )
    })
  )

  it.effect("leaves a step alone that does without its history", () =>
    Effect.gen(function* () {
      const sent: Array<Models.Asked> = []
      const body = Step.agent("clarify", helper, { useHistory: false })
      const pipeline = Step.conversation("talk", body, { max: 2 }).pipe(Pipeline.make("trip"))
      yield* World.start(plain(pipeline), "go").pipe(
        Effect.provide(World.make().boot()),
        Effect.provide(Models.layer(() => "said", sent))
      )
      assert.deepStrictEqual(
        sent.map(({ ask }) => userText(ask)),
        ["go", "said"]
      )
    })
  )
})

const file = (loop: string, step = "") => `agents:
  helper: { model: "test:m", system_prompt: Ask. }
steps:
  - kind: loop
    name: talk
    loop:
${loop}
      body:
        - { name: clarify, uses: agents.helper${step} }
        - { kind: hitl, name: user }
`

const findings = (loop: string, step?: string) =>
  Blueprint.check({ path: "pipeline.yaml", text: file(loop, step) }, options, plan).diagnostics.map(
    ({ code, hint, message }) => `${code} ${message} (${hint})`
  )

describe("a conversation in a blueprint", () => {
  it("is the same plan as in TypeScript", () => {
    const text = file(
      `      conversation: true
      history_management: { strategy: summarize, max_tokens: 500, summarize_ratio: 0.25, summarizer: agents.helper }
      history_template: "{% for turn in history %}{{ turn.content }} {% endfor %}"
      ai_turn_source: named_steps
      named_steps: [clarify]
      user_turn_sources: [hitl, user]`,
      ", use_history: false"
    )
    const { pipeline } = Either.getOrThrow(Blueprint.parse({ path: "pipeline.yaml", text }, options))
    const asker = Agent.make("helper", { model: "test:m", system: "Ask." })
    const body = Step.agent("clarify", asker, { useHistory: false }).pipe(
      Step.andThen(Step.ask("user", { message: "{{ previous_step }}", answer: Schema.String }))
    )
    const twin = Step.conversation("talk", body, {
      max: 5,
      history: { strategy: "summarize", maxTokens: 500, ratio: 0.25, by: Step.agent("summarizer", asker) },
      historyTemplate: "{% for turn in history %}{{ turn.content }} {% endfor %}",
      ai: ["clarify"],
      users: ["hitl", "user"]
    } as never).pipe(Pipeline.make("pipeline"))
    const jsonOf = (pipeline: Pipeline.Pipeline.Any) => Plan.make(pipeline).json as never
    const conversationOf = (json: { root: { conversation: unknown } }) => json.root.conversation
    assert.deepStrictEqual(conversationOf(jsonOf(pipeline)), conversationOf(jsonOf(twin)))
  })

  it("is checked: keys without it, sources that are not there, and strategies with the keys of others", () => {
    const on = "      conversation: true\n"
    assert.deepStrictEqual(findings(on.trimEnd()), [])
    assert.match(findings("      ai_turn_source: last")[0]!, /^FLJ-BLUEPRINT-20 .*add `conversation: true`/)
    assert.match(findings("      conversation: maybe")[0]!, /^FLJ-BLUEPRINT-17/)
    assert.match(findings(`${on}      ai_turn_source: first`)[0]!, /^FLJ-BLUEPRINT-19/)
    assert.match(findings(`${on}      ai_turn_source: named_steps`)[0]!, /^FLJ-BLUEPRINT-16/)
    assert.match(findings(`${on}      named_steps: [clarify]`)[0]!, /^FLJ-BLUEPRINT-20/)
    assert.match(
      findings(`${on}      user_turn_sources: [hitl, usr]`)[0]!,
      /^FLJ-PLAN-16 .*"usr".*in it are: clarify, user/
    )
    assert.match(
      findings(`${on}      history_management: { strategy: truncate_turn }`)[0]!,
      /did you mean `truncate_turns`/
    )
    assert.match(findings(`${on}      history_management: { max_turns: 3 }`)[0]!, /^FLJ-BLUEPRINT-20/)
    assert.match(findings(`${on}      history_management: { max_tokens: 3 }`)[0]!, /^FLJ-BLUEPRINT-19/)
    assert.match(
      findings(`${on}      history_management: { strategy: summarize }`)[0]!,
      /^FLJ-BLUEPRINT-16 `summarizer`/
    )
    assert.match(
      findings(`${on}      history_management: { strategy: summarize, summarizer: agents.helpr }`)[0]!,
      /^V-A6 .*did you mean `agents.helper`/
    )
    assert.match(
      findings(`${on}      history_template: "{{#each history}}x{{/each}}"`)[0]!,
      /another template language/
    )
    assert.match(
      findings(`${on}      history_template: "{{ previous_step }}"`)[0]!,
      /^FLJ-PLAN-7 a history_template sees no/
    )
    assert.match(
      findings("      max_loops: 2", ", use_history: false")[0]!,
      /^FLJ-PLAN-16 this step stands in no conversation/
    )
    assert.match(findings("      output: { text: conversation_history }")[0]!, /add `conversation: true`/)
    assert.deepStrictEqual(findings(`${on}      output: { text: conversation_history }`), [])
  })
})
