/** Events to put into journals: any of each kind, and the few that tests name. */
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Digest from "../../src/domain/Digest.js"
import * as Event from "../../src/domain/Event.js"
import * as Json from "../../src/domain/Json.js"
import * as RunId from "../../src/domain/RunId.js"
import * as StepPath from "../../src/domain/StepPath.js"
import type { Staged } from "../../src/journal/Journal.js"

export const plan = { digest: Digest.of({ steps: [] }), json: Json.canonical({ steps: [] }) }

export const id = (text: string): RunId.RunId => RunId.RunId.make(text)

export const path = (...names: ReadonlyArray<string>): StepPath.StepPath =>
  names.reduce<StepPath.StepPath>((above, name) => StepPath.child(above, name), StepPath.root)

export const staged = (event: Event.Event, at = 0): Staged => ({
  event,
  payload: Object.keys(event.payload).length > 0 ? Json.canonical(plain(event.payload)) : undefined,
  at
})

/** As it is read back: without properties that are there as `undefined`. */
export const plain = (value: unknown): Json.Json => Either.getOrThrow(Json.fromUnknown(value))

const bare = { ordinal: 0, payload: {} }

export const started = (pipeline = "pipeline", at = 0): Staged =>
  staged(
    {
      ...bare,
      path: StepPath.root,
      kind: "RunStarted",
      data: { pipeline, plan: plan.digest, labels: [] },
      payload: { input: { value: 1 }, sources: [] }
    },
    at
  )

export const resumed: Staged = staged({ ...bare, path: StepPath.root, kind: "RunResumed", data: { again: [] } })

export const suspended = (...waits: ReadonlyArray<Event.Wait>): Staged =>
  staged({ ...bare, path: StepPath.root, kind: "RunSuspended", data: { waits } })

export const failed: Staged = staged({
  ...bare,
  path: StepPath.root,
  kind: "RunFailed",
  data: { reason: "Failure", at: [] },
  payload: { error: "no" }
})

export const completed: Staged = staged({
  ...bare,
  path: StepPath.root,
  kind: "RunCompleted",
  data: {},
  payload: { output: { value: 2 } }
})

/** An event that is like any other; `n` tells them apart. */
export const note = (n: number): Staged =>
  staged({ ...bare, path: path("step"), kind: "Computed", ordinal: n, data: {}, payload: { output: { value: n } } })

/** An event whose payload is about `size` bytes. */
export const large = (n: number, size: number, content = "x"): Staged =>
  staged({
    ...bare,
    path: path("step"),
    kind: "Computed",
    ordinal: n,
    data: {},
    payload: { output: { value: content.repeat(size) } }
  })

export const opened = (name: string, at = 0): Staged =>
  staged(
    {
      ...bare,
      path: path(name),
      kind: "TaskOpened",
      data: { task: "approve" },
      payload: { message: "may I?", schema: {} }
    },
    at
  )

export const answered = (name: string): Staged => ({
  ...staged({ ...bare, path: path(name), kind: "TaskAnswered", data: {}, payload: { answer: true } }),
  letter: `answer:${path(name)}`
})

export const signalled = (id: string): Staged => ({
  ...staged({
    ...bare,
    path: StepPath.root,
    kind: "SignalReceived",
    data: { signal: "paid" },
    payload: { data: 1 }
  }),
  letter: `signal:paid:${id}`
})

export const closed = (name: string): Staged =>
  staged({ ...bare, path: path(name), kind: "TaskClosed", data: { because: path("other") } })

const json = FastCheck.jsonValue({ maxDepth: 2, stringUnit: "binary" }).map(plain)
const text = FastCheck.string({ unit: "binary" })
const instant = FastCheck.integer({ min: 0, max: 2 ** 45 })
const carried: FastCheck.Arbitrary<Event.Carried> = FastCheck.oneof(
  json.map((value) => ({ value })),
  FastCheck.constant({ from: path("before") }),
  FastCheck.constant({})
)
const nothing = FastCheck.constant({})

const payloads: { readonly [K in Event.Kind]: FastCheck.Arbitrary<Event.Payload<K>> } = {
  RunStarted: FastCheck.record({
    input: carried,
    sources: FastCheck.array(FastCheck.record({ path: text, text }), { maxLength: 2 })
  }),
  StepStarted: FastCheck.record({ input: carried }),
  StepSucceeded: FastCheck.record({ output: carried }),
  StepFailed: FastCheck.record({ error: json }),
  StepInterrupted: nothing,
  Computed: FastCheck.record({ output: carried }),
  BranchTaken: FastCheck.record({ on: json }),
  ItemsPlanned: nothing,
  IterationEnded: nothing,
  RetryDecided: nothing,
  Closed: nothing,
  UndoPlanned: nothing,
  Undone: FastCheck.record({ error: FastCheck.option(json, { nil: undefined }) }),
  CacheRead: FastCheck.record({
    answer: FastCheck.option(carried, { nil: undefined }),
    writes: FastCheck.option(FastCheck.array(FastCheck.record({ field: text, json }), { maxLength: 2 }), {
      nil: undefined
    })
  }),
  CacheWritten: nothing,
  Asked: FastCheck.record({ request: json, idempotencyKey: text }),
  Answered: FastCheck.record({ answer: carried }),
  Refused: FastCheck.record({ error: json }),
  Interrupted: nothing,
  Reserved: nothing,
  Denied: nothing,
  Settled: nothing,
  TaskOpened: FastCheck.record({ message: text, schema: json }),
  TaskAnswered: FastCheck.record({ answer: json, by: FastCheck.option(text, { nil: undefined }) }),
  Granted: FastCheck.record({ by: FastCheck.option(text, { nil: undefined }) }),
  TaskClosed: nothing,
  SignalReceived: FastCheck.record({ data: json, by: FastCheck.option(text, { nil: undefined }) }),
  SignalAwaited: nothing,
  SignalTaken: FastCheck.record({ data: json }),
  TimerSet: nothing,
  TimerFired: nothing,
  RunSuspended: nothing,
  RunStuck: nothing,
  RunResumed: FastCheck.record({
    sources: FastCheck.option(FastCheck.array(FastCheck.record({ path: text, text }), { maxLength: 2 }), {
      nil: undefined
    })
  }),
  Recovered: nothing,
  RunCompleted: FastCheck.record({ output: carried }),
  RunFailed: FastCheck.record({ error: json }),
  RunCancelling: FastCheck.record({ reason: text }),
  RunCancelled: FastCheck.record({ reason: text }),
  RunErased: nothing
}

const paths = FastCheck.constantFrom(
  StepPath.root,
  path("a"),
  path("b"),
  path("é"),
  path("a", "b"),
  StepPath.at(path("c"), 3)
)

const eventOf = <K extends Event.Kind>(kind: K): FastCheck.Arbitrary<Event.Event> =>
  FastCheck.record({
    path: paths,
    kind: FastCheck.constant(kind),
    ordinal: FastCheck.nat(3),
    data: Arbitrary.make(Event.kinds[kind].data as never),
    payload: payloads[kind]
  }) as FastCheck.Arbitrary<Event.Event>

export const kinds: ReadonlyArray<Event.Kind> = Object.keys(Event.kinds).filter(Event.isKind)

/** Any but the last one of a run that is erased, which no owner stages. */
export const anyStaged: FastCheck.Arbitrary<Staged> = FastCheck.tuple(
  FastCheck.oneof(...kinds.filter((kind) => kind !== "RunErased").map(eventOf)),
  instant
).map(([event, at]) => staged(event, at))

/** Such as matter to the projections, more often than chance would have them. */
export const telling: FastCheck.Arbitrary<Staged> = FastCheck.oneof(
  { weight: 1, arbitrary: anyStaged },
  {
    weight: 2,
    arbitrary: FastCheck.tuple(
      FastCheck.oneof(
        ...(
          [
            "TaskOpened",
            "TaskAnswered",
            "TaskClosed",
            "RunSuspended",
            "RunResumed",
            "RunFailed",
            "Answered",
            "Settled"
          ] as const
        ).map(eventOf)
      ),
      instant
    ).map(([event, at]) => staged(event, at))
  }
)
