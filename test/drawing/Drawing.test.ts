import { assert, describe, it } from "@effect/vitest"
import * as Dot from "../../src/drawing/Dot.js"
import * as Graph from "../../src/drawing/Graph.js"
import * as Layout from "../../src/drawing/Layout.js"
import * as Mermaid from "../../src/drawing/Mermaid.js"
import * as Piece from "../../src/drawing/Piece.js"
import * as PieceJson from "../../src/drawing/PieceJson.js"
import * as Svg from "../../src/drawing/Svg.js"
import * as Tree from "../../src/drawing/Tree.js"
import * as Words from "../../src/drawing/Words.js"
import * as Plan from "../../src/plan/Plan.js"
import { parse } from "../blueprint/Marked.js"
import { generate } from "../engine/generated.js"
import { runs } from "../Long.js"
import * as Hostile from "./Hostile.js"

const seeds = Array.from({ length: runs(150, 3_000) }, (_, seed) => seed)

const blueprint = () => {
  const read = parse(`name: review
agents:
  writer: { model: "openai:gpt-4o", system_prompt: Write. }
steps:
  - name: draft
    uses: agents.writer
    input: "Draft {{ input }}"
    config: { timeout: 90s, max_retries: 1 }
    sink_to: text
  - kind: conditional
    name: check
    condition: "{{ previous_step == 'good' }}"
    branches:
      true: { kind: hitl, name: ask, message: "Publish?", on_reject: fail }
      false:
        - kind: loop
          name: again
          loop:
            body: { name: better, uses: agents.writer }
            exit_expression: previous_step == 'good'
  - name: keep
    skill: flujo.builtins.write_file
    params: { path: a.txt, content: "{{ context.text }}" }
`)
  if (read._tag === "Left") throw new Error(read.left.map(({ message }) => message).join("\n"))
  return read.right.pipeline
}

describe("pieces", () => {
  it("are the steps of the plan, each at its path", () => {
    for (const seed of seeds) {
      const { pipeline } = generate(seed)
      const drawn = new Set([...Piece.all(Piece.of(pipeline))].map(({ path }) => path))
      for (const { path } of Plan.make(pipeline).outline) assert.isTrue(drawn.has(path), `${seed}: ${path}`)
    }
  })

  it("are told in order, in the same words each time", () => {
    const pipeline = blueprint()
    const text = Words.toText({ name: "review", description: "For articles" }, Piece.of(pipeline))
    assert.strictEqual(
      text,
      [
        "review: For articles",
        "",
        "1. draft asks the model openai:gpt-4o as agent writer.",
        "   It takes at most 90 seconds.",
        "   It tries again up to 1 time.",
        '   It is given "Draft {{ input }}".',
        "   It keeps its answer as context.text.",
        "2. check chooses by previous_step == 'good'.",
        "   If it is true:",
        "      2a.1. ask waits until a person approves: Publish?.",
        "   If it is false:",
        "      2b.1. again repeats until previous_step == 'good', at most 5 times, and fails then.",
        "         2b.1.1. better asks the model openai:gpt-4o as agent writer.",
        "3. keep runs the skill flujo.builtins.write_file, which writes."
      ].join("\n")
    )
    assert.strictEqual(Words.toText({ name: "review", description: "For articles" }, Piece.of(blueprint())), text)
  })
})

describe("a picture", () => {
  it("has no two boxes that overlap, and frames around what is in them", () => {
    for (const seed of seeds) {
      const { boxes, height, width } = Layout.of(Piece.of(generate(seed).pipeline))
      const plain = boxes.filter(({ isFrame }) => !isFrame)
      for (const [i, a] of plain.entries()) {
        assert.isTrue(a.x >= 0 && a.y >= 0 && a.x + a.width <= width + 0.01 && a.y + a.height <= height + 0.01)
        for (const b of plain.slice(i + 1)) assert.isFalse(overlaps(a, b), `${seed}: ${a.piece.path} ${b.piece.path}`)
        for (const frame of boxes.filter(({ isFrame }) => isFrame)) {
          assert.isTrue(!overlaps(a, frame) || contains(frame, a), `${seed}: ${a.piece.path} ${frame.piece.path}`)
        }
      }
    }
  })

  it("is well-formed XML in both themes, whatever names hold", () => {
    for (const theme of ["auto", "dark", "light"] as const) {
      wellFormed(Svg.toText(Hostile.words[4]!, Hostile.pieces, theme))
    }
    for (const seed of seeds.slice(0, 50)) wellFormed(Svg.toText("generated", Piece.of(generate(seed).pipeline)))
  })
})

describe("a graph", () => {
  it("leads to every step, and from every step but the last ones", () => {
    for (const seed of seeds) {
      const pieces = Piece.of(generate(seed).pipeline)
      const { arrows, whole } = Graph.of(pieces)
      const points = [...all(whole)].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)))
      const [first] = points
      const entered = new Set([first, ...arrows.map(({ to }) => to)])
      for (const id of points) assert.isTrue(entered.has(id), `${seed}: ${id}`)
      for (const { from, to } of arrows) assert.includeMembers(points, [from, to])
      assert.strictEqual(new Set(points).size, points.length)
      assert.strictEqual(points.length, [...Piece.all(pieces)].length)
    }
  })
})

it("a loop leads back to its beginning", () => {
  const { arrows, whole } = Graph.of(Piece.of(blueprint()))
  const points = (group: Graph.Group): ReadonlyArray<Graph.Point> => [...group.points, ...group.groups.flatMap(points)]
  const loop = points(whole).find(({ piece }) => piece.kind === "loop")
  const body = points(whole).find(({ piece }) => piece.name === "better")
  assert.deepInclude(arrows, { from: body!.id, to: loop!.id, label: "again" })
})

describe("names that would break a format", () => {
  it("are only words in Mermaid", () => {
    for (const line of Mermaid.toText(Hostile.pieces).split("\n").slice(1)) {
      assert.match(
        line,
        /^ +(?:n\d+(?:\["[^"\]<>{}`%]*<br\/>[^"<>{}`%]*"\]|\{"[^"]*"\}|\(\["[^"]*"\]\)|\[\/"[^"]*"\/\])|subgraph g\d+\["[^"]*"\]|end|n\d+ -->(?:\|"[^"]*"\|)? n\d+)$/
      )
    }
  })

  it("are only words in DOT", () => {
    const text = Dot.toText(Hostile.words[1]!, Hostile.pieces)
    // Each quoted text ends where it should: what is left without them is ours alone.
    const rest = text.replace(/"(?:[^"\\]|\\.)*"/g, "T")
    assert.match(rest, /^[\sA-Za-z0-9_[\]=,;{}>-]*$/)
  })

  it("move no cursor and turn no text anywhere", () => {
    const shown = [
      Tree.toText(Hostile.words[6]!, Hostile.pieces),
      Tree.toText("x", Hostile.pieces, { ascii: true }),
      Words.toText({ name: Hostile.words[7]!, description: Hostile.words[8]! }, Hostile.pieces),
      Mermaid.toText(Hostile.pieces),
      Dot.toText("x", Hostile.pieces),
      Svg.toText("x", Hostile.pieces)
    ]
    for (const text of shown) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
      assert.notMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/)
      for (const line of text.split("\n")) assert.isBelow(line.length, 10_000)
    }
  })
})

describe("a tree", () => {
  it("keeps to the width it is given, in plain signs if wanted", () => {
    const pieces = Piece.of(blueprint())
    for (const line of Tree.toText("review", pieces, { width: 40 }).split("\n")) assert.isAtMost(line.length, 40)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII.
    assert.match(Tree.toText("review", pieces, { ascii: true }), /^[\x00-\x7f]*$/)
  })

  it("has a line for each step, as the data has an entry", () => {
    const pieces = Piece.of(blueprint())
    const text = Tree.toText("review", pieces)
    for (const { name } of Piece.all(pieces)) assert.include(text, ` ${name} (`)
    assert.strictEqual(JSON.stringify(PieceJson.toJson("x", pieces)).match(/"kind":/g)?.length, 6)
  })
})

const overlaps = (a: Layout.Box, b: Layout.Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

const contains = (a: Layout.Box, b: Layout.Box): boolean =>
  a.x <= b.x && a.y <= b.y && b.x + b.width <= a.x + a.width + 0.01 && b.y + b.height <= a.y + a.height + 0.01

const all = ({ groups, points }: Graph.Group): ReadonlyArray<string> => [
  ...points.map(({ id }) => id),
  ...groups.flatMap(all)
]

const wellFormed = (text: string): void => {
  const open: Array<string> = []
  const rest = text.replace(/<(\/?)([a-zA-Z]+)((?:\s[\w-]+="[^"<]*")*)\s*(\/?)>/g, (_, close, name, __, self) => {
    if (close === "/") assert.strictEqual(open.pop(), name)
    else if (self !== "/") open.push(name)
    return ""
  })
  assert.deepStrictEqual(open, [])
  assert.notMatch(rest, /[<>]/)
  assert.notMatch(rest, /&(?!(?:amp|lt|gt|quot|apos);)/)
}
