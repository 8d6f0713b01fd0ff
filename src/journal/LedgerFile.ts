/**
 * A run as one file of JSON lines that can be verified, replayed and taken in without the store that it came from: a line
 * that says what the file is, one for each plan that the run names, one for each entry with its payload and salt, one for
 * each root, and one at the end with the root of all. Each line is canonical JSON and ends with a line feed, so that there
 * is one file for one run, and no byte of it is free.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Digest from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import { RunId } from "../domain/RunId.js"
import * as Audit from "./Audit.js"
import * as Commitment from "./Commitment.js"
import { type Journal, JournalError, type KeptPlan, type Root, type RunCopy, type Stored } from "./Journal.js"
import * as Ledger from "./Ledger.js"
import * as Lines from "./Lines.js"

export const version = 1

const Hex = Schema.String.pipe(Schema.pattern(/^(?:[0-9a-f]{2})*$/))

const Start = Schema.Struct({ flujo: Schema.Literal("run"), run: RunId, version: Schema.Literal(version) })
const PlanLine = Schema.Struct({ plan: Schema.Unknown })
const EntryLine = Schema.Struct({
  head: Schema.String,
  payload: Schema.optional(Schema.String),
  salt: Schema.optional(Hex)
})
const RootLine = Schema.Struct({ root: Hex, size: Schema.Int })
const EndLine = Schema.Struct({ entries: Schema.Int, root: Hex })

const exact = { onExcessProperty: "error" } as const
const decodeStart = Schema.decodeUnknownOption(Start, exact)
const decodePlan = Schema.decodeUnknownOption(PlanLine, exact)
const decodeEntry = Schema.decodeUnknownOption(EntryLine, exact)
const decodeRoot = Schema.decodeUnknownOption(RootLine, exact)
const decodeEnd = Schema.decodeUnknownOption(EndLine, exact)

const line = (json: Json.JsonObject): string => `${Json.canonical(json)}\n`

const textOf = (payload: string | Uint8Array): string =>
  typeof payload === "string" ? payload : Buffer.from(payload).toString()

const entryLine = ({ head, payload, salt }: Stored): string =>
  line({
    head,
    ...(payload === null ? {} : { payload: textOf(payload) }),
    ...(salt === null ? {} : { salt: Buffer.from(salt).toString("hex") })
  })

/**
 * The file of a run, as its rows are now. They are read twice: what does not hold is `Bad` before anything is written, so
 * that there is no file of a run that would not verify.
 */
export const write = (
  journal: Journal["Type"],
  run: RunId
): Effect.Effect<
  Either.Either<{ readonly sound: Ledger.Sound; readonly text: Stream.Stream<string, JournalError> }, Ledger.Bad>,
  JournalError
> =>
  Effect.gen(function* () {
    const named = new Set<Digest.Digest>()
    let locked: string | undefined
    const each = ({ head, unread }: Stored): void => {
      locked ??= unread?.why
      const digest = planOf(head)
      if (digest !== undefined) named.add(digest)
    }
    const { found, roots } = yield* Audit.walk(journal, run, { each })
    if (Ledger.isBad(found)) return Either.left(found)
    if (locked !== undefined) {
      return yield* new JournalError({ reason: "Key", where: `run ${run}`, detail: locked })
    }
    const { entries, root } = found
    const start = [line({ flujo: "run", run, version })]
    for (const digest of named) {
      const plan = yield* Effect.either(journal.plan(digest))
      const text = Either.isRight(plan) && Option.isSome(plan.right) ? Json.canonical(plan.right.value) : undefined
      if (text === undefined || Digest.ofText(text) !== digest) {
        return Either.left({ entry: 0, last: 0, why: `the plan ${digest.slice(0, 12)} that it names is missing` })
      }
      start.push(`{"plan":${text}}\n`)
    }
    const end = [...roots.map(({ root, size }) => line({ root, size })), line({ entries, root })]
    return Either.right({
      sound: found,
      text: Stream.fromIterable(start).pipe(
        Stream.concat(journal.stored(run, 0).pipe(Stream.take(entries), Stream.map(entryLine))),
        Stream.concat(Stream.fromIterable(end))
      )
    })
  })

/** The plan that an entry says its run goes by from there on. */
const planOf = (head: string): Digest.Digest | undefined => Option.getOrUndefined(decodeNaming(head))?.data.plan

const decodeNaming = Schema.decodeUnknownOption(
  Schema.parseJson(
    Schema.Struct({
      kind: Schema.Literal("RunStarted", "RunResumed"),
      data: Schema.Struct({ plan: Digest.Digest })
    })
  )
)

export interface Read {
  readonly found: Ledger.Bad | Ledger.Sound
  /** Undefined if not even that could be read. */
  readonly run: string | undefined
}

/** Verifies such a file. */
export const verify = <E>(
  bytes: Stream.Stream<Uint8Array, E>,
  claims: ReadonlyArray<Root> = []
): Effect.Effect<Read, E> => Effect.map(scan(bytes, claims, undefined), ({ found, run }) => ({ found, run }))

/** Characters of a run that is read to be held: about 256 MiB. */
export const copyMax = 256 * 1024 * 1024

/** Verifies such a file, and answers what is in it. */
export const read = <E>(bytes: Stream.Stream<Uint8Array, E>): Effect.Effect<Either.Either<RunCopy, Read>, E> =>
  Effect.map(scan(bytes, [], copyMax), ({ copy, found, run }) =>
    copy === undefined || Ledger.isBad(found) ? Either.left({ found, run }) : Either.right(copy)
  )

const scan = <E>(bytes: Stream.Stream<Uint8Array, E>, claims: ReadonlyArray<Root>, keepMax: number | undefined) =>
  Effect.gen(function* () {
    const reader = makeReader(yield* Commitment.make, claims, keepMax)
    let bad: Ledger.Bad | undefined
    yield* Stream.runForEachWhile(Lines.of(bytes), (text) =>
      Effect.sync(() => {
        bad = reader.line(text)
        return bad === undefined
      })
    ).pipe(
      Effect.catchIf(
        (error): error is Lines.BadLine => error instanceof Lines.BadLine,
        ({ what }) =>
          Effect.sync(() => {
            bad = reader.bad(what)
          })
      )
    )
    return { found: bad ?? reader.end(), run: reader.run(), copy: reader.copy() }
  })

/** Reads such a file line by line. */
export const makeReader = (
  commit: Commitment.Commitment,
  claims: ReadonlyArray<Root>,
  /** Undefined: nothing of what is read is kept. */
  keepMax: number | undefined
) => {
  let run: RunId | undefined
  let check: Ledger.Check | undefined
  const plans: Array<KeptPlan> = []
  const named = new Set<Digest.Digest>()
  const entries: Array<Stored> = []
  let size = 0
  const roots: Array<Root> = []
  let last: typeof EndLine.Type | undefined
  let number = 0

  const bad = (what: string): Ledger.Bad => {
    const entry = check?.leaves.length ?? 0
    return { entry, last: entry, why: `line ${number + 1} of the file ${what}` }
  }

  const entry = (checking: Ledger.Check, { head, payload, salt }: typeof EntryLine.Type): Ledger.Bad | undefined => {
    const read = Ledger.readHead(head)
    const stored: Stored = {
      // An entry stands where it stands: that its head says so too, is for the check to see.
      seq: typeof read === "string" ? checking.leaves.length : read.seq,
      head,
      payload: payload ?? null,
      salt: salt === undefined ? null : Buffer.from(salt, "hex")
    }
    const found = checking.add(stored)
    if (found !== undefined) return found
    const digest = planOf(head)
    if (digest !== undefined) {
      named.add(digest)
      if (plans[named.size - 1]?.digest !== digest) return bad(`names the plan ${digest}, which is not in the file`)
    }
    if (keepMax === undefined) return undefined
    size += head.length + (payload?.length ?? 0)
    entries.push(stored)
    return size > keepMax ? bad(`is too much: a run of more than ${keepMax} characters is not taken in`) : undefined
  }

  const content = (text: string): Ledger.Bad | undefined => {
    const json = Option.getOrUndefined(Either.getRight(Json.parse(text)))
    if (json === undefined || Json.canonical(json) !== text) return bad("is not canonical JSON")
    if (check === undefined) {
      const start = decodeStart(json)
      if (Option.isNone(start)) return bad("does not begin an exported run that this version of flujo knows")
      run = start.value.run
      check = Ledger.check(commit, { run, tenant: undefined, claims })
      return undefined
    }
    if (last !== undefined) return bad("stands after the end")
    const plan = decodePlan(json)
    if (Option.isSome(plan)) {
      if (check.leaves.length > 0) return bad("is a plan after the entries")
      const text = Json.canonical(json).slice(`{"plan":`.length, -1)
      plans.push({ digest: Digest.ofText(text), json: text })
      return undefined
    }
    const one = decodeEntry(json)
    if (Option.isSome(one)) return roots.length > 0 ? bad("is an entry after the roots") : entry(check, one.value)
    const root = decodeRoot(json)
    if (Option.isSome(root)) {
      if (root.value.size <= (roots.at(-1)?.size ?? 0)) return bad("is a root out of order")
      roots.push(root.value)
      return undefined
    }
    last = Option.getOrUndefined(decodeEnd(json))
    return last === undefined ? bad("has another form") : undefined
  }

  return {
    bad,
    line: (text: string): Ledger.Bad | undefined => {
      const found = content(text)
      number += 1
      return found
    },
    end: (): Ledger.Bad | Ledger.Sound => {
      if (check === undefined || last === undefined) return bad("is missing: the file was cut")
      const found = check.end(roots)
      if (Ledger.isBad(found)) return found
      if (plans.length > named.size) return { entry: 0, last: 0, why: "there is a plan that no entry names" }
      return found.entries === last.entries && found.root === last.root
        ? found
        : { entry: 0, last: Math.max(0, found.entries - 1), why: "their root is not the one at the end of the file" }
    },
    run: () => run,
    /** Whether the last line was the last one of the file. */
    isWhole: () => last !== undefined,
    copy: (): RunCopy | undefined =>
      run === undefined || keepMax === undefined ? undefined : { run, plans, entries, roots, letters: [] }
  }
}
