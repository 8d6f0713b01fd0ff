/**
 * One seed: a run of a pipeline through lives that end at any moment, with somebody outside who answers, tells and
 * cancels, until it has come to its end or waits for something that nobody here gives it. All that happens hangs on the
 * seed alone, so it can be had again.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Budget, BudgetExceeded } from "../../domain/Budget.js"
import type { Data, Entry, Wait } from "../../domain/Event.js"
import * as Json from "../../domain/Json.js"
import { Models } from "../../domain/Model.js"
import * as RunId from "../../domain/RunId.js"
import { detailOf } from "../../engine/Failure.js"
import * as Flujo from "../../engine/Flujo.js"
import { RunError } from "../../engine/RunError.js"
import * as PriceTable from "../../governance/PriceTable.js"
import * as Commitment from "../../journal/Commitment.js"
import { Journal, type Owner } from "../../journal/Journal.js"
import * as JournalMake from "../../journal/JournalMake.js"
import * as Ledger from "../../journal/Ledger.js"
import type { RunRow } from "../../journal/RunIndex.js"
import type { Pipeline } from "../../pipeline/Pipeline.js"
import { Faults, type Fired, type Kind } from "./Faults.js"
import * as Invariants from "./Invariants.js"
import { Machine, type Process } from "./Machine.js"
import { Numbers } from "./Numbers.js"
import { type Furnishing, Here, models, type Scene } from "./Outside.js"
import { Store, type Way } from "./Store.js"

/** A question that a run asks. */
export interface Question {
  readonly path: string
  readonly task: Data<"TaskOpened">["task"]
  readonly message: string
  /** JSON Schema of the answer. */
  readonly schema: Json.Json
}

/** What is the same for all seeds. */
export interface Setting {
  /** With the outside of a simulation in the place of its own. */
  readonly pipeline: Pipeline<unknown, unknown, unknown, never>
  readonly furnishing: Furnishing
  /** What code steps need. */
  readonly context: Context.Context<never>
  /** And what of it is made anew for each run; it outlives the processes, as the world does. */
  readonly world?: Layer.Layer<never> | undefined
  readonly input: (numbers: Numbers) => unknown
  /** `undefined`: nobody answers. */
  readonly answer: (question: Question, numbers: Numbers) => Json.Json | undefined
  /** What is told under each name. */
  readonly signals: ReadonlyMap<string, (numbers: Numbers) => Json.Json | undefined>
  readonly budget: Budget | undefined
  readonly prices: PriceTable.PriceTable | undefined
  readonly kinds: ReadonlySet<Kind>
  /** Whether failed runs are resumed, some of them. */
  readonly isResumed: boolean
  readonly judge: (ran: Ran) => ReadonlyArray<Break>
}

/** How a run ended, or that it waits. */
export type Ended<Out = unknown, E = unknown> =
  | { readonly _tag: "Completed"; readonly value: Out; readonly context: Json.JsonObject }
  | { readonly _tag: "Failed"; readonly error: E | RunError | BudgetExceeded }
  | { readonly _tag: "Cancelled" }
  | { readonly _tag: "Waiting"; readonly waits: ReadonlyArray<Wait> }

export interface Ran {
  readonly seed: number
  readonly input: unknown
  readonly ended: Ended
  readonly entries: ReadonlyArray<Entry>
  readonly faults: ReadonlyArray<Fired>
}

/** What did not hold. */
export interface Break {
  readonly invariant: string
  readonly detail: string
}

export interface Told {
  /** Milliseconds from the beginning. */
  readonly at: number
  readonly text: string
}

export interface Outcome {
  readonly seed: number
  readonly input: unknown
  readonly ended: Ended["_tag"] | "Broken"
  readonly breaks: ReadonlyArray<Break>
  readonly fired: ReadonlyArray<Fired>
  readonly entries: ReadonlyArray<Entry>
  readonly lives: number
  /** What happened, as it came. */
  readonly told: ReadonlyArray<Told>
  /** All that is stored of the run, salts and all, and all that happened, as one text. */
  readonly bytes: () => string
}

/** From this life on nothing goes wrong any more. */
const livesTroubled = 8
const livesMax = 2_000
/** Signals in one simulation. */
const toldMax = 100
/** No write for so long, and nobody at rest: something waits for what never comes. */
const hangMillis = 6 * 3_600_000

export const run = async (seed: number, setting: Setting, only?: ReadonlySet<string>): Promise<Outcome> => {
  loaded ??= Promise.all([Effect.runPromise(Commitment.make), import("jsonrepair")])
  await loaded
  return new Trial(seed, setting, only).run()
}

/** What is loaded when it is first used: in a simulation, that would be a wait for something real. */
let loaded: Promise<unknown> | undefined

interface Driver {
  readonly process: Process
  exit: Exit.Exit<Flujo.Completed<unknown> | Flujo.Suspended, unknown> | undefined
}

class Trial {
  private readonly machine: Machine
  private readonly faults: Faults
  private readonly store: Store
  private readonly numbers: Numbers
  private readonly runId: RunId.RunId
  private readonly input: unknown
  private readonly told: Array<Told> = []
  private readonly breaks: Array<Break> = []
  private readonly counts = new Map<string, number>()
  private readonly dead = new Set<string>()
  private drivers: Array<Driver> = []
  private lives = 0
  private isQuick = false
  /** Tasks that nobody answers, or somebody has. */
  private readonly settled = new Set<string>()
  private toldCount = 0

  constructor(
    private readonly seed: number,
    private readonly setting: Setting,
    only: ReadonlySet<string> | undefined
  ) {
    this.machine = new Machine(seed)
    this.faults = new Faults(seed, { kinds: setting.kinds, only }, () => Math.floor(this.machine.now))
    this.numbers = new Numbers(seed, "trial")
    this.runId = RunId.RunId.make(`simulated-${seed}`)
    this.store = new Store(
      this.machine,
      this.faults,
      (text) => this.tell(text),
      (process) => this.rival(`${process.name} stands still`)
    )
    this.input = setting.input(new Numbers(seed, "input"))
  }

  private tell(text: string): void {
    this.told.push({ at: Math.floor(this.machine.now), text })
  }

  private broken(invariant: Invariants.Name, detail: string | undefined): void {
    if (detail !== undefined) this.breaks.push({ invariant, detail })
  }

  async run(): Promise<Outcome> {
    const scope = await Effect.runPromise(Scope.make())
    try {
      const { world } = this.setting
      if (world !== undefined) this.services = await Effect.runPromise(Layer.buildWithScope(world, scope))
      return await this.lived()
    } finally {
      this.machine.close()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }

  private services: Context.Context<never> = Context.empty()

  private async lived(): Promise<Outcome> {
    const actor = this.machine.boot("the world")
    await this.outside(actor)
    let ended: Ended | undefined
    while (this.breaks.length === 0 && ended === undefined) {
      this.lives += 1
      if (this.lives > livesTroubled) {
        this.faults.isCalm = true
        this.isQuick = true
      }
      if (this.lives > livesMax) {
        this.broken("not-stranded", "the run does not come to an end")
        break
      }
      const began = this.machine.now
      this.drive("")
      const over = await this.machine.run(
        () =>
          this.breaks.length > 0 ||
          this.drivers.every(({ exit, process }) => exit !== undefined || process.isDead) ||
          this.machine.now - Math.max(began, this.store.writtenAt) > hangMillis
      )
      if (this.breaks.length > 0) break
      const open = this.drivers.find(({ exit, process }) => exit === undefined && !process.isDead)
      if (over === "Endless" || open !== undefined) {
        const hint = "a step waits for what is no part of the simulation, or it never ends"
        this.broken("not-stranded", `${open?.process.name ?? "the run"} comes to no end: ${hint}`)
        break
      }
      const exits = this.drivers.flatMap(({ exit }) => (exit === undefined ? [] : [exit]))
      for (const { process } of this.drivers) this.bury(process)
      this.drivers = []
      ended = await this.rest(exits)
      if (ended === undefined && this.numbers.below(3) === 0) await this.inspect(false)
    }
    return {
      seed: this.seed,
      input: this.input,
      ended: ended?._tag ?? "Broken",
      breaks: this.breaks,
      fired: this.faults.fired,
      entries: this.entries,
      lives: this.lives,
      told: this.told,
      bytes: () => this.bytes()
    }
  }

  private entries: ReadonlyArray<Entry> = []

  /** Whatever is left of a process that has done its work: it ends, and those of its machine see that. */
  private bury(process: Process): void {
    process.kill()
    this.dead.add(process.name)
  }

  // ---------------------------------------------------------------- who drives

  private ownerOf(process: Process): Owner {
    // Of two machines: what is gone on the other one cannot be seen from here.
    const host = process.number % 3 === 0 ? "beta" : "alpha"
    return { id: process.name, host, pid: 1_000 + process.number, started: `${host} ${process.number}` }
  }

  private journalOf(process: Process, way: Way["driver"]) {
    return JournalMake.make(way, {
      owner: this.ownerOf(process),
      entropy: (size) => process.numbers.bytes(size),
      mailPollMillis: 500 + process.numbers.below(5_000),
      isGone: (other, me) => other.host === me.host && this.dead.has(other.id),
      breathe: Effect.yieldNow()
    })
  }

  private sceneOf(process: Process, way: Way): Scene {
    return {
      seed: this.seed,
      process,
      faults: this.faults,
      runs: (what) => this.broken("no-effect-unrecorded", this.store.fault(process, way, this.runId, what)),
      times: (what) => {
        const count = this.counts.get(what) ?? 0
        this.counts.set(what, count + 1)
        return count
      }
    }
  }

  private contextOf(scene: Scene): Context.Context<Here | Models> {
    const { furnishing, pipeline, prices } = this.setting
    const context = Context.merge(this.setting.context, this.services).pipe(
      Context.add(Here, scene),
      Context.add(Models, models(scene, pipeline.root, furnishing))
    )
    return prices === undefined ? context : Context.add(context, PriceTable.Prices, prices)
  }

  private drive(why: string): Driver {
    const process = this.machine.boot(`process ${this.drivers.length === 0 ? this.lives : `${this.lives}b`}`)
    const way = this.store.way(process)
    const driver: Driver = { process, exit: undefined }
    this.drivers.push(driver)
    this.tell(`${process.name} drives the run${why === "" ? "" : `: ${why}`}`)
    const { budget, pipeline } = this.setting
    const wants = Flujo.run(pipeline, this.input, { runId: this.runId, budget })
    // Somebody who finds it held comes again until it is not.
    const isHeld = (error: unknown) => error instanceof RunError && error.reason === "Held"
    const again =
      why === ""
        ? wants
        : Effect.retry(Effect.delay(wants, 500), { while: isHeld, times: 1 + process.numbers.below(200) })
    const effect = Effect.scoped(
      Effect.flatMap(this.journalOf(process, way.driver), (journal) =>
        Effect.exit(Effect.provideService(again, Journal, journal))
      )
    )
    process.fork(effect, this.contextOf(this.sceneOf(process, way)), (exit) => {
      driver.exit = Exit.flatten(exit)
      this.tell(`${process.name} ${endOf(driver.exit)}`)
    })
    return driver
  }

  private rival(why: string): void {
    if (this.drivers.length < 4) this.drive(why)
  }

  // ---------------------------------------------------------------- who is outside

  private async outside(actor: Process): Promise<void> {
    let isThere = false
    const effect = Effect.scoped(
      Effect.gen(this, function* () {
        const journal = yield* this.journalOf(actor, this.store.driver)
        isThere = true
        let patience = 1
        let seen = -1
        while (true) {
          // Where nothing goes on, nothing need be done so soon.
          patience = seen === this.store.writtenAt ? Math.min(patience * 2, 131_072) : 1
          seen = this.store.writtenAt
          const millis = this.isQuick ? 50 : 1 + actor.numbers.below(actor.numbers.below(2) === 0 ? 60 : 3_000)
          yield* actor.clock.sleep(Duration.millis(millis * patience))
          yield* this.act(actor.numbers).pipe(Effect.provideService(Journal, journal), Effect.orDie)
        }
      })
    )
    actor.fork(effect, Context.empty(), (exit) => {
      if (Exit.isFailure(exit)) this.broken("not-stranded", `the world broke: ${endOf(exit)}`)
    })
    await this.machine.run(() => isThere)
  }

  private act(numbers: Numbers) {
    return Effect.gen(this, function* () {
      this.jump()
      const journal = yield* Journal
      const row = yield* journal.run(this.runId)
      if (Option.isNone(row)) return
      if (this.drivers.some(({ exit, process }) => exit === undefined && !process.isDead)) {
        if (this.faults.strike("rival", () => ["a second process tries to drive the run", true])) this.rival("it tries")
      }
      if (this.faults.strike("cancel", () => ["somebody cancels the run", true])) {
        yield* Effect.either(Flujo.cancel(this.runId, "simulated"))
      }
      yield* this.answerOne(numbers)
      yield* this.tellOne(numbers)
    })
  }

  private jump(): void {
    const millis = this.faults.strike("clock-jump", (numbers) => {
      const far = numbers.pick([2_000, 30_000, 7_200_000])
      const by = numbers.below(2 * far) - far
      return [`clocks are set ${by < 0 ? "back" : "forward"} by ${Math.abs(by)} ms`, by]
    })
    if (millis !== undefined) this.machine.skew += millis
  }

  private answerOne(numbers: Numbers) {
    return Effect.gen(this, function* () {
      const journal = yield* Journal
      const open = (yield* journal.tasks({ run: this.runId, limit: 50 })).filter(({ path }) => !this.settled.has(path))
      if (open.length === 0 || (!this.isQuick && numbers.below(2) === 0)) return
      const { path, seq, task } = numbers.pick(open)
      const [entry] = Array.from(yield* Stream.runCollect(Stream.take(journal.read(this.runId, seq), 1)))
      if (entry?.event.kind !== "TaskOpened") return
      const { message, schema } = entry.event.payload
      const value = this.setting.answer({ path, task, message, schema }, new Numbers(this.seed, `answer ${path}`))
      if (value === undefined) {
        this.settled.add(path)
        return
      }
      const twice = this.faults.strike("duplicate", (numbers) => {
        const other = numbers.below(2) === 0
        return [`the answer to ${path} comes twice${other ? ", the second time another one" : ""}`, other]
      })
      this.tell(`${path} is answered ${Json.canonical(value).slice(0, 80)}`)
      yield* Effect.either(Flujo.answer(this.runId, path, value))
      this.settled.add(path)
      if (twice !== undefined) {
        const second = yield* Effect.either(Flujo.answer(this.runId, path, twice ? "another answer" : value))
        if (Either.isRight(second)) this.broken("journal", `${path} takes a second answer`)
      }
    })
  }

  private tellOne(numbers: Numbers) {
    return Effect.gen(this, function* () {
      const { signals } = this.setting
      const awaited = [...this.store.of(this.runId).awaited.values()].filter((name) => signals.has(name))
      if (this.toldCount >= toldMax || (!this.isQuick && numbers.below(3) > 0)) return
      // Some are told before anybody waits for them, or under a name that nobody waits for.
      const names = awaited.length > 0 ? awaited : this.isQuick || this.toldCount >= 6 ? [] : [...signals.keys()]
      if (names.length === 0 || (awaited.length === 0 && numbers.below(8) > 0)) return
      const name = numbers.pick(names)
      const data = signals.get(name)?.(new Numbers(this.seed, `signal ${this.toldCount}`))
      if (data === undefined) return
      const id = `${this.toldCount++}`
      this.tell(`${name} is told: ${Json.canonical(data).slice(0, 80)}`)
      const telling = Effect.either(Flujo.signal(this.runId, name, data, { id }))
      yield* telling
      if (this.faults.strike("duplicate", () => [`the signal ${name} comes twice`, true])) yield* telling
    })
  }

  // ---------------------------------------------------------------- how it stands

  /** What the run came to, or `undefined` where it goes on, by then. */
  private async rest(
    exits: ReadonlyArray<Exit.Exit<Flujo.Completed<unknown> | Flujo.Suspended, unknown>>
  ): Promise<Ended | undefined> {
    const row = this.standing()
    if (row === undefined) {
      const refused = exits.map(errorOf).find(isRefusal)
      if (refused !== undefined) {
        this.broken("starts", refused.message)
        return undefined
      }
    }
    switch (row?.status) {
      case "completed":
      case "cancelled":
        return this.inspect(true)
      case "failed": {
        const { isResumed } = this.setting
        if (!isResumed || this.isQuick || exits.some((exit) => isOver(errorOf(exit))) || this.numbers.below(2) === 0) {
          return this.inspect(true)
        }
        this.tell("the failed run is resumed")
        return undefined
      }
      case "suspended":
        return (await this.waited(row)) ? undefined : this.inspect(true)
      case undefined:
      case "ready":
      case "running":
      case "stuck":
        await this.machine.run(() => false, this.machine.now + this.numbers.below(40_000))
        return undefined
    }
  }

  private standing(): RunRow | undefined {
    return Effect.runSync(this.store.driver.run(this.runId))
  }

  /** Whether something comes that the run waits for. */
  private async waited(row: RunRow): Promise<boolean> {
    const { machine } = this
    const due = row.wakeAt === null ? undefined : Math.max(0, row.wakeAt - machine.wall) + 1 + this.numbers.below(4_000)
    const tasks = Effect.runSync(this.store.driver.tasks({ run: this.runId, limit: 100 }))
    const { awaited } = this.store.of(this.runId)
    const isAnswerable = () =>
      (this.toldCount < toldMax && [...awaited.values()].some((name) => this.setting.signals.has(name))) ||
      tasks.some(({ path }) => !this.settled.has(path))
    const isReady = () => this.standing()?.status !== "suspended"
    if (due !== undefined && (due <= 60_000 || !isAnswerable())) {
      await machine.run(isReady, machine.now + due)
      return true
    }
    for (let minutes = 0; minutes < 60 && isAnswerable(); minutes++) {
      await machine.run(isReady, machine.now + 60_000)
      if (isReady() || this.breaks.length > 0) return true
    }
    if (due === undefined) return false
    await machine.run(isReady, machine.now + due)
    return true
  }

  /** Reads the run as a process that comes last, and holds it to everything. */
  private async inspect(isLast: boolean): Promise<Ended | undefined> {
    const process = this.machine.boot("the inspector")
    const scene: Scene = {
      ...this.sceneOf(process, this.store.way(process)),
      faults: new Faults(this.seed, { kinds: new Set() }, () => 0),
      runs: (what) => "key" in what && this.broken("replay", "a replay makes a call")
    }
    const { pipeline } = this.setting
    const looking = Effect.scoped(
      Effect.gen(this, function* () {
        const journal = yield* this.journalOf(process, this.store.driver)
        const entries = Array.from(yield* Stream.runCollect(journal.read(this.runId)))
        this.entries = entries
        if (this.entries.length === 0) return undefined
        this.broken("journal", Invariants.journal(this.entries))
        this.broken("closed", Invariants.closed(this.entries))
        this.broken("spending", Invariants.spending(this.entries))
        const check = Ledger.check(yield* Commitment.make, { run: this.runId, tenant: undefined })
        for (const stored of yield* Stream.runCollect(journal.stored(this.runId, 0))) {
          const bad = check.add(stored)
          if (bad !== undefined) {
            this.broken("ledger", Ledger.describe(bad))
            break
          }
        }
        const roots = Array.from(yield* Stream.runCollect(journal.roots(this.runId)))
        const found = check.end(roots)
        if (Ledger.isBad(found)) this.broken("ledger", Ledger.describe(found))
        if (isLast) {
          const different = yield* journal.rebuild
          if (different > 0) this.broken("projections", `${different} rows say something else than the entries`)
        }
        // What was read once need not be read again.
        const known = Journal.of({ ...journal, read: (_, from = 0) => Stream.fromIterable(entries.slice(from)) })
        const replayed = yield* Effect.either(Effect.provideService(Flujo.replay(pipeline, this.runId), Journal, known))
        if (Either.isLeft(replayed)) this.broken("replay", replayed.left.message)
        return Either.getOrUndefined(replayed)
      })
    )
    let done: Exit.Exit<unknown, unknown> | undefined
    let ended: Ended | undefined
    process.fork(looking, this.contextOf(scene), (exit) => {
      done = exit
      if (Exit.isFailure(exit)) this.broken("journal", `it cannot be read: ${endOf(exit)}`)
      else if (exit.value !== undefined && isLast) ended = this.endedOf(exit.value)
    })
    await this.machine.run(() => done !== undefined)
    process.kill()
    if (!isLast || this.breaks.length > 0) return undefined
    if (ended?._tag === "Waiting") {
      this.broken("not-stranded", Invariants.waits(this.entries, this.standing()?.status))
    }
    return ended === undefined || this.breaks.length > 0 ? undefined : this.judged(ended)
  }

  private endedOf({ completed, end, failure }: Effect.Effect.Success<ReturnType<typeof Flujo.replay>>): Ended {
    switch (end) {
      case "Completed": {
        const { output, writes } = completed!
        const fields: Record<string, Json.Json> = {}
        for (const { field, json } of writes) Json.set(fields, field, json)
        return { _tag: "Completed", value: output.raw ? output.json() : output.value, context: fields }
      }
      case "Failed": {
        const { at, error, reason } = failure!
        if (reason !== "Defect") return { _tag: "Failed", error }
        const defect = { reason, run: this.runId, path: at.join(", "), detail: detailOf(error) } as const
        return { _tag: "Failed", error: new RunError(defect) }
      }
      case "Cancelled":
        return { _tag: "Cancelled" }
      case "Suspended": {
        const last = this.entries.findLast(({ event }) => event.kind === "RunSuspended")?.event
        return { _tag: "Waiting", waits: last?.kind === "RunSuspended" ? last.data.waits : [] }
      }
    }
  }

  private judged(ended: Ended): Ended | undefined {
    const { entries, input, seed } = this
    this.breaks.push(...this.setting.judge({ seed, input, ended, entries, faults: this.faults.fired }))
    return this.breaks.length === 0 ? ended : undefined
  }

  private bytes(): string {
    const rows = Effect.runSync(this.store.driver.select({ run: this.runId, from: 0, limit: 1_000_000 }))
    return [
      ...rows.map(({ head, payload, salt }) => `${head} ${payload ?? ""} ${Buffer.from(salt ?? []).toString("hex")}`),
      ...this.told.map(({ at, text }) => `${at} ${text}`)
    ].join("\n")
  }
}

const errorOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined

/** It could not even be started, or there is nothing to go on with. */
const isRefusal = (error: unknown): error is RunError =>
  error instanceof RunError && (error.reason === "Plan" || error.reason === "Input" || error.reason === "Budget")

const isOver = (error: unknown): boolean => error instanceof RunError && error.reason === "Ended"

const endOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isFailure(exit)) return `stops: ${detailOf(errorOf(exit)).slice(0, 300)}`
  const { value } = exit
  return typeof value === "object" && value !== null && "_tag" in value ? `ends: ${String(value._tag)}` : "ends"
}
