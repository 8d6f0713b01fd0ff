/**
 * A store as one file of JSON lines, to be taken in by another one of whatever kind: each run as `LedgerFile` has it with the
 * letters that wait for it, then the log with its checkpoints and keys, and at the end the SHA-256 of all that came before.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Json from "../domain/Json.js"
import { Letter } from "../domain/Letter.js"
import type { RunId } from "../domain/RunId.js"
import * as Commitment from "./Commitment.js"
import type { Journal, JournalError, Leaf, LogKey, RunCopy, Sealed, StoredLetter } from "./Journal.js"
import * as Ledger from "./Ledger.js"
import * as LedgerFile from "./LedgerFile.js"
import * as Lines from "./Lines.js"

export const version = 1

const Start = Schema.Struct({ flujo: Schema.Literal("state"), version: Schema.Literal(version) })
const LetterLine = Schema.Struct({ at: Schema.Int, id: Schema.String, letter: Letter })
const LeafLine = Schema.Struct({
  leaf: Schema.Struct({
    gone: Schema.optional(Schema.Literal(true)),
    root: Schema.String,
    run: Schema.String,
    size: Schema.Int
  })
})
const CheckpointLine = Schema.Struct({
  checkpoint: Schema.Struct({ at: Schema.Int, note: Schema.String, origin: Schema.String, size: Schema.Int })
})
const KeyLine = Schema.Struct({
  key: Schema.Struct({
    at: Schema.Int,
    number: Schema.Int,
    size: Schema.Int,
    verifier: Schema.String,
    vouched: Schema.NullOr(Schema.String)
  })
})
const EndLine = Schema.Struct({ runs: Schema.Int, sha256: Schema.String })

const exact = { onExcessProperty: "error" } as const
const decodeStart = Schema.decodeUnknownOption(Start, exact)
const decodeLetter = Schema.decodeUnknownOption(LetterLine, exact)
const decodeLeaf = Schema.decodeUnknownOption(LeafLine, exact)
const decodeCheckpoint = Schema.decodeUnknownOption(CheckpointLine, exact)
const decodeKey = Schema.decodeUnknownOption(KeyLine, exact)
const decodeEnd = Schema.decodeUnknownOption(EndLine, exact)

const line = (value: unknown): string => `${Json.canonical(Either.getOrThrow(Json.fromUnknown(value)))}\n`

/** Of a store, or of the runs that are named, then without the log. Fails with the first run that does not verify. */
export const write = (
  journal: Journal["Type"],
  only: ReadonlyArray<RunId> | undefined
): Stream.Stream<string, JournalError | BadRun> =>
  Stream.suspend(() => {
    const digest = createHash("sha256")
    let runs = 0
    const one = (run: RunId) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const written = yield* LedgerFile.write(journal, run)
          if (Either.isLeft(written)) return yield* Effect.fail<BadRun>({ _tag: "BadRun", run, bad: written.left })
          runs += 1
          const letters = Stream.fromIterableEffect(journal.letters(run))
          return Stream.concat(written.right.text, Stream.map(letters, line))
        })
      )
    const log = Stream.concat(
      Stream.fromIterableEffect(Effect.map(journal.log.keys, (keys) => keys.map((key) => line({ key })))),
      Stream.concat(
        Stream.map(journal.log.checkpoints, (checkpoint) => line({ checkpoint })),
        Stream.map(journal.log.leaves(0), ({ gone, ...leaf }) =>
          line({ leaf: gone === true ? { gone, ...leaf } : leaf })
        )
      )
    )
    const body: Stream.Stream<string, JournalError | BadRun> = Stream.make(line({ flujo: "state", version })).pipe(
      Stream.concat(Stream.flatMap(only === undefined ? journal.ids : Stream.fromIterable(only), one)),
      Stream.concat(only === undefined ? log : Stream.empty),
      Stream.tap((text) => Effect.sync(() => digest.update(text)))
    )
    return Stream.concat(body, Stream.fromEffect(Effect.sync(() => line({ runs, sha256: digest.digest("hex") }))))
  })

export interface BadRun {
  readonly _tag: "BadRun"
  readonly run: string
  readonly bad: Ledger.Bad
}

/** Why a file is not taken in. */
export interface Broken {
  readonly _tag: "Broken"
  readonly why: string
}

export interface LogCopy {
  readonly keys: ReadonlyArray<LogKey>
  readonly checkpoints: ReadonlyArray<Sealed>
  readonly leaves: ReadonlyArray<Leaf>
}

/**
 * Reads such a file, or one of a single run. Each run is handed to `each` when it has been verified; what stands behind it may
 * yet be broken, so a file is first read with an `each` that does nothing.
 */
export const read = <E, E2>(
  bytes: Stream.Stream<Uint8Array, E>,
  each: (copy: RunCopy) => Effect.Effect<void, E2>
): Effect.Effect<LogCopy, E | E2 | Broken> =>
  Effect.gen(function* () {
    const commit = yield* Commitment.make
    const digest = createHash("sha256")
    const broken = (why: string) => Effect.fail<Broken>({ _tag: "Broken", why })
    const log = {
      keys: [] as LogKey[],
      checkpoints: [] as Sealed[],
      leaves: [] as Leaf[]
    }
    let number = 0
    let [runs, isSingle, isOver] = [0, false, false]
    let reader: ReturnType<typeof LedgerFile.makeReader> | undefined
    let copy: RunCopy | undefined
    let letters: Array<StoredLetter> = []
    const flush = Effect.suspend(() => {
      const whole = copy
      if (whole === undefined) return Effect.void
      copy = undefined
      return each({ ...whole, letters })
    })
    const take = (text: string) =>
      Effect.gen(function* () {
        number += 1
        const bad = (what: string) => broken(`line ${number} of the file ${what}`)
        if (isOver) return yield* bad("stands after the end")
        if (reader !== undefined) {
          const found = reader.line(text) ?? (reader.isWhole() ? reader.end() : undefined)
          if (found !== undefined && Ledger.isBad(found)) {
            return yield* broken(`run ${reader.run() ?? "?"}, before line ${number + 1}: ${Ledger.describe(found)}`)
          }
          if (found === undefined) return
          copy = reader.copy()
          letters = []
          reader = undefined
          runs += 1
          isOver = isSingle
          return
        }
        const json = Option.getOrUndefined(Either.getRight(Json.parse(text)))
        if (json === undefined || Json.canonical(json) !== text) return yield* bad("is not canonical JSON")
        if (number === 1 && Option.isSome(decodeStart(json))) return
        const letter = decodeLetter(json)
        if (Option.isSome(letter)) {
          if (copy === undefined) return yield* bad("is a letter for no run")
          letters.push(letter.value)
          return
        }
        yield* flush
        const leaf = decodeLeaf(json)
        const checkpoint = decodeCheckpoint(json)
        const key = decodeKey(json)
        const end = decodeEnd(json)
        if (Option.isSome(leaf)) log.leaves.push(leaf.value.leaf)
        else if (Option.isSome(checkpoint)) log.checkpoints.push(checkpoint.value.checkpoint)
        else if (Option.isSome(key)) log.keys.push(key.value.key)
        else if (Option.isSome(end)) {
          if (end.value.runs !== runs || end.value.sha256 !== digest.copy().digest("hex")) {
            return yield* bad("says another sum than that of what stands before it")
          }
          isOver = true
        } else {
          isSingle = number === 1
          reader = LedgerFile.makeReader(commit, [], LedgerFile.copyMax)
          const found = reader.line(text)
          if (found !== undefined) return yield* bad("has another form")
        }
      })
    yield* Stream.runForEach(Lines.of(bytes), (text) =>
      Effect.zipRight(
        take(text),
        Effect.sync(() => {
          digest.update(`${text}\n`)
        })
      )
    ).pipe(
      Effect.catchIf(
        (error): error is Lines.BadLine => error instanceof Lines.BadLine,
        ({ what }) => broken(`line ${number + 1} of the file ${what}`)
      )
    )
    if (!isOver) return yield* broken("the file was cut")
    yield* flush
    return log
  })

export interface Taken {
  /** Ids of runs that are here now, and were not. */
  readonly added: ReadonlyArray<string>
  /** Of runs that were here already, the same. */
  readonly same: ReadonlyArray<string>
  /** Of runs whose id is in use here for something else. */
  readonly others: ReadonlyArray<string>
  /** Of runs that were here with more entries than the file has, and were dropped. */
  readonly outrun: ReadonlyArray<string>
  /** Whether the log came with its checkpoints and keys; else the roots wait for the next checkpoint here. */
  readonly log: boolean
}

/** Takes a file in that was read once already. */
export const take = <E>(
  journal: Journal["Type"],
  bytes: Stream.Stream<Uint8Array, E>
): Effect.Effect<Taken, E | JournalError | Broken> =>
  Effect.gen(function* () {
    const [added, same, others, outrun] = [[] as string[], [] as string[], [] as string[], [] as string[]]
    const waiting = yield* Stream.runFold(journal.log.queued, new Map<string, number>(), (sizes, { run, size }) =>
      sizes.set(run, Math.max(size, sizes.get(run) ?? 0))
    )
    const log = yield* read(bytes, (copy) =>
      Effect.gen(function* () {
        const { entries, run } = copy
        if (Option.isNone(yield* journal.run(run))) {
          const leaves = yield* journal.log.leavesOf(run)
          // What was dropped here stays as it ended: a copy from before would undo that, and what was erased would be back.
          if (Math.max(waiting.get(run) ?? 0, ...leaves.map(({ size }) => size)) > entries.length) {
            outrun.push(run)
            return
          }
        }
        if (yield* journal.restore(copy)) added.push(copy.run)
        else if (yield* isHere(journal, copy)) same.push(copy.run)
        else others.push(copy.run)
      })
    )
    return { added, same, others, outrun, log: yield* journal.log.adopt(log) }
  })

/** Whether the run of this id has the same entries, or went on from them. */
const isHere = (journal: Journal["Type"], { entries, run }: RunCopy): Effect.Effect<boolean, JournalError> =>
  Effect.map(
    Stream.runCollect(
      Stream.take(
        Stream.map(journal.stored(run, 0), ({ head }) => head),
        entries.length
      )
    ),
    (heads) => {
      const here = Array.from(heads)
      return here.length === entries.length && here.every((head, i) => head === entries[i]!.head)
    }
  )
