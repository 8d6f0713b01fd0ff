/**
 * Where simulated processes run: one thread of turns, of which the seed says whose comes next, and one time that goes on
 * only when nobody has anything left to do. A process that is killed is not told: none of its fibers takes another turn,
 * so nothing of it is finished, given back or cleaned up. A process that is frozen takes no turn until it thaws, and does
 * not know of it.
 *
 * Time and chance are that of the machine for all that asks Effect for them. What waits for anything else (a socket, a
 * timer of Node's) waits for something that is not here.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import type { Scheduler } from "effect/Scheduler"
import { Numbers } from "./Numbers.js"

/** 2026-01-01, when every simulation begins. */
const beginning = 1_767_225_600_000

/** More turns than this without an end are a loop. */
const turnsMax = 5_000_000
/** One that does not end to begin waits like any other. */
const startsMax = 10_000

export class Machine {
  /** Milliseconds that went by, whatever clocks say. */
  now = 0
  /** Of all clocks: how far they are off. */
  skew = 0
  private turns = 0
  private readonly ready: Array<Turn> = []
  private readonly starts: Array<Turn> = []
  private isStarting = false
  private readonly timers = new Timers()
  private readonly numbers: Numbers
  private readonly idle = new Intervals()
  private processes = 0

  constructor(readonly seed: number) {
    this.numbers = new Numbers(seed, "turns")
  }

  /** What a process that was killed would keep alive of the real one. */
  close(): void {
    this.idle.close()
  }

  boot(name: string): Process {
    this.processes += 1
    return new Process(this, name, this.processes, new Numbers(this.seed, `process ${this.processes}`))
  }

  /** `isStart`: it makes a fiber begin, or ends it. What Effect builds of fibers relies on these coming in order. */
  give(turn: Turn, isStart: boolean): void {
    const { starts } = this
    const isFirst = starts.length < startsMax && (this.isStarting || starts.some(({ fiber }) => fiber === turn.fiber))
    if (isStart || isFirst) starts.push(turn)
    else this.ready.push(turn)
  }

  /** Fibers that were made begin at once, and come as far as they come. */
  private start(): void {
    if (this.starts.length === 0) return
    this.isStarting = true
    for (let i = 0; i < this.starts.length; i++) {
      const { process, task } = this.starts[i]!
      process.take(task)
    }
    this.starts.length = 0
    this.isStarting = false
  }

  at(millis: number, process: Process | undefined, run: () => void): Timer {
    return this.timers.add(Math.max(millis, this.now), this.numbers.next(), process, run)
  }

  /** As real clocks show it. */
  get wall(): number {
    return beginning + Math.floor(this.now) + this.skew
  }

  /**
   * Gives turns until `isDone`. `Idle`: nobody has anything to do, now or later, or not until `until` (milliseconds from
   * the beginning). `Endless`: it does not come to an end.
   */
  async run(isDone: () => boolean, until = Number.POSITIVE_INFINITY): Promise<"Done" | "Idle" | "Endless"> {
    const { numbers, ready } = this
    for (;;) {
      const leave = this.idle.enter()
      try {
        while (ready.length > 0) {
          if (isDone()) return "Done"
          const index = numbers.below(ready.length)
          const turn = ready[index]!
          const last = ready.pop()!
          if (index < ready.length) ready[index] = last
          turn.process.take(turn.task)
          this.start()
          this.turns += 1
          if (this.turns > turnsMax) return "Endless"
        }
      } finally {
        leave()
      }
      if (isDone()) return "Done"
      // What promises have brought meanwhile comes before time goes on.
      await settled()
      if (ready.length > 0) continue
      const timer = this.timers.next(until)
      if (timer === undefined) {
        if (until !== Number.POSITIVE_INFINITY) this.now = Math.max(this.now, until)
        return "Idle"
      }
      this.now = timer.due
      timer.run()
    }
  }
}

/** All promises that are settled by now have told so. */
const settled = (): Promise<void> => new Promise((resolve) => nextTurn(resolve))

// Taken when the module loads: a test may put others in the place of what the process has.
const nextTurn = setImmediate

/** Effect keeps a process alive by an interval for each fiber that waits for ever; those of the killed are cleared here. */
class Intervals {
  private readonly all: Array<ReturnType<typeof setInterval>> = []

  enter(): () => void {
    const { setInterval } = globalThis
    globalThis.setInterval = ((...given: Parameters<typeof setInterval>) => {
      const made = setInterval(...given)
      this.all.push(made)
      return made
    }) as typeof setInterval
    return () => {
      globalThis.setInterval = setInterval
    }
  }

  close(): void {
    for (const one of this.all.splice(0)) clearInterval(one)
  }
}

interface Turn {
  readonly process: Process
  readonly fiber: RuntimeFiber<unknown, unknown> | undefined
  readonly task: () => void
}

/** One process on the machine, as long as it lives. */
export class Process implements Scheduler {
  isDead = false
  readonly clock: Clock.Clock
  private frozenUntil = 0
  private readonly held: Array<() => void> = []
  private operations = 0
  private readonly random: Random.Random

  constructor(
    readonly machine: Machine,
    readonly name: string,
    readonly number: number,
    readonly numbers: Numbers
  ) {
    this.clock = new SimulatedClock(this)
    this.random = Random.make(numbers.next())
    this.operations = this.stretch()
  }

  scheduleTask(task: () => void, _priority = 0, fiber?: RuntimeFiber<unknown, unknown>): void {
    if (this.isDead) return
    // A fiber that goes on gives its own `run`; whatever else is given is about one that is yet to begin.
    const isStart = fiber !== undefined && Reflect.get(fiber, "run") !== task
    this.machine.give({ process: this, fiber, task }, isStart)
  }

  /** A fiber is also put aside in the midst of its work, where it never would be in so short a time. */
  shouldYield(): number | false {
    if (this.operations-- > 0) return false
    this.operations = this.stretch()
    return 0
  }

  private stretch(): number {
    return 40 + this.numbers.below(this.numbers.below(4) === 0 ? 200 : 2_000)
  }

  take(task: () => void): void {
    if (this.isDead) return
    if (this.isFrozen) this.held.push(task)
    else task()
  }

  kill(): void {
    this.isDead = true
  }

  get isFrozen(): boolean {
    return this.frozenUntil > this.machine.now
  }

  freeze(millis: number): void {
    if (this.isFrozen) return
    this.frozenUntil = this.machine.now + millis
    this.machine.at(this.frozenUntil, this, () => {
      for (const task of this.held.splice(0)) this.scheduleTask(task)
    })
  }

  /** Does not answer in a process that has died. */
  fork<A, E, R>(
    effect: Effect.Effect<A, E, R>,
    context: Context.Context<R>,
    onExit: (exit: Exit.Exit<A, E>) => void
  ): RuntimeFiber<A, E> {
    const runtime = Runtime.updateContext(Runtime.defaultRuntime, () => context)
    const inside = effect.pipe(
      Logger.withMinimumLogLevel(LogLevel.None),
      Effect.withTracerEnabled(false),
      Effect.withClock(this.clock),
      Effect.withRandom(this.random)
    )
    const fiber = Runtime.runFork(runtime)(inside, { scheduler: this, immediate: false })
    fiber.addObserver(onExit)
    return fiber
  }
}

class SimulatedClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  constructor(private readonly process: Process) {}

  unsafeCurrentTimeMillis(): number {
    return this.process.machine.wall
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(this.process.machine.wall) * 1_000_000n
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const { machine } = this.process
    return Effect.async((resume) => {
      const timer = machine.at(machine.now + Duration.toMillis(duration), this.process, () => resume(Effect.void))
      return Effect.sync(() => timer.cancel())
    })
  }
}

/** Something that happens at a time, unless it is cancelled before or its process is no more. */
class Timer {
  private isOff = false

  constructor(
    readonly due: number,
    /** Says which of two that are due at once comes first. */
    readonly order: number,
    private readonly process: Process | undefined,
    private readonly what: () => void
  ) {}

  get isCancelled(): boolean {
    return this.isOff || this.process?.isDead === true
  }

  cancel(): void {
    this.isOff = true
  }

  run(): void {
    this.what()
  }
}

/** A binary heap, the next one on top. */
class Timers {
  private readonly heap: Array<Timer> = []

  add(due: number, order: number, process: Process | undefined, run: () => void): Timer {
    const timer = new Timer(due, order, process, run)
    const { heap } = this
    let at = heap.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = timer
    return timer
  }

  /** Takes the next one that is due by `until`. */
  next(until: number): Timer | undefined {
    for (;;) {
      const top = this.heap[0]
      if (top === undefined || (top.due > until && !top.isCancelled)) return undefined
      this.drop()
      if (!top.isCancelled) return top
    }
  }

  private drop(): void {
    const { heap } = this
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.due < b.due || (a.due === b.due && a.order < b.order)
