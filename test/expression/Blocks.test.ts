/** Blocks, arithmetic, slices and filters beyond the examples of docs/expressions.md: exact spans, scopes, static reads. */
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import type { Json } from "../../src/domain/Json.js"
import * as Template from "../../src/expression/Template.js"
import { answer, condition, refused, run, scopeOf, type Values } from "./Scope.js"

const values: Values = {
  a: { b: 1, text: "abc" },
  n: 7,
  xs: [1, 2, 3],
  rows: [{ k: "x", v: 1 }, { k: "y" }],
  m: { b: 2, a: 1 },
  t: "text",
  none_here: null
}
const is = (source: string, expected: Json) => assert.deepStrictEqual(answer(source, values), expected, source)

describe("what cannot be worked out is an error at the right piece", () => {
  const cases: ReadonlyArray<
    readonly [source: string, piece: string, reason: Template.TemplateError["reason"], says: string]
  > = [
    ["{{ n + t }}", "+", "Type", "two numbers, two texts or two lists, and was given a number and text; `a ~ b`"],
    ["{{ 1 + n - t }}", "-", "Type", "`-` takes two numbers, and was given a number and text; `x | float`"],
    ["{{ 1 ~ 2 + n }}", "+", "Type", "was given text and a number"],
    ["{{ n * xs }}", "*", "Type", "a number and a list"],
    ["{{ t * 1.5 }}", "*", "Type", "a whole number of times"],
    ["{{ n // 0 }}", "//", "Type", "divided by 0"],
    ["{{ n % 0 }}", "%", "Type", "divided by 0"],
    ["{{ 0 ** -1 }}", "**", "Type", "negative power"],
    ["{{ (-8) ** 0.5 }}", "**", "Type", "whole powers"],
    ["{{ 2 ** 53 }}", "**", "Limit", "too large"],
    ["{{ 1e308 * 10 }}", "*", "Limit", "too large"],
    ["{{ -t }}", "-", "Type", "`-` takes a number, and was given text"],
    ["{{ 1 - -t }}", "-", "Type", "was given text"],
    ["{{ n[1:] }}", "n", "Type", "a slice is taken of text or a list, and this is a number"],
    ["{{ xs[t:] }}", "t", "Type", "a slice goes by whole numbers, and this is text"],
    ["{{ xs[:0.5] }}", "0.5", "Type", "a fraction"],
    ["{{ xs[::0] }}", "0", "Type", "steps of 0"],
    ["{{ n | upper }}", "upper", "Type", "takes text, and was given a number"],
    ["{{ xs | map('upper') }}", "'upper'", "Type", "takes text, and was given a number"],
    ["{{ t | replace('', 'x') }}", "''", "Type", "`old` is empty"],
    ["{{ t | replace(n, 'x') }}", "n", "Type", "`old` of `replace` is text, and was given a number"],
    ["{{ t | split('') }}", "''", "Type", "empty text"],
    ["{{ xs | batch(n - 7) }}", "n - 7", "Type", "a whole number from 1"],
    ["{{ 1.5 | round(0, 'up') }}", "'up'", "Type", "'common', 'ceil' or 'floor'"],
    ["{{ m | dictsort(by='x') }}", "'x'", "Type", "'key' or 'value'"],
    ["{{ t | truncate(2) }}", "2", "Type", "no room"],
    ["{{ [xs, t] | sum }}", "sum", "Type", "takes a number, and was given a list"],
    ["{{ [xs] | sort }}", "sort", "Type", "numbers or texts"],
    ["{{ rows | sort(attribute='v') }}", "sort", "Undefined", "item 1 has no such attribute"],
    ["{{ [] | first }}", "first", "Undefined", "nothing to answer"],
    ["{{ xs | min | upper }}", "upper", "Type", "takes text"],
    ["{{ t is even }}", "even", "Type", "takes a number, and was given text"],
    ["{{ n is divisibleby(0) }}", "divisibleby", "Type", "divided by 0"],
    ["{{ n is lt t }}", "lt", "Type", "a number and text"],
    ["{{ xs | select('lt', 'a') }}", "'lt'", "Type", "a number and text"],
    ["{{ gone.x ~ 'a' }}", "gone", "Undefined", "there is no `gone`"],
    ["{{ n-t.x }}", "x", "Undefined", "`t` has no `x`"],
    ["{{ a.my-key }}", "my", "Undefined", "`a` has no `my`"],
    ["{{ n-key }}", "key", "Undefined", "a key with a dash in it is written `x['a-b']`"],
    ["{{ gone or also }}", "also", "Undefined", "there is no `also`"],
    ["{{ gone and n }}", "gone", "Undefined", "there is no `gone`"],
    ["{% for x in n %}{% endfor %}", "n", "Type", "walks a list or the keys of a map, and was given a number"],
    ["{% for x in a.text %}{% endfor %}", "a.text", "Type", "`x | list` are its characters"],
    ["{% for x in gone %}{% endfor %}", "gone", "Undefined", "there is no `gone`"],
    [
      "{% for x, y in xs %}{% endfor %}",
      "x, y",
      "Type",
      "an item for 2 names is a list of as many, and was given a number"
    ],
    ["{% for x, y in [[1]] %}{% endfor %}", "x, y", "Type", "was given a list of 1"],
    ["{% for x in xs %}{% endfor %}{{ x }}", "x", "Undefined", "there is no `x`"],
    ["{% for x in xs %}{{ loop.nextitem }}{% endfor %}", "nextitem", "Undefined", "`loop` has no `nextitem`"],
    ["{% if gone.x %}{% endif %}", "gone", "Undefined", "there is no `gone`"],
    ["{% if n %}{{ gone }}{% endif %}", "gone", "Undefined", "there is no `gone`"],
    ["{% set x = n / 0 %}", "/", "Type", "divided by 0"]
  ]
  for (const [source, piece, reason, says] of cases) {
    it(`${source} points at ${piece}`, () => {
      const error = refused(source, values)
      assert.deepInclude(error, { piece, reason })
      assert.include(error.detail, says)
    })
  }
  it("no value is shown, only its kind", () => {
    const secret = { s: "SECRET", l: ["SECRET"], m: { SECRETKEY: 1 } }
    for (const source of [
      "{{ s + 1 }}",
      "{{ s | sum }}",
      "{{ l | sum }}",
      "{{ s | fromjson }}",
      "{{ l[s:] }}",
      "{% for x in s %}{% endfor %}"
    ]) {
      assert.notInclude(refused(source, secret).message, "SECRET", source)
    }
  })
})

describe("problems of blocks", () => {
  const pieces = (source: string) =>
    Template.parse(source).problems.map(({ span, topic }) => `${topic ?? ""} ${source.slice(span.start, span.end)}`)
  it("one mistake is one problem, and what follows is still read", () => {
    assert.deepStrictEqual(pieces("{% if a && b %}x{% else %}y{% endif %}"), [" &&"])
    assert.deepStrictEqual(pieces("{% for x of xs %}{{ x }}{% endfor %}{{ y ? 1 : 2 }}"), [" of", " ?"])
    assert.deepStrictEqual(pieces("{% with a = 1 %}x{% endwith %}y{% endif %}"), ["block with", "block {% endif %}"])
    assert.deepStrictEqual(pieces("{% if a %}{% for x in xs %}{% endif %}{% if b %}{% endif %}"), ["block {% endif %}"])
    assert.deepStrictEqual(pieces("{% if a %}{{ b"), ["block {% if a %}", " {{"])
  })
  it("names of filters and tests have their own topic", () => {
    assert.deepStrictEqual(pieces("{{ a | uper }}{{ a is evn }}{{ a | map('x') }}{{ a | select('y') }}"), [
      "filter uper",
      "test evn",
      "filter 'x'",
      "test 'y'"
    ])
  })
  it("a condition has none", () => {
    for (const source of ["{% if a %}", "{# a #} b", "{{ a }}{# b #}"]) {
      assert.strictEqual(Template.parseExpression(source).problems.length, 1, source)
    }
    assert.strictEqual(condition("{{- n > 3 -}}", values), true)
  })
})

describe("scopes", () => {
  it("names of a text hide those from outside, and are gone behind a loop", () => {
    is("{% for n in xs %}{{ n }}{% endfor %}{{ n }}", "1237")
    is("{% set n = 1 %}{{ n }}", "1")
    is("{% for x in xs %}{% for x in [9] %}{{ x }}{% endfor %}{{ x }}{% endfor %}", "919293")
    is("{% for x in xs %}{% for y in [9] %}{{ loop.length }}{% endfor %}{{ loop.length }}{% endfor %}", "131313")
  })
  it("what a round sets is gone in the next", () => {
    is("{% for x in xs %}{{ y | default('-') }}{% set y = x %}{{ y }}{% endfor %}", "-1-2-3")
    is("{% set y = 0 %}{% for x in xs %}{% if x == 2 %}{% set y = x %}{% endif %}{{ y }}{% endfor %}{{ y }}", "0200")
  })
  it("none is a value that a name may have", () => {
    is("{% set n = none %}[{{ n }}]", "[]")
    is("{% set n = none %}{{ n is none }}", "true")
  })
  it("what `set` gathers is text, and its names stay within", () => {
    is("{% set s %}{% set q = n %}{{ q }}{{ none }}!{% endset %}{{ s | length }}{{ q is defined }}", "2false")
  })
  it("a value that `set` names is a value", () => {
    is("{% set s = xs %}{{ s | sum }}{{ s[1:] }}", "6[2,3]")
  })
  it("`.output` stands for a step only where steps come from outside", () => {
    assert.strictEqual(answer("{% set steps = {'x': 1} %}{{ steps.x.output | default('-') }}"), "-")
  })
})

describe("whole texts", () => {
  it("keep the type beside comments and trimmed white space, and make text with a block", () => {
    for (const source of ["{# a #}{{ xs }}", "{{ xs }}{# a #}", "\n  {{- xs -}}\n", "{# a #}\n{{ xs -}}\n"])
      is(source, [1, 2, 3])
    for (const source of ["{% set x = 1 %}{{ xs }}", "{% if true %}{{ xs }}{% endif %}"]) is(source, "[1,2,3]")
    is("{# only #}", "")
    assert.isFalse(Template.parse("{# only #}").isLiteral)
    assert.isTrue(Template.parse("\\{# only #}").isLiteral)
  })
  it("braces that a value brings are text in blocks too", () => {
    const evil = { x: ["{{ s }}", "{% if s %}", "\\{{"], s: "secret" }
    const made = answer("{% set y %}{% for i in x %}{{ i }}{% endfor %}{% endset %}{{ y }}{{ x | join | upper }}", evil)
    assert.strictEqual(made, "{{ s }}{% if s %}\\{{{{ S }}{% IF S %}\\{{")
  })
})

describe("white space", () => {
  it("a block or comment on a line of its own leaves no trace", () => {
    is("a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "a\n  b\nc\n")
    is("a\r\n\t{# x #}\r\nb", "a\r\nb")
    is("  {% if true %}x{% endif %}\n", "x")
    is("a {% if true %}\nb {% endif %} c", "a b  c")
  })
  it("a line break is taken once, and only that of a block", () => {
    is("{% if true %}\n\nx{% endif %}", "\nx")
    is("{{ n }}\n{{ n }}", "7\n7")
    is("{% set x = 1 %}  {% set y = 2 %}", "  ")
  })
  it("`-` takes all, `+` nothing", () => {
    is("a \n {%- if true -%} \n b \n {%- endif %}", "ab")
    is("  {%+ if true +%}\nx{% endif %}", "  \nx")
    is("a {#- x -#} b", "ab")
    is("a {{- n }} {{ n -}} b", "a7 7b")
    is("a {{+ n }}", "a 7")
    is("\\{{ {{- n }}", "{{7")
  })
})

describe("arithmetic", () => {
  it("is that of JSON numbers, and makes no minus zero", () => {
    is("{{ 0.1 + 0.2 }}", 0.1 + 0.2)
    for (const source of [
      "{{ 0 * -1 }}",
      "{{ -0 }}",
      "{{ 0 / -5 }}",
      "{{ -4 % 2 }}",
      "{{ 0 // -3 }}",
      "{{ -0.4 | round }}",
      "{{ '-0' | float }}",
      "{{ -0.5 | int }}"
    ]) {
      assert.isTrue(Object.is(answer(source), 0), source)
    }
    is("{{ 2 ** 52 }}", 2 ** 52)
    is("{{ -7.5 // 2 }}", -4)
    is("{{ 7 % -3 }}", -2)
  })
  it("rounds halves to the even one", () => {
    is("{{ [0.5, 1.5, 2.5, 3.5, -2.5, -3.5] | map('round') }}", [0, 2, 2, 4, -2, -4])
    is("{{ [0.125, 0.375, 2.675, 1.005] | map('round', 2) }}", [0.12, 0.38, 2.67, 1])
  })
  it("groups as Jinja does", () => {
    is("{{ 10 - 2 - 3 }}", 5)
    is("{{ 2 ** 3 ** 2 }}", 64)
    is("{{ -2 ** 2 }}", 4)
    is("{{ 1 ~ 2 * 3 }}", "16")
    is("{{ -n | abs }}", 7)
    is("{{ not 1 + 1 == 3 }}", true)
    is("{{ 1 + 1 in [2] }}", true)
    is("{{ xs | length * 2 }}", 6)
  })
})

describe("long pieces", () => {
  it("are replaced and split at as the host does, without overlap", () => {
    const text = `${"ab".repeat(40)}c${"ab".repeat(25)}`
    for (const old of ["ab".repeat(9), "ba".repeat(10), `${"b".repeat(1)}c${"ab".repeat(10)}`, "x".repeat(20)]) {
      assert.strictEqual(answer("{{ text | replace(old, '-') }}", { text, old }), text.replaceAll(old, "-"))
      assert.deepStrictEqual(answer("{{ text | split(old) }}", { text, old }), text.split(old))
    }
  })
})

describe("reads of blocks", () => {
  const reads = (source: string) =>
    Template.parse(source).reads.map(({ guarded, keys, root }) => `${[root, ...keys].join(".")}${guarded ? "!" : ""}`)
  it("are in every part, in order, and not what a text names itself", () => {
    assert.deepStrictEqual(
      reads(
        "{% if a.x %}{{ b }}{% elif c %}{% for i in d.xs if i > e %}{{ i.f }}{{ loop.index + g }}{% else %}{{ h }}{% endfor %}{% endif %}"
      ),
      ["a.x", "b", "c", "d.xs", "e", "g", "h"]
    )
    assert.deepStrictEqual(
      reads("{{ x }}{% set x = y %}{{ x }}{% set z %}{{ w }}{% set v = 1 %}{% endset %}{{ z }}{{ v }}"),
      ["x", "y", "w", "v"]
    )
    assert.deepStrictEqual(
      reads("{{ a + b - c ~ d[e:f:g] }}{{ -h }}{{ i is divisibleby(j) }}{{ k | map('replace', l, m) }}"),
      [..."abcdefghijklm"]
    )
  })
  it("a loop's names are its own: not in its items, in its `else`, or behind it", () => {
    assert.deepStrictEqual(reads("{% for x in x %}{{ x }}{% else %}{{ x }}{{ loop }}{% endfor %}{{ x }}{{ loop }}"), [
      "x",
      "x",
      "loop",
      "x",
      "loop"
    ])
  })
  it("what only some branches name may still be read from outside", () => {
    assert.deepStrictEqual(reads("{% if a %}{% set x = 1 %}{% endif %}{{ x }}"), ["a", "x!"])
    assert.deepStrictEqual(reads("{% if a %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}"), ["a"])
    assert.deepStrictEqual(reads("{% set x = 0 %}{% if a %}{% set x = 1 %}{% endif %}{{ x }}"), ["a"])
    assert.deepStrictEqual(reads("{% for i in a %}{% set x = 1 %}{% endfor %}{{ x }}"), ["a", "x"])
  })
  it("are guarded where a branch was tested for, and before the last operand of `or`", () => {
    assert.deepStrictEqual(reads("{% if a.b is defined %}{{ a.b.c }}{% else %}{{ a.b }}{% endif %}"), [
      "a.b!",
      "a.b.c!",
      "a.b"
    ])
    assert.deepStrictEqual(reads("{% if a is undefined %}{{ a }}{% elif b %}{{ a }}{% endif %}"), [
      "a!",
      "a",
      "b",
      "a!"
    ])
    assert.deepStrictEqual(reads("{% for x in xs if y is defined %}{{ y }}{% endfor %}{{ y }}"), [
      "xs",
      "y!",
      "y!",
      "y"
    ])
    assert.deepStrictEqual(reads("{{ a or b.c or d }}{{ e or 'x' }}{{ f == 1 or g }}"), [
      "a!",
      "b.c!",
      "d",
      "e!",
      "f",
      "g"
    ])
  })
})

describe("undefined variables", () => {
  const told: Array<string> = []
  const relaxed = (source: string, how: Template.UndefinedVariables = "warn") => {
    told.length = 0
    const options = { undefined: how, onUndefined: ({ message }: Template.TemplateError) => told.push(message) }
    return Either.getOrThrowWith(Template.evaluate(Template.parse(source), scopeOf(values), options), (error) => error)
  }
  it("read as none, empty to a filter and to a loop", () => {
    for (const [source, expected] of [
      ["{{ gone }}", null],
      ["[{{ gone.a.b }}]", "[]"],
      ["{{ [gone, a.gone] }}", [null, null]],
      ["{{ gone == none }}", true],
      ["{{ 'y' if gone else 'n' }}", "n"],
      ["{{ gone | upper }}", ""],
      ["{{ gone | join(',') }}", ""],
      ["{{ gone | length }}", 0],
      ["{{ gone | items }}", []],
      ["{{ gone[0][gone] }}", null],
      ["{{ gone[1:] }}", null],
      ["{{ [] | first }}", null],
      ["{{ rows | map(attribute='v') }}", [1, null]],
      ["{% for x in gone %}x{% else %}none{% endfor %}", "none"],
      ["{% set x = gone %}[{{ x }}]", "[]"]
    ] as const) {
      assert.deepStrictEqual(relaxed(source), expected as Json, source)
      assert.isAtLeast(told.length, 1, source)
    }
  })
  it("`default`, `or` and `is defined` see them as absent, and say nothing", () => {
    assert.strictEqual(relaxed("{{ gone | default('x') }}{{ gone or 'y' }}{{ gone is defined }}"), "xyfalse")
    assert.deepStrictEqual(told, [])
  })
  it("each is told once where it is read, as the error would say", () => {
    relaxed("{{ gone.a }}{{ a.txt }}")
    assert.deepStrictEqual(told, [
      "template: at `gone`: there is no `gone` here; if that is fine, add `| default(…)`",
      "template: at `txt`: `a` has no `txt`: it has `b` and `text`; did you mean `text`?"
    ])
    relaxed("{{ gone }}", "ignore")
    assert.deepStrictEqual(told, [])
    relaxed("{% for x in xs %}{% for y in xs %}{% for z in xs %}{{ gone }}{% endfor %}{% endfor %}{% endfor %}")
    assert.lengthOf(told, 20)
  })
  it("a wrong kind stays an error", () => {
    const answered = Template.evaluate(Template.parse("{{ gone + 1 }}"), scopeOf(values), { undefined: "ignore" })
    assert.strictEqual(Either.getOrThrow(Either.flip(answered)).reason, "Type")
    assert.isTrue(Either.isLeft(run("{{ gone }}", values)))
  })
})
