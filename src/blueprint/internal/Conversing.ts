/** The keys of a loop that make it a conversation. */
import * as Conversation from "../../pipeline/Conversation.js"
import type * as Node from "../../pipeline/Node.js"
import * as Decode from "../Decode.js"
import { type Draft, type Env, placed } from "../Env.js"
import type { Text } from "../Origins.js"
import * as Texts from "../Texts.js"
import type { Tree } from "../Tree.js"
import * as Leaves from "./Leaves.js"

export const keys = [
  "conversation",
  "history_management",
  "history_template",
  "ai_turn_source",
  "user_turn_sources",
  "named_steps"
]

export const historyKeys = ["strategy", "max_tokens", "max_turns", "summarize_ratio", "summarizer"]

export interface Read {
  readonly conversation: Node.Conversation
  readonly texts: ReadonlyArray<Text>
}

/** The conversation of a loop, where it is one. `answers`: the loop answers it. */
export const read = (env: Env, draft: Draft, options: Decode.Fields, answers: boolean): Read | undefined => {
  const tree = options.value("conversation")
  const isOn = tree !== undefined && Decode.boolean(env.report, tree, "`conversation`") === true
  if (!isOn) {
    if (tree?._tag === "Broken") return undefined
    for (const name of keys.slice(1)) {
      const key = options.key(name)
      if (key === undefined) continue
      env.report.add("FLJ-BLUEPRINT-20", key.span, `\`${name}\` is for a loop with \`conversation: true\``, {
        hint: "add `conversation: true`, or leave it out"
      })
    }
    return undefined
  }
  const templateTree = options.value("history_template")
  const text = templateTree && Decode.word(env.report, templateTree, "`history_template`")
  if (text !== undefined && /\{\{\s*[#/]/.test(text.value)) {
    env.report.add("FLJ-BLUEPRINT-19", text.span, "`history_template` is written in another template language", {
      hint: "write {% for turn in history %}{{ turn.role }}: {{ turn.content }}\n{% endfor %}"
    })
    return undefined
  }
  const template = text && Texts.text(env.report, text)
  const history = historyOf(env, draft, options.value("history_management"))
  return {
    conversation: {
      ai: aiOf(env, options),
      users: usersOf(env, options.value("user_turn_sources")),
      history,
      template: template?.template,
      ...(answers ? { answers: true as const } : {})
    },
    texts: template?.origins ?? []
  }
}

const aiOf = (env: Env, options: Decode.Fields): Node.Conversation["ai"] => {
  const tree = options.value("ai_turn_source")
  const source =
    tree === undefined ? "last" : Decode.choice(env.report, tree, "`ai_turn_source`", Conversation.aiSources)
  const namesTree = options.value("named_steps")
  if (source !== "named_steps") {
    const key = options.key("named_steps")
    if (key !== undefined && source !== undefined) {
      env.report.add("FLJ-BLUEPRINT-20", key.span, "`named_steps` is for `ai_turn_source: named_steps`", {
        hint: "say that too, or leave it out"
      })
    }
    return source ?? "last"
  }
  if (namesTree === undefined) {
    env.report.add("FLJ-BLUEPRINT-16", tree!.span, "`named_steps` is missing", {
      hint: "the steps whose answers are turns of the assistant: named_steps: [draft]"
    })
    return "last"
  }
  return { names: words(env, namesTree, "`named_steps`") }
}

const usersOf = (env: Env, tree: Tree | undefined): ReadonlyArray<string> =>
  tree === undefined ? [Conversation.people] : words(env, tree, "`user_turn_sources`")

/** One word or a list of them. */
const words = (env: Env, tree: Tree, what: string): ReadonlyArray<string> => {
  const items = tree._tag === "List" ? tree.items : [tree]
  return [...new Set(items.flatMap((item) => Decode.word(env.report, item, what)?.value.trim() ?? []))]
}

const historyOf = (env: Env, draft: Draft, tree: Tree | undefined): Node.History => {
  const usual: Node.History = { _tag: "Tokens", max: Conversation.tokensDefault }
  if (tree === undefined) return usual
  const what = "`history_management`"
  const fields = Decode.fields(env.report, tree, what, { of: what, known: historyKeys })
  if (fields === undefined) return usual
  const strategyTree = fields.value("strategy")
  const strategy =
    strategyTree === undefined
      ? "truncate_tokens"
      : Decode.choice(env.report, strategyTree, "`strategy`", Conversation.strategies)
  if (strategy === undefined) return usual
  const only = (name: string, ...of: ReadonlyArray<string>): void => {
    const key = fields.key(name)
    if (key === undefined || of.includes(strategy)) return
    env.report.add("FLJ-BLUEPRINT-20", key.span, `\`${name}\` is for \`strategy: ${of.join("` or `")}\``, {
      hint: "leave it out"
    })
  }
  only("max_tokens", "truncate_tokens", "summarize")
  only("max_turns", "truncate_turns")
  only("summarize_ratio", "summarize")
  only("summarizer", "summarize")
  if (strategy === "truncate_turns") {
    const turns = Decode.limit(env.report, fields, "max_turns", Conversation.turnsMost)
    return { _tag: "Turns", max: turns ?? Conversation.turnsDefault }
  }
  const tokens = fields.value("max_tokens")
  const range = { min: Conversation.tokensLeast, max: Conversation.tokensMost }
  const max =
    (tokens === undefined ? undefined : Decode.integer(env.report, tokens, "`max_tokens`", range)) ??
    Conversation.tokensDefault
  if (strategy === "truncate_tokens") return { _tag: "Tokens", max }
  const ratioTree = fields.value("summarize_ratio")
  const ratio =
    (ratioTree && Decode.number(env.report, ratioTree, "`summarize_ratio`", { min: 0.01, max: 1 })) ??
    Conversation.ratioDefault
  const by = Decode.required(env.report, fields, "summarizer", {
    at: strategyTree!.span,
    of: what,
    hint: "the agent that tells in short what was said before: summarizer: agents.NAME"
  })
  const text = by && Decode.word(env.report, by, "`summarizer`")
  if (text === undefined) return { _tag: "Tokens", max }
  const origin = { whole: by!.span, head: by!.span, isNamed: false }
  const step = Leaves.agent(env, { ...draft, name: summarizerName, given: summarizerName, origin }, text)
  return { _tag: "Summarize", max, ratio, by: { step: placed(env, { origin }, step) } }
}

/** The name of the step that makes a summary. */
export const summarizerName = "summarizer"
