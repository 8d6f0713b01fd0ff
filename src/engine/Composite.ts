/** Steps made of steps: how each ends follows from how its children ended, in declared order. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Wait } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Template from "../expression/Template.js"
import * as Node from "../pipeline/Node.js"
import { ItemsRefused, LoopExhausted, NoBranch } from "../pipeline/StepError.js"
import * as Env from "./Env.js"
import { attempted, defect, engineFailed } from "./Failure.js"
import * as Outcome from "./Outcome.js"
import { below, type Drive, own, type Place, type Walked } from "./Place.js"
import type { Record, Said } from "./Record.js"
import * as Together from "./Together.js"
import { decodedOf, oversize } from "./Value.js"

const rest: Outcome.Outcome = Outcome.resting

export const sequence = (drive: Drive, node: Node.SequenceNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    let carried = input
    let { env } = place
    const writes: Array<Outcome.Write> = []
    let answer: Json.Json | undefined
    for (const step of node.steps) {
      const outcome: Outcome.Outcome = yield* drive.go(step, { ...place, env }, carried)
      if (outcome._tag !== "Completed") return outcome
      carried = outcome.output
      for (const write of outcome.writes) writes.push(write)
      answer = outcome.answer ?? answer
      env = Env.after(env, Node.nameOf(step), carried, outcome.writes, outcome.answer)
    }
    return Outcome.completed(carried, writes, answer)
  })

/** The failures that closed a composite and were lifted since, and the one that closes it now. */
const closures = (record: Record, path: StepPath.StepPath): { readonly lifted: number; readonly closed: boolean } => {
  let lifted = 0
  while (true) {
    const closure = record.get(path, "Closed", lifted)
    if (closure === undefined) return { lifted, closed: false }
    if (!closure.data.by.some((by) => record.again.has(by))) return { lifted, closed: true }
    lifted += 1
  }
}

/** What is still open below a composite that ends, said in one step with its end. */
export const closing = (
  record: Record,
  waits: ReadonlyArray<Wait>,
  because: StepPath.StepPath
): ReadonlyArray<Said<never>> =>
  waits.flatMap((wait) => {
    if (wait._tag === "Timer") return []
    // Its answer may have come while what it stands in was coming to rest.
    if (wait._tag === "Task" && record.has(wait.path, "TaskAnswered")) return []
    const kind = wait._tag === "Task" ? ("TaskClosed" as const) : ("StepInterrupted" as const)
    // It may have ended with a closure that was lifted since, and not have begun again.
    const ended = record.get(wait.path, kind)
    if (ended !== undefined && ended.data.because !== because) return []
    return [{ path: wait.path, kind, data: { because }, payload: {} } as Said<never>]
  })

const waitsOf = (outcomes: ReadonlyArray<Outcome.Outcome | undefined>): ReadonlyArray<Wait> =>
  outcomes.flatMap((outcome) => (outcome?._tag === "Suspended" ? outcome.waits : []))

/** Ends a composite that failed: below it nothing starts any more. */
const failedTogether = (
  drive: Drive,
  place: Place,
  path: StepPath.StepPath,
  lifted: number,
  outcomes: ReadonlyArray<Outcome.Outcome | undefined>
): Walked => {
  const failures = outcomes.filter((outcome) => outcome?._tag === "Failed")
  const first = failures.find((failure) => failure.reason === "Defect") ?? failures[0]!
  const at = failures.flatMap((failure) => failure.at)
  const waits = waitsOf(outcomes)
  // The closure comes first: what follows from it is then said again wherever the record is cut.
  const said: ReadonlyArray<Said<never>> = [
    { path, kind: "Closed", ordinal: lifted, data: { by: at }, payload: {} } as Said<"Closed"> as Said<never>,
    ...closing(drive.record, waits, path)
  ]
  return Effect.map(drive.record.sayAll(place.closed, said), (isSaid) =>
    isSaid ? { ...first, at } : Outcome.suspended(waits)
  )
}

/** Writes of branches that ran side by side, in declared order. */
const merged = (outcomes: ReadonlyArray<Outcome.Completed>): ReadonlyArray<Outcome.Write> => {
  const writes = outcomes.flatMap((outcome) => outcome.writes)
  const firsts = new Set<string>()
  return writes.filter(({ field, reduce }) => {
    if (reduce !== "first") return true
    if (firsts.has(field)) return false
    firsts.add(field)
    return true
  })
}

const isCompleted = (outcome: Outcome.Outcome | undefined): outcome is Outcome.Completed =>
  outcome?._tag === "Completed"

export const parallel = (drive: Drive, node: Node.ParallelNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const path = own(place, Node.nameOf(node)!)
    const { closed, lifted } = closures(record, path)
    const outcomes = yield* Together.run({
      count: node.branches.length,
      begun: 0,
      concurrency: node.concurrency,
      maxWaiting: Number.POSITIVE_INFINITY,
      stopsAtFailure: false,
      mail: drive.mail,
      now: () => record.now(),
      child: (i) => {
        const [key, branch] = node.branches[i]!
        const at = StepPath.child(path, key)
        return drive.go(branch, below(place, at, place.env, place.closed || closed), input)
      }
    })
    if (outcomes.some((outcome) => outcome?._tag === "Failed")) {
      return yield* failedTogether(drive, place, path, lifted, outcomes)
    }
    const done = outcomes.filter(isCompleted)
    if (done.length < node.branches.length) return Outcome.suspended(waitsOf(outcomes))
    const keys = node.branches.map(([key]) => key)
    const value: { [key: string]: unknown } = {}
    for (const [i, key] of keys.entries()) value[key] = decodedOf(done[i]!.output)
    const assembled = Outcome.assembled(value, () => {
      const json: { [key: string]: Json.Json } = {}
      for (const [i, key] of keys.entries()) Json.set(json, key, done[i]!.output.json() ?? null)
      return json
    })
    return Outcome.completed(assembled, merged(done), done.findLast(({ answer }) => answer !== undefined)?.answer)
  })

export const forEach = (drive: Drive, node: Node.ForEachNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const path = own(place, node.name)
    const items = itemsOf(node, place, path, input)
    if (Either.isLeft(items)) return items.left
    const { length } = items.right
    const said = yield* record.say(place.closed, { path, kind: "ItemsPlanned", data: { count: length }, payload: {} })
    if (!said) return rest
    const { closed, lifted } = closures(record, path)
    const outcomes = yield* Together.run({
      count: length,
      begun: Math.min(length, record.begunItems(path)),
      concurrency: node.concurrency,
      maxWaiting: node.maxWaiting,
      stopsAtFailure: node.onFailure === "fail",
      mail: drive.mail,
      now: () => record.now(),
      child: (i) => {
        const item = items.right[i]!
        const env = { ...place.env, item, index: i }
        return drive.go(node.body, below(place, StepPath.at(path, i), env, place.closed || closed), item)
      }
    })
    const isFailed = (outcome: Outcome.Outcome | undefined): boolean =>
      outcome?._tag === "Failed" && (node.onFailure === "fail" || outcome.reason === "Defect")
    if (outcomes.some(isFailed)) return yield* failedTogether(drive, place, path, lifted, outcomes)
    if (outcomes.some((outcome) => outcome === undefined || outcome._tag === "Suspended")) {
      return Outcome.suspended(waitsOf(outcomes))
    }
    const ended = outcomes.filter((outcome) => outcome !== undefined)
    const done = ended.filter(isCompleted)
    const writes = merged(done)
    if (node.onFailure !== "collect") {
      const value = done.map(({ output }) => decodedOf(output))
      return Outcome.completed(
        Outcome.assembled(value, () => done.map(({ output }) => output.json() ?? null)),
        writes
      )
    }
    const value = ended.map((outcome) =>
      isCompleted(outcome) ? Either.right(decodedOf(outcome.output)) : Either.left((outcome as Outcome.Failed).error)
    )
    const json = () =>
      ended.map((outcome) =>
        isCompleted(outcome)
          ? { _tag: "Right", right: outcome.output.json() ?? null }
          : { _tag: "Left", left: (outcome as Outcome.Failed).json }
      )
    return Outcome.completed(Outcome.assembled(value, json), writes)
  })

const itemsOf = (
  node: Node.ForEachNode,
  place: Place,
  path: StepPath.StepPath,
  input: Outcome.Carried
): Either.Either<ReadonlyArray<Outcome.Carried>, Outcome.Failed> => {
  const refused = (detail: string) => Either.left(engineFailed(new ItemsRefused({ path, detail }), path))
  const limited = (length: number) =>
    length > node.max ? refused(`${length} items, over the limit of ${node.max}; raise max, or give fewer`) : undefined
  if (node.items === undefined && !input.raw && Array.isArray(input.value)) {
    const values: ReadonlyArray<unknown> = input.value
    const over = limited(values.length)
    if (over !== undefined) return over
    const json = () => {
      const list = input.json()
      return Array.isArray(list) ? (list as ReadonlyArray<Json.Json>) : []
    }
    return Either.right(values.map((value, i) => Outcome.assembled(value, () => json()[i] ?? null)))
  }
  const json =
    node.items === undefined
      ? Either.right(input.json())
      : Either.mapLeft(Template.evaluate(node.items, Env.scope(place.env, input), place.env.templates), (error) =>
          engineFailed(error, path)
        )
  return Either.flatMap(json, (list) => {
    if (!Array.isArray(list)) return refused(`a list of items is wanted, and this is ${nameOfType(list)}`)
    return limited(list.length) ?? Either.right(list.map((item: Json.Json) => Outcome.raw(item)))
  })
}

const nameOfType = (json: Json.Json | undefined): string =>
  json === undefined ? "nothing" : json === null ? "none" : typeof json === "string" ? "text" : `a ${typeof json}`

export const branch = (drive: Drive, node: Node.BranchNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const path = own(place, node.name)
    const decided = decide(node.on, place, path, input)
    if (Either.isLeft(decided)) return decided.left
    const on = decided.right
    const key = typeof on === "string" ? on : Template.toText(on)
    const over = oversize(drive, "its condition", key, path)
    if (over !== undefined) return over
    const data = { branch: key }
    const said = yield* drive.record.say(place.closed, { path, kind: "BranchTaken", data, payload: { on } })
    if (!said) return rest
    const taken = node.cases.find(([name]) => name === key)
    if (taken !== undefined) return yield* drive.go(taken[1], below(place, StepPath.child(path, key)), input)
    if (node.otherwise !== undefined) {
      return yield* drive.go(node.otherwise, below(place, StepPath.child(path, "otherwise")), input)
    }
    const branches = node.cases.map(([name]) => name)
    return engineFailed(new NoBranch({ path, key: key.slice(0, 200), branches }), path)
  })

/** What a condition says: by a function or an expression. */
const decide = <A extends Json.Json>(
  on: Node.Code<(input: never) => A> | Template.Template,
  place: Place,
  path: StepPath.StepPath,
  input: Outcome.Carried
): Either.Either<Json.Json, Outcome.Failed> =>
  "source" in on
    ? Either.mapLeft(Template.evaluate(on, Env.scope(place.env, input), place.env.templates), (error) =>
        engineFailed(error, path)
      )
    : Either.flatMap(
        attempted(path, () => on.call(decodedOf(input) as never)),
        (answer) => Either.mapLeft(Json.fromUnknown(answer), (fault) => defect(`its condition: ${fault.message}`, path))
      )

export const loop = (drive: Drive, node: Node.LoopNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const path = own(place, node.name)
    let carried = input
    let { env } = place
    const writes: Array<Outcome.Write> = []
    let answer: Json.Json | undefined
    for (let i = 0; ; i++) {
      const at = StepPath.at(path, i)
      const outcome: Outcome.Outcome = yield* drive.go(node.body, below(place, at, env), carried)
      if (outcome._tag !== "Completed") return outcome
      carried = outcome.output
      for (const write of outcome.writes) writes.push(write)
      answer = outcome.answer ?? answer
      env = Env.after(env, undefined, carried, outcome.writes, outcome.answer)
      const met = node.until === undefined ? Either.right(false) : decide(node.until, { ...place, env }, path, carried)
      if (Either.isLeft(met)) return met.left
      const end = Template.isTruthy(met.right) ? "done" : i + 1 >= node.max ? "max" : "again"
      const said = yield* drive.record.say(place.closed, {
        path: at,
        kind: "IterationEnded",
        data: { end },
        payload: {}
      })
      if (!said) return rest
      if (end === "max" && node.onMax === "fail") {
        return engineFailed(new LoopExhausted({ path, max: node.max }), path)
      }
      if (end !== "again") return Outcome.completed(carried, writes, answer)
    }
  })
