/**
 * A run as one file of JSON lines that can be verified without the store that it came from: a line that says what the
 * file is, one for each entry with its payload and salt, one for each root, and one at the end with the root of all. Each line is
 * canonical JSON and ends with a line feed, so that there is one file for one run, and no byte of it is free.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Json from "../domain/Json.js"
import { RunId } from "../domain/RunId.js"
import * as Audit from "./Audit.js"
import * as Commitment from "./Commitment.js"
import type { Journal, JournalError, Root, Stored } from "./Journal.js"
import * as Ledger from "./Ledger.js"

export const version = 1

const Hex = Schema.String.pipe(Schema.pattern(/^(?:[0-9a-f]{2})*$/))

const Start = Schema.Struct({ flujo: Schema.Literal("run"), run: RunId, version: Schema.Literal(version) })
const EntryLine = Schema.Struct({
  head: Schema.String,
  payload: Schema.optional(Schema.String),
  salt: Schema.optional(Hex)
})
const RootLine = Schema.Struct({ root: Hex, size: Schema.Int })
const EndLine = Schema.Struct({ entries: Schema.Int, root: Hex })

const exact = { onExcessProperty: "error" } as const
const decodeStart = Schema.decodeUnknownOption(Start, exact)
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
  Effect.map(Audit.walk(journal, run), ({ found, roots }) => {
    if (Ledger.isBad(found)) return Either.left(found)
    const { entries, root } = found
    const end = [...roots.map(({ root, size }) => line({ root, size })), line({ entries, root })]
    return Either.right({
      sound: found,
      text: Stream.make(line({ flujo: "run", run, version })).pipe(
        Stream.concat(journal.stored(run, 0).pipe(Stream.take(entries), Stream.map(entryLine))),
        Stream.concat(Stream.fromIterable(end))
      )
    })
  })

export interface Read {
  readonly found: Ledger.Bad | Ledger.Sound
  /** Undefined if not even that could be read. */
  readonly run: string | undefined
}

/** Characters of one line: a payload of 16 MiB, all of it escaped, fits. */
const lineMax = 256 * 1024 * 1024

/** Verifies such a file. */
export const verify = <E>(
  bytes: Stream.Stream<Uint8Array, E>,
  claims: ReadonlyArray<Root> = []
): Effect.Effect<Read, E> =>
  Effect.gen(function* () {
    const reader = makeReader(yield* Commitment.make, claims)
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
    let rest = ""
    let bad: Ledger.Bad | undefined
    const take = (text: () => string): boolean => {
      const lines = Either.try(text)
      if (Either.isLeft(lines)) {
        bad = reader.bad("is not UTF-8")
        return true
      }
      const all = (rest + lines.right).split("\n")
      rest = all.pop()!
      for (const one of all) {
        bad = reader.line(one)
        if (bad !== undefined) return true
      }
      if (rest.length > lineMax) bad = reader.bad("is too long")
      return bad !== undefined
    }
    yield* Stream.runDrain(Stream.takeUntil(bytes, (chunk) => take(() => decoder.decode(chunk, { stream: true }))))
    if (bad === undefined) take(() => decoder.decode())
    if (bad === undefined && rest !== "") bad = reader.bad("has no end")
    return { found: bad ?? reader.end(), run: reader.run() }
  })

const makeReader = (commit: Commitment.Commitment, claims: ReadonlyArray<Root>) => {
  let run: string | undefined
  let check: Ledger.Check | undefined
  const roots: Array<Root> = []
  let last: typeof EndLine.Type | undefined
  let number = 0

  const bad = (what: string): Ledger.Bad => {
    const entry = check?.leaves.length ?? 0
    return { entry, last: entry, why: `line ${number + 1} of the file ${what}` }
  }

  const entry = (checking: Ledger.Check, { head, payload, salt }: typeof EntryLine.Type): Ledger.Bad | undefined => {
    const read = Ledger.readHead(head)
    // An entry stands where it stands: that its head says so too, is for the check to see.
    const seq = typeof read === "string" ? checking.leaves.length : read.seq
    return checking.add({
      seq,
      head,
      payload: payload ?? null,
      salt: salt === undefined ? null : Buffer.from(salt, "hex")
    })
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
      return found.entries === last.entries && found.root === last.root
        ? found
        : { entry: 0, last: Math.max(0, found.entries - 1), why: "their root is not the one at the end of the file" }
    },
    run: () => run
  }
}
