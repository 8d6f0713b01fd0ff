/**
 * Against another implementation of Jinja, on what both have. Not generated, because we differ on purpose or it does:
 * absent names without `default`; lists and maps in text (it puts spaces, we sort keys); `==` between kinds; chained
 * comparisons (it does not chain); order of texts (it has none); `join` of texts; a negative number behind a word (it
 * subtracts); negative fractions (it cannot read them); whole floats (`1.0`), so `/` stands in comparisons only; `%` of
 * negative numbers (its sign is the host's); slices that go back from or to a place (it takes `[:-1:-1]` for all); `~` beside `+` (it does not tell them apart); names set in one round of a
 * loop and read in the next (it keeps them), or within a block `set` and read behind it; capitals in `title`, `capitalize` and `unique`; keys of maps out of order; a
 * line break at the end, or behind what looks like the end of a block (it drops it).
 */
import { afterEach, assert, describe, it } from "@effect/vitest"
import { Template as Jinja } from "@huggingface/jinja"
import * as fc from "fast-check"
import * as Template from "../../src/expression/Template.js"
import { runs } from "../Long.js"
import { answer } from "./Scope.js"

// A worker that is busy for a minute on end is given up, so each test lets it breathe.
afterEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

const seed = Number(process.env.FLUJO_SEED ?? Date.now() % 0x7fffffff)

const values = {
  user: { name: "Ada", age: 36, tags: ["x", "y", "z"], "home-town": "London", nothing: null, empty: "", admin: true },
  n: 3,
  half: 0.5,
  s: "Hello",
  yes: true,
  no: false,
  none_here: null,
  list: [3, 1, 2],
  rows: [
    { id: 1, title: "one" },
    { id: 2, title: "two" }
  ],
  blank: [] as ReadonlyArray<never>,
  words: ["pear", "fig", "fig", "apple"],
  prices: { apple: 3, fig: 1, pear: 2 }
}

type Kinds = {
  text: string
  number: string
  count: string
  whole: string
  truth: string
  texts: string
  numbers: string
  any: string
  absent: string
}

const bound = fc.constantFrom("", "", "0", "1", "2", "-1", "-2", "9", "-9")

const slice = fc.oneof(
  fc.tuple(bound, bound, fc.constantFrom("", ":", ":1", ":2")).map(([from, to, step]) => `[${from}:${to}${step}]`),
  fc.constantFrom("[::-1]", "[::-2]")
)

const { any, numbers, texts, truth } = fc.letrec<Kinds>((tie) => ({
  absent: fc.constantFrom("gone", "gone.a", "user.gone", "user['gone'].x", "list[9]", "rows[0].gone", "n.gone"),
  text: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      "s",
      "user.name",
      "user['name']",
      "user['home-town']",
      "user.empty",
      "rows[1].title",
      "user.tags[0]",
      "user.tags[-1]",
      "s[1]",
      "s[-1]"
    ),
    fc.stringMatching(/^[a-zA-Z0-9 .,{}%<>é-]{0,6}$/).map((s) => `'${s}'`),
    fc.constantFrom(`"it's"`, "'say \"x\"'", "'a\\nb\\t\\\\\\''", "'}}'"),
    fc.tuple(tie("text"), fc.constantFrom("upper", "lower", "tojson")).map(([a, f]) => `(${a}) | ${f}`),
    fc.tuple(tie("texts"), tie("text")).map(([a, b]) => `(${a}) | join(${b})`),
    fc.tuple(tie("numbers"), tie("text")).map(([a, b]) => `(${a}) | join(${b})`),
    fc.tuple(tie("absent"), tie("text")).map(([a, b]) => `${a} | default(${b})`),
    fc.tuple(tie("text"), tie("text")).map(([a, b]) => `(${a}) | default(${b}, true)`),
    fc.tuple(tie("text"), tie("truth"), tie("text")).map(([a, c, b]) => `(${a} if ${c} else ${b})`),
    fc.tuple(tie("truth"), tie("truth"), tie("number")).map(([a, b, c]) => `(${a} and ${b} or ${c}) | tojson`),
    fc.tuple(tie("text"), tie("text")).map(([a, b]) => `(${a}) + (${b})`),
    fc.tuple(tie("text"), tie("whole"), tie("text")).map((t) => t.map((e) => `(${e})`).join(" ~ ")),
    fc
      .tuple(tie("text"), fc.constantFrom("trim", "string", "indent", "indent(2)", "indent(1, true)"))
      .map(([a, f]) => `(${a}) | ${f}`),
    fc.constantFrom("'hello big world' | title", "'hello' | capitalize", "words | first", "words | last"),
    fc
      .tuple(tie("text"), fc.constantFrom("replace('e', 'u')", "replace('l', '', 1)", "replace('Ada', s)"))
      .map(([a, f]) => `(${a}) | ${f}`),
    fc.tuple(tie("text"), slice).map(([a, s]) => `(${a})${s}`),
    fc.tuple(tie("absent"), tie("text"), tie("text")).map(([a, b, c]) => `(${a} or ${b} or ${c})`)
  ),
  /** Whole numbers from 0 on. */
  count: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom("n", "user.age", "list[0]", "0", "7", "12", "'42' | int", "'x' | int(3)", "rows | length"),
    fc.tuple(tie("count"), tie("count")).map((t) => `(${t.join(" + ")})`),
    fc.tuple(tie("count"), fc.constantFrom("2", "3")).map((t) => `(${t.join(" * ")})`),
    fc.tuple(tie("count"), fc.constantFrom("2", "3", "10")).map((t) => `(${t.join(" % ")})`),
    tie("whole").map((a) => `((${a}) | abs)`)
  ),
  whole: fc.oneof(
    { maxDepth: 3 },
    tie("count"),
    fc.tuple(tie("whole"), fc.constantFrom("+", "-"), tie("count")).map((t) => `(${t.join(" ")})`),
    fc.tuple(tie("count"), tie("count"), tie("count")).map(([a, b, c]) => `${a} - ${b} * 2 + ${c}`)
  ),
  number: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      "n",
      "half",
      "user.age",
      "list[0]",
      "list[-1]",
      "rows[0].id",
      "rows[0]['id']",
      "0",
      "7",
      "1.5",
      "(-2)",

      "123456"
    ),
    fc.oneof(tie("texts"), tie("numbers"), tie("text")).map((a) => `(${a}) | length`),
    tie("whole"),
    fc.constantFrom("[3, 1, 2] | sort | first", "list | sort(reverse=true) | last", "'2.5' | float"),
    fc.tuple(tie("absent"), tie("number")).map(([a, b]) => `${a} | default(${b})`),
    fc.tuple(tie("number"), tie("truth"), tie("number")).map(([a, c, b]) => `(${a} if ${c} else ${b})`)
  ),
  texts: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      "user.tags",
      "blank",
      "['a', 'b',]",
      "words",
      "words | sort",
      "words | unique",
      "words | reverse",
      "words + user.tags",
      "rows | map(attribute='title')",
      "rows | map(attribute='gone', default='-')",
      "rows | selectattr('id') | map(attribute='title')",
      "rows | selectattr('title', 'equalto', 'one') | map(attribute='title')",
      "rows | rejectattr('title', 'equalto', 'one') | map(attribute='title')",
      "prices | keys | list"
    ),
    fc.tuple(tie("texts"), slice).map(([a, s]) => `(${a})${s}`),
    fc.array(tie("text"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`)
  ),
  numbers: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom("list", "[1,2]", "list | sort", "list | reverse", "list + [7]", "list | unique", "prices | values"),
    fc.tuple(tie("numbers"), slice).map(([a, s]) => `(${a})${s}`),
    fc.array(tie("number"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`)
  ),
  truth: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom("yes", "no", "user.admin", "true", "false", "True", "False"),
    fc
      .tuple(tie("number"), fc.constantFrom("<", "<=", ">", ">=", "==", "!="), tie("number"))
      .map((t) => `(${t.join(" ")})`),
    fc.tuple(tie("text"), fc.constantFrom("==", "!=", "in", "not in"), tie("text")).map((t) => `(${t.join(" ")})`),
    fc.tuple(tie("text"), fc.constantFrom("in", "not in"), tie("texts")).map((t) => `(${t.join(" ")})`),
    fc.tuple(tie("number"), fc.constantFrom("in", "not in"), tie("numbers")).map((t) => `(${t.join(" ")})`),
    fc
      .tuple(tie("text"), fc.constantFrom("in", "not in"), fc.constantFrom("user", "rows[0]"))
      .map((t) => `(${t.join(" ")})`),
    tie("any").map((a) => `not ${a}`),
    fc.tuple(tie("count"), fc.constantFrom("/ 2 >", "/ 4 <="), tie("number")).map((t) => `(${t.join(" ")})`),
    fc.tuple(tie("count"), fc.constantFrom("is odd", "is even", "is not even", "is number")).map((t) => t.join(" ")),
    fc.tuple(tie("text"), fc.constantFrom("is string", "is not number")).map(([a, t]) => `(${a}) ${t}`),
    fc
      .tuple(fc.constantFrom("user", "list", "yes", "n"), fc.constantFrom("mapping", "boolean", "true", "false"))
      .map((t) => t.join(" is ")),
    fc
      .tuple(tie("truth"), fc.constantFrom("and", "or"), tie("truth"), fc.constantFrom("and", "or"), tie("truth"))
      .map((t) => t.join(" ")),
    fc.tuple(tie("any"), fc.constantFrom("is none", "is not none")).map((t) => `(${t[0]}) ${t[1]}`),
    fc.tuple(tie("absent"), fc.constantFrom("is defined", "is not defined", "is undefined")).map((t) => t.join(" ")),
    fc.constantFrom(
      "user.nothing is none",
      "user.nothing is defined",
      "none_here is not none",
      "not user.tags",
      "not none"
    )
  ),
  any: fc.oneof(
    tie("text"),
    tie("number"),
    tie("truth").map((a) => `(${a})`),
    fc.constantFrom("none_here", "user.nothing")
  )
}))

/** No braces, and nothing that looks like the end of a block. */
const plain = fc.stringMatching(/^[a-zA-Z \t\n.,'"|é😀]{0,8}$/u)

const output = any.map((e) => `{{ ${e} }}`)

const open = fc.constantFrom("{% ", "{% ", "{%- ", "{%")
const close = fc.constantFrom(" %}", " %}", " -%}", "%}")

const tag = (inside: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(open, inside, close).map((pieces) => pieces.join(""))

const fixed = (inside: string) => tag(fc.constant(inside))

const joined = (...pieces: ReadonlyArray<fc.Arbitrary<string>>): fc.Arbitrary<string> =>
  fc.tuple(...pieces).map((all) => all.join(""))

const inLoop = fc.constantFrom(
  "{{ x }}",
  "{{ loop.index }}",
  "{{ loop.index0 + loop.revindex }}",
  "{{ ', ' if not loop.last else '' }}",
  "{% if loop.first %}({% endif %}",
  "{{ loop.length }}",
  "{{ '<' if loop.previtem is defined else '-' }}{{ '>' if loop.nextitem is defined else '-' }}",
  "{% set y = x %}{{ y ~ y }}"
)

const { parts } = fc.letrec<{ parts: string; part: string; block: string }>((tie) => ({
  parts: fc.array(tie("part"), { minLength: 1, maxLength: 3 }).map((all) => all.join("")),
  part: fc.oneof(
    { maxDepth: 3 },
    plain,
    output,
    fc.constantFrom("\n", "\n  ", "  ", "{{- n -}}", "{{- s }}", "{{ s -}}"),
    fc.constantFrom("{# note #}", "{#- note #}", "{# note -#}", "{#-{{ x }}-#}"),
    tie("block")
  ),
  block: fc.oneof(
    joined(tag(truth.map((c) => `if ${c}`)), tie("parts"), fixed("endif")),
    joined(tag(any.map((c) => `if ${c}`)), tie("parts"), fixed("else"), tie("parts"), fixed("endif")),
    joined(
      tag(truth.map((c) => `if ${c}`)),
      tie("parts"),
      tag(truth.map((c) => `elif ${c}`)),
      tie("parts"),
      fixed("else"),
      tie("parts"),
      fixed("endif")
    ),
    joined(
      tag(fc.oneof(texts, numbers).map((xs) => `for x in (${xs})`)),
      inLoop,
      tie("parts"),
      inLoop,
      fixed("endfor")
    ),
    joined(tag(texts.map((xs) => `for x in (${xs})`)), inLoop, fixed("else"), tie("parts"), fixed("endfor")),
    joined(tag(numbers.map((xs) => `for x in (${xs}) if x > 1`)), inLoop, inLoop, fixed("endfor")),
    joined(fixed("for x in prices"), inLoop, fixed("endfor")),
    joined(fixed("for k, x in prices | items"), fc.constant("{{ k }}"), inLoop, fixed("endfor")),
    joined(tag(any.map((e) => `set v = ${e}`)), tie("parts"), fc.constant("{{ v }}")),
    joined(fixed("set w"), output, plain, output, fixed("endset"), fc.constant("{{ w | upper }}"))
  )
}))

/** Something stands at the end, so that no line break does. */
const template = parts.map((source) => `${source}.`)

const agrees = (source: string): void => {
  const expected = new Jinja(source).render(values)
  assert.strictEqual(Template.toText(answer(source, values)), expected, source)
}

/** So many runs a test, so that none holds up the worker for long. */
const rounds = Array.from({ length: runs(1, 12) }, (_, round) => ({ seed: seed + round, numRuns: 4_000 }))

describe(`agrees with @huggingface/jinja (FLUJO_SEED=${seed})`, () => {
  for (const round of rounds) {
    it(`on expressions of what both have, seed ${round.seed}`, () => {
      fc.assert(fc.property(output, agrees), round)
    })
    it(`on texts with blocks of what both have, seed ${round.seed}`, () => {
      let blocks = 0
      fc.assert(
        fc.property(template, (source) => {
          agrees(source)
          if (source.includes("{%")) blocks++
        }),
        round
      )
      assert.isAbove(blocks, 1_000)
    })
  }
})
