/**
 * The store of a simulation: the driver in memory, which outlives every process. Each process reaches it over a way on
 * which a thing takes its time, fails, or is the last that the process did. What became durable is noted here, so that
 * code that runs can be held to it: nothing is done before its start is written, and nothing is done again whose result is.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Digest from "../../domain/Digest.js"
import * as StepPath from "../../domain/StepPath.js"
import type { Answer, Driver, Row, Slice } from "../../journal/Driver.js"
import { JournalError } from "../../journal/Journal.js"
import * as JournalMemory from "../../journal/JournalMemory.js"
import type { Faults } from "./Faults.js"
import type { Machine, Process } from "./Machine.js"

/** What is durable of a run. */
class Facts {
  epoch = 0
  entries = 0
  /** Steps that have started and not ended. */
  readonly running = new Set<string>()
  /** What signals are waited for, by the step. */
  readonly awaited = new Map<string, string>()
  /** By idempotency key: calls that were asked for and not answered, and running skill steps. */
  readonly calls = new Map<string, Set<string>>()
  private readonly keys = new Map<string, string>()

  constructor(readonly run: string) {}

  add({ head, payload }: Row): string {
    this.entries += 1
    const { data, kind, path }: Head = JSON.parse(head)
    switch (kind) {
      case "StepStarted":
        this.running.add(path)
        if (data.step === "skill") this.open(path, Digest.of([this.run, StepPath.standing(path)]))
        break
      case "SignalAwaited":
        this.awaited.set(path, data.signal ?? "")
        break
      case "SignalTaken":
        this.awaited.delete(path)
        break
      case "StepSucceeded":
      case "StepFailed":
      case "StepInterrupted":
        this.awaited.delete(path)
        this.running.delete(path)
        this.close(path)
        break
      case "Asked": {
        const asked: { readonly idempotencyKey: string } = JSON.parse(payload ?? "{}")
        this.open(path, asked.idempotencyKey)
        break
      }
      case "Answered":
        this.close(path)
        break
    }
    return `${kind}${path === "" ? "" : ` ${path}`}`
  }

  private open(path: string, key: string): void {
    this.keys.set(path, key)
    const known = this.calls.get(key)
    if (known === undefined) this.calls.set(key, new Set([path]))
    else known.add(path)
  }

  private close(path: string): void {
    const key = this.keys.get(path)
    if (key !== undefined) this.calls.get(key)?.delete(path)
  }
}

interface Head {
  readonly kind: string
  readonly path: StepPath.StepPath
  readonly data: { readonly signal?: string; readonly step?: string }
}

export class Store {
  readonly driver = JournalMemory.makeDriver()
  private readonly facts = new Map<string, Facts>()
  private outageUntil = 0
  /** When something was written last. */
  writtenAt = 0

  constructor(
    private readonly machine: Machine,
    private readonly faults: Faults,
    private readonly tell: (text: string) => void,
    /** A process stands still for longer than its lease. */
    private readonly stalled: (process: Process) => void
  ) {}

  of(run: string): Facts {
    let facts = this.facts.get(run)
    if (facts === undefined) {
      facts = new Facts(run)
      this.facts.set(run, facts)
    }
    return facts
  }

  /** The way of a process to the store. */
  way(process: Process): Way {
    return new Way(this, process)
  }

  /** What becomes of something that is asked of the store. */
  pass<A>(process: Process, ask: Effect.Effect<A, JournalError>): Effect.Effect<A, JournalError> {
    const { faults, machine } = this
    return Effect.suspend(() => {
      const pause = process.numbers.below(4) === 0 ? 1 + process.numbers.below(20) : 0
      const onWay = Effect.suspend(() => {
        const millis = faults.strike("outage", (numbers) => {
          const long = 200 + numbers.below(20_000)
          return [`the store cannot be reached for ${long} ms`, long]
        })
        if (millis !== undefined) this.outageUntil = Math.max(this.outageUntil, machine.now + millis)
        return machine.now < this.outageUntil ? Effect.fail(unavailable("it cannot be reached")) : ask
      })
      return pause === 0 ? onWay : Effect.zipRight(process.clock.sleep(Duration.millis(pause)), onWay)
    })
  }

  commit(process: Process, slices: ReadonlyArray<Slice>, way: Way): Effect.Effect<ReadonlyArray<Answer>, JournalError> {
    const { faults } = this
    return Effect.suspend(() => {
      const write = Effect.map(this.driver.commit(slices), (answers) => {
        for (const [i, answer] of answers.entries()) this.note(slices[i]!, answer, way)
        return answers
      })
      const where = () => `${process.name}, entry ${this.of(slices[0]!.run).entries}`
      const dies = faults.strike("crash", (numbers) => {
        const before = numbers.below(2) === 0
        return [`${where()}: the process dies ${before ? "before" : "after"} the write is durable`, before]
      })
      if (dies !== undefined) {
        const end = Effect.suspend(() => {
          process.kill()
          return Effect.never
        })
        return dies ? end : Effect.zipRight(write, end)
      }
      const refused = faults.strike("refused-write", () => [`${where()}: nothing is written`, true])
      if (refused) return Effect.fail(unavailable("it could not be written"))
      const lost = faults.strike("lost-answer", () => [`${where()}: it is written, and the answer is lost`, true])
      if (lost) return Effect.zipRight(write, Effect.fail(unavailable("no answer came")))
      const still = faults.strike("stall", (numbers) => {
        const millis = 16_000 + numbers.below(60_000)
        const before = numbers.below(2) === 0
        return [
          `${where()}: the process stands still for ${millis} ms, ${before ? "before" : "after"} the write`,
          { millis, before }
        ]
      })
      if (still === undefined) return write
      const stop = Effect.suspend(() => {
        process.freeze(still.millis)
        this.stalled(process)
        return Effect.yieldNow()
      })
      return still.before ? Effect.zipRight(stop, write) : Effect.zipLeft(write, stop)
    })
  }

  private note({ rest, rows, run, epoch }: Slice, answer: Answer, way: Way): void {
    if (answer._tag === "Refused") {
      this.tell(`${way.process.name}: a write is refused`)
      return
    }
    this.writtenAt = this.machine.now
    const facts = this.of(run)
    facts.epoch = Math.max(facts.epoch, epoch)
    way.epochs.set(run, epoch)
    const parked = rest?._tag === "Park" && answer._tag === "Written" ? rest.writing.rows : []
    for (const row of [...rows, ...parked]) this.tell(`${row.seq} ${facts.add(row)}`)
  }

  /** What is wrong with code of `run` that runs now, `path` or `key` saying which; a process that was overtaken cannot know. */
  fault(process: Process, way: Way, run: string, what: { readonly path: string } | { readonly key: string }) {
    const facts = this.of(run)
    if (process.isDead) return `${process.name} is dead, and runs code`
    if ((way.epochs.get(run) ?? 0) < facts.epoch) return undefined
    if ("path" in what) {
      return facts.running.has(what.path)
        ? undefined
        : `${what.path} runs, and no start of it is recorded that has no end`
    }
    const open = facts.calls.get(what.key)
    if (open === undefined) return "a call is made that is not recorded"
    return open.size > 0 ? undefined : "a call is made again whose answer is recorded"
  }
}

export class Way {
  /** Of each run, the epoch under which this process had it last. */
  readonly epochs = new Map<string, number>()
  readonly driver: Driver

  constructor(
    readonly store: Store,
    readonly process: Process
  ) {
    const { driver } = store
    const through =
      <I, A>(ask: (input: I) => Effect.Effect<A, JournalError>) =>
      (input: I) =>
        store.pass(process, ask(input))
    this.driver = {
      ...driver,
      commit: (slices) => store.pass(process, store.commit(process, slices, this)),
      select: through(driver.select),
      heads: through(driver.heads),
      blob: through(driver.blob),
      lease: through(driver.lease),
      take: (wish) =>
        store.pass(
          process,
          Effect.map(driver.take(wish), (taken) => {
            if (taken !== undefined) {
              const facts = store.of(wish.run)
              facts.epoch = Math.max(facts.epoch, taken.epoch)
              this.epochs.set(wish.run, taken.epoch)
            }
            return taken
          })
        ),
      renew: through(driver.renew),
      giveBack: through(driver.giveBack),
      deliver: through(driver.deliver),
      letters: through(driver.letters),
      waiting: through(driver.waiting),
      putPlan: through(driver.putPlan),
      recall: through(driver.recall),
      keep: (row, max) => store.pass(process, driver.keep(row, max)),
      plan: through(driver.plan),
      run: through(driver.run)
    }
  }
}

const unavailable = (detail: string): JournalError =>
  new JournalError({ reason: "Unavailable", where: "the simulated store", detail })
