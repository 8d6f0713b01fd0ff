/** Steps that do something: a user's code, an agent's turn, a skill; and pure functions. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Turn from "../agent/Turn.js"
import * as Digest from "../domain/Digest.js"
import type { Carried as CarriedPayload, Wait } from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import { Once } from "../domain/Once.js"
import * as StepPath from "../domain/StepPath.js"
import { TemplateError } from "../expression/Template.js"
import type * as Node from "../pipeline/Node.js"
import * as Shape from "../pipeline/Shape.js"
import * as Skill from "../pipeline/Skill.js"
import { StepUncertain } from "../pipeline/StepError.js"
import * as Door from "./Door.js"
import * as Env from "./Env.js"
import { defect, detailOf, engineFailed, engineFailure, stepDefect } from "./Failure.js"
import * as Outcome from "./Outcome.js"
import { type Drive, own, type Place, type Walked } from "./Place.js"
import type { Said } from "./Record.js"
import { Diverged } from "./RunError.js"
import { type Crossed, call, cross, evaluated, output } from "./Value.js"
import { isYes } from "./Waiting.js"

const rest: Outcome.Outcome = Outcome.resting

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

const kindOf = (node: Node.CodeNode | Node.AgentNode | Node.SkillNode): LeafKind => {
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

export const leaf = (
  drive: Drive,
  node: Node.CodeNode | Node.AgentNode | Node.SkillNode,
  place: Place,
  input: Outcome.Carried
): Walked =>
  Effect.gen(function* () {
    const { record } = drive
    const path = own(place, node.name)
    const kind = kindOf(node)
    const next = (): Walked => leaf(drive, node, { ...place, attempt: place.attempt + 1 }, input)
    const retried = (failed: Outcome.Failed): Walked =>
      !place.closed && record.again.has(path) ? next() : Effect.succeed(failed)

    const given = inputOf(node, place.env, input, kind.input)
    if (Either.isLeft(given)) {
      return yield* retried(
        given.left instanceof TemplateError
          ? engineFailed(given.left, path)
          : defect(`the input: ${given.left.detail}`, path)
      )
    }
    const { from, json, value } = given.right
    const isOld = record.isOld(path, "StepStarted")
    const said = yield* record.say(place.closed, {
      path,
      kind: "StepStarted",
      data: { step: kind.step, version: kind.version },
      payload: { input: from !== undefined ? { from } : json === undefined ? {} : { value: json } }
    })
    if (!said) return rest

    const interrupted = record.get(path, "StepInterrupted") !== undefined
    if (!place.closed && interrupted) {
      answeredAsWhole(drive, path)
      return yield* next()
    }
    const isWalked = record.isReplay && kind.walkedInReplay
    const succeeded = record.get(path, "StepSucceeded")
    if (succeeded !== undefined && !isWalked) {
      answeredAsWhole(drive, path)
      return read(succeeded.payload.output, kind.output, path, input)
    }
    const failed = record.get(path, "StepFailed")
    if (failed !== undefined && !(isWalked && failed.data.reason === "Failure")) {
      answeredAsWhole(drive, path)
      return yield* retried(readFailure(failed.data.reason, failed.payload.error, kind.error, path))
    }
    if (place.closed || (record.mode._tag === "Replay" && !record.mode.ended && !kind.walkedInReplay)) {
      answeredAsWhole(drive, path)
      return Outcome.suspended([{ _tag: "Step", path }])
    }

    if (record.isReplay && !kind.walkedInReplay) {
      const detail = "the outside is shut, and no result is recorded"
      return yield* new Diverged({ path, kind: "StepSucceeded", field: "", detail })
    }

    if (isOld && !record.isReplay) {
      record.life({ path, kind: "Recovered", data: {}, payload: {} })
      if (kind.onUncertain !== "retry") {
        const decided = yield* uncertain(drive, kind.onUncertain, path)
        if (decided._tag === "Again") return yield* next()
        if (decided._tag === "Rest") return decided.outcome
        return yield* retried(decided.outcome)
      }
    }
    yield* record.barrier
    const exit = yield* execute(drive, node, place, path, value, json)
    if (exit === undefined) {
      answeredAsWhole(drive, path)
      return Outcome.suspended([{ _tag: "Step", path }])
    }
    const ended = endOf(drive, exit, kind, path)
    if (ended._tag === "Completed") {
      const output = Outcome.carried(ended.output.value, ended.output.json(), kind.output, path)
      const json = output.json()
      const payload = json === undefined ? {} : { value: json }
      return (yield* record.say(false, { path, kind: "StepSucceeded", data: {}, payload: { output: payload } }))
        ? Outcome.completed(output)
        : rest
    }
    const failure: Said<"StepFailed"> = {
      path,
      kind: "StepFailed",
      data: { reason: ended.reason },
      payload: { error: ended.json }
    }
    return (yield* record.say(false, failure)) ? yield* retried(ended) : rest
  })

const answeredAsWhole = (drive: Drive, path: StepPath.StepPath): void => {
  drive.answered.add(path)
  drive.answered.add(StepPath.standing(path))
}

const inputOf = (
  node: Node.CodeNode | Node.AgentNode | Node.SkillNode,
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
    return Either.flatMap(evaluated(node.params, Env.scope(env, input)), (params) =>
      cross(Outcome.raw(Skill.inputOf(node.skill, params, input.json())), shape)
    )
  }
  return cross(input, shape)
}

/** Runs a step's own code; `undefined` where a replayed journal ends inside it. */
const execute = (
  drive: Drive,
  node: Node.CodeNode | Node.AgentNode | Node.SkillNode,
  place: Place,
  path: StepPath.StepPath,
  value: unknown,
  json: Json.Json | undefined
): Effect.Effect<Exit.Exit<unknown, unknown> | undefined, never, unknown> =>
  Effect.gen(function* () {
    const { record, run } = drive
    const standing = StepPath.standing(path)
    const { attempt } = place
    const end = Deferred.unsafeMake<void>(FiberId.none)
    const { payloadBytes, stop } = drive
    const door = Door.make({ record, run, path, attempt, stop, end, payloadBytes })
    const body = bodyOf(node, value, json, {
      run,
      path,
      attempt,
      get idempotencyKey() {
        return Digest.of([run, standing])
      }
    })
    const { tag } = place.env.context ?? {}
    const provided = Effect.provideService(
      tag === undefined ? body : Effect.provideService(body, tag, Env.snapshot(place.env)),
      Once,
      door.once
    )
    const traced = drive.traced({ path: standing, attempt, kind: node._tag }, provided)
    const exit = Effect.exit(Effect.ensuring(traced, Effect.sync(door.close)))
    if (!record.isReplay) return yield* exit
    return yield* Effect.raceFirst(exit, Effect.as(Deferred.await(end), undefined))
  })

const bodyOf = (
  node: Node.CodeNode | Node.AgentNode | Node.SkillNode,
  value: unknown,
  json: Json.Json | undefined,
  info: Node.StepInfo
): Effect.Effect<unknown, unknown, unknown> => {
  switch (node._tag) {
    case "Code":
      return Effect.suspend(() => node.run(value as never, info))
    case "Skill":
      return Effect.suspend(() => node.skill.run(value as never, { idempotencyKey: info.idempotencyKey }))
    case "Agent":
      return Turn.take(node.agent, json ?? null, StepPath.standing(info.path))
  }
}

const endOf = (
  drive: Drive,
  exit: Exit.Exit<unknown, unknown>,
  kind: LeafKind,
  path: StepPath.StepPath
): { readonly _tag: "Completed"; readonly output: Outcome.Carried } | Outcome.Failed => {
  if (Exit.isSuccess(exit)) {
    const made = output(exit.value, kind.output, path)
    if (Either.isLeft(made)) return defect(`its output does not fit: ${made.left.detail}`, path)
    const json = made.right.json()
    const size = json === undefined ? 0 : sizeOf(json, drive.payloadBytes)
    return size > drive.payloadBytes
      ? defect(`its output has ${size} bytes, over the limit of ${drive.payloadBytes}`, path)
      : { _tag: "Completed", output: made.right }
  }
  const error = Cause.failureOption(exit.cause)
  if (Option.isNone(error)) return defect(detailOf(Cause.squash(exit.cause)), path)
  const json = kind.error.encode(error.value)
  if (Either.isLeft(json)) return defect(`it failed with what it does not declare: ${json.left.detail}`, path)
  const read = kind.error.decode(json.right)
  return Either.isLeft(read)
    ? defect(`its error cannot be read back: ${read.left.detail}`, path)
    : { _tag: "Failed", reason: "Failure", error: read.right, json: json.right ?? null, at: [path] }
}

/** Exact only where it may matter: a text has at most three bytes for each of its UTF-16 units. */
const sizeOf = (json: Json.Json, limit: number): number => {
  if (typeof json !== "object" && typeof json !== "string") return 0
  const text = Json.canonical(json)
  return text.length * 3 <= limit ? text.length : Buffer.byteLength(text, "utf8")
}

const read = (
  recorded: CarriedPayload,
  shape: Shape.Shape,
  path: StepPath.StepPath,
  input: Outcome.Carried
): Outcome.Outcome => {
  const json = "value" in recorded ? recorded.value : "from" in recorded ? input.json() : undefined
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
      const task = StepPath.beside(path, "uncertain")
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
    const payload = { output: Outcome.payloadOf(made.right) }
    const said = yield* drive.record.say(place.closed, { path, kind: "Computed", data: {}, payload })
    return said ? Outcome.completed({ ...made.right, origin: path }) : rest
  })
