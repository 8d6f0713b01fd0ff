import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc, Option, Schema } from "effect"
import * as StepPath from "../../src/domain/StepPath.js"
import { runs } from "../Long.js"

const plainName = fc.oneof(
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,12}$/),
  fc.constantFrom("é", "步骤", "_", "a-", "__proto__", "constructor", "ñ_1-2", "ⅷ".normalize("NFKD"), "x١")
)
const quotedName = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constantFrom(
    "",
    " ",
    "a b",
    "a/b",
    "a#2",
    "a#2/b",
    "#3[0]",
    "#4!x",
    "a[0]",
    "a!b",
    '"',
    '"a b"',
    "\\",
    '\\"',
    "\n",
    "1",
    "-a",
    "\ud800",
    "a\u2028"
  )
)
const place: fc.Arbitrary<Pick<StepPath.Segment, "index" | "role">> = fc.oneof(
  fc.constant({}),
  fc.record({ index: fc.oneof(fc.nat({ max: 20 }), fc.integer({ min: 0, max: 999_999_999 })) }),
  fc.record({ role: plainName })
)
const segment: fc.Arbitrary<StepPath.Segment> = fc
  .record({
    name: fc.oneof(plainName, quotedName),
    attempt: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 999_999_999 })),
    place
  })
  .map(({ attempt, name, place }) => ({ name, attempt, ...place }))
const segments = fc.array(segment, { maxLength: 6 })

const check = (property: fc.IRawProperty<unknown>) => fc.assert(property, { numRuns: runs(2_000, 50_000) })
const path = (text: string) => Option.getOrThrow(StepPath.fromString(text))

describe("one path has one printed form", () => {
  it("reading what was printed gives the same segments", () => {
    check(fc.property(segments, (all) => assert.deepStrictEqual(StepPath.parse(StepPath.print(all)), all)))
  })
  it("different segments print differently", () => {
    // Small names, so that near misses are met.
    const small = fc.array(
      fc
        .record({
          name: fc.constantFrom("a", "b", "a#2", "a[0]", "a!b", "a/b", '"a"', "", "ab"),
          attempt: fc.integer({ min: 1, max: 3 }),
          place: fc.constantFrom<Pick<StepPath.Segment, "index" | "role">>(
            {},
            { index: 0 },
            { index: 2 },
            { role: "b" }
          )
        })
        .map(({ attempt, name, place }) => ({ name, attempt, ...place })),
      { maxLength: 2 }
    )
    check(
      fc.property(small, small, (a, b) => {
        assert.strictEqual(StepPath.print(a) === StepPath.print(b), JSON.stringify(a) === JSON.stringify(b))
      })
    )
  })
  it("the printed forms of the grammar", () => {
    const forms: ReadonlyArray<readonly [string, ReadonlyArray<StepPath.Segment>]> = [
      ["", []],
      ["review", [{ name: "review", attempt: 1 }]],
      ["publish#2", [{ name: "publish", attempt: 2 }]],
      ["triage/high/approve", ["triage", "high", "approve"].map((name) => ({ name, attempt: 1 }))],
      [
        "refine[3]/critique",
        [
          { name: "refine", attempt: 1, index: 3 },
          { name: "critique", attempt: 1 }
        ]
      ],
      ["draft#2[0]", [{ name: "draft", attempt: 2, index: 0 }]],
      [
        "plan!fallback/plan_cheap",
        [
          { name: "plan", attempt: 1, role: "fallback" },
          { name: "plan_cheap", attempt: 1 }
        ]
      ],
      [
        'pay/"card 1"#3',
        [
          { name: "pay", attempt: 1 },
          { name: "card 1", attempt: 3 }
        ]
      ],
      [
        'pay/""',
        [
          { name: "pay", attempt: 1 },
          { name: "", attempt: 1 }
        ]
      ]
    ]
    for (const [text, all] of forms) {
      assert.strictEqual(StepPath.print(all), text)
      assert.deepStrictEqual(StepPath.parse(path(text)), all)
    }
  })
  it("the schema generates paths, and takes just those", () => {
    check(
      fc.property(fc.string(), (text) => {
        assert.strictEqual(Schema.is(StepPath.StepPath)(text), Option.isSome(StepPath.fromString(text)))
      })
    )
  })
})

describe("everything else is refused", () => {
  const refused = [
    "/",
    "a/",
    "/a",
    "a//b",
    " a",
    "a ",
    "a\n",
    "1",
    "-a",
    "a.b",
    "a#",
    "a#0",
    "a#1",
    "a#01",
    "a#1234567890",
    "a#-1",
    "a#2#3",
    "a[]",
    "a[01]",
    "a[-1]",
    "a[1.0]",
    "a[*]",
    "a[1234567890]",
    "a[0][1]",
    "a[0]#2",
    "a[0]!b",
    "a!b[0]",
    "a!",
    "a!1",
    "a!b!c",
    "#2",
    "[0]",
    "!a",
    '"a"',
    '"',
    '"a b',
    '"a b"c',
    '"\\u0061 b"',
    '"\\/ b"',
    '"a\nb"',
    "'a b'",
    "a\u0000",
    "\ud800",
    "😀"
  ]
  for (const text of refused) {
    it(JSON.stringify(text), () => assert.isTrue(Option.isNone(StepPath.fromString(text))))
  }
  it("what is read is what was written, so no other text is a path", () => {
    const near = fc.array(fc.constantFrom("a", "b", "1", "0", "#", "[", "]", "!", "/", '"', "\\", " ", "é"), {
      maxLength: 9
    })
    check(
      fc.property(near, (marks) => {
        const text = marks.join("")
        const found = StepPath.fromString(text)
        if (Option.isSome(found)) assert.strictEqual(found.value, text)
      })
    )
  })
  it("a megabyte and ten of anything is answered at once, and without a full stack", () => {
    const size = 1e6
    const texts = [
      `"${"\\\\".repeat(size / 2)}"`,
      `"${"\\".repeat(size)}`,
      `"${'\\"'.repeat(size / 2)}`,
      "x".repeat(size),
      `${"x".repeat(size)} `,
      `${"a-".repeat(size / 2)}!`,
      `a#${"1".repeat(size)}`,
      `a[${"1".repeat(size)}`,
      '"'.repeat(size),
      "[".repeat(size),
      "é".repeat(size),
      `"${"x ".repeat(size * 5)}"`,
      `"${"x ".repeat(size * 5)}`
    ]
    for (const text of texts) {
      const start = performance.now()
      StepPath.fromString(text)
      StepPath.isName(text)
      StepPath.call(StepPath.root, text)
      // Squares would take minutes; a busy machine takes a while for ten megabytes too.
      assert.isBelow(performance.now() - start, 3_000, text.slice(0, 20))
    }
  })
})

describe("names of steps", () => {
  it("start with a letter or an underscore and are at most 128 long", () => {
    for (const name of ["a", "_", "é", "步骤", "a-b_1", "x".repeat(128)]) assert.isTrue(StepPath.isName(name), name)
    for (const name of ["", "1", "-", "a b", "a.b", "a/b", "a\n", "x".repeat(129), "a#2", "😀", "\ud800"]) {
      assert.isFalse(StepPath.isName(name), JSON.stringify(name))
    }
  })
})

describe("the standing path", () => {
  it("is the path with every attempt made the first, and nothing else changed", () => {
    check(
      fc.property(segments, (all) => {
        const standing = StepPath.standing(StepPath.print(all))
        assert.deepStrictEqual(
          StepPath.parse(standing),
          all.map((segment) => ({ ...segment, attempt: 1 }))
        )
        assert.strictEqual(StepPath.standing(standing), standing)
      })
    )
  })
  it("leaves what looks like an attempt inside a quoted name", () => {
    assert.strictEqual(StepPath.standing(path('draft#2/"a#2"#3/x')), 'draft/"a#2"/x')
    assert.strictEqual(StepPath.standing(path('draft#2/"a#2/b#3"/x')), 'draft/"a#2/b#3"/x')
    assert.strictEqual(StepPath.standing(path("draft#2[3]/check#12!fallback/x")), "draft[3]/check!fallback/x")
  })
})

describe("making paths", () => {
  it("child, at and beside agree with print", () => {
    check(
      fc.property(
        segments,
        plainName,
        fc.integer({ min: 1, max: 300 }),
        fc.nat(999),
        plainName,
        (all, name, attempt, index, role) => {
          const parent = StepPath.print(all)
          const child = StepPath.child(parent, name, attempt)
          assert.strictEqual(child, StepPath.print([...all, { name, attempt }]))
          assert.strictEqual(StepPath.at(child, index), StepPath.print([...all, { name, attempt, index }]))
          assert.strictEqual(StepPath.beside(child, role), StepPath.print([...all, { name, attempt, role }]))
          assert.strictEqual(StepPath.nameOf(child), name)
        }
      )
    )
    assert.strictEqual(StepPath.child(StepPath.root, "a"), "a")
    assert.strictEqual(StepPath.nameOf(StepPath.root), "")
  })
  it("a call stands in one segment below its step, and takes its key as a segment if it is one", () => {
    check(
      fc.property(segments, fc.oneof(plainName, quotedName), (all, key) => {
        const made = StepPath.parse(StepPath.call(StepPath.print(all), key))
        assert.deepStrictEqual(made.slice(0, -1), all)
      })
    )
    assert.strictEqual(StepPath.call(path("research"), "turn[4]"), "research/turn[4]")
    assert.strictEqual(StepPath.call(path("research"), "turn[4]/tool[1]"), 'research/"turn[4]/tool[1]"')
    assert.strictEqual(StepPath.call(path("pay"), "card 1"), 'pay/"card 1"')
    assert.strictEqual(StepPath.call(path("pay"), "card#2"), 'pay/"card#2"')
    assert.strictEqual(StepPath.call(path("pay"), "card#1"), 'pay/"card#1"')
    assert.strictEqual(StepPath.call(StepPath.root, "charge"), "charge")
  })
  it("two keys never share a path, not even by their quotes", () => {
    const key = fc.oneof(
      quotedName,
      plainName,
      quotedName.map((name) => JSON.stringify(name)),
      fc.tuple(plainName, fc.nat(3)).map(([name, index]) => `${name}[${index}]`)
    )
    check(
      fc.property(key, key, (a, b) => {
        assert.strictEqual(StepPath.call(StepPath.root, a) === StepPath.call(StepPath.root, b), a === b)
      })
    )
    assert.notStrictEqual(StepPath.call(StepPath.root, "a b"), StepPath.call(StepPath.root, '"a b"'))
  })
})

describe("within", () => {
  it("is the path itself and whatever stands below or beside it", () => {
    const yes = [
      ["a", "a"],
      ["a/b", "a"],
      ["a[0]/b", "a"],
      ["a!fallback", "a"],
      ["a#2/b", "a#2"],
      ["a[1]/b", "a[1]"],
      ["anything", ""]
    ] as const
    const no = [
      ["ab", "a"],
      ["a#2", "a"],
      ["a#21", "a#2"],
      ["a[10]", "a[1]"],
      ["a", "a/b"],
      ["b", "a"]
    ] as const
    for (const [a, b] of yes) assert.isTrue(StepPath.isWithin(path(a), path(b)), `${a} in ${b}`)
    for (const [a, b] of no) assert.isFalse(StepPath.isWithin(path(a), path(b)), `${a} in ${b}`)
  })
  it("agrees with the segments", () => {
    check(
      fc.property(segments, segments, fc.nat(3), (all, more, cut) => {
        const above = all.slice(0, cut)
        assert.isTrue(StepPath.isWithin(StepPath.print([...above, ...more]), StepPath.print(above)))
      })
    )
  })
})
