import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as Json from "../../src/domain/Json.js"
import * as Filters from "../../src/expression/Filters.js"
import { Meter, outputUnitsMax, sourceUnitsMax, stepsMax } from "../../src/expression/Limits.js"
import * as Template from "../../src/expression/Template.js"
import * as Tests from "../../src/expression/Tests.js"
import { runs } from "../Long.js"
import { answer, refused, run, scopeOf, type Values } from "./Scope.js"

// A worker that is busy for a minute on end is given up, so each test lets it breathe.
afterEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

const seed = Number(process.env.FLUJO_SEED ?? Date.now() % 0x7fffffff)

describe("nothing of the host can be reached", () => {
  const words = [
    "constructor",
    "__proto__",
    "prototype",
    "toString",
    "valueOf",
    "hasOwnProperty",
    "length",
    "at",
    "map"
  ]
  it("a name of the host's is an absent key of every kind of value", () => {
    const values: Values = { map: { a: 1 }, list: [1], text: "a", number: 1, truth: true, nothing: null }
    for (const name of Object.keys(values)) {
      for (const word of words) {
        for (const key of [`.${word}`, `['${word}']`, `[w]`, `.${word}.${word}`]) {
          assert.strictEqual(refused(`{{ ${name}${key} }}`, { ...values, w: word }).reason, "Undefined", name + key)
          assert.strictEqual(answer(`{{ ${name}${key} is defined }}`, { ...values, w: word }), false)
          assert.strictEqual(answer(`{{ ${name}${key} | default('x') }}`, { ...values, w: word }), "x")
        }
      }
    }
  })
  it("nor is it a name, a filter, a test, or in a map", () => {
    for (const word of words) {
      assert.strictEqual(refused(`{{ ${word} }}`).reason, "Undefined")
      if (word !== "length" && word !== "map") {
        assert.strictEqual(refused(`{{ '${word}' | ${word} }}`).reason, "Syntax")
        assert.strictEqual(refused(`{{ [] | map('${word}') }}`).reason, "Syntax")
      }
      assert.strictEqual(refused(`{{ [] | select('${word}') }}`).reason, "Syntax")
      assert.strictEqual(refused(`{{ [{}] | map(attribute='${word}') }}`).reason, "Undefined")
      assert.deepStrictEqual(answer(`{{ [{}, '', [], 1, true, none] | selectattr('${word}') }}`), [])
      assert.deepStrictEqual(answer(`{{ [{}] | map(attribute='${word}.${word}', default=1) }}`), [1])
      assert.strictEqual(refused(`{% for x in [1] %}{{ loop.${word}.x }}{% endfor %}`).reason, "Undefined")
      assert.strictEqual(refused(`{{ '' is ${word} }}`).reason, "Syntax")
      assert.strictEqual(answer(`{{ '${word}' in {} }}`), false)
      assert.strictEqual(refused(`{{ [] | join(${word}='') }}`).reason, "Syntax")
    }
  })
  it("an own key called like one is a key like any other", () => {
    const evil = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') as Json.Json
    assert.strictEqual(answer("{{ evil.__proto__.x }}", { evil }), 1)
    assert.strictEqual(answer("{{ evil['constructor'] }}", { evil }), 2)
    assert.strictEqual(answer("{{ evil | tojson }}", { evil }), '{"__proto__":{"x":1},"constructor":2}')
    assert.strictEqual(answer("{{ evil == other }}", { evil, other: { constructor: 2 } }), false)
    const empty = JSON.parse('{"__proto__": {}}') as Json.Json
    assert.strictEqual(answer("{{ empty == other }}", { empty, other: { a: 1 } }), false)
  })
  it("a map written with such a key has it, and no other prototype", () => {
    const made = answer("{{ {'__proto__': {'polluted': true}} }}")
    assert.isTrue(Object.hasOwn(made as object, "__proto__"))
    assert.strictEqual(Object.getPrototypeOf(made), Object.prototype)
    assert.isFalse("polluted" in {})
    assert.strictEqual(refused("{{ {'__proto__': {'polluted': true}}.polluted }}").reason, "Undefined")
  })
  it("code is text", () => {
    for (const source of [
      "{{ a.constructor.constructor('return process')() }}",
      "{{ range(1000000000) }}",
      "{{ this }}"
    ]) {
      assert.notStrictEqual(refused(source, { a: {} }).reason, "Limit")
    }
  })
})

describe("nesting", () => {
  const shapes: ReadonlyArray<readonly [open: string, inner: string, close: string]> = [
    ["(", "a", ")"],
    ["[", "", "]"],
    ["{'a':", "1", "}"],
    ["not ", "a", ""],
    ["a[", "0", "]"],
    ["a | default(", "a", ")"],
    ["1 if a else ", "2", ""],
    ["- ", "a", ""],
    ["a[", "", ":]"],
    ["a | replace(", "a", ", 'y')"]
  ]
  for (const [open, inner, close] of shapes) {
    it(`64 levels of \`${open}\` are read, 65 are too many`, () => {
      const nested = (levels: number) => Template.parse(`{{ ${open.repeat(levels)}${inner}${close.repeat(levels)} }}`)
      assert.deepStrictEqual(
        nested(
          ["1 if a else ", "{'a':", "- ", "a[", "a | replace("].includes(open) && inner !== "0" ? 63 : 64
        ).problems.map((p) => p.message),
        []
      )
      assert.include(nested(65).problems[0]?.message, "nested deeper than 64")
    })
  }
  it("chains that build depth without brackets are bounded too", () => {
    for (const chain of [
      `a${".b".repeat(30_000)}`,
      `a${" | upper".repeat(7_000)}`,
      `a${" is none".repeat(7_000)}`,
      `[]${"[a]".repeat(9_000)}`
    ]) {
      assert.include(Template.parse(`{{ ${chain} }}`).problems[0]?.message, "nested deeper than 64")
    }
  })
  it("64 blocks in one another are read, 65 are too many", () => {
    for (const [open, close] of [
      ["{% if a %}", "{% endif %}"],
      ["{% for b in a %}", "{% endfor %}"],
      ["{% set b %}", "{% endset %}"],
      ["{% if 0 %}{% else %}", "{% endif %}"]
    ] as const) {
      const nested = (levels: number) => Template.parse(`${open.repeat(levels)}x${close.repeat(levels)}`)
      assert.deepStrictEqual(nested(64).problems, [])
      assert.isTrue(Either.isRight(Template.evaluate(nested(64), scopeOf({ a: [1] }))))
      assert.strictEqual(nested(65).problems.length, 1)
      assert.include(nested(65).problems[0]?.message, "nested deeper than 64")
      assert.include(nested(1_500).problems[0]?.message, "nested deeper than 64")
    }
  })
  it("values that grow by `set` are refused before they are too large or too deep", () => {
    for (const [first, step] of [
      ["'xx'", "a ~ a"],
      ["'xx'", "a + a"],
      ["'xx'", "a * 2000"],
      ["[1]", "a + a"],
      ["[1]", "[a, a]"],
      ["[1]", "[a]"],
      ["[1]", "a | batch(1)"],
      ["{}", "{'a': a, 'b': a}"],
      ["2", "a * a"]
    ] as const) {
      const source = `{% set a = ${first} %}${`{% set a = ${step} %}`.repeat(600)}{{ a }}`
      const meter = new Meter()
      const answered = Template.evaluateWithin(Template.parse(source), scopeOf({}), meter)
      assert.strictEqual(Either.getOrThrow(Either.flip(answered)).reason, "Limit", step)
      assert.isAtMost(meter.spent, 2 * stepsMax, step)
    }
  })
  it("long flat chains are read", () => {
    const many = 5_000
    assert.strictEqual(answer(`{{ 1${" + 1".repeat(many)} }}`), many + 1)
    assert.strictEqual(answer(`{{ ''${" ~ 'a'".repeat(many)} }}`), "a".repeat(many))
    assert.strictEqual(answer(`{% if 0 %}${"{% elif 0 %}".repeat(many)}{% else %}x{% endif %}`), "x")
    assert.strictEqual(answer(`{{ a${" and a".repeat(many)} }}`, { a: 1 }), 1)
    assert.strictEqual(answer(`{{ 1${" <= 1".repeat(many)} }}`), true)
    assert.strictEqual((answer(`{{ [${"1,".repeat(many)}] }}`) as ReadonlyArray<Json.Json>).length, many)
  })
  it("2 KB and 64 KB of opening brackets, and of anything else, are an error with few problems", () => {
    for (const piece of [
      "(",
      "[",
      "{",
      "{{",
      "{%",
      "{{{",
      "{{(",
      "{{[",
      "{{'",
      '{{"',
      "{#",
      "\\{{",
      "a|",
      "not ",
      "-",
      "{{-",
      "{%-",
      "{{ a -}}",
      "{# ",
      "{##}",
      "{#-#}",
      "{% if a %}",
      "{% for a in a %}",
      "{% set a %}",
      "{% set a = 1 %}",
      "{% else %}",
      "{% elif a %}",
      "{% endif %}",
      "{% if a %}{% set b = a %}{% elif b %}",
      "{% if a %}{% set b = a %}{% endif %}",
      "{{ a[::",
      "a**",
      "a is not ",
      "map('",
      "{{ a }} {{ ' ",
      "{{ }}"
    ]) {
      for (const size of [2_048, sourceUnitsMax]) {
        const text = piece.repeat(Math.floor(size / piece.length))
        for (const template of [Template.parse(text), Template.parseExpression(text)]) {
          assert.isAtMost(template.problems.length, 20)
          Template.evaluate(template, scopeOf({ a: 1 }))
        }
      }
    }
  })
  it("a value too deep to walk is refused, not overflowed", () => {
    let deep: Json.Json = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    for (const source of [
      "-{{ a }}",
      "{{ a == b }}",
      "{{ a | tojson }}",
      "{{ [a] }}",
      "{{ a in [b] }}",
      "{{ [a] | join }}"
    ]) {
      assert.strictEqual(refused(source, { a: deep, b: [[deep]] }).reason, "Limit", source)
    }
  })
  it("what it makes is never deeper than JSON may be", () => {
    let deep: Json.Json = 1
    for (let i = 0; i < Json.depthMax; i++) deep = [deep]
    assert.isTrue(Either.isRight(Json.fromUnknown(answer("{{ a }}", { a: deep }))))
    for (const source of [
      "{{ [a] }}",
      "{{ {'b': a} }}",
      "{{ false or [a] }}",
      "{{ b | default([a]) }}",
      "{{ [[a]][0] }}",
      "{{ a | batch(1) }}",
      "{{ [] + [a] }}"
    ]) {
      assert.strictEqual(refused(source, { a: deep }).reason, "Limit", source)
    }
  })
})

describe("work is bounded", () => {
  const text = "a".repeat(1_000_000)
  const list = Array.from({ length: 100_000 }, (_, i) => i)
  const map = Object.fromEntries(list.map((i) => [`k${i}`, i]))
  const values: Values = {
    text,
    list,
    map,
    other: [...list],
    same: { ...map },
    odd: `${text.slice(1, 500_000)}b${text.slice(500_000, 999_000)}`,
    s: text.slice(0, 50_000),
    few: list.slice(0, 200),
    rows: list.slice(0, 20_000).map((i) => ({ a: i, b: { c: `x${i % 500}` } })),
    lines: "a\n".repeat(300_000),
    json: JSON.stringify(list),
    deep: "[".repeat(100_000) + "]".repeat(100_000),
    wide: `${" ".repeat(1_000_000)}x`
  }
  /** As often as fits into a source. */
  const often = (placeholder: string) => placeholder.repeat(Math.floor(60_000 / placeholder.length))
  const costly = [
    "{{ text | upper | length }}",
    "{{ text | length }}",
    "{{ text[-1] }}",
    "{{ odd in text }}",
    "{{ 'b' in text }}",
    "{{ text < text }}",
    "{{ list == other }}",
    "{{ map == same }}",
    "{{ -1 in list }}",
    "{{ map | length }}",
    "{{ 1 if map else 2 }}",
    "{{ map.k | default(1) }}",
    "{{ list | tojson | length }}",
    "{{ [s,s] | join | length }}",
    "{{ list | join(s) }}",
    "{{ [map,map] | join }}",
    "{{ text }}",
    "{{ 1 }}",
    "{% for x in list %}{% endfor %}",
    "{% for x in list %}{{ loop.index }}{% endfor %}",
    "{% for x in list if x > 3 %}{{ x }}{% endfor %}",
    "{% for x in map %}{{ x }}{% endfor %}",
    "{% for k, v in map | items %}{{ k }}{% endfor %}",
    "{% for x in few %}{% for y in few %}{% for z in few %}{{ z if z > y else x }}{% endfor %}{% endfor %}{% endfor %}",
    "{% for x in few %}{% set a = x * x + 1 %}{{ a ~ '-' }}{{ text | upper | length }}{% endfor %}",
    "{% set b %}{{ text }}{{ text }}{% endset %}{{ b | length }}",
    "{{ list | sort | length }}",
    "{{ list | map('string') | sort | length }}",
    "{{ list | unique | length }}",
    "{{ list | sum }}",
    "{{ list | min }}",
    "{{ list | batch(2) | slice(7) | length }}",
    "{{ list | map('string') | map('upper') | join | length }}",
    "{{ list | select('in', list) | length }}",
    "{{ list[::-1] | length }}",
    "{{ (list + list + list) | length }}",
    "{{ rows | groupby('b.c') | length }}",
    "{{ rows | sort(attribute='b.c') | length }}",
    "{{ rows | selectattr('b.c', 'contains', 'x') | map(attribute='b.c') | unique | length }}",
    "{{ map | items | length }}",
    "{{ map | dictsort(by='value') | length }}",
    "{{ text | list | length }}",
    "{{ text | reverse | length }}",
    "{{ text[::-2] | length }}",
    "{{ text | title | length }}",
    "{{ text | capitalize | length }}",
    "{{ text | trim('a') | length }}",
    "{{ text | wordcount }}",
    "{{ text | truncate(900000) | length }}",
    "{{ text | replace('a', 'bb') | length }}",
    "{{ text | replace(s, '') | length }}",
    "{{ text | split('a') | length }}",
    "{{ text | split(s) | length }}",
    "{{ text | escape | urlencode | length }}",
    "{{ lines | indent(1000) | length }}",
    "{{ lines | split | length }}",
    "{{ json | fromjson | length }}",
    "{{ deep | fromjson }}",
    "{{ wide | trim | length }}{{ wide | int }}{{ wide | split }}",
    "{{ 'ab' * 2000000 }}",
    "{{ 'ab' * 1e300 }}",
    "{{ ('ab' ~ text ~ text) | length }}",
    "{{ 1e300 | round(15) }}{{ 1e-300 | round(15) }}{{ 2 ** 60 }}"
  ]
  for (const placeholder of costly) {
    it(`${placeholder} spends no more than its steps, by much or for long`, () => {
      const template = Template.parse(often(placeholder))
      const meter = new Meter()
      const start = performance.now()
      const answered = Template.evaluateWithin(template, scopeOf(values), meter)
      const millis = performance.now() - start
      if (Either.isLeft(answered)) assert.strictEqual(answered.left.reason, "Limit")
      else assert.isAtMost(String(answered.right).length, outputUnitsMax)
      // What breaks the budget is one walk at most, and that is refused before it is taken.
      assert.isAtMost(meter.spent, 3 * stepsMax)
      // Milliseconds on an idle machine, 50 at most for all but the largest maps; the margin is for a busy one.
      assert.isBelow(millis, 3_000)
    })
  }
  it("every part of an expression is paid for, and text by its length", () => {
    const spent = (source: string, limit?: number) => {
      const meter = new Meter(limit)
      Template.evaluateWithin(Template.parse(source), scopeOf(values), meter)
      return meter.spent
    }
    assert.isAtLeast(spent("{{ [1, not 2, 3 == 4] }}"), 7)
    assert.isAtLeast(spent(`{% for x in [1, 2, 3] %}${"x".repeat(3_200)}{% endfor %}`), 300)
    for (const source of ["{{ 'b' in text }}", "{{ text | length }}", "{{ text | lower }}", "-{{ text }}"]) {
      assert.isAtLeast(spent(source), 31_250, source)
    }
    const few = Template.evaluateWithin(Template.parse("{{ [1, 2, 3] }}"), scopeOf({}), new Meter(3))
    assert.strictEqual(Either.getOrThrow(Either.flip(few)).reason, "Limit")
  })
  it("a value that is passed on whole costs nothing, however large", () => {
    const huge = Array.from({ length: 1_000_000 }, (_, i) => i)
    assert.strictEqual(answer("{{ a.b }}", { a: { b: huge } }), huge)
    assert.deepStrictEqual(answer("{{ [a] }}", { a: huge }), [huge])
  })
  it("a text that grows too long is refused", () => {
    const a = "x".repeat(outputUnitsMax / 4)
    assert.strictEqual((answer("{{ a }}{{ a }}{{ a }}{{ a }}", { a }) as string).length, outputUnitsMax)
    assert.deepInclude(refused("{{ a }}{{ a }}{{ a }}{{ a }}!", { a }), { reason: "Limit" })
    assert.deepInclude(refused("{{ a | indent(1000) | length }}", { a: "a\n".repeat(9_000) }), { reason: "Limit" })
  })
  it("a source of 64 Ki units is read, one more is not", () => {
    assert.deepStrictEqual(Template.parse("x".repeat(sourceUnitsMax)).problems, [])
    assert.strictEqual(refused("x".repeat(sourceUnitsMax + 1)).reason, "Limit")
  })
  it("searching for a piece made to be slow is not", () => {
    const needle = `${"a".repeat(200_000)}b${"a".repeat(200_000)}`
    const start = performance.now()
    assert.strictEqual(answer("{{ needle in text }}", { needle, text }), false)
    assert.isBelow(performance.now() - start, 3_000)
  })
})

/** What a text in the language is put together from, and what could break it. */
const pieces = [
  ..."{{ }} {{ }} {{ }} {% %} ( ) [ ] { } , : . | == != < <= > >= = && || ! + - * / % ~ ? ; $ # @ \\ ' \"".split(" "),
  ..."and or not in is if else true False none null defined default join tojson upper lower length".split(" "),
  ..."a b map list text deep __proto__ constructor toString length 0 1 -1 2.5 1e3 007 9007199254740993 'x' \"y\" '\\u00e9'".split(
    " "
  ),
  " ",
  "  ",
  "\n",
  "a.b",
  "list[0]",
  " | default('x')",
  " is not ",
  "\\{{",
  "\u0000",
  "\u202e",
  "\ud800",
  "😀",
  "é",
  "`",
  "${"
]

const values: Values = {
  a: { b: { c: [1, { d: "x" }] }, "": 0 },
  b: null,
  map: JSON.parse('{"__proto__": {"a": 1}, "constructor": "c", "a": {"a": {}}}') as Json.Json,
  list: [0, "1", [2], { three: 3 }, null, true],
  text: "{{ a }} \u202e 😀 `",
  deep: [[[[[[[["x"]]]]]]]]
}

const soup = fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join(""))

/** Expressions that parse, mostly. */
const expression: fc.Arbitrary<string> = fc.letrec<{ any: string; leaf: string }>((tie) => ({
  leaf: fc.constantFrom(
    "a",
    "a.b",
    "a.b.c[1]",
    "b",
    "map",
    "list",
    "text",
    "gone",
    "gone.x",
    "1",
    "-2.5",
    "'x'",
    "''",
    "true",
    "none",
    "[]",
    "{}"
  ),
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie("leaf"),
    fc
      .tuple(
        tie("any"),
        fc.constantFrom(
          ...["==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"],
          ...["+", "-", "*", "/", "//", "%", "**", "~"]
        ),
        tie("any")
      )
      .map((t) => t.join(" ")),
    fc.tuple(fc.constantFrom("-", "+"), tie("any")).map(([sign, e]) => `${sign}(${e})`),
    fc.tuple(tie("any"), tie("any"), tie("any"), tie("any")).map(([a, b, c, d]) => `(${a})[${b}:${c}:${d}]`),
    fc.tuple(tie("any"), fc.constantFrom(...Filters.names)).map((t) => t.join(" | ")),
    fc
      .tuple(tie("any"), fc.constantFrom(...Filters.names), fc.array(tie("any"), { minLength: 1, maxLength: 3 }))
      .map(([a, f, given]) => `${a} | ${f}(${given.join(", ")})`),
    fc
      .tuple(tie("any"), fc.constantFrom("", "not "), fc.constantFrom(...Tests.names))
      .map(([a, n, t]) => `${a} is ${n}${t}`),
    fc.tuple(tie("any"), fc.constantFrom(...Tests.names), tie("any")).map(([a, t, b]) => `${a} is ${t}(${b})`),
    fc.tuple(tie("any"), fc.constantFrom(...Filters.names)).map(([a, f]) => `${a} | map('${f}')`),
    fc
      .tuple(tie("any"), fc.constantFrom("select", "reject"), fc.constantFrom(...Tests.names), tie("any"))
      .map(([a, f, t, b]) => `${a} | ${f}('${t}', ${b})`),
    fc
      .tuple(tie("any"), fc.constantFrom("selectattr", "rejectattr"), fc.constantFrom(...Tests.names))
      .map(([a, f, t]) => `${a} | ${f}('b', '${t}')`),
    fc
      .tuple(
        tie("any"),
        fc.constantFrom(
          "default",
          "join",
          "tojson",
          "upper",
          "lower",
          "length",
          "default(a, true)",
          "join('-')",
          "tojson(2)"
        )
      )
      .map((t) => t.join(" | ")),
    tie("any").map((e) => `(${e})`),
    tie("any").map((e) => `not ${e}`),
    fc.tuple(tie("any"), tie("any")).map(([a, b]) => `(${a})[${b}]`),
    fc.tuple(tie("any"), fc.constantFrom("defined", "none", "not defined", "not none")).map((t) => t.join(" is ")),
    fc.tuple(tie("any"), tie("any"), tie("any")).map(([a, b, c]) => `${a} if ${b} else ${c}`),
    fc.array(tie("any"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
    fc.tuple(tie("any"), tie("any")).map(([a, b]) => `{'k': ${a}, 'l': ${b}}`)
  )
})).any

/** Texts with blocks that parse, mostly. */
const blocks: fc.Arbitrary<string> = fc.letrec<{ text: string; block: string }>((tie) => ({
  text: fc
    .array(
      fc.oneof(
        { maxDepth: 3 },
        expression.map((e) => `{{ ${e} }}`),
        fc.constantFrom("x", " \n ", "{# y #}", "{{- a -}}", "{{ loop.index }}"),
        tie("block")
      ),
      { minLength: 1, maxLength: 3 }
    )
    .map((pieces) => pieces.join("")),
  block: fc.oneof(
    fc.tuple(expression, tie("text")).map(([e, t]) => `{% if ${e} %}${t}{% endif %}`),
    fc.tuple(expression, tie("text"), tie("text")).map(([e, t, u]) => `{% if ${e} -%}${t}{%- else %}${u}{% endif %}`),
    fc.tuple(expression, tie("text")).map(([e, t]) => `{% for a in ${e} %}${t}{% endfor %}`),
    fc.tuple(tie("text"), expression).map(([t, e]) => `{% for a in list if ${e} %}${t}{% else %}${t}{% endfor %}`),
    tie("text").map((t) => `{% for k, v in map | items %}${t}{% endfor %}`),
    expression.map((e) => `{% set a = ${e} %}`),
    tie("text").map((t) => `{% set gone %}${t}{% endset %}`)
  )
})).text

/** A text with a stretch cut out and another put in. */
const mutated = fc
  .tuple(
    fc.oneof(
      expression.map((e) => `x {{ ${e} }} y`),
      blocks
    ),
    fc.nat(200),
    fc.nat(3),
    fc.constantFrom("", ...pieces)
  )
  .map(
    ([text, at, cut, piece]) =>
      text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + cut)
  )

describe(`no text and no values give anything but a value or the typed error (FLUJO_SEED=${seed})`, () => {
  const holds = (source: string, given: Values) => {
    for (const template of [Template.parse(source), Template.parseExpression(source)]) {
      for (const { span } of template.problems) {
        assert.isTrue(0 <= span.start && span.start <= span.end && span.end <= source.length)
      }
      for (const { keySpans, keys, root, span } of template.reads) {
        assert.strictEqual(source.slice(span.start, span.end), root)
        assert.strictEqual(keySpans.length, keys.length)
      }
      const meter = new Meter()
      const answered = Template.evaluateWithin(template, scopeOf(given), meter)
      assert.isAtMost(meter.spent, 2 * stepsMax)
      if (Either.isLeft(answered)) {
        const { end, message, reason, start } = answered.left
        assert.instanceOf(answered.left, Template.TemplateError)
        if (reason === "Syntax") assert.isAbove(template.problems.length, 0)
        assert.isTrue(0 <= start && start <= end && end <= source.length)
        assert.isTrue(message.isWellFormed())
        assert.notMatch(message, /\p{Cc}|\p{Cf}/u)
        assert.isBelow(message.length, 2_000)
      } else {
        assert.strictEqual(template.problems.length, 0)
        // It is JSON already: nothing of the host, no lone surrogate, not too deep.
        assert.deepStrictEqual(Either.getOrThrow(Json.fromUnknown(answered.right)), answered.right)
        if (template.isLiteral) assert.isString(answered.right)
      }
    }
  }
  const options = { seed, numRuns: runs(1_500, 20_000) }
  it("random pieces", () =>
    fc.assert(
      fc.property(soup, (source) => holds(source, values)),
      options
    ))
  it("random characters", () =>
    fc.assert(
      fc.property(fc.string16bits(), (s) => holds(`{{${s}}}`, values)),
      options
    ))
  it("expressions", () =>
    fc.assert(
      fc.property(expression, (e) => holds(`{{ ${e} }}`, values)),
      options
    ))
  it("texts with blocks", () =>
    fc.assert(
      fc.property(blocks, (source) => holds(source, values)),
      options
    ))
  it("expressions and blocks with mistakes in them", () =>
    fc.assert(
      fc.property(mutated, (s) => holds(s, values)),
      options
    ))
  it("expressions over any values", () => {
    const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json.Json)
    const given = fc.record({ a: json, b: json, map: json, list: json, text: json })
    fc.assert(
      fc.property(expression, given, (e, values) => {
        if (Either.isRight(Json.fromUnknown(values))) holds(`{{ ${e} }}`, values)
      }),
      { seed, numRuns: 2_000 }
    )
  })
  it("where every read is guarded, an empty scope is never missed", () => {
    fc.assert(
      fc.property(expression, (e) => {
        const template = Template.parse(`{{ ${e} }}`)
        const answered = Template.evaluate(template, scopeOf({}))
        if (Either.isRight(answered) || answered.left.reason !== "Undefined") return
        const { end, start } = answered.left
        const read = template.reads.find(({ span }) => span.start === start && span.end === end)
        if (read !== undefined) assert.isFalse(read.guarded)
      }),
      options
    )
  })
  it("no name is asked for that the reads do not have", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          blocks,
          expression.map((e) => `{{ ${e} }}`)
        ),
        (source) => {
          const template = Template.parse(source)
          const asked = new Set<string>()
          Template.evaluate(template, (name) => {
            asked.add(name)
            return scopeOf(values)(name)
          })
          const read = new Set(template.reads.map(({ root }) => root))
          for (const name of asked) assert.isTrue(read.has(name), name)
        }
      ),
      options
    )
  })
  it("with `ignore` nothing is an error for being absent, and `warn` says what `strict` would", () => {
    fc.assert(
      fc.property(blocks, (source) => {
        const template = Template.parse(source)
        const told: Array<string> = []
        const strict = Template.evaluate(template, scopeOf(values))
        const ignored = Template.evaluate(template, scopeOf(values), { undefined: "ignore" })
        const warned = Template.evaluate(template, scopeOf(values), {
          undefined: "warn",
          onUndefined: ({ message }) => told.push(message)
        })
        assert.deepStrictEqual(warned, ignored)
        assert.isAtMost(told.length, 20)
        if (Either.isLeft(ignored)) assert.notStrictEqual(ignored.left.reason, "Undefined")
        if (Either.isRight(strict)) {
          assert.deepStrictEqual(ignored, strict)
          assert.deepStrictEqual(told, [])
        } else if (strict.left.reason === "Undefined") assert.strictEqual(told[0], strict.left.message)
      }),
      options
    )
  })
  it("text of values agrees with the text they make in text", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const given = JSON.parse(JSON.stringify(value)) as Json.Json
        if (Either.isLeft(Json.fromUnknown(given))) return
        assert.strictEqual(answer("<{{ a }}>", { a: given }), `<${Template.toText(given)}>`)
      }),
      { seed, numRuns: 1_000 }
    )
  })
})

describe("time", () => {
  it("the costliest texts stay far from a second", () => {
    // The issue asks for 50 ms; the margin is for a busy machine.
    const texts = [
      "{{ a }}".repeat(9_000),
      `{{ [${"[1],".repeat(16_000)}] }}`,
      `{{ 'a'${" == 'a'".repeat(9_000)} }}`,
      `{{ '${"\\u0061".repeat(10_000)}' }}`,
      `{{ ${"a".repeat(65_000)} }}`,
      `{{ ${" ".repeat(65_000)} }}`,
      "{{ 'x".repeat(13_000),
      `{{ {${"'a':1,".repeat(10_000)}} }}`
    ]
    for (const source of texts) {
      const best = Math.min(
        ...[1, 2, 3].map(() => {
          const start = performance.now()
          run(source, { a: 1 })
          return performance.now() - start
        })
      )
      assert.isBelow(best, 1_000, source.slice(0, 20))
    }
  })
})
