/** Steps made of steps: how each ends follows from how its children ended, in declared order. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Wait } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import * as StepPath from "../domain/StepPath.js"
import * as Template from "../expression/Template.js"
import * as Node from "../pipeline/Node.js"
import { ItemsRefused, LoopExhausted, NoBranch } from "../pipeline/StepError.js"
import * as Assign from "./Assign.js"
import * as Decide from "./Decide.js"
import * as Env from "./Env.js"
import { engineFailed } from "./Failure.js"
import * as Merge from "./Merge.js"
import * as Outcome from "./Outcome.js"
import { below, type Drive, own, type Place, type Walked } from "./Place.js"
import type { Record, Said } from "./Record.js"
import * as Talk from "./Talk.js"
import * as Together from "./Together.js"
import { decodedOf, evaluated, oversize } from "./Value.js"

const rest: Outcome.Outcome = Outcome.resting

export const sequence = (drive: Drive, node: Node.SequenceNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    let carried = input
    let { env } = place
    const writes: Array<Outcome.Write> = []
    let answer: Json.Json | undefined
    const ended: Array<Outcome.Outcome> = []
    for (const step of node.steps) {
      const outcome: Outcome.Outcome = yield* drive.go(step, { ...place, env }, carried)
      if (outcome._tag !== "Completed") return outcome
      carried = outcome.output
      for (const write of outcome.writes) writes.push(write)
      answer = outcome.answer ?? answer
      env = Env.after(env, Node.nameOf(step), carried, outcome.writes, outcome.answer)
      if (outcome.said !== undefined) ended.push(outcome)
    }
    return { ...Outcome.completed(carried, writes, answer), ...Talk.joined(ended) }
  })

/** The failures that closed a composite and were lifted since, and the one that closes it now. */
const closures = (record: Record, path: StepPath.StepPath): { readonly lifted: number; readonly closed: boolean } => {
  let lifted = 0
  while (true) {
    const closure = record.peek(path, "Closed", lifted)
    if (closure === undefined) return { lifted, closed: false }
    // It is accounted for where the composite fails: another version of the pipeline may not.
    if (!closure.data.by.some((by) => record.again.has(by))) return { lifted, closed: true }
    record.get(path, "Closed", lifted)
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
    if (record.has(wait.path, "TaskAnswered") || record.has(wait.path, "SignalTaken")) return []
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

const isCompleted = (outcome: Outcome.Outcome | undefined): outcome is Outcome.Completed =>
  outcome?._tag === "Completed"

export const parallel = (drive: Drive, node: Node.ParallelNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const path = own(place, Node.nameOf(node)!)
    const selected = yield* select(drive, node, place, path, input)
    if (selected._tag !== "Selected") return selected
    const { branches } = selected
    const { closed, lifted } = closures(record, path)
    const env = node.include === undefined ? place.env : Env.withOnly(place.env, node.include)
    const outcomes = yield* Together.run({
      count: branches.length,
      begun: 0,
      concurrency: node.concurrency,
      maxWaiting: Number.POSITIVE_INFINITY,
      stopsAtFailure: false,
      mail: drive.mail,
      now: () => record.now(),
      child: (i) => {
        const [key, branch] = branches[i]!
        const at = StepPath.child(path, key)
        return drive.go(branch, below(place, at, env, place.closed || closed), input)
      }
    })
    const failures = outcomes.filter((outcome) => outcome?._tag === "Failed")
    const isIgnored =
      node.onFailure === "ignore" &&
      failures.length < branches.length &&
      failures.every(({ reason }) => reason !== "Defect")
    if (failures.length > 0 && !isIgnored) return yield* failedTogether(drive, place, path, lifted, outcomes)
    const ended = outcomes.filter((outcome) => outcome !== undefined && outcome._tag !== "Suspended")
    if (ended.length < branches.length) return Outcome.suspended(waitsOf(outcomes))
    const all = branches.map(([key], i) => {
      const outcome = outcomes[i]
      return { key, outcome: isCompleted(outcome) ? outcome : undefined }
    })
    const output = Merge.output(node, all, path)
    if (Either.isLeft(output)) return output.left
    const writes = Merge.writes(node, place.env, all, path)
    if (Either.isLeft(writes)) return writes.left
    const answer = ended.filter(isCompleted).findLast(({ answer }) => answer !== undefined)?.answer
    return {
      ...Outcome.completed(output.right, [...selected.writes, ...writes.right], answer),
      ...Talk.joined(outcomes)
    }
  })

interface Selected {
  readonly _tag: "Selected"
  readonly branches: Node.ParallelNode["branches"]
  readonly writes: ReadonlyArray<Outcome.Write>
}

/** The branches that are to run. */
const select = (
  drive: Drive,
  node: Node.ParallelNode,
  place: Place,
  path: StepPath.StepPath,
  input: Outcome.Carried
): Effect.Effect<Selected | Outcome.Suspended | Outcome.Failed, Effect.Effect.Error<Walked>, unknown> =>
  Effect.gen(function* () {
    if (node.select === undefined) return { _tag: "Selected" as const, branches: node.branches, writes: [] }
    const at = StepPath.beside(path, "select")
    const decided = yield* Decide.decide(drive, node.select, { path, at }, place, input)
    if (decided._tag !== "Decided") return decided
    const { on } = decided
    const over = oversize(drive, "its selection", Json.canonical(on), path)
    if (over !== undefined) return over
    const branches = Merge.chosen(node, on, path)
    if (Either.isLeft(branches)) return branches.left
    const data = { branch: branches.right.map(([key]) => key).join(", ") }
    const said = yield* drive.record.say(place.closed, { path, kind: "BranchTaken", data, payload: { on } })
    return said
      ? { _tag: "Selected" as const, branches: branches.right, writes: decided.writes }
      : Outcome.suspended([])
  })

export const forEach = (drive: Drive, node: Node.ForEachNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const path = own(place, node.name)
    const begun = Assign.apply(drive, node.init, place.env, input, path)
    if (Either.isLeft(begun)) return begun.left
    const first = begun.right.env
    const items = itemsOf(node, { ...place, env: first }, path, input)
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
        const env = { ...first, item, index: i }
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
    const written = Merge.writes(
      node,
      first,
      ended.map((outcome, i) => ({ key: String(i), outcome: isCompleted(outcome) ? outcome : undefined })),
      path
    )
    if (Either.isLeft(written)) return written.left
    const writes = [...begun.right.writes, ...written.right]
    const answered = (carried: Outcome.Carried): Outcome.Outcome => {
      const made = madeBy(node.output, Env.after(first, undefined, carried, writes, undefined), carried, path)
      return Either.isLeft(made) ? made.left : { ...Outcome.completed(made.right, writes), ...Talk.joined(ended) }
    }
    if (node.onFailure !== "collect") {
      const value = done.map(({ output }) => decodedOf(output))
      return answered(Outcome.assembled(value, () => done.map(({ output }) => output.json() ?? null)))
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
    return answered(Outcome.assembled(value, json))
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
    const at = StepPath.beside(path, "on")
    const decided = yield* Decide.decide(drive, node.on, { path, at }, place, input)
    if (decided._tag !== "Decided") return decided
    const { on, writes } = decided
    const key = typeof on === "string" ? on : Template.toText(on)
    const over = oversize(drive, "its condition", key, path)
    if (over !== undefined) return over
    const data = { branch: key }
    const said = yield* drive.record.say(place.closed, { path, kind: "BranchTaken", data, payload: { on } })
    if (!said) return rest
    const env = Env.after(place.env, undefined, input, writes, undefined)
    const go = (branch: Node.Node, name: string): Walked =>
      Effect.map(drive.go(branch, below(place, StepPath.child(path, name), env), input), (outcome) =>
        outcome._tag === "Completed" && writes.length > 0
          ? { ...outcome, writes: [...writes, ...outcome.writes] }
          : outcome
      )
    const taken = node.cases.find(([name]) => name === key)
    if (taken !== undefined) return yield* go(taken[1], key)
    if (node.otherwise !== undefined) return yield* go(node.otherwise, "otherwise")
    const branches = node.cases.map(([name]) => name)
    return engineFailed(new NoBranch({ path, key: key.slice(0, 200), branches }), path)
  })

export const loop = (drive: Drive, node: Node.LoopNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.gen(function* () {
    const path = own(place, node.name)
    const begun = Assign.apply(drive, node.init, place.env, input, path)
    if (Either.isLeft(begun)) return begun.left
    let carried = input
    let { env } = begun.right
    const writes = [...begun.right.writes]
    let answer: Json.Json | undefined
    let talk = node.conversation === undefined ? place.talk : Talk.begin(node.conversation, input)
    const heard: Array<Outcome.Outcome> = []
    for (let i = 0; ; i++) {
      const at = StepPath.at(path, i)
      const outcome: Outcome.Outcome = yield* drive.go(node.body, { ...below(place, at, env), talk }, carried)
      if (outcome._tag !== "Completed") return outcome
      if (outcome.said !== undefined) heard.push(outcome)
      carried = outcome.output
      for (const write of outcome.writes) writes.push(write)
      answer = outcome.answer ?? answer
      env = Env.after(env, undefined, carried, outcome.writes, outcome.answer)
      let isMet = false
      if (node.until !== undefined) {
        const places = { path, at: StepPath.child(at, "exit") }
        const decided = yield* Decide.decide(drive, node.until, places, { ...place, env }, carried)
        if (decided._tag !== "Decided") return decided
        isMet = Template.isTruthy(decided.on)
        for (const write of decided.writes) writes.push(write)
        env = Env.after(env, undefined, carried, decided.writes, undefined)
      }
      const end = isMet ? "done" : i + 1 >= node.max ? "max" : "again"
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
      if (end !== "again") {
        const output =
          talk !== undefined && node.conversation?.answers === true
            ? Either.right(Talk.whole(talk, outcome.said ?? []))
            : madeBy(node.output, env, carried, path)
        if (Either.isLeft(output)) return output.left
        return { ...Outcome.completed(output.right, writes, answer), ...Talk.joined(heard) }
      }
      if (talk !== undefined && node.conversation !== undefined) {
        const told = yield* Talk.after(drive, talk, outcome.said ?? [], at, { ...place, env })
        if ("_tag" in told) return told
        talk = told
      }
      const kept = Assign.apply(drive, node.state, { ...env, index: i }, carried, path)
      if (Either.isLeft(kept)) return kept.left
      for (const write of kept.right.writes) writes.push(write)
      const next = madeBy(node.next, kept.right.env, carried, path)
      if (Either.isLeft(next)) return next.left
      carried = next.right
      env = { ...kept.right.env, index: place.env.index }
    }
  })

/** What a template makes of a value; the value itself where there is none. */
const madeBy = (
  template: Node.Params | undefined,
  env: Env.Env,
  carried: Outcome.Carried,
  path: StepPath.StepPath
): Either.Either<Outcome.Carried, Outcome.Failed> =>
  template === undefined
    ? Either.right(carried)
    : Either.mapBoth(evaluated(template, env, carried), {
        onLeft: (error) => engineFailed(error, path),
        onRight: (json) => Outcome.raw(json)
      })
