/**
 * What a run has recorded, and the one way to add to it. The walk says every event that it comes to; one that is
 * recorded already must be equal (else the run has diverged), one that is not is staged, unless nothing new may happen
 * here: below a closed path, or where a replayed journal ends.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Event from "../domain/Event.js"
import * as Json from "../domain/Json.js"
import type { Pool, Short } from "../domain/Pool.js"
import { isWithin, root, type StepPath, standing } from "../domain/StepPath.js"
import type { Claim, Journal, JournalError, OwnedRun } from "../journal/Journal.js"
import { type Outcome, payloadOf } from "./Outcome.js"
import { Diverged } from "./RunError.js"

interface Recorded {
  readonly event: Event.Event
  readonly at: number
  /** Staged by this very drive. */
  readonly fresh: boolean
  used: boolean
}

/** `live`: what is not recorded happens. `replay`: what is not recorded is a divergence, or the end of the record. */
export type Mode =
  | { readonly _tag: "Live"; readonly journal: Journal["Type"]; readonly owned: OwnedRun }
  | { readonly _tag: "Replay"; readonly ended: boolean }

export interface Said<K extends Event.Kind> {
  readonly path: StepPath
  readonly kind: K
  readonly data: Event.Data<K>
  readonly payload: Event.Payload<K>
  readonly ordinal?: number | undefined
  /** Canonical text of the payload, where it is at hand. */
  readonly text?: string | undefined
  readonly letter?: string | undefined
}

/** Signals that nobody has taken; more are put aside. */
const signalsMax = 1000

const nothing: Effect.Effect<boolean, Diverged> = Effect.succeed(true)
const held: Effect.Effect<boolean, Diverged> = Effect.succeed(false)

export class Record {
  private readonly byKey = new Map<string, Recorded>()
  /** Failed steps that a person asked to be tried again, and when. */
  readonly again = new Map<StepPath, number>()
  /** How many items or iterations of a composite have begun, by its path: what has begun is always walked again. */
  private readonly begun = new Map<string, number>()
  /** The last attempt that has begun of a step that is tried again, by its path without it. */
  private readonly attempts = new Map<string, number>()
  /** How many answers were recorded by this drive; a walk is worth repeating when it grew. */
  answers = 0

  /** What was told from outside and is not taken yet, by its name. */
  private readonly signals = new Map<string, Array<Json.Json>>()
  private untaken = 0
  /** Steps below a closed path take no signal: one that is there does not wake them. */
  readonly deaf = new Set<StepPath>()
  /** Letters that this drive made signals of: until that is durable, the inbox shows them still. */
  private readonly opened = new Set<string>()
  /** Questions that people were asked, in order. */
  private readonly questions = new Set<StepPath>()
  /** Where the run came to rest last, as long as no call was made since. */
  private rests: ReadonlyArray<StepPath> = []

  constructor(
    readonly mode: Mode,
    readonly clock: Clock.Clock,
    history: ReadonlyArray<Event.Entry>
  ) {
    for (const { at, event } of history) {
      if (event.kind === "RunResumed") for (const path of event.data.again) this.again.set(path, at)
      if (event.kind === "SignalReceived") this.signalled(event.data.signal, event.payload.data)
      if (event.kind === "SignalTaken") this.takeSignal(event.data.signal)
      if (event.kind === "RunSuspended") this.rests = event.data.waits.map(({ path }) => path)
      if (event.kind === "Asked") this.rests = []
      if (event.kind === "TaskOpened") this.questions.add(event.path)
      this.begin(event.path)
      this.byKey.set(Event.key(event.path, event.kind, event.ordinal), { event, at, fresh: false, used: false })
    }
  }

  now(): number {
    return this.clock.unsafeCurrentTimeMillis()
  }

  get isReplay(): boolean {
    return this.mode._tag === "Replay"
  }

  /** The recorded event, without accounting for it. */
  peek<K extends Event.Kind>(path: StepPath, kind: K, ordinal = 0): Event.EventOf<K> | undefined {
    return this.byKey.get(Event.key(path, kind, ordinal))?.event as Event.EventOf<K> | undefined
  }

  /** The recorded event, which is then accounted for. */
  get<K extends Event.Kind>(
    path: StepPath,
    kind: K,
    ordinal = 0
  ): (Event.EventOf<K> & { readonly at: number }) | undefined {
    const recorded = this.byKey.get(Event.key(path, kind, ordinal))
    if (recorded === undefined) return undefined
    recorded.used = true
    return { ...(recorded.event as Event.EventOf<K>), at: recorded.at }
  }

  has(path: StepPath, kind: Event.Kind, ordinal = 0): boolean {
    return this.byKey.has(Event.key(path, kind, ordinal))
  }

  /** Recorded by an earlier drive of the run. */
  isOld(path: StepPath, kind: Event.Kind, ordinal = 0): boolean {
    return this.byKey.get(Event.key(path, kind, ordinal))?.fresh === false
  }

  /**
   * Says what happened, at once: `New` if it is staged now, `Known` if it is recorded, `Held` if nothing new may happen
   * here. Staging hands the entry to the writer; `barrier` awaits it.
   */
  tell<K extends Event.Kind>(closed: boolean, said: Said<K>): "New" | "Known" | "Held" | Diverged {
    const ordinal = said.ordinal ?? 0
    const key = Event.key(said.path, said.kind, ordinal)
    const recorded = this.byKey.get(key)
    if (recorded !== undefined) {
      recorded.used = true
      return differenceOf(recorded.event, said) ?? "Known"
    }
    if (closed) return "Held"
    if (this.mode._tag === "Replay") {
      if (!this.mode.ended) return "Held"
      const { kind, path, payload } = said
      return new Diverged({ path, kind, field: "", now: payload, detail: "this is not in the record" })
    }
    this.stage(key, said)
    return "New"
  }

  /** `tell` as an effect: true if it is recorded or staged now. */
  say<K extends Event.Kind>(closed: boolean, said: Said<K>): Effect.Effect<boolean, Diverged> {
    return Effect.suspend(() => {
      const told = this.tell(closed, said)
      return told instanceof Diverged ? Effect.fail(told) : told === "Held" ? held : nothing
    })
  }

  /** Says several things in one step, so that they commit together. */
  sayAll(closed: boolean, all: ReadonlyArray<Said<Event.Kind>>): Effect.Effect<boolean, Diverged> {
    return Effect.suspend(() => {
      const fresh = all.filter((said) => !this.has(said.path, said.kind, said.ordinal ?? 0))
      if (fresh.length > 0 && (closed || this.mode._tag === "Replay")) return this.say(closed, fresh[0]!)
      for (const said of fresh) this.stage(Event.key(said.path, said.kind, said.ordinal ?? 0), said)
      return Effect.as(
        Effect.forEach(
          all.filter((said) => !fresh.includes(said)),
          (said) => this.say(closed, said),
          { discard: true }
        ),
        true
      )
    })
  }

  /** Whether the step at `path` was at rest within, at a question to a person, and was not cut. */
  restedWithin(path: StepPath): boolean {
    return this.rests.some((rest) => rest !== path && isWithin(rest, path) && this.has(rest, "TaskOpened"))
  }

  /** What was asked of people within the step at `path`, by an agent or about a call, and not answered. */
  askedWithin(path: StepPath): ReadonlyArray<Event.Wait> {
    const waits: Array<Event.Wait> = []
    for (const task of this.questions) {
      const isInside = task.startsWith(`${path}/`) || task.startsWith(`${standing(path)}/`)
      if (isInside && !this.has(task, "TaskAnswered")) waits.push({ _tag: "Task", path: task })
    }
    return waits
  }

  private begin(path: StepPath): void {
    for (let open = path.indexOf("["); open >= 0; open = path.indexOf("[", open + 1)) {
      const index = Number.parseInt(path.slice(open + 1), 10)
      const composite = path.slice(0, open)
      if (index >= (this.begun.get(composite) ?? 0)) this.begun.set(composite, index + 1)
    }
    for (let mark = path.indexOf("#"); mark >= 0; mark = path.indexOf("#", mark + 1)) {
      const attempt = Number.parseInt(path.slice(mark + 1), 10)
      const step = path.slice(0, mark)
      if (attempt > (this.attempts.get(step) ?? 1)) this.attempts.set(step, attempt)
    }
  }

  /** Whether a later attempt than this one of the step at `path` has begun: it is walked again, whatever the clock says now. */
  hasBegunAfter(path: StepPath, attempt: number): boolean {
    return (this.attempts.get(path) ?? 1) > attempt
  }

  /** How many items of the composite at `path` have begun; they begin in order. */
  begunItems(path: StepPath): number {
    return this.begun.get(path) ?? 0
  }

  /** Where steps are to be undone, in the order in which they ended. */
  undos(): ReadonlyArray<StepPath> {
    const paths: Array<StepPath> = []
    for (const { event } of this.byKey.values()) if (event.kind === "UndoPlanned") paths.push(event.path)
    return paths
  }

  /** The first free ordinal of a kind of event at a path. */
  ordinal(path: StepPath, kind: Event.Kind): number {
    let ordinal = 0
    while (this.has(path, kind, ordinal)) ordinal++
    return ordinal
  }

  /** A fact of this execution only: staged, never compared. */
  life<K extends Event.Kind>(said: Said<K>): void {
    if (this.mode._tag === "Replay") return
    const ordinal = this.ordinal(said.path, said.kind)
    this.stage(Event.key(said.path, said.kind, ordinal), { ...said, ordinal })
  }

  /** A fact like those of `life`, written only if it fits into limits that runs share; else what `denied` says is. */
  claim(
    said: Said<"Reserved">,
    pools: ReadonlyArray<Pool>,
    denied: (short: Short) => Said<"Denied"> | Said<"TaskOpened">
  ): void {
    const ordinal = this.ordinal(said.path, said.kind)
    const key = Event.key(said.path, said.kind, ordinal)
    this.stage(
      key,
      { ...said, ordinal },
      {
        pools,
        denied: (short) => {
          const instead = denied(short)
          const at = this.now()
          const event = eventOf(instead)
          this.byKey.delete(key)
          if (event.kind === "TaskOpened") this.questions.add(event.path)
          this.byKey.set(Event.key(event.path, event.kind, event.ordinal), { event, at, fresh: true, used: true })
          return { event, payload: payloadText(instead.payload), at }
        }
      }
    )
  }

  /** A person's answer, which no walk says by itself. */
  answer(path: StepPath, payload: Event.Payload<"TaskAnswered">, letter: string): void {
    this.stage(Event.key(path, "TaskAnswered", 0), { path, kind: "TaskAnswered", data: {}, payload, letter })
    this.answers += 1
  }

  /** Something told from outside, which waits here until a step takes it. False: it was heard already. */
  signal(signal: string, payload: Event.Payload<"SignalReceived">, letter: string): boolean {
    if (this.opened.has(letter)) return false
    this.opened.add(letter)
    const ordinal = this.ordinal(root, "SignalReceived")
    const said = { path: root, kind: "SignalReceived", ordinal, data: { signal }, payload, letter } as const
    this.stage(Event.key(said.path, said.kind, ordinal), said)
    this.signalled(signal, payload.data)
    this.answers += 1
    return true
  }

  private signalled(signal: string, data: Json.Json): void {
    const waiting = this.signals.get(signal)
    if (waiting === undefined) this.signals.set(signal, [data])
    else waiting.push(data)
    this.untaken += 1
  }

  /** Whether no more signals are kept before some are taken. */
  get isFullOfSignals(): boolean {
    return this.untaken >= signalsMax
  }

  hasSignal(signal: string): boolean {
    return (this.signals.get(signal)?.length ?? 0) > 0
  }

  /** The one that has waited longest under this name. */
  takeSignal(signal: string): Json.Json | undefined {
    const data = this.signals.get(signal)?.shift()
    if (data !== undefined) this.untaken -= 1
    return data
  }

  /** How the end of a walk differs from the recorded end of its run. */
  differs(
    recorded: Event.EventOf<"RunCompleted"> | Event.EventOf<"RunFailed"> | Event.EventOf<"RunCancelled">,
    outcome: Outcome
  ): Diverged | undefined {
    switch (outcome._tag) {
      case "Completed": {
        const said: Said<"RunCompleted"> = {
          path: recorded.path,
          kind: "RunCompleted",
          data: {},
          payload: { output: payloadOf(outcome.output) }
        }
        return differenceOf(recorded, said)
      }
      case "Failed": {
        const { at, json, reason } = outcome
        const said: Said<"RunFailed"> = {
          path: recorded.path,
          kind: "RunFailed",
          data: { reason, at },
          payload: { error: json }
        }
        return differenceOf(recorded, said)
      }
      case "Suspended":
        return undefined
    }
  }

  private stage<K extends Event.Kind>(key: string, said: Said<K>, claim?: Claim): void {
    if (this.mode._tag === "Replay") return
    const at = this.now()
    const event = eventOf(said)
    this.begin(said.path)
    if (said.kind === "TaskOpened") this.questions.add(said.path)
    this.byKey.set(key, { event, at, fresh: true, used: true })
    const payload = said.text ?? payloadText(said.payload)
    this.mode.journal.stage(this.mode.owned, {
      event,
      payload,
      at,
      ...(said.letter === undefined ? {} : { letter: said.letter }),
      ...(claim === undefined ? {} : { claim })
    })
  }

  /** Everything said so far is durable. */
  get barrier(): Effect.Effect<void, JournalError> {
    return this.mode._tag === "Live" ? this.mode.journal.barrier(this.mode.owned) : Effect.void
  }

  /** Recorded events that the walk did not come to, but for those below a path that was answered as a whole. */
  unused(answered: ReadonlySet<string>): ReadonlyArray<Event.Event> {
    const left: Array<Event.Event> = []
    for (const { event, used } of this.byKey.values()) {
      if (!used && !Event.kinds[event.kind].life && !isBelow(event.path, answered)) left.push(event)
    }
    return left
  }
}

const eventOf = <K extends Event.Kind>({ data, kind, ordinal = 0, path, payload }: Said<K>): Event.Event =>
  ({ path, kind, ordinal, data, payload }) as unknown as Event.Event

const isBelow = (path: StepPath, answered: ReadonlySet<string>): boolean => {
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    if (answered.has(path.slice(0, end))) return true
  }
  return false
}

const payloadText = (payload: object): string | undefined => {
  for (const _ in payload) return Json.canonical(toJson(payload))
  return undefined
}

const toJson = (value: object): Json.JsonObject => {
  const json = Either.getOrThrow(Json.fromUnknown(value))
  return Json.isObject(json) ? json : {}
}

const differenceOf = <K extends Event.Kind>(recorded: Event.Event, said: Said<K>): Diverged | undefined => {
  if (
    Json.sameData(recorded.payload, said.payload, Event.kinds[said.kind].derived) &&
    Json.sameData(recorded.data, said.data, Event.kinds[said.kind].clock)
  ) {
    return undefined
  }
  const before = Event.comparable(said.kind, toJson(recorded.data))
  const after = Event.comparable(said.kind, toJson(said.data))
  const compared = (payload: object): Json.JsonObject =>
    Object.fromEntries(
      Object.entries(toJson(payload)).filter(([name]) => !Event.kinds[said.kind].derived.includes(name))
    )
  const found = firstField(
    { data: before, payload: compared(recorded.payload) },
    { data: after, payload: compared(said.payload) },
    ""
  )
  if (found === undefined) return undefined
  return new Diverged({
    path: said.path,
    kind: said.kind,
    field: found.field,
    recorded: found.before,
    now: found.after,
    detail: `recorded ${preview(found.before)}, now ${preview(found.after)}`
  })
}

interface Field {
  readonly field: string
  readonly before: Json.Json | undefined
  readonly after: Json.Json | undefined
}

const firstField = (before: Json.Json | undefined, after: Json.Json | undefined, field: string): Field | undefined => {
  if (before !== undefined && after !== undefined) {
    if (Json.equals(before, after)) return undefined
    if (Json.isObject(before) && Json.isObject(after)) {
      for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
        const found = firstField(before[key], after[key], `${field}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`)
        if (found !== undefined) return found
      }
    }
  }
  return before === after ? undefined : { field, before, after }
}

const preview = (value: Json.Json | undefined): string => {
  if (value === undefined) return "nothing"
  const text = Json.canonical(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
