/**
 * The corpus: recorded runs of every kind, which today's code must replay, in whatever time zone and language and without
 * a network; which harmless edits of their blueprints leave as they are, and of which breaking ones name step and field.
 */
import { spawnSync } from "node:child_process"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { parseDocument, stringify, visit } from "yaml"
import { kinds } from "../../src/domain/Event.js"
import * as Corpus from "./Corpus.js"
import { cases } from "./cases.js"

const root = resolve(import.meta.dirname, "../..")
const folder = Corpus.folderOf(root)
const names = Corpus.namesIn(folder)
const isLong = process.env.FLUJO_LONG === "1"

const replayed = (name: string, edit?: (text: string) => string) =>
  Effect.scoped(Effect.flatMap(Corpus.open(folder, name), ({ replay }) => replay(edit)))

describe("the corpus", () => {
  it.live("holds at least 50 histories, one for each case, of almost every kind of event", () =>
    Effect.gen(function* () {
      assert.isAtLeast(names.length, 50)
      assert.sameMembers(
        [...names],
        cases.map(({ name }) => name)
      )
      const found = new Set<string>()
      for (const name of names) {
        const { journal, run } = yield* Corpus.open(folder, name)
        yield* Stream.runForEach(journal.read(run), ({ event }) => Effect.sync(() => found.add(event.kind)))
      }
      // What needs a process that dies in the middle of a call, or again and again, is not among them.
      const left = Object.keys(kinds).filter((kind) => !found.has(kind))
      assert.isAtMost(left.length, 6, left.join(", "))
      for (const kind of ["Denied", "Recovered", "CacheRead", "Undone", "Closed", "RetryDecided", "RunCancelling"]) {
        assert.isTrue(found.has(kind), kind)
      }
    }).pipe(Effect.scoped)
  )

  it.live("is replayed by today's code, by the plans that it was recorded with", () =>
    Effect.forEach(names, (name) => replayed(name), { discard: true })
  )
})

interface Breaking {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly step: string
  /** Absent where the step or what it says as a whole is at fault. */
  readonly field?: string
}

const output = "/payload/output/value"
const breaking: ReadonlyArray<Breaking> = [
  { name: "value", from: "Hello", to: "Hallo", step: "said", field: output },
  { name: "value", from: "name: said", to: "name: told", step: "told" },
  { name: "numbers", from: "0.1", to: "0.2", step: "sum", field: output },
  { name: "object", from: "true", to: "false", step: "made", field: `${output}/b` },
  { name: "sequence_context", from: "}}2", to: "}}3", step: "b", field: output },
  { name: "scope", from: "steps.a", to: "input", step: "both/b", field: output },
  { name: "when_skipped", from: "== 'y'", to: "!= 'y'", step: "b!when", field: "/data/branch" },
  { name: "conditional", from: "== 'high'", to: "!= 'high'", step: "severe", field: "/data/branch" },
  { name: "conditional_default", from: "input: none", to: "input: some", step: "c/otherwise/other", field: output },
  { name: "parallel", from: "}}?", to: "}}.", step: "both/r/b", field: output },
  { name: "parallel", from: "      r:", to: "      s:", step: "both/s/b" },
  { name: "loop", from: "'axx'", to: "'ax'", step: "grow[0]", field: "/data/end" },
  { name: "loop", from: "}}x", to: "}}y", step: "grow[0]/add", field: output },
  { name: "map", from: "input.words", to: "['a']", step: "each", field: "/data/count" },
  { name: "map", from: "{{ index }}", to: "!", step: "each[0]/add", field: output },
  { name: "machine", from: "}}y", to: "}}z", step: "process[1]/polish/p", field: output },
  { name: "agent", from: "Write.", to: "Write well.", step: "write/turn[0]", field: "/payload/request" },
  { name: "agent", from: "max_tokens: 100", to: "max_tokens: 99", step: "write/turn[0]", field: "/payload/request" },
  { name: "agent_structured", from: "integer", to: "string", step: "write", field: "/payload" },
  { name: "answered", from: "What of", to: "What about", step: "first", field: "/payload/message" },
  { name: "answered", from: "name: second", to: "name: last", step: "last" },
  { name: "approved", from: "    on_reject: fail\n", to: "", step: "review", field: "/data/task" },
  { name: "signalled", from: "signal: paid", to: "signal: billed", step: "paid", field: "/data/signal" },
  { name: "compensated", from: "is released", to: "is free", step: "book!undo/release", field: output },
  { name: "imported", from: '}}!"', to: '}}?"', step: "after", field: output },
  { name: "searched", from: "max_depth: 1", to: "max_depth: 2", step: "best" },
  { name: "slept", from: "awake", to: "asleep", step: "after", field: output }
]

describe("a breaking edit", () => {
  it("is one of at least 25", () => assert.isAtLeast(breaking.length, 25))

  for (const { field, from, name, step, to } of breaking) {
    it.live(`is named with step and field: ${name}, ${JSON.stringify(from)} → ${JSON.stringify(to)}`, () =>
      Effect.gen(function* () {
        const edited = yield* Effect.flip(
          replayed(name, (text) => {
            assert.include(text, from)
            return text.replaceAll(from, to)
          })
        )
        assert.propertyVal(edited, "reason", "Diverged")
        const error = edited as { readonly path: string; readonly field?: string; readonly detail: string }
        assert.isTrue(error.path.startsWith(step), `${error.path} ${error.field ?? ""}: ${error.detail}`)
        assert.isTrue((error.field ?? "").startsWith(field ?? ""), `${error.field ?? ""}: ${error.detail}`)
      })
    )
  }
})

const anew =
  (change: (value: Record<string, unknown>) => unknown, options = {}) =>
  (text: string) =>
    stringify(change(parseDocument(text).toJS()), { lineWidth: 0, ...options })
const same = (value: Record<string, unknown>) => value
const reversed = (value: object) => Object.fromEntries(Object.entries(value).reverse())
/** Of every map that is a step, at any depth. */
const steps =
  (change: (step: Record<string, unknown>) => object) =>
  (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(steps(change))
    if (typeof value !== "object" || value === null) return value
    const inner = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, steps(change)(one)]))
    const isStep =
      "name" in inner && !("steps" in inner && "version" in inner) && !("skill" in inner && !("input" in inner))
    return isStep ? change(inner) : inner
  }
const document = (text: string, change: (doc: ReturnType<typeof parseDocument>) => void, options = {}): string => {
  const doc = parseDocument(text)
  change(doc)
  return doc.toString({ lineWidth: 0, ...options })
}

const harmless: Readonly<Record<string, (text: string) => string>> = {
  "a comment before": (text) => `# Nothing.\n${text}`,
  "a comment after": (text) => `${text}# Nothing.\n`,
  "a comment above each line that begins a step": (text) => text.replaceAll(/^( *)- /gm, "$1# A step.\n$1- "),
  "blank lines": (text) => text.replaceAll(/^( *)- /gm, "\n\n$1- "),
  "a blank line before": (text) => `\n\n${text}`,
  "blank lines after": (text) => `${text}\n\n\n`,
  "no line feed at the end": (text) => text.trimEnd(),
  "blanks at the ends of lines": (text) => text.replaceAll("\n", "  \n"),
  "Windows line ends": (text) => text.replaceAll("\n", "\r\n"),
  "a byte order mark": (text) => `\ufeff${text}`,
  "a document start": (text) => `---\n${text}`,
  "a document end": (text) => `${text}...\n`,
  "four blanks of indentation": anew(same, { indent: 4 }),
  "lists not indented": anew(same, { indentSeq: false }),
  "single quotes": anew(same, { defaultStringType: "QUOTE_SINGLE", defaultKeyType: "PLAIN" }),
  "double quotes": anew(same, { defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" }),
  "quoted keys": anew(same, { defaultKeyType: "QUOTE_DOUBLE" }),
  "all in one line": anew(same, { collectionStyle: "flow" }),
  "all in blocks": anew(same, { collectionStyle: "block" }),
  JSON: (text) => JSON.stringify(parseDocument(text).toJS()),
  "JSON over many lines": (text) => JSON.stringify(parseDocument(text).toJS(), null, 2),
  "keys of the document the other way round": anew(reversed),
  "keys of agents the other way round": anew((value) =>
    "agents" in value
      ? {
          ...value,
          agents: Object.fromEntries(Object.entries(value.agents as object).map(([k, v]) => [k, reversed(v)]))
        }
      : value
  ),
  "keys of steps the other way round": anew((value) => ({ ...value, steps: steps(reversed)(value.steps) })),
  "words about each step": anew((value) => ({
    ...value,
    steps: steps((step) => ({ ...step, description: "What it is for." }))(value.steps)
  })),
  "a version": anew((value) => ({ ...value, version: "0.1" })),
  "an anchor": (text) =>
    document(text, (doc) =>
      visit(doc, {
        Scalar: (key, node) => {
          if (key !== "value" || node.value !== "hitl") return undefined
          node.anchor = "kind"
          return visit.BREAK
        }
      })
    ),
  "quotes around a prompt": (text) => text.replaceAll(/system_prompt: (\w+\.)/g, 'system_prompt: "$1"')
}

describe("a harmless edit", () => {
  it("is one of at least 25", () => assert.isAtLeast(Object.keys(harmless).length, 25))

  Object.entries(harmless).forEach(([what, edit], number) => {
    const some = isLong ? names : names.filter((_, i) => i % 6 === number % 6)
    it.live(`is accepted: ${what} (${some.length} histories)`, () =>
      Effect.forEach(
        some,
        (name) => Effect.mapError(replayed(name, edit), (error) => new Error(`${name}: ${error.message}`)),
        { discard: true }
      )
    )
  })
})

describe("in other surroundings", () => {
  const child = (env: Readonly<Record<string, string>>, before: ReadonlyArray<string> = []) => {
    const [command, ...args] = [
      ...before,
      process.execPath,
      join(root, "scripts/ts.mjs"),
      "test/corpus/child.ts",
      folder
    ]
    const { PATH = "" } = process.env
    const { status, stderr, stdout } = spawnSync(command!, args, { cwd: root, env: { PATH, ...env }, encoding: "utf8" })
    assert.strictEqual(status, 0, stderr)
    const [where, ...came] = stdout.trimEnd().split("\n")
    return { where: where!, came }
  }
  const here = child({ TZ: "UTC", LC_ALL: "C" })

  it("each history gives the same events", () => {
    assert.lengthOf(here.came, names.length)
    for (const line of here.came) assert.match(line, /^\w+: (Completed|Failed|Suspended|Cancelled) \d+$/)
  })

  it("in another time zone and language", () => {
    const there = child({ TZ: "Pacific/Chatham", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8" })
    assert.include(there.where, "GMT+1245")
    assert.deepStrictEqual(there.came, here.came)
  })

  const unshare = ["unshare", "--net", "--map-root-user"]
  const mayUnshare = spawnSync(unshare[0]!, [...unshare.slice(1), "true"]).status === 0
  it(`without a network${mayUnshare ? "" : ", which cannot be taken away here: every socket is shut instead"}`, () => {
    const env = { TZ: "Asia/Kathmandu", LANG: "de_DE.UTF-8" }
    const there = mayUnshare ? child(env, unshare) : child({ ...env, FLUJO_NO_SOCKETS: "1" })
    assert.deepStrictEqual(there.came, here.came)
  })
})
