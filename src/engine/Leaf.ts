/** Steps that do something: a user's code, an agent's turn, a skill; and pure functions. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stop from "../agent/Stop.js"
import * as Turn from "../agent/Turn.js"
import * as Digest from "../domain/Digest.js"
import type { Carried as CarriedPayload, Wait } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import { Once } from "../domain/Once.js"
import { People } from "../domain/People.js"
import * as StepPath from "../domain/StepPath.js"
import { evaluate, isTruthy, TemplateError } from "../expression/Template.js"
import type { JournalError } from "../journal/Journal.js"
import type * as Node from "../pipeline/Node.js"
import * as Shape from "../pipeline/Shape.js"
import * as Skill from "../pipeline/Skill.js"
import { StepUncertain } from "../pipeline/StepError.js"
import * as Door from "./Door.js"
import * as Env from "./Env.js"
import { defect, detailOf, engineFailed, engineFailure, stepDefect } from "./Failure.js"
import * as Outcome from "./Outcome.js"
import { type Drive, own, type Place, type Walked } from "./Place.js"
import * as Prompt from "./Prompt.js"
import type { Record, Said } from "./Record.js"
import { Diverged } from "./RunError.js"
import { type Crossed, call, cross, evaluated, output, oversize, textOf } from "./Value.js"
import { isYes } from "./Waiting.js"

const rest: Outcome.Outcome = Outcome.resting

type LeafNode = Node.CodeNode | Node.AgentNode | Node.SkillNode

interface LeafKind {
  readonly step: "code" | "agent" | "skill"
  readonly version: string
  readonly input: Shape.Shape
  readonly output: Shape.Shape
  readonly error: Shape.Shape
  readonly onUncertain: Node.OnUncertain
  /** Replay runs the body too: all its outside goes through `Once`. */
  readonly walkedInReplay: boolean
}

const kindOf = (node: LeafNode): LeafKind => {
  switch (node._tag) {
    case "Code":
      return {
        step: "code",
        version: node.version,
        input: node.input,
        output: node.output,
        error: node.error,
        onUncertain: node.onUncertain,
        walkedInReplay: node.replay === "inside"
      }
    case "Agent":
      return {
        step: "agent",
        version: "1",
        input: Shape.any,
        output: node.agent.output ?? agentText,
        error: engineFailure,
        onUncertain: "retry",
        walkedInReplay: true
      }
    case "Skill":
      return {
        step: "skill",
        version: node.skill.version,
        input: node.skill.input,
        output: node.skill.output,
        error: engineFailure,
        onUncertain: node.onUncertain,
        walkedInReplay: false
      }
  }
}

const agentText = Shape.fromSchema(Schema.String)

export const leaf = (drive: Drive, node: LeafNode, place: Place, input: Outcome.Carried): Walked =>
  Effect.suspend(() => {
    const { record } = drive
    const path = own(place, node.name)
    const kind = kindOf(node)
    const begun = record.peek(path, "StepStarted")
    const given =
      begun?.data.edited === true
        ? cross(Outcome.raw(jsonOf(begun.payload.input)), kind.input)
        : inputOf(node, place.env, input, kind.input)
    if (Either.isLeft(given)) return retried(drive, node, place, input, refused(given.left, path))
    const asked = node._tag === "Agent" ? Prompt.filled(node.agent, place.env, input) : undefined
    if (asked !== undefined && Either.isLeft(asked))
      return retried(drive, node, place, input, refused(asked.left, path))
    const doing: LeafNode = asked === undefined || node._tag !== "Agent" ? node : { ...node, agent: asked.right }
    const { from, json, value } = given.right
    const text = from === undefined && json !== undefined ? Json.canonical(json) : undefined
    const over = oversize(drive, "its input", text, path)
    if (over !== undefined) return retried(drive, node, place, input, over)
    const isOld = record.isOld(path, "StepStarted")
    const told = record.tell(place.closed, {
      path,
      kind: "StepStarted",
      data: { step: kind.step, version: kind.version, ...promptOf(node), edited: begun?.data.edited },
      payload: { input: from !== undefined ? { from } : json === undefined ? {} : { value: json } },
      text: text === undefined ? undefined : `{"input":{"value":${text}}}`
    })
    if (told instanceof Diverged) return Effect.fail(told)
    if (told === "Held") return Effect.succeed(rest)
    const perform = (): Walked =>
      Effect.flatMap(record.barrier, () => {
        const standing = { caps: place.caps, isPriced: node._tag === "Agent" }
        const door = new Door.Door(drive, path, place.attempt, standing)
        return Effect.flatMap(execute(drive, doing, place, path, value, json, door), (exit) => {
          const end =
            door.denial !== undefined
              ? engineFailed(door.denial, path)
              : exit === undefined
                ? undefined
                : endOf(drive, exit, kind, path)
          return end === undefined
            ? Effect.succeed(cut(drive, path, door.waits))
            : conclude(drive, node, place, input, path, end)
        })
      })
    if (told === "New") return perform()
    return Effect.flatMap(recall(drive, node, place, input, kind, path, isOld), (recalled) =>
      recalled === undefined ? perform() : Effect.succeed(recalled)
    )
  })

/** The digest of the text that a prompt is filled in from. */
const promptOf = (node: LeafNode): { readonly prompt?: Digest.Digest } =>
  node._tag === "Agent" && node.agent.prompt !== undefined
    ? { prompt: Digest.ofText(node.agent.prompt.template.source) }
    : {}

/** Says how a step ended, and goes on from there. */
const conclude = (
  drive: Drive,
  node: LeafNode,
  place: Place,
  input: Outcome.Carried,
  path: StepPath.StepPath,
  ended: Succeeded | Outcome.Failed
): Walked => {
  const told =
    ended._tag === "Completed"
      ? drive.record.tell(false, {
          path,
          kind: "StepSucceeded",
          data: {},
          payload: { output: ended.json === undefined ? {} : { value: ended.json } },
          text: ended.text === undefined ? undefined : `{"output":{"value":${ended.text}}}`
        })
      : drive.record.tell(false, {
          path,
          kind: "StepFailed",
          data: { reason: ended.reason },
          payload: { error: ended.json }
        })
  if (told instanceof Diverged) return Effect.fail(told)
  if (told === "Held") return Effect.succeed(rest)
  return ended._tag === "Completed"
    ? Effect.succeed(Outcome.completed(ended.output))
    : retried(drive, node, place, input, ended)
}

/** What the record says of a step that has started; undefined if it is to be run (again). */
const recall = (
  drive: Drive,
  node: LeafNode,
  place: Place,
  input: Outcome.Carried,
  kind: LeafKind,
  path: StepPath.StepPath,
  isOld: boolean
): Effect.Effect<Outcome.Outcome | undefined, Diverged | JournalError, unknown> =>
  Effect.gen(function* () {
    const { record } = drive
    const next = (): Walked => leaf(drive, node, { ...place, attempt: place.attempt + 1 }, input)
    const asked = kind.onUncertain === "ask" ? askedOf(record, path) : []
    const interrupted = record.get(path, "StepInterrupted") !== undefined
    if (
      interrupted &&
      (!place.closed || record.has(StepPath.child(place.path, node.name, place.attempt + 1), "StepStarted"))
    ) {
      answeredAsWhole(drive, path)
      return yield* next()
    }
    const succeeded = record.get(path, "StepSucceeded")
    const isWalked = record.isReplay && kind.walkedInReplay && succeeded?.data.edited !== true
    if (succeeded !== undefined && !isWalked) {
      answeredAsWhole(drive, path)
      return read(succeeded.payload.output, kind.output, path)
    }
    const failed = record.get(path, "StepFailed")
    if (failed !== undefined && !(isWalked && failed.data.reason === "Failure")) {
      answeredAsWhole(drive, path)
      const failure = readFailure(failed.data.reason, failed.payload.error, kind.error, path)
      return yield* retried(drive, node, place, input, failure)
    }
    // What ended before its composite was closed is walked in a replay like any other.
    if (isWalked && (succeeded !== undefined || failed !== undefined)) return undefined
    if (place.closed) return cut(drive, path, [...asked, ...record.askedWithin(path)])
    if (record.mode._tag === "Replay") {
      if (kind.walkedInReplay) return undefined
      if (!record.mode.ended) return cut(drive, path, asked)
      const detail = "the outside is shut, and no result is recorded"
      return yield* new Diverged({ path, kind: "StepSucceeded", field: "", detail })
    }
    if (!isOld) return undefined
    if (kind.onUncertain === "retry" && record.restedWithin(path)) return undefined
    if (kind.onUncertain === "retry" || !record.has(path, "Recovered")) {
      record.life({ path, kind: "Recovered", data: {}, payload: {} })
    }
    if (kind.onUncertain === "retry") return undefined
    const decided = yield* uncertain(drive, kind.onUncertain, path)
    if (decided._tag === "Again") return yield* next()
    if (decided._tag === "Rest") return decided.outcome
    return yield* retried(drive, node, place, input, decided.outcome)
  })

/** A failed step that a person asked to be tried again is walked as its next attempt. */
const retried = (drive: Drive, node: LeafNode, place: Place, input: Outcome.Carried, failed: Outcome.Failed): Walked =>
  drive.record.again.has(own(place, node.name))
    ? leaf(drive, node, { ...place, attempt: place.attempt + 1 }, input)
    : Effect.succeed(failed)

/** A step that started and did not end here. */
const cut = (drive: Drive, path: StepPath.StepPath, asked: ReadonlyArray<Wait> = []): Outcome.Outcome => {
  answeredAsWhole(drive, path)
  return Outcome.suspended([...asked, { _tag: "Step", path }])
}

const uncertaintyOf = (path: StepPath.StepPath): StepPath.StepPath => StepPath.beside(path, "uncertain")

/** What a person was asked about an uncertain step, which is thereby accounted for; the task, if it is open. */
const askedOf = (record: Record, path: StepPath.StepPath): ReadonlyArray<Wait> => {
  const task = uncertaintyOf(path)
  const isOpened = record.get(task, "TaskOpened") !== undefined
  const isAnswered = record.get(task, "TaskAnswered") !== undefined
  record.get(task, "TaskClosed")
  return isOpened && !isAnswered ? [{ _tag: "Task", path: task }] : []
}

const refused = (error: Shape.Misfit | TemplateError, path: StepPath.StepPath): Outcome.Failed =>
  error instanceof TemplateError ? engineFailed(error, path) : defect(`the input: ${error.detail}`, path)

const answeredAsWhole = (drive: Drive, path: StepPath.StepPath): void => {
  drive.answered.add(path)
  drive.answered.add(StepPath.standing(path))
}

const inputOf = (
  node: LeafNode,
  env: Env.Env,
  input: Outcome.Carried,
  shape: Shape.Shape
): Either.Either<Crossed, Shape.Misfit | TemplateError> => {
  if (node._tag === "Agent") {
    const json = input.json()
    return Either.right({
      value: json ?? null,
      json: json ?? null,
      from: json === undefined ? undefined : input.origin
    })
  }
  if (node._tag === "Skill" && node.params !== undefined) {
    return Either.flatMap(evaluated(node.params, env, input), (params) =>
      cross(Outcome.raw(Skill.inputOf(node.skill, params, input.json())), shape)
    )
  }
  return cross(input, shape)
}

/** Runs a step's own code; `undefined` where a replayed journal ends inside it, or it is denied what it asks for. */
const execute = (
  drive: Drive,
  node: LeafNode,
  place: Place,
  path: StepPath.StepPath,
  value: unknown,
  json: Json.Json | undefined,
  door: Door.Door
): Effect.Effect<Exit.Exit<unknown, unknown> | undefined, never, unknown> => {
  const { record, run } = drive
  const { attempt } = place
  const info = {
    run,
    path,
    attempt,
    get idempotencyKey() {
      return Digest.of([run, StepPath.standing(path)])
    }
  }
  const body = bodyOf(node, value, json, info, place)
  const { tag } = place.env.context ?? {}
  const outside = node._tag === "Agent" ? drive.services : door.guarded(drive.services)
  const doors = Context.add(outside, Once, door)
  const thinks = node._tag === "Agent" && node.agent.tools.length > 0
  const services = thinks ? Context.add(doors, People, door) : doors
  // The walk's fiber is the run's own, and every step sets its services anew: nothing need be put back.
  const provide = FiberRef.set(
    FiberRef.currentContext,
    tag === undefined ? services : Context.add(services, tag, Env.snapshot(place.env))
  )
  const traced = drive.traced({ path: StepPath.standing(path), attempt, kind: node._tag }, body)
  const exit = Effect.exit(Effect.zipRight(provide, traced))
  // Where nothing can end it from outside, it is spared a race.
  return record.isReplay || door.isLimited || thinks || record.isOld(path, "StepStarted")
    ? Effect.raceFirst(exit, Effect.as(Deferred.await(door.end), undefined))
    : exit
}

const bodyOf = (
  node: LeafNode,
  value: unknown,
  json: Json.Json | undefined,
  info: Node.StepInfo,
  { env, refused, talk }: Place
): Effect.Effect<unknown, unknown, unknown> => {
  switch (node._tag) {
    case "Code":
      return Effect.suspend(() => node.run(value as never, info))
    case "Skill":
      return Effect.suspend(() => node.skill.run(value as never, { idempotencyKey: info.idempotencyKey }))
    case "Agent":
      return Turn.take(node.agent, json ?? null, StepPath.standing(info.path), {
        refused,
        history:
          talk === undefined || node.ignoresHistory ? undefined : { talk: talk.so, template: talk.about.template },
        pace: node.granular && { granular: node.granular, judge: judgeOf(env) }
      })
  }
}

/** Whether an agent's answer is one that it is done with. */
const judgeOf =
  (env: Env.Env): Stop.Judge =>
  (on, value, json) =>
    "source" in on
      ? Either.map(evaluate(on, Env.scope(env, Outcome.raw(json)), env.templates), isTruthy)
      : Either.right(on.call(value as never) === true)

interface Succeeded {
  readonly _tag: "Completed"
  readonly output: Outcome.Carried
  readonly json: Json.Json | undefined
  readonly text: string | undefined
}

const endOf = (
  drive: Drive,
  exit: Exit.Exit<unknown, unknown>,
  kind: LeafKind,
  path: StepPath.StepPath
): Succeeded | Outcome.Failed => {
  if (Exit.isSuccess(exit)) {
    const made = output(exit.value, kind.output, path)
    if (Either.isLeft(made)) return defect(`its output does not fit: ${made.left.detail}`, path)
    const json = made.right.json()
    const text = json === undefined ? undefined : Json.canonical(json)
    const over = oversize(drive, "its output", text, path)
    return over ?? { _tag: "Completed", output: made.right, json, text }
  }
  const error = Cause.failureOption(exit.cause)
  if (Option.isNone(error)) return defect(detailOf(Cause.squash(exit.cause)), path)
  const json = kind.error.encode(error.value)
  if (Either.isLeft(json)) return defect(`it failed with what it does not declare: ${json.left.detail}`, path)
  const over = oversize(drive, "its failure", json.right === undefined ? undefined : Json.canonical(json.right), path)
  if (over !== undefined) return over
  const read = kind.error.decode(json.right)
  return Either.isLeft(read)
    ? defect(`its error cannot be read back: ${read.left.detail}`, path)
    : { _tag: "Failed", reason: "Failure", error: read.right, json: json.right ?? null, at: [path] }
}

const jsonOf = (recorded: CarriedPayload): Json.Json | undefined => ("value" in recorded ? recorded.value : undefined)

const read = (recorded: CarriedPayload, shape: Shape.Shape, path: StepPath.StepPath): Outcome.Outcome => {
  const json = jsonOf(recorded)
  const value = shape.decode(json)
  return Either.isLeft(value)
    ? defect(`its recorded output does not fit its schema any more: ${value.left.detail}`, path)
    : Outcome.completed(Outcome.carried(value.right, json, shape, path))
}

const readFailure = (
  reason: Outcome.Failed["reason"],
  json: Json.Json,
  shape: Shape.Shape,
  path: StepPath.StepPath
): Outcome.Failed => {
  const error = (reason === "Failure" ? shape : reason === "Engine" ? engineFailure : stepDefect).decode(json)
  return Either.isLeft(error)
    ? defect(`its recorded failure does not fit its schema any more: ${error.left.detail}`, path)
    : { _tag: "Failed", reason, error: error.right, json, at: [path] }
}

type Decided =
  | { readonly _tag: "Again" }
  | { readonly _tag: "Rest"; readonly outcome: Outcome.Outcome }
  | { readonly _tag: "Failed"; readonly outcome: Outcome.Failed }

/** A step that was running when its process died, and may not simply be run again. */
const uncertain = (drive: Drive, policy: "ask" | "fail", path: StepPath.StepPath): Effect.Effect<Decided, Diverged> =>
  Effect.gen(function* () {
    const { record } = drive
    const failed = engineFailed(new StepUncertain({ path }), path)
    const fail: Said<"StepFailed"> = {
      path,
      kind: "StepFailed",
      data: { reason: "Engine" },
      payload: { error: failed.json }
    }
    if (policy === "ask") {
      const task = uncertaintyOf(path)
      const message = `${path} was running when its process died, and may have taken effect. Run it again?`
      yield* record.say(false, {
        path: task,
        kind: "TaskOpened",
        data: { task: "uncertain" },
        payload: { message, schema: {} }
      })
      const answered = record.get(task, "TaskAnswered")
      if (answered === undefined) {
        const waits: ReadonlyArray<Wait> = [
          { _tag: "Task", path: task },
          { _tag: "Step", path }
        ]
        return { _tag: "Rest", outcome: Outcome.suspended(waits) }
      }
      if (isYes(answered.payload.answer)) {
        yield* record.say(false, { path, kind: "StepInterrupted", data: { because: task }, payload: {} })
        return { _tag: "Again" }
      }
    }
    yield* record.say(false, fail)
    return { _tag: "Failed", outcome: failed }
  })

export const computed = (
  drive: Drive,
  node: Node.FnNode | Node.PassNode,
  place: Place,
  input: Outcome.Carried
): Walked =>
  Effect.gen(function* () {
    const path = own(place, node.name)
    if (node._tag === "Pass") {
      const payload = { output: Outcome.payloadOf(input) }
      return (yield* drive.record.say(place.closed, { path, kind: "Computed", data: {}, payload }))
        ? Outcome.completed(input)
        : rest
    }
    const made = call(path, node.code, node.output, input)
    if (Either.isLeft(made)) return made.left
    const text = textOf(drive, made.right, path)
    if (Either.isLeft(text)) return text.left
    const payload = { output: Outcome.payloadOf(made.right) }
    const said = yield* drive.record.say(place.closed, { path, kind: "Computed", data: {}, payload, text: text.right })
    return said ? Outcome.completed({ ...made.right, origin: path }) : rest
  })
