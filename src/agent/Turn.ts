/**
 * An agent at work: its prompt and the step's input go to the model; the tools that the reply calls are called, and their
 * results go back, until a reply calls none and is decoded to the wanted output. Every model call (`turn[4]`) and every
 * tool call (`turn[4]/tool[1]`) goes through `Once`: it is journaled, and never made again, before anything reads it.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import * as Model from "../domain/Model.js"
import * as Once from "../domain/Once.js"
import type * as Template from "../expression/Template.js"
import * as Tokens from "../llm/Tokens.js"
import { AgentError, type AnyAgent, maxTokensDefault } from "../pipeline/Agent.js"
import type * as Node from "../pipeline/Node.js"
import type { Shape } from "../pipeline/Shape.js"
import * as Tool from "../pipeline/Tool.js"
import * as Asking from "./Asking.js"
import * as Conversation from "./Conversation.js"
import * as Fingerprint from "./Fingerprint.js"
import * as Repair from "./Repair.js"
import * as Shield from "./Shield.js"
import * as Stop from "./Stop.js"
import * as ToolCall from "./ToolCall.js"
import * as Turns from "./Turns.js"

/** What the reply must be, as the model is told. A schema whose root is no object travels as `{ value }`. */
const wanted = (agent: AnyAgent): { readonly output: Model.ModelOutput; readonly wrapped: boolean } => {
  const schema = agent.output?.jsonSchema
  if (schema === undefined || Json.get(schema, "type") === "string") return { output: { _tag: "Text" }, wrapped: false }
  const name = agent.name.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 64)
  if (Json.get(schema, "type") === "object") return { output: { _tag: "Object", name, schema }, wrapped: false }
  const value = { type: "object", properties: { value: schema }, required: ["value"], additionalProperties: false }
  return { output: { _tag: "Object", name, schema: value }, wrapped: true }
}

/** What an agent answered before that was not accepted, and why. */
export interface Refused {
  readonly answer: Json.Json
  readonly feedback: ReadonlyArray<string>
}

/** What an agent is told beside its input. */
export interface Before {
  readonly refused?: Refused | undefined
  readonly history?: { readonly talk: Conversation.Talk; readonly template: Template.Template | undefined } | undefined
  /** It goes on until it is done. */
  readonly pace?: { readonly granular: Node.Granular; readonly judge: Stop.Judge } | undefined
}

/** What is sent for `text`, and with it, where there is such, what came of the try before. */
export const askOf = (agent: AnyAgent, text: string, refused?: Refused): Model.ModelAsk => ({
  model: agent.model,
  messages: [
    ...(agent.system === "" ? [] : [{ role: "system" as const, content: agent.system }]),
    { role: "user" as const, content: text },
    ...(refused === undefined
      ? []
      : [
          { role: "assistant" as const, content: textOf(refused.answer) },
          { role: "user" as const, content: feedbackText(refused.feedback) }
        ])
  ],
  output: wanted(agent).output,
  settings: agent.settings,
  ...(agent.tools.length === 0 ? {} : { tools: agent.tools.map(Tool.describe) })
})

const textOf = (json: Json.Json): string => (typeof json === "string" ? json : Json.canonical(json))

const feedbackText = (feedback: ReadonlyArray<string>): string =>
  ["Your answer was not accepted:", ...feedback.map((one) => `- ${one}`), "Answer again."].join("\n")

/** Tools that one reply may call; a reply that calls more is refused as a whole. */
export const callsMax = 16

/** Calls of tools that only read are made so many at a time; others one after the other, as they were asked for. */
const callsAtOnce = 4

/** Bytes that a reply may have: no text that people or programs write has tokens of more than 16 bytes on the average. */
const replyBytesMax = ({ settings }: AnyAgent): number => 16_384 + 16 * (settings.maxTokens ?? maxTokensDefault)

/** Bytes of a result that the model is sent at most. */
const resultBytesMax = (pace: Node.Granular | undefined): number =>
  pace === undefined
    ? ToolCall.resultBytesMax
    : Math.max(pace.blobThresholdBytes, ToolCall.blobHeadBytes + ToolCall.blobNoteBytes)

/** What each turn adds to the next request at most: the reply, the calls' ids and names once more, the results. */
const growthMax = (agent: AnyAgent, pace: Node.Granular | undefined): number =>
  Tokens.perMessage + 2 * replyBytesMax(agent) + callsMax * (Tokens.perMessage + resultBytesMax(pace))

/** Tokens that each turn on a text of so many bytes uses at most; `output` is absent where the agent has no limit. */
export const most = (
  agent: AnyAgent,
  textBytes: number,
  pace?: Node.Granular
): { readonly inputs: ReadonlyArray<number>; readonly output: number | undefined } => {
  const longer = agent.redact === undefined ? 1 : Shield.growthMost
  const first = longer * (Tokens.boundOfAsk(askOf(agent, "")) + textBytes)
  const growth = longer * growthMax(agent, pace)
  const kept = pace?.historyMaxTokens
  const history = kept === undefined ? undefined : Math.max(growth, Turns.bytesMost(kept)) + Turns.noteBytes
  return {
    inputs: Array.from({ length: (pace ?? agent).maxTurns + agent.maxCorrections }, (_, turn) =>
      Math.min(first + turn * growth, first + (history ?? Number.POSITIVE_INFINITY))
    ),
    output: agent.settings.maxTokens
  }
}

/** What an agent does that is no granular one. */
const once: Pick<Node.Granular, "stop" | "noProgressTurns" | "onNoProgress"> = {
  stop: [{ _tag: "Reply" }],
  noProgressTurns: 3,
  onNoProgress: "fail"
}

/**
 * Answers the decoded output. `path` is the standing path of the step. Fails with `ModelError` when there was no reply,
 * and with `AgentError` when there was one that is of no use; it is in the journal all the same.
 */
export const take = (
  agent: AnyAgent,
  input: Json.Json,
  path: string,
  { history, pace, refused }: Before = {}
): Effect.Effect<unknown, Model.ModelError | AgentError | Template.TemplateError, unknown> =>
  Effect.gen(function* () {
    const text = textOf(input)
    const prompt = history === undefined ? undefined : yield* Conversation.prompt(history.talk, history.template, text)
    const shield = Shield.make(agent.redact ?? [])
    const system = shield.hide(agent.system)
    const shielded = prompt && { ...prompt, text: shield.hide(prompt.text) }
    const ask = askOf(
      { ...agent, system },
      `${shielded?.text ?? ""}${shield.hide(text)}`,
      refused && hidden(refused, shield)
    )
    const limits = pace === undefined ? undefined : yield* Fingerprint.limits(agent, pace.granular, ask.output)
    const { noProgressTurns, onNoProgress, stop } = pace?.granular ?? once
    const { maxTurns } = pace?.granular ?? agent
    const turns: Array<Turns.Turn> = []
    const fail = (reason: AgentError["reason"], detail: string) => new AgentError({ agent: agent.name, reason, detail })
    let last = ""
    let same = 1
    let corrections = 0
    let model = 0
    /** What it said last that may be an answer, and the last text of it. */
    let said: { readonly value: unknown } | undefined
    let before: string | undefined
    /** Whether what it did now is what it did in the turns before, too. */
    const isStuck = (done: Json.Json): boolean => {
      const digest = Digest.of(done)
      same = digest === last ? same + 1 : 1
      last = digest
      return same >= noProgressTurns
    }
    for (let turn = 0; turn < maxTurns + corrections; turn++) {
      const { leftOut, messages } = Turns.within(ask.messages, turns, limits?.historyMaxTokens)
      const about = aboutOf(shielded, leftOut)
      const answered = yield* Asking.ask(
        agent,
        { ...ask, messages },
        { path, turn, from: model, history: about, isOfUse: (reply) => isOfUse(agent, readable(agent, reply, shield)) }
      )
      // What it said is repeated to it as it said it, and read with what its placeholders stand for.
      const { reply: raw } = answered
      const reply = readable(agent, raw, shield)
      // Who answered goes on: a conversation stays with one model as long as that can be had.
      model = answered.model
      const calls = (yield* callsOf(agent, raw)).map((call) => ({
        ...call,
        arguments: Shield.argumentsOf(shield, call.arguments)
      }))
      if (calls.length === 0) {
        const output = yield* Effect.either(outputOf(agent, reply, turn))
        if (Either.isLeft(output)) {
          if (corrections === agent.maxCorrections || !isRepeatable(agent, raw)) return yield* output.left
          corrections++
          turns.push([Model.repeating(raw), corrected(output.left, shield)])
          continue
        }
        const value = output.right
        const json = agent.output === undefined ? reply.text : Either.getOrElse(agent.output.encode(value), () => null)
        const ended = yield* Stop.ofReply(stop, { value, json: json ?? null, before }, pace?.judge ?? never)
        if (ended !== undefined) return ended.answer
        if (!isRepeatable(agent, raw)) return yield* fail("Incomplete", "the reply is empty, or too long to go on from")
        said = { value }
        before = reply.text
        if (isStuck(["said", reply.text])) {
          if (onNoProgress === "stop") return value
          return yield* fail("NoProgress", `${same} turns in a row said the same, and not that it was done`)
        }
        turns.push([Model.repeating(raw), { role: "user", content: Stop.goOn(stop) }])
        continue
      }
      const mayEnd = calls.some((call) => Stop.isLast(stop, call))
      if (turn === maxTurns + corrections - 1 && !mayEnd) break
      const answers = yield* Effect.forEach(
        calls,
        (call, index) => ToolCall.answer(agent.tools, call, `turn[${turn}]`, index, limits?.blobThresholdBytes),
        { concurrency: calls.every((call) => ToolCall.isOrderless(agent.tools, call)) ? callsAtOnce : 1 }
      )
      const ended = mayEnd ? Stop.ofTools(stop, calls, answers, agent.output) : undefined
      if (ended !== undefined) return yield* Either.mapLeft(ended, (detail) => fail("Misfit", detail))
      if (reply.text.trim() !== "" && agent.output === undefined) {
        said = { value: reply.text }
        before = reply.text
      }
      const done = [calls.map(({ name, arguments: given }) => [name, given]), answers.map(({ content }) => content)]
      if (isStuck(done)) {
        if (onNoProgress === "stop" && said !== undefined) return said.value
        const names = [...new Set(calls.map(({ name }) => name))].join(", ")
        return yield* fail(
          "NoProgress",
          `${same} turns in a row called ${names} with the same arguments and got the same results`
        )
      }
      turns.push([Model.repeating(raw), ...calls.map(told(answers, shield))])
    }
    const way = pace === undefined ? "called tools again" : "was not the last"
    return yield* fail(
      "MaxTurns",
      `its turn ${maxTurns + corrections} ${way}, and it may take no more; allow more with max_turns`
    )
  })

/** Nobody judges an agent whose first answer is the answer. */
const never: Stop.Judge = () => Either.right(false)

/** What the model is told of a reply that does not fit. */
const corrected = ({ detail }: AgentError, { hide }: Shield.Shield): Model.ModelMessage => ({
  role: "user",
  content: feedbackText([hide(detail.slice(0, feedbackCharsMax).toWellFormed())])
})

const hidden = ({ answer, feedback }: Refused, { hide }: Shield.Shield): Refused => ({
  answer: hide(textOf(answer)),
  feedback: feedback.map(hide)
})

/** What a reply says, with the real values, and without what was only thought. */
const readable = (agent: AnyAgent, reply: Model.ModelReply, shield: Shield.Shield): Model.ModelReply => {
  if (agent.redact === undefined && agent.stripsReasoning === undefined) return reply
  const said = agent.stripsReasoning === true ? Shield.withoutReasoning(reply.text) : reply.text
  const text = wanted(agent).output._tag === "Text" ? shield.show(said) : shield.showJson(said)
  return { ...reply, text }
}

/** Of what is wrong with a reply; less than what the results of a turn's tools may have. */
const feedbackCharsMax = 2000

const bytesOf = ({ parts, text }: Model.ModelReply): number =>
  Tokens.boundOfText(text) + Tokens.boundOfParts(parts ?? [])

const told =
  (answers: ReadonlyArray<ToolCall.Answer>, { hide }: Shield.Shield) =>
  ({ id, name }: ToolCall.Call, index: number): Model.ModelMessage => {
    const { content, failed } = answers[index]!
    return { role: "tool", callId: id, name, content: hide(content), ...(failed ? { failed } : {}) }
  }

/** Where in the first message of the user a conversation stands, how much of it, and what is cut; `lens` shows that. */
const aboutOf = (prompt: Conversation.Prompt | undefined, cut: number): Json.Json | undefined => {
  if (prompt === undefined && cut === 0) return undefined
  return {
    ...(prompt === undefined ? {} : { turns: prompt.turns, left_out: prompt.leftOut, characters: prompt.text.length }),
    ...(cut === 0 ? {} : { own_turns_left_out: cut })
  }
}

/** Whether a reply may be sent back: providers take no empty one, and a next turn has room for so much. */
const isRepeatable = (agent: AnyAgent, reply: Model.ModelReply): boolean =>
  reply.text.trim() !== "" && bytesOf(reply) <= replyBytesMax(agent)

/** The tools that a reply calls, if it is one that can be used at all. */
const callsOf = (agent: AnyAgent, reply: Model.ModelReply): Either.Either<ReadonlyArray<ToolCall.Call>, AgentError> => {
  const { finish, parts } = reply
  const refuse = (reason: AgentError["reason"], detail: string) =>
    Either.left(new AgentError({ agent: agent.name, reason, detail }))
  if (finish === "length") {
    const limit = agent.settings.maxTokens ?? "the provider's limit of"
    return refuse("Incomplete", `the reply was cut at ${limit} tokens; allow more with max_tokens`)
  }
  if (finish === "content-filter") return refuse("Incomplete", "the provider withheld the reply (content filter)")
  const calls = (parts ?? []).filter((part) => part._tag === "ToolCall")
  if (calls.length === 0) return Either.right(calls)
  if (agent.tools.length === 0) {
    return refuse("Incomplete", `the reply calls the tool ${calls[0]!.name.slice(0, 64)}, and the agent has no tools`)
  }
  if (calls.length > callsMax) {
    return refuse("TooManyCalls", `the reply calls ${calls.length} tools at once, and ${callsMax} are allowed`)
  }
  const bytes = bytesOf(reply)
  return bytes <= replyBytesMax(agent)
    ? Either.right(calls)
    : refuse("TooLong", `the reply has ${bytes} bytes, over the ${replyBytesMax(agent)} that go into a next turn`)
}

/** A reply as it stands. */
const soundOf = (shape: Shape, wrapped: boolean, text: string) => {
  const json = Either.getOrUndefined(Json.parse(text.trim()))
  const inner = json !== undefined && wrapped ? Json.get(json, "value") : json
  return { json, sound: inner === undefined ? undefined : shape.decode(inner) }
}

/** Whether a reply may stand for that of another call: it calls tools, or is what is wanted, as it stands. */
const isOfUse = (agent: AnyAgent, reply: Model.ModelReply): boolean => {
  const calls = callsOf(agent, reply)
  if (Either.isLeft(calls)) return false
  if (calls.right.length > 0) return true
  const { output, wrapped } = wanted(agent)
  if (output._tag === "Text") return reply.text.trim() !== ""
  const { sound } = soundOf(agent.output!, wrapped, reply.text)
  return sound !== undefined && Either.isRight(sound)
}

/** What the last reply says, as the agent's output. What has to be done to it for that is written down first. */
const outputOf = (agent: AnyAgent, { text }: Model.ModelReply, turn: number) =>
  Effect.gen(function* () {
    const { output, wrapped } = wanted(agent)
    if (output._tag === "Text") return text
    const shape = agent.output!
    const { json, sound } = soundOf(shape, wrapped, text)
    if (sound !== undefined && Either.isRight(sound)) return sound.right
    const refuse = (reason: AgentError["reason"], detail: string) =>
      new AgentError({ agent: agent.name, reason, detail })
    if (text.trim() === "") return yield* refuse("NotObject", "the reply is empty, and JSON was wanted")
    if (agent.repair !== "off") {
      const outcome = yield* repaired(agent, { shape, wrapped }, text, turn)
      if ("value" in outcome) {
        return yield* Either.mapLeft(shape.decode(outcome.value), ({ detail }) => refuse("Misfit", detail))
      }
      if (outcome.reason === "Misfit") return yield* refuse("Misfit", outcome.detail)
    }
    if (json === undefined) {
      const start = JSON.stringify(text.trim().slice(0, 60))
      return yield* refuse("NotObject", `JSON was wanted, and the reply starts ${start}`)
    }
    const why = sound === undefined || Either.isRight(sound) ? "there is no { value }" : sound.left.detail
    return yield* refuse("Misfit", `the reply does not fit the wanted output: ${why}`)
  })

/** What is made of a reply that does not fit; with the next version of what mends it, a replay is told the same. */
const repaired = (agent: AnyAgent, want: Repair.Wanted, text: string, turn: number) =>
  Once.run(
    {
      within: `turn[${turn}]`,
      key: "repair",
      request: { repair: agent.repair, reply: Digest.ofText(text) },
      success: Repair.Outcome,
      per: "attempt",
      effect: "pure"
    },
    () => {
      const found = Repair.regions(text)
      const settled = (mend: (text: string) => string) => Repair.settle(found, want, agent.repair, mend)
      return Repair.isBroken(found)
        ? Effect.map(
            Effect.promise(() => import("jsonrepair")),
            ({ jsonrepair }) => settled(jsonrepair)
          )
        : Effect.sync(() => settled((broken) => broken))
    }
  )
