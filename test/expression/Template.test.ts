import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Template from "../../src/expression/Template.js"
import { answer, condition, refused, run, scopeOf } from "./Scope.js"

const values = {
  steps: { fetch: { output: { title: "Hi", "a-b": 1, items: [1, "x", null, true], nested: { in: 1, none: 2 } } } },
  context: { foo: "bar", n: 3, empty: "", zero: 0, no: false, nothing: null, list: [], map: {} },
  previous_step: { severity: "high", score: 0.7 },
  résumé: "r"
}
const is = (source: string, expected: unknown) => assert.deepStrictEqual(answer(source, values), expected, source)

describe("text", () => {
  it("one whole placeholder keeps the type of its value", () => {
    is("{{ steps.fetch.output.items }}", [1, "x", null, true])
    is("{{context.n}}", 3)
    is("{{ context.nothing }}", null)
    is("{{ context.n == 3 }}", true)
  })
  it("anything beside the placeholder makes text", () => {
    is("{{ context.n }}\n", "3\n")
    is(" {{ context.n }}", " 3")
    is("{{ context.n }}{{ context.n }}", "33")
    is("", "")
  })
  it("writes text as it is, none as nothing, truth in lower case, numbers and structures as JSON", () => {
    is("<{{ context.foo }}{{ none }}{{ true }}{{ 1.50 }}>", "<bartrue1.5>")
    is("<{{ steps.fetch.output.items }}{{ context.map }}>", '<[1,"x",null,true]{}>')
  })
  it("writes the same map as the same text whatever order its keys came in", () => {
    assert.strictEqual(answer("-{{ m }}", { m: { b: 1, a: 2 } }), answer("-{{ m }}", { m: { a: 2, b: 1 } }))
    assert.strictEqual(answer("{{ m | tojson }}", { m: { b: 1, a: 2 } }), '{"a":2,"b":1}')
  })
  it("leaves single braces and closing braces alone", () => {
    is('{"a": {"b": {{ context.n }}}} }}', '{"a": {"b": 3}} }}')
  })
  it("a backslash makes braces text", () => {
    is("\\{{ x }} \\{% y %} \\{# z #} {{ context.n }}", "{{ x }} {% y %} {# z #} 3")
    is("\\ {{ context.n }} \\x", "\\ 3 \\x")
    is("\\{{{{ context.n }}", "{{3")
    is("{{ '\\\\' }}{{ context.n }}", "\\3")
  })
  it("a text without placeholder is literal, also when it has escapes", () => {
    assert.isTrue(Template.parse("a {b} \\{{ c").isLiteral)
    assert.isFalse(Template.parse("{{ a }}").isLiteral)
    assert.isFalse(Template.parse("{{ a").isLiteral)
    assert.isFalse(Template.parseExpression("a").isLiteral)
  })
  it("braces that a value brings are text, and are not expanded", () => {
    const evil = { x: "{{ secret }}{% if a %}\\{{", secret: "s" }
    assert.strictEqual(answer("{{ x }}", evil), evil.x)
    assert.strictEqual(answer("a{{ x }}", evil), `a${evil.x}`)
  })
})

describe("values", () => {
  it("literals", () => {
    is("{{ 'a\"b' }}", 'a"b')
    is(`{{ "a'b" }}`, "a'b")
    is("{{ 'a\\n\\t\\\\\\'\\u00e9\\ud83d\\ude00\\/' }}", "a\n\t\\'é😀/")
    is("{{ '}}' }}", "}}")
    is("{{ -1.5e2 }}", -150)
    is("{{ [true, True, false, False, none, None, null] }}", [true, true, false, false, null, null, null])
    is("{{ [] }}", [])
    is("{{ [1, [2], {'a': {'b': context.n}},] }}", [1, [2], { a: { b: 3 } }])
    is("{{ {} }}", {})
    is("{{ {context.foo: 1, 'bar': 2} }}", { bar: 2 })
  })
  it("minus zero is zero", () => {
    assert.isTrue(Object.is(answer("{{ -0 }}"), 0))
    assert.isTrue(Object.is(answer("{{ 0 }}"), 0))
  })
  it("keys by dot, by bracket and by computed value", () => {
    is("{{ steps.fetch['output'][\"title\"] }}", "Hi")
    is("{{ steps.fetch.output['a-b'] }}", 1)
    is("{{ steps['fetch']['out' if false else 'output'].title }}", "Hi")
    is("{{ steps.fetch.output.nested.in }}", 1)
    is("{{ steps.fetch.output.nested.none }}", 2)
    is("{{ résumé }}", "r")
    is("{{ {'a': [5]}.a[0] }}", 5)
    is("{{ (context).n }}", 3)
  })
  it("lists and texts are indexed from either end, texts by character", () => {
    is("{{ steps.fetch.output.items[0] }}", 1)
    is("{{ steps.fetch.output.items[-1] }}", true)
    is("{{ 'a😀b'[1] }}", "😀")
    is("{{ 'a😀b'[-1] }}", "b")
    assert.strictEqual(refused("{{ 'a😀b'[3] }}").reason, "Undefined")
    assert.strictEqual(refused("{{ 'a😀b'[-4] }}").reason, "Undefined")
  })
})

describe("operators", () => {
  it("equality is deep and strict", () => {
    is("{{ {'a': [1, {'b': none}]} == {'a': [1, {'b': null}]} }}", true)
    is("{{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}", true)
    is("{{ {'a': 1} == {'a': 1, 'b': 2} }}", false)
    is("{{ {'a': 1, 'c': 2} == {'a': 1, 'b': 2} }}", false)
    is("{{ [1, 2] == [1] }}", false)
    is("{{ [] == {} }}", false)
    is("{{ 1 == '1' }}", false)
    is("{{ 1 == true }}", false)
    is("{{ 1 == 1.0 }}", true)
    is("{{ none == false }}", false)
    is("{{ 'a' != 'b' }}", true)
  })
  it("order is between two numbers or two texts, by code point", () => {
    is("{{ 1 < 2 }}", true)
    is("{{ 2 <= 2 }}", true)
    is("{{ 'a' > 'b' }}", false)
    is("{{ 'ab' >= 'a' }}", true)
    is("{{ '\\uffff' < '😀' }}", true)
    assert.isFalse("\uffff" < "😀")
    for (const source of ["{{ 1 < 'a' }}", "{{ none < 1 }}", "{{ true < 1 }}", "{{ [1] < [2] }}"]) {
      const error = refused(source)
      assert.strictEqual(error.reason, "Type")
      assert.strictEqual(error.piece, "<")
    }
    assert.include(refused("{{ 1 < 'a' }}").message, "was given a number and text")
  })
  it("comparisons chain as in Python", () => {
    is("{{ 1 < 2 < 3 }}", true)
    is("{{ 3 > 2 > 2 }}", false)
    is("{{ 1 < 2 in [2] }}", true)
    assert.isTrue(Either.isRight(run("{{ 2 < 1 < 'a' }}")), "the rest is not looked at")
  })
  it("`in` looks into lists, texts and keys of maps", () => {
    is("{{ [1] in [[1], 2] }}", true)
    is("{{ '1' in [1] }}", false)
    is("{{ 'el' in 'hello' }}", true)
    is("{{ '' in '' }}", true)
    is("{{ 'foo' in context }}", true)
    is("{{ 'toString' in context }}", false)
    is("{{ 'x' not in context }}", true)
    is("{{ not 'x' in context }}", true)
    assert.deepInclude(refused("{{ 1 in 'a1' }}"), { reason: "Type", piece: "in" })
    assert.deepInclude(refused("{{ 1 not  in none }}"), { reason: "Type", piece: "not  in" })
  })
  it("`in` finds long pieces as the host does", () => {
    const text = "abcabcabdabcabcabcabdabcabcabcabcabcabd".repeat(3)
    for (let start = 0; start < text.length - 17; start++) {
      for (const piece of [text.slice(start, start + 30), `${text.slice(start, start + 20)}x`, `${text}a`]) {
        assert.strictEqual(answer("{{ piece in text }}", { text, piece }), text.includes(piece))
      }
    }
  })
  it("`and`, `or` answer the operand that decided, and look no further", () => {
    is("{{ context.empty or 'b' or gone }}", "b")
    is("{{ context.zero and gone }}", 0)
    is("{{ 1 and 'b' }}", "b")
    is("{{ false or none }}", null)
    is("{{ true or false and false }}", true)
    is("{{ not context.empty }}", true)
    is("{{ not not 'a' }}", true)
    is("{{ not 1 == 2 }}", true)
  })
  it("truth is Jinja's", () => {
    for (const value of [false, null, 0, "", [], {}]) assert.isFalse(Template.isTruthy(value))
    for (const value of [true, 1, -1, 0.1, " ", "0", "false", [0], { a: null }]) assert.isTrue(Template.isTruthy(value))
  })
  it("a choice evaluates one side", () => {
    is("{{ 'a' if context.n > 2 else gone }}", "a")
    is("{{ 'a' if context.n > 3 else 'b' if context.no else 'c' }}", "c")
    is("{{ ('a' if true else 'b') | upper }}", "A")
  })
  it("`is none` and `is defined`", () => {
    is("{{ context.nothing is none }}", true)
    is("{{ context.nothing is null }}", true)
    is("{{ context.zero is not None }}", true)
    is("{{ context.nothing is defined }}", true)
    is("{{ context.gone is defined }}", false)
    is("{{ gone.gone[0].gone is not defined }}", true)
    is("{{ gone is undefined }}", true)
    is("{{ not gone is defined and true }}", true)
    assert.strictEqual(refused("{{ gone is none }}").reason, "Undefined")
  })
})

describe("filters", () => {
  it("bind tighter than operators", () => {
    is("{{ 'A' == 'a' | upper }}", true)
    is("{{ not '' | length }}", true)
  })
  it("default stands in for what is absent, wherever in the path", () => {
    is("{{ gone | default('x') }}", "x")
    is("{{ gone.a['b'][0].c | default }}", "")
    is("{{ context.gone.a | default([]) }}", [])
    is("{{ context['go' if false else 'gone'].a | default(1) }}", 1)
    is("{{ (gone or context.gone) | default('x') }}", "x")
    is("{{ (gone if true else 1) | default('x') }}", "x")
    is("{{ gone | default(gone2) | default('x') }}", "x")
    is("{{ context.nothing | default('x') }}", null)
    is("{{ context.empty | default('x') }}", "")
    is("{{ context.empty | default('x', true) }}", "x")
    is("{{ context.empty | default('x', boolean=true) }}", "x")
    is("{{ context.empty | default('x', false) }}", "")
    is("{{ context.foo | default('x', true) }}", "bar")
    is("{{ gone | default(boolean=true, default_value='y') }}", "y")
  })
  it("the fallback is evaluated only if needed", () => is("{{ context.foo | default(gone) }}", "bar"))
  it("default forgives absence only, and not in a key or an operand of a filter", () => {
    assert.deepInclude(refused("{{ context[gone] | default(1) }}", values), { reason: "Undefined", piece: "gone" })
    assert.strictEqual(refused("{{ gone | upper | default(1) }}").reason, "Undefined")
    assert.strictEqual(refused("{{ (1 < 'a') | default(1) }}").reason, "Type")
  })
  it("join", () => {
    is("{{ steps.fetch.output.items | join(', ') }}", "1, x, , true")
    is("{{ [[1], {'a': 2}] | join('|') }}", '[1]|{"a":2}')
    is("{{ ['a', 'b'] | join }}", "ab")
    is("{{ ['', 'b'] | join(d='-') }}", "-b")
    is("{{ [] | join('-') }}", "")
    assert.deepInclude(refused("{{ 'ab' | join('-') }}"), { reason: "Type", piece: "join" })
    assert.deepInclude(refused("{{ ['ab'] | join(1) }}"), { reason: "Type", piece: "1" })
  })
  it("tojson", () => {
    is("{{ 'a\"😀' | tojson }}", '"a\\"😀"')
    is("{{ none | tojson }}", "null")
    is("{{ {'b': [], 'a': [1, {}]} | tojson(2) }}", '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}')
    is("{{ {'b': 1} | tojson(indent=0) }}", '{"b":1}')
    assert.deepInclude(refused("{{ [] | tojson(11) }}"), { reason: "Type", piece: "11" })
  })
  it("upper and lower take text, in no locale", () => {
    is("{{ 'straße i' | upper }}", "STRASSE I")
    is("{{ 'I' | lower }}", "i")
    assert.deepInclude(refused("{{ 1 | upper }}"), { reason: "Type", piece: "upper" })
  })
  it("length counts characters, items and keys", () => {
    is("{{ 'a😀é' | length }}", 3)
    is("{{ [1, 2] | length }}", 2)
    is("{{ {'length': 5} | length }}", 1)
    assert.deepInclude(refused("{{ none | length }}"), { reason: "Type", piece: "length" })
  })
})

describe("what is absent", () => {
  it("an unknown name is an error at that name", () => {
    assert.deepInclude(refused("Hi {{ gone.a }}"), { reason: "Undefined", piece: "gone", start: 6, end: 10 })
  })
  it("a missing key is an error at that key, with the keys there are and a guess, and no value", () => {
    const error = refused("{{ user.adress }}", { user: { address: "SECRET", name: "SECRET" } })
    assert.strictEqual(error.piece, "adress")
    assert.strictEqual(
      error.message,
      "template: at `adress`: `user` has no `adress`: it has `address` and `name`; did you mean `address`?"
    )
  })
  it("lists ten keys at most", () => {
    const map = Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`key${i}x`, i]))
    const { detail } = refused("{{ map.other }}", { map })
    assert.include(detail, "`key9x` and 4 more")
    assert.notInclude(detail, "key10x")
  })
  it("says what was looked into, and how far the path was good", () => {
    assert.include(
      refused("{{ a.b['c d'].e }}", { a: { b: { "c d": 1 } } }).message,
      "`a.b['c d']` has no `e`: it is a number"
    )
    assert.include(refused("{{ a.b }}", { a: null }).message, "it is none")
    assert.include(refused("{{ a[3] }}", { a: [1, 2] }).message, "it is a list of 2")
    assert.include(refused("{{ a.b }}", { a: {} }).message, "it is an empty map")
    assert.include(refused("{{ {'k': 1}.j }}").message, "`{'k': 1}` has no `j`")
  })
  it("a key of the wrong kind is an error", () => {
    assert.deepInclude(refused("{{ a[b] }}", { a: [1], b: 0.5 }), { reason: "Type", piece: "b" })
    assert.deepInclude(refused("{{ a[b] }}", { a: { true: 1 }, b: true }), { reason: "Type", piece: "b" })
    assert.deepInclude(refused("{{ {a: 1} }}", { a: 1 }), { reason: "Type", piece: "a" })
  })
})

describe("conditions", () => {
  it("are one expression, with or without braces", () => {
    assert.isTrue(condition("previous_step.severity == 'high' and previous_step.score > 0.5", values))
    assert.isTrue(condition(" \n{{ previous_step.severity == 'high' }} ", values))
    assert.deepStrictEqual(condition("{'a': 1}"), { a: 1 })
    assert.deepStrictEqual(condition("{'a': {'b': 1}}"), { a: { b: 1 } })
  })
  it("refuse what stands beside the expression", () => {
    const problem = (source: string) => {
      const { problems } = Template.parseExpression(source)
      assert.strictEqual(problems.length, 1, source)
      return source.slice(problems[0]!.span.start, problems[0]!.span.end)
    }
    assert.strictEqual(problem("{{ a }} and {{ b }} "), "and {{ b }}")
    assert.strictEqual(problem("a }}"), "}")
    assert.strictEqual(problem("{% if a %}"), "{% if a %}")
    assert.strictEqual(problem("text {{ a }}"), "{")
    assert.strictEqual(problem("{{ a"), "{{")
    assert.strictEqual(problem(""), "")
    assert.strictEqual(problem("a =="), "")
  })
})

describe("problems", () => {
  const problem = (source: string) => {
    const { problems } = Template.parse(source)
    assert.strictEqual(problems.length, 1, source)
    const { hint, message, span } = problems[0]!
    return { piece: source.slice(span.start, span.end), start: span.start, text: `${message}; ${hint ?? ""}` }
  }
  const cases: ReadonlyArray<readonly [source: string, piece: string, start: number, says: string]> = [
    ["{{ a && b }}", "&&", 5, "write `and`"],
    ["{{ a || b }}", "||", 5, "write `or`"],
    ["{{ !a }}", "!", 3, "write `not`"],
    ["{{ a === b }}", "===", 5, "write `==`"],
    ["{{ a !== b }}", "!==", 5, "write `!=`"],
    ["{{ a = b }}", "=", 5, "write `==`"],
    ["{{ a ? b : c }}", "?", 5, "a if condition else b"],
    ["{{ a ?? b }}", "??", 5, "default"],
    ["{{#if a}}", "#", 2, "{% if a %}"],
    ["{{ }}", "}}", 3, "nothing here"],
    ["{{ a b }}", "b", 5, "an operator is missing"],
    ["{{ a.b }", "}", 7, "closed by `}}`"],
    ["{{ a.b", "{{", 0, "never closed"],
    ["{{ 'a }}", "'", 3, "never closed"],
    ["{{ 'a' | upper }} {{ \"a }}", '"', 21, "never closed"],
    ["{{ 'a\\qb' }}", "\\q", 5, "stands for nothing"],
    ["{{ '\\u12' }}", "\\u", 4, "stands for nothing"],
    ["{{ 'a\\ud800b' }}", "'a\\ud800b'", 3, "half a character"],
    ["{{ (a }}", "}}", 6, "`)` was expected"],
    ["{{ (a, b) }}", ",", 5, "[a, b]"],
    ["{{ a) }}", ")", 4, "nothing is open"],
    ["{{ [a b] }}", "b", 6, "`,` or `]`"],
    ["{{ [,] }}", ",", 4, "a value was expected"],
    ["{{ {'a'} }}", "}", 7, "`:` was expected"],
    ["{{ {1: 2} }}", "1", 4, "a key of a map is text"],
    ['{{"a": 1}}', ":", 5, "\\{{"],
    ["{{{ a }}}", "}", 6, "`:` was expected"],
    ["{{ a. }}", "}}", 6, "a key was expected"],
    ["{{ a.0 }}", "0", 5, "x[0]"],
    ["{{ a[] }}", "]", 5, "a value was expected"],
    ["{{ a[1.5] }}", "1.5", 5, "whole number"],
    ["{{ a[none] }}", "none", 5, "whole number"],
    ["{{ a.lower() }}", "(", 10, "x | lower"],
    ["{{ range(9) }}", "(", 8, "nothing to call"],
    ["{{ a | lenght }}", "lenght", 7, "did you mean `length`?"],
    ["{{ a | zzz }}", "zzz", 7, "filters are `abs`, `batch`"],
    ["{{ a | constructor }}", "constructor", 7, "not a filter"],
    ["{{ a | __proto__ }}", "__proto__", 7, "not a filter"],
    ["{{ a | }}", "}}", 7, "the name of a filter"],
    ["{{ a | upper(1) }}", "1", 13, "it takes none"],
    ["{{ a | join(',', 'x', 2) }}", "2", 22, "has no parameter number 3"],
    ["{{ a | join(x=2) }}", "x", 12, "has no parameter called `x`"],
    ["{{ a | default(1, default_value=2) }}", "default_value", 18, "given twice"],
    ["{{ a | default(boolean=true, 1) }}", "1", 29, "without a name"],
    ["{{ a | default({}).b }}", ".", 18, "(x | filter).key"],
    ["{{ a is b }}", "b", 8, "is not a test"],
    ["{{ a is not }}", "}}", 12, "the name of a test"],
    ["{{ a if b }}", "}}", 10, "`else`"],
    ["{{ a not b }}", "not", 5, "stands where"],
    ["{{ a == not b }}", "not", 8, "(not …)"],
    ["{{ and a }}", "and", 3, "a value was expected"],
    ["{{ a == }}", "}}", 8, "a value was expected"],
    ["{{ 007 }}", "007", 3, "cannot begin with 0"],
    ["{{ 9007199254740993 }}", "9007199254740993", 3, "too large"],
    ["{{ 1e999 }}", "1e999", 3, "too large"],
    ["{{ 1abc }}", "1abc", 3, "begin with a digit"],
    ["{{ a \u202e }}", "\u202e", 5, "`\\u202e` means nothing"],
    ["{{ a\u0000 }}", "\u0000", 4, "`\\u0000` means nothing"],
    ["a\ud800", "\ud800", 1, "half a character"],
    ["{{ 😀 }}", "😀", 3, "means nothing"],
    ["{{ a + }}", "}}", 7, "a value was expected"],
    ["{{ a ^ 2 }}", "^", 5, "a ** b"],
    ["{{ a + not b }}", "not", 7, "(not …)"],
    ["{{ a - }}", "}}", 7, "a value was expected"],
    ["{{-1 }}", "{{-", 0, "put a space before or behind the `-`"],
    ["{{ a[1:2:3:4] }}", ":", 10, "`]`"],
    ["{{ a[1, 2] }}", ",", 6, "`]`"],
    ["{{ a[1: }}", "}}", 8, "a value was expected"],
    ["{{ 5 | upper }}", "upper", 7, "takes text, and was given a number"],
    ["{{ a | length | upper }}", "upper", 16, "takes text, and was given a number"],
    ["{{ [1] | trim }}", "trim", 9, "takes text, and was given a list"],
    ["{{ (a ~ b) | abs }}", "abs", 13, "takes a number, and was given text"],
    ["{{ a | replace('x') }}", "replace", 7, "`replace` needs `new`"],
    ["{{ a | replace('x', 2) }}", "2", 20, "`new` of `replace` is text, and was given a number"],
    ["{{ a | truncate(b | upper) }}", "b | upper", 16, "`length` of `truncate` is a number, and was given text"],
    ["{{ a | round(99) }}", "99", 13, "a whole number from 0 to 15"],
    ["{{ a | batch(0) }}", "0", 13, "a whole number from 1"],
    ["{{ a | trimm }}", "trimm", 7, "did you mean `trim`?"],
    ["{{ a | json }}", "json", 7, "write `tojson`"],
    ["{{ a | map('uper') }}", "'uper'", 11, "did you mean `upper`?"],
    ["{{ a | map(upper) }}", "upper", 11, "stands here in quotes"],
    ["{{ a | map }}", "map", 7, "`map` needs `attribute`"],
    ["{{ a | map('replace', 'x') }}", "'replace'", 11, "needs `new`"],
    ["{{ a | select('evn') }}", "'evn'", 14, "did you mean `even`?"],
    ["{{ a | selectattr }}", "selectattr", 7, "needs `attribute`"],
    ["{{ a | selectattr('x', 'eq') }}", "'eq'", 23, "`eq` needs `other`"],
    ["{{ a | select('even', 1) }}", "1", 22, "it takes none"],
    ["{{ a is evn }}", "evn", 8, "did you mean `even`?"],
    ["{{ a is empty }}", "empty", 8, "x | length == 0"],
    ["{{ 'a' is even }}", "even", 10, "takes a number, and was given text"],
    ["{{ a is divisibleby }}", "}}", 20, "a value was expected"],
    ["{{ a is divisibleby() }}", "divisibleby", 8, "needs `num`"],
    ["{{ a is even(1) }}", "1", 13, "it takes none"],
    ["x {% if a %}", "{% if a %}", 2, "`{% if %}` is never closed"],
    ["x {%- for i in a -%}", "{%- for i in a -%}", 2, "write `{% endfor %}`"],
    ["{% set a %}b", "{% set a %}", 0, "write `{% endset %}`"],
    ["x {% y", "y", 5, "`y` is not a block"],
    ["{% if a", "{%", 0, "this block is never closed"],
    ["{# note", "{#", 0, "this comment is never closed"],
    ["{% iff a %}b{% endiff %}", "iff", 3, "did you mean `if`?"],
    ["{% elseif a %}", "elseif", 3, "{% elif condition %}"],
    ["{% raw %}{% endraw %}", "raw", 3, "\\{{"],
    ["{% %}", "%}", 3, "the name of a block"],
    ["{% if %}a{% endif %}", "%}", 6, "a value was expected"],
    ["{% if a = b %}c{% endif %}", "=", 8, "write `==`"],
    ["{% if a %}{% elif b c %}{% endif %}", "c", 20, "an operator is missing"],
    ["{% for in a %}{% endfor %}", "in", 7, "cannot be the name of a value"],
    ["{% for a b %}{% endfor %}", "b", 9, "{% for item in items %}"],
    ["{% for a, a in b %}{% endfor %}", "a", 10, "given twice"],
    ["{% for loop in b %}{% endfor %}", "loop", 7, "cannot be the name of a value"],
    ["{% for a in b recursive %}{% endfor %}", "recursive", 14, "an operator is missing"],
    ["{% set a, b = c %}", ",", 8, "one name is set at a time"],
    ["{% set a.b = c %}", ".", 8, "not a key of it"],
    ["{% set true = c %}", "true", 7, "cannot be the name of a value"],
    ["{% endif %}", "{% endif %}", 0, "nothing is open"],
    ["{% if a %}{% endfor %}{% endif %}", "{% endfor %}", 10, "nothing is open"],
    ["{% if a %}{% for b in c %}{% endif %}", "{% endif %}", 26, "`{% endfor %}` was expected"],
    ["{% else %}", "{% else %}", 0, "stands in no `{% if %}`"],
    ["{% for a in b %}{% elif c %}{% endfor %}", "{% elif c %}", 16, "stands in no `{% if %}`"],
    ["{% if a %}{% else %}{% else %}{% endif %}", "{% else %}", 20, "already"],
    ["{% if a %}{% else %}{% elif b %}{% endif %}", "{% elif b %}", 20, "cannot follow"],
    ["{% if a %}b{% endif c %}", "c", 20, "an operator is missing"]
  ]
  for (const [source, piece, start, says] of cases) {
    it(`${JSON.stringify(source)} points at ${JSON.stringify(piece)}`, () => {
      const found = problem(source)
      assert.strictEqual(found.piece, piece)
      assert.strictEqual(found.start, start)
      assert.include(found.text, says)
    })
  }
  it("are all shown, one for each placeholder, and evaluating answers the first", () => {
    const source = "{{ a && b }} {{ ok }} {{ c || d }} {{ e"
    const template = Template.parse(source)
    assert.deepStrictEqual(
      template.problems.map(({ span }) => source.slice(span.start, span.end)),
      ["&&", "||", "{{"]
    )
    assert.deepStrictEqual(
      template.reads.map(({ root }) => root),
      ["ok"]
    )
    assert.deepInclude(refused(source), { reason: "Syntax", piece: "&&" })
  })
  it("words of the language are keys behind a dot", () => {
    assert.strictEqual(answer("{{ a.in }}{{ a.is.not }}{{ a.if }}", { a: { in: 1, is: { not: 2 }, if: 3 } }), "123")
  })
})

describe("reads", () => {
  const reads = (source: string) =>
    Template.parse(source).reads.map((read) => {
      const at = ({ start, end }: Template.Span) => source.slice(start, end)
      return [[at(read.span), ...read.keySpans.map(at)].join(" "), read.root, read.keys, read.guarded]
    })
  it("names every constant key with its span", () => {
    assert.deepStrictEqual(reads("a {{ steps.fetch['out put'][0].body[-1] | upper }}"), [
      ["steps fetch 'out put' 0 body -1", "steps", ["fetch", "out put", 0, "body", -1], false]
    ])
  })
  it("stops at a computed key, which is a read of its own", () => {
    assert.deepStrictEqual(reads("{{ a.b[c.d].e }}"), [
      ["a b", "a", ["b"], false],
      ["c d", "c", ["d"], false]
    ])
  })
  it("looks into every part of an expression", () => {
    const source = "{{ [a, {b: c}] if not d == e | join(f) in g and h is none else (i or j) | default(k) }}{{ l }}"
    assert.strictEqual(
      reads(source)
        .map(([text]) => text)
        .join(""),
      "abcdefghijkl"
    )
  })
  it("is guarded under default and is defined, but not in keys and parameters", () => {
    assert.deepStrictEqual(
      reads(
        "{{ (a.x or b) | default(c) }}{{ d[e] is defined }}{{ f | upper | default(1) }}{{ g | default(h) | default(1) }}"
      ).map(([text, , , guarded]) => [text, guarded]),
      [
        ["a x", true],
        ["b", true],
        ["c", false],
        ["d", true],
        ["e", false],
        ["f", false],
        ["g", true],
        ["h", true]
      ]
    )
  })
  it("is guarded where a test has already said that it is there", () => {
    const guarded = (source: string) => reads(source).map(([text, , , guarded]) => (guarded ? `${text}!` : text))
    assert.deepStrictEqual(guarded("{{ a.b.c if a.b is defined else a.b }}"), ["a b c!", "a b!", "a b"])
    assert.deepStrictEqual(guarded("{{ a if a is not defined else a }}"), ["a", "a!", "a!"])
    assert.deepStrictEqual(guarded("{{ a is defined and a.b == 1 or a.b }}"), ["a!", "a b!", "a b"])
    assert.deepStrictEqual(guarded("{{ a is undefined or a.b }}"), ["a!", "a b!"])
    assert.deepStrictEqual(guarded("{{ not (a is undefined or b) and a }}"), ["a!", "b", "a!"])
    assert.deepStrictEqual(guarded("{{ (a is defined or b) and a }}"), ["a!", "b", "a"])
  })
})

describe("TemplateError", () => {
  it("survives its own encoding, and holds no more than what was read", () => {
    const error = Either.getOrThrow(Either.flip(run("{{ gone }}")))
    const encoded = Schema.encodeSync(Template.TemplateError)(error)
    assert.strictEqual(Schema.decodeSync(Template.TemplateError)(encoded).message, error.message)
    const long = Either.getOrThrow(Either.flip(run("x".repeat(100_000))))
    assert.strictEqual(long.reason, "Limit")
    assert.isAtMost(long.source.length, 65_536)
    assert.isTrue(Either.getOrThrow(Either.flip(run("a\ud800{{"))).source.isWellFormed())
  })
  it("a template may be evaluated many times", () => {
    const template = Template.parse("{{ a }}!")
    for (const a of [1, 2]) assert.deepStrictEqual(Template.evaluate(template, scopeOf({ a })), Either.right(`${a}!`))
  })
})
