/**
 * Best-first search over candidates (A* with a beam), made of steps that there are: a loop whose body takes the most
 * promising candidate, has the proposer say what may follow it, and has the evaluator score each of these. What stands
 * between them is pure, so a search is the same wherever it is cut. The cost of a candidate is its depth, what it still
 * lacks is `1 - score`; of as many the one that was proposed first goes first.
 *
 * As no candidate promises more than what it was made of, all of one depth are taken before the next: a search takes at
 * most `1 + beam * (depth - 1)` turns, which is what it is priced at.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import * as Template from "../expression/Template.js"
import type { Node, Params } from "./Node.js"
import * as Shape from "./Shape.js"

export const defaults = { branching: 3, beam: 3, depth: 5, goal: 1, pathTokens: 2_000 } as const

/** The most of each; a search holds all that it has seen. */
export const limits = { branching: 16, beam: 16, depth: 16 } as const

export interface Options {
  readonly proposer: Node
  readonly evaluator: Node
  /** Candidates of one proposal that are scored, the first ones. */
  readonly branching: number
  /** Candidates that are kept to go on from. */
  readonly beam: number
  readonly depth: number
  /** Turns at most. */
  readonly max: number | undefined
  /** A candidate with this score ends the search. */
  readonly goal: number
  /** Whether a search that comes to no such candidate fails. */
  readonly requireGoal: boolean
  /** Of the way to a candidate, what a proposer is told of it: the last steps. */
  readonly pathTokens: number
}

/** The turns that a search takes at most, if all of them are allowed. */
export const turnsMax = ({ beam, depth }: Pick<Options, "beam" | "depth">): number => 1 + beam * Math.max(0, depth - 1)

export const node = (name: string, options: Options): Node => {
  const { branching, evaluator, goal, proposer, requireGoal } = options
  const fn = (step: string, call: (input: unknown) => unknown): Node => ({
    _tag: "Fn",
    name: step,
    output: Shape.any,
    code: { version: "1", call }
  })
  const loop: Node = {
    _tag: "Loop",
    name,
    body: {
      _tag: "Sequence",
      steps: [
        fn("select", (given) => select(options, given)),
        {
          _tag: "Check",
          input: undefined,
          output: proposals,
          step: {
            _tag: "Input",
            input: made("{{ previous_step.asked }}"),
            step: { _tag: "Scope", name: "propose", step: proposer, pipeline: undefined }
          }
        },
        {
          _tag: "Input",
          input: made('{{ {"state": steps.select.state, "node": steps.select.node, "proposed": previous_step} }}'),
          step: fn("candidates", (given) => candidates(options, given))
        },
        {
          _tag: "ForEach",
          name: "evaluate",
          body: {
            _tag: "Check",
            input: undefined,
            output: evaluation,
            step: { _tag: "Scope", name: "judge", step: evaluator, pipeline: undefined }
          },
          items: Template.parseExpression("previous_step.asked"),
          concurrency: branching,
          max: branching,
          maxWaiting: branching,
          onFailure: "fail",
          merge: "no_merge"
        },
        {
          _tag: "Input",
          input: made('{{ {"given": steps.candidates, "evaluations": previous_step} }}'),
          step: fn("advance", (given) => advance(options, given))
        }
      ]
    },
    until: Template.parseExpression("previous_step.done"),
    max: Math.min(options.max ?? Number.MAX_SAFE_INTEGER, turnsMax(options)),
    onMax: "continue",
    output: made("{{ previous_step.answer }}")
  }
  const search: Node = { _tag: "Input", input: made('{{ {"input": previous_step} }}'), step: loop }
  const whole: Node = requireGoal ? { _tag: "Check", step: search, input: undefined, output: reached(goal) } : search
  given.set(whole, { ...options, name })
  return whole
}

const given = new WeakMap<Node, Options & { readonly name: string }>()

/** What a search was made of. A node that is not the one that was made, such as a changed copy, is none. */
export const optionsOf = (node: Node): (Options & { readonly name: string }) | undefined => given.get(node)

const made = (source: string): Params => ({ _tag: "Text", template: Template.parse(source) })

// ---------------------------------------------------------------- what goes from turn to turn

const Way = Schema.Struct({ candidate: Json.Json, score: Schema.Number, feedback: Schema.optional(Json.Json) })

/** One candidate with the way to it, itself last. */
const Candidate = Schema.Struct({
  id: Schema.Int,
  candidate: Json.Json,
  score: Schema.Number,
  depth: Schema.Int,
  path: Schema.Array(Way)
})
type Candidate = typeof Candidate.Type

const State = Schema.Struct({
  input: Json.Json,
  /** To go on from, the most promising first. */
  open: Schema.Array(Candidate),
  best: Schema.NullOr(Candidate),
  /** Digests of what was proposed. */
  seen: Schema.Array(Schema.String),
  count: Schema.Int
})

const asked = Schema.Array(Schema.Struct({ input: Json.Json, candidate: Json.Json, depth: Schema.Int }))

/** What the loop is given first is only the input. */
const readTurn = Schema.decodeUnknownSync(
  Schema.Union(Schema.Struct({ state: State }), Schema.Struct({ input: Json.Json }))
)
const readProposed = Schema.decodeUnknownSync(Schema.Struct({ state: State, node: Candidate, proposed: Json.Json }))
const readEvaluated = Schema.decodeUnknownSync(
  Schema.Struct({
    given: Schema.Struct({ state: State, node: Candidate, asked }),
    evaluations: Schema.Array(Json.Json)
  })
)

const root: Candidate = { id: 0, candidate: null, score: 0, depth: 0, path: [] }

const select = ({ branching, pathTokens }: Options, given: unknown) => {
  const turn = readTurn(given)
  const state = "state" in turn ? turn.state : { input: turn.input, open: [root], best: null, seen: [], count: 0 }
  const [node = root, ...open] = state.open
  const { candidate, depth, path } = node
  return {
    state: { ...state, open },
    node,
    asked: { input: state.input, candidate, depth, path: lastOf(path, pathTokens), count: branching }
  }
}

/** The last steps of a way that have at most so many tokens, at four bytes each. */
const lastOf = (path: Candidate["path"], tokens: number): Candidate["path"] => {
  let left = tokens * 4
  const before = path.findLastIndex(({ candidate, feedback }) => {
    left -= Buffer.byteLength(Json.canonical([candidate, feedback ?? null]), "utf8")
    return left < 0
  })
  return path.slice(before + 1)
}

/** Those of what was proposed that are new. */
const candidates = ({ branching }: Options, given: unknown) => {
  const { node, proposed, state } = readProposed(given)
  const seen = new Set(state.seen)
  const fresh = (proposalsOf(proposed) ?? []).slice(0, branching).filter((candidate) => {
    const digest = Digest.of(candidate).slice(0, 16)
    const isNew = !seen.has(digest)
    seen.add(digest)
    return isNew
  })
  const depth = node.depth + 1
  return {
    state: { ...state, seen: [...seen] },
    node,
    asked: fresh.map((candidate) => ({ input: state.input, candidate, depth }))
  }
}

const advance = ({ beam, depth: deepest, goal }: Options, all: unknown) => {
  const {
    evaluations,
    given: { asked, node, state }
  } = readEvaluated(all)
  const scored = asked.flatMap(({ candidate, depth }, i): ReadonlyArray<Candidate> => {
    const found = evaluationOf(evaluations[i] ?? null)
    if (found === undefined || found.isOut) return []
    const { feedback, score } = found
    const step = { candidate, score, ...(feedback === undefined ? {} : { feedback }) }
    return [{ id: state.count + i + 1, candidate, score, depth, path: [...node.path, step] }]
  })
  let { best } = state
  for (const one of scored) if (best === null || one.score > best.score) best = one
  const open = [...state.open, ...scored.filter(({ depth }) => depth < deepest)]
    .sort((a, b) => a.depth - a.score - (b.depth - b.score) || a.depth - b.depth || a.id - b.id)
    .slice(0, beam)
  const isReached = best !== null && best.score >= goal
  return {
    state: { ...state, open, best, count: state.count + asked.length },
    answer: {
      candidate: best?.candidate ?? null,
      score: best?.score ?? null,
      depth: best?.depth ?? 0,
      path: best?.path.map(({ candidate }) => candidate) ?? [],
      reached: isReached
    },
    done: isReached || open.length === 0
  }
}

// ---------------------------------------------------------------- what is said by those who are asked

/** A list, a map that has it as `candidates`, or text: JSON of these, or one candidate a line. */
const proposalsOf = (said: Json.Json): ReadonlyArray<Json.Json> | undefined => {
  if (Array.isArray(said)) return said
  const within = Json.get(said, "candidates")
  if (Array.isArray(within)) return within
  if (typeof said !== "string") return undefined
  const parsed = Either.getOrUndefined(Json.parse(said))
  const found = parsed === undefined || typeof parsed === "string" ? undefined : proposalsOf(parsed)
  return (
    found ??
    said
      .split("\n")
      .map((line) => line.replace(/^\s*(?:[-*]|\d+[.)])\s+/, "").trim())
      .filter((line) => line !== "")
  )
}

interface Evaluation {
  readonly score: number
  /** It breaks a rule: it is no answer, and nothing is made of it. */
  readonly isOut: boolean
  readonly feedback: Json.Json | undefined
}

/** A number from 0 to 1, a map that has it as `score`, or text: JSON of these. */
const evaluationOf = (said: Json.Json): Evaluation | undefined => {
  if (typeof said === "string") {
    const parsed = Either.getOrUndefined(Json.parse(said.trim()))
    return parsed === undefined || typeof parsed === "string" ? undefined : evaluationOf(parsed)
  }
  const score = typeof said === "number" ? said : Json.get(said, "score")
  if (typeof score !== "number" || score < 0 || score > 1) return undefined
  return { score, isOut: Json.get(said, "hard_fail") === true, feedback: Json.get(said, "feedback") }
}

/** Lets through what has no fault. */
const faultless = (jsonSchema: Json.Json, faultOf: (json: Json.Json) => string | undefined): Shape.Shape => ({
  jsonSchema,
  encode: Shape.any.encode,
  decode: (json = null) => {
    const detail = faultOf(json)
    return detail === undefined ? Either.right(json) : Either.left(new Shape.Misfit({ detail }))
  }
})

const listed = { type: "array" }

const proposals = faultless(
  {
    anyOf: [
      listed,
      { type: "object", properties: { candidates: listed }, required: ["candidates"] },
      { type: "string" }
    ]
  },
  (said) => (proposalsOf(said) === undefined ? "a list of candidates is wanted, alone or as `candidates`" : undefined)
)

const scoreSchema = { type: "number", minimum: 0, maximum: 1 }

const evaluation = faultless(
  {
    anyOf: [
      scoreSchema,
      { type: "object", properties: { score: scoreSchema }, required: ["score"] },
      { type: "string" }
    ]
  },
  (said) => (evaluationOf(said) === undefined ? "a score from 0 to 1 is wanted, alone or as `score`" : undefined)
)

const reached = (goal: number): Shape.Shape =>
  faultless({ type: "object", properties: { reached: { const: true }, goal: { const: goal } } }, (answer) => {
    if (Json.get(answer, "reached") === true) return undefined
    const best = Json.get(answer, "score")
    const found = typeof best === "number" ? `the best has ${best}` : "none was found"
    return `no candidate has the score ${goal}: ${found}`
  })
