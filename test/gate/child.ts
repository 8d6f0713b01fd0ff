/** A process of the gate: opens a store, does what it is told, and prints how that ended as its last line. */
import { writeSync } from "node:fs"
import { Socket } from "node:net"
import Database from "better-sqlite3"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { RunId } from "../../src/domain/RunId.js"
import * as StepPath from "../../src/domain/StepPath.js"
import * as Flujo from "../../src/engine/Flujo.js"
import { Journal } from "../../src/journal/Journal.js"
import * as JournalOpen from "../../src/journal/JournalOpen.js"
import * as Effects from "./effects.js"
import * as Pipelines from "./pipelines.js"
import * as Store from "./store.js"

/** `sent`: the server has it, and nobody waits for its answer; of Postgres only. */
export type When = "before" | "sent" | "after"

export interface Order {
  /**
   * `finish`: runs or resumes, and answers what it is asked, to the end. `drive`: runs or resumes once. `race`: resumes
   * `runs` runs, one every few milliseconds. `litter`: starts as many at once.
   */
  readonly command: "finish" | "drive" | "resume" | "answer" | "cancel" | "litter" | "race"
  readonly store: string
  readonly effects: string
  readonly run: string
  readonly pipeline: keyof typeof Pipelines.all
  readonly durability?: "full" | "normal"
  readonly leaseMillis?: number
  readonly patience?: number
  readonly task?: string
  readonly runs?: number
  /** Dies around the commit of this number, from 0. */
  readonly killAt?: { readonly commit: number; readonly when: When }
  /** Dies right after this effect has happened. */
  readonly killAfterEffect?: string
  /** This effect takes place, and its call does not return. */
  readonly stallAtEffect?: string
  /** Milliseconds since 1970 at which to begin, so that two begin at once. */
  readonly at?: number
}

export interface Report {
  readonly tag: string
  readonly value?: unknown
  readonly error?: { readonly _tag?: string; readonly reason?: string; readonly message: string }
  readonly commits: number
}

let commits = 0

/** Counts the commits of this process, and dies around one of them, by standing between the driver and SQLite. */
const watch = (killAt: Order["killAt"]): void => {
  const around = <A>(commit: () => A): A => {
    const isIt = killAt?.commit === commits
    if (isIt && killAt?.when === "before") Effects.die()
    const answer = commit()
    commits += 1
    if (isIt) Effects.die()
    return answer
  }
  const { exec, prepare } = Database.prototype
  Database.prototype.exec = function (source) {
    return source === "COMMIT" ? around(() => exec.call(this, source)) : exec.call(this, source)
  }
  Database.prototype.prepare = function (this: Database.Database, source: string) {
    const statement = prepare.call(this, source) as Database.Statement<[]>
    if (source !== "COMMIT") return statement
    const run = statement.run.bind(statement)
    statement.run = () => around(() => run())
    return statement
  } as typeof prepare
}

/** The same, by standing between the driver and the network. */
const watchNetwork = (killAt: Order["killAt"]): void => {
  const changes = ["write_batch", "SET owner = $3", "COMMIT\0"]
  const write = Socket.prototype.write as (this: Socket, ...args: Array<unknown>) => boolean
  Socket.prototype.write = function (this: Socket, ...args: Array<unknown>) {
    const [data] = args
    if (!Buffer.isBuffer(data) || !changes.some((text) => data.includes(text))) return write.apply(this, args)
    const isIt = killAt?.commit === commits
    commits += 1
    if (isIt && killAt.when === "before") Effects.die()
    // What is corked goes out when the statement is whole, which is before the next tick.
    if (isIt && killAt.when === "sent") process.nextTick(Effects.die)
    if (isIt && killAt.when === "after") this.prependOnceListener("data", Effects.die)
    return write.apply(this, args)
  } as typeof Socket.prototype.write
}

const order: Order = JSON.parse(process.argv[2]!)
const runId = RunId.make(order.run)
const pipeline = Pipelines.all[order.pipeline] as (typeof Pipelines.all)["order"]

const drive =
  order.command === "resume" ? Flujo.resume(pipeline, runId) : Flujo.run(pipeline, 1, { runId, parkAfterMillis: 100 })

const answerAll = Effect.gen(function* () {
  const journal = yield* Journal
  for (const { path } of yield* journal.tasks({ run: runId, limit: 10 })) {
    // One that an earlier process answered is not answered twice.
    yield* Effect.either(Flujo.answer(runId, path, { approved: true }, "the gate"))
  }
})

const hasCompleted = Effect.flatMap(Journal, (journal) =>
  Effect.map(journal.run(runId), (row) => Option.isSome(row) && row.value.status === "completed")
)

const finish = Effect.gen(function* () {
  while (!(yield* hasCompleted)) {
    yield* answerAll
    const outcome = yield* drive
    if (outcome._tag === "Completed") return outcome
  }
  return { _tag: "Completed" as const, value: "before" }
})

const many = Array.from({ length: order.runs ?? 0 }, (_, i) => RunId.make(`${order.run}-${i}`))
const litter = Effect.forEach(many, (id) => Flujo.run(pipeline, 1, { runId: id }), { concurrency: "unbounded" })
const endOf = (exit: Exit.Exit<{ readonly _tag: string }, { readonly _tag: string; readonly message: string }>) =>
  Exit.match(exit, {
    onFailure: (cause) => {
      const { error } = reportOf(Exit.failCause(cause))
      return error?.reason ?? error?.message
    },
    onSuccess: ({ _tag }) => _tag
  })
const race = Effect.forEach(
  many,
  (id, i) => Flujo.resume(pipeline, id).pipe(Effect.delay(i * 15), Effect.exit, Effect.map(endOf)),
  { concurrency: "unbounded" }
)

const task = Option.getOrElse(StepPath.fromString(order.task ?? ""), () => StepPath.root)
const commands = {
  finish,
  drive,
  resume: drive,
  answer: Effect.as(Flujo.answer(runId, task, { approved: true }, `process ${process.pid}`), {
    _tag: "Answered" as const
  }),
  litter: Effect.as(litter, { _tag: "Littered" as const }),
  race: Effect.map(race, (value) => ({ _tag: "Raced" as const, value })),
  cancel: Effect.as(Flujo.cancel(runId, "enough"), { _tag: "Asked" as const })
}

if (Store.isPostgres(order.store)) watchNetwork(order.killAt)
else watch(order.killAt)
Effects.open(order.effects, { killAt: order.killAfterEffect, stallAt: order.stallAtEffect, patience: order.patience })

const program = Effect.gen(function* () {
  if (order.at !== undefined) yield* Effect.sleep(Math.max(0, order.at - Date.now()))
  return yield* Effect.exit(commands[order.command] as Effect.Effect<{ readonly _tag: string }, unknown, Journal>)
}).pipe(
  Effect.provide(
    JournalOpen.layer(Store.where(order.store), {
      durability: order.durability,
      leaseMillis: order.leaseMillis,
      mailPollMillis: 20
    })
  ),
  Effect.exit
)

const reportOf = (exit: Exit.Exit<{ readonly _tag: string }, unknown>): Report => {
  if (Exit.isSuccess(exit)) {
    const value = "value" in exit.value ? exit.value.value : undefined
    return { tag: exit.value._tag, value, commits }
  }
  const failure = Option.getOrElse(Cause.failureOption(exit.cause), () => new Error(Cause.pretty(exit.cause)))
  const told = failure instanceof Error ? failure : new Error(String(failure))
  return {
    tag: "Failed",
    error: {
      message: told.message,
      ...("_tag" in told ? { _tag: String(told._tag) } : {}),
      ...("reason" in told ? { reason: String(told.reason) } : {})
    },
    commits
  }
}

const exit = await Effect.runPromise(program)
const report = reportOf(Exit.flatten(exit))
writeSync(1, `${JSON.stringify(report)}\n`)
process.exitCode = report.tag === "Failed" ? 1 : 0
