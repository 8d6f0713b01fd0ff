/**
 * Ways of tampering with a run in a SQLite file by somebody who may write in the file, each tried with many histories. What
 * is found without more is found by `Audit.verify` alone; what a consistent forgery needs a root from elsewhere for is
 * found with one. docs/ledger.md has the same list.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Digest from "../../src/domain/Digest.js"
import * as Json from "../../src/domain/Json.js"
import type { RunId } from "../../src/domain/RunId.js"
import * as Audit from "../../src/journal/Audit.js"
import * as Commitment from "../../src/journal/Commitment.js"
import type { Journal, Root, Staged } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalSqlite from "../../src/journal/JournalSqlite.js"
import * as Ledger from "../../src/journal/Ledger.js"
import * as LedgerFile from "../../src/journal/LedgerFile.js"
import * as LedgerProof from "../../src/journal/LedgerProof.js"
import * as MerkleTree from "../../src/journal/MerkleTree.js"
import * as Long from "../Long.js"
import * as Histories from "./Histories.js"

type Service = Journal["Type"]

const run = Histories.id("r1")
const other = Histories.id("r2")

const plan = (() => {
  const json = Json.canonical({ steps: ["a"] })
  return { digest: Digest.ofText(json), json }
})()

const started: Staged = Histories.staged({
  path: Histories.path(),
  kind: "RunStarted",
  ordinal: 0,
  data: { pipeline: "p", plan: plan.digest, labels: [] },
  payload: { input: { value: 1 }, sources: [] }
})

const begin = (journal: Service, id: RunId, more: ReadonlyArray<Staged>) =>
  Effect.gen(function* () {
    const owned = yield* journal.create(id, plan)
    for (const staged of [started, ...more]) journal.stage(owned, staged)
    yield* journal.barrier(owned)
    return owned
  })

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "flujo-ledger-"))),
  (name) => Effect.sync(() => fs.rmSync(name, { recursive: true }))
)

const inFile = <A, E>(file: string, use: (journal: Service) => Effect.Effect<A, E>) =>
  Effect.scoped(
    Effect.flatMap(JournalSqlite.makeDriver({ path: file, durability: "normal" }), (driver) =>
      Effect.flatMap(JournalMake.make(driver), use)
    )
  )

const raw = (file: string, use: (db: Database.Database) => void): void => {
  const db = new Database(file)
  use(db)
  db.close()
}

/** Of a run that has what each way of tampering needs: two owners, a task, a rest in between, an end. */
const write = (file: string, seed: number) =>
  inFile(file, (journal) =>
    Effect.gen(function* () {
      const [before, after] = FastCheck.sample(FastCheck.array(FastCheck.nat(), { minLength: 3, maxLength: 8 }), {
        numRuns: 2,
        seed
      })
      for (const id of [run, other]) {
        const notes = before!.map((n, i) => Histories.large(1000 + i, 1 + (n % 50), id === run ? "x" : "y"))
        const owned = yield* begin(journal, id, [...notes, Histories.opened("ask")])
        yield* journal.park(owned, Histories.suspended({ _tag: "Task", path: Histories.path("ask") }))
        const again = Option.getOrThrow(yield* journal.own(id))
        journal.stage(again, Histories.resumed)
        for (const [i] of after!.entries()) journal.stage(again, Histories.note(i))
        journal.stage(again, Histories.completed)
        yield* journal.release(again)
      }
    })
  )

interface Entry {
  seq: number
  head: string
  payload: string | null
  salt: Buffer | null
}

class Hand {
  constructor(
    readonly db: Database.Database,
    readonly commit: Commitment.Commitment,
    readonly seed: number
  ) {}

  entries(id: RunId = run): Array<Entry> {
    return this.db
      .prepare<[string], Entry>("SELECT seq, head, payload, salt FROM entries WHERE run = ? ORDER BY seq")
      .all(id)
  }

  /** One of them, another one for each seed. */
  some(from = 0, until = this.entries().length): number {
    return from + (this.seed % (until - from))
  }

  replace(entries: ReadonlyArray<Entry>, id: RunId = run): void {
    this.db.prepare("DELETE FROM entries WHERE run = ?").run(id)
    for (const { head, payload, salt, seq } of entries) {
      this.db
        .prepare("INSERT INTO entries (tenant, run, seq, head, payload, salt) VALUES ('default', ?, ?, ?, ?, ?)")
        .run(id, seq, head, payload, salt)
    }
  }

  /** Numbered anew, in their heads too. */
  numbered(entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> {
    return entries.map((entry, seq) => ({ ...entry, seq, head: edited(entry.head, { seq }) }))
  }

  /** A payload with whatever commitment it needs. */
  spoken(entry: Entry, payload: string): Entry {
    const salt = Buffer.alloc(32, 9)
    const commitment = this.commit.of(salt, Buffer.from(payload))
    return { ...entry, payload, salt, head: edited(entry.head, { commitment }) }
  }

  /** All roots again, as somebody would who knows how they are made. */
  root(id: RunId = run): void {
    this.db.prepare("DELETE FROM roots WHERE run = ?").run(id)
    const entries = this.entries(id)
    const leaves = entries.map(({ head }) => MerkleTree.leafHash(head))
    for (const [i, { head }] of entries.entries()) {
      if (!["RunSuspended", "RunCompleted"].includes(JSON.parse(head).kind) && (i + 1) % 256 !== 0) continue
      this.db
        .prepare("INSERT INTO roots (tenant, run, size, root) VALUES ('default', ?, ?, ?)")
        .run(id, i + 1, MerkleTree.root(leaves.slice(0, i + 1)).toString("hex"))
    }
  }
}

const edited = (head: string, part: Json.JsonObject): string => Json.canonical({ ...JSON.parse(head), ...part })

interface Class {
  readonly name: string
  readonly needs: "nothing" | "a root from elsewhere"
  readonly tamper: (hand: Hand) => void
}

const classes: ReadonlyArray<Class> = [
  {
    name: "edit payload",
    needs: "nothing",
    tamper: (hand) => {
      const entries = hand.entries()
      const at = entries.filter(({ payload }) => payload !== null)
      const one = at[hand.seed % at.length]!
      hand.replace(entries.map((entry) => (entry === one ? { ...entry, payload: '{"output":{"value":"z"}}' } : entry)))
    }
  },
  {
    name: "edit and rehash the entry",
    needs: "nothing",
    tamper: (hand) =>
      hand.replace(
        hand
          .entries()
          .map((entry) => (entry.seq === 1 + (hand.seed % 3) ? hand.spoken(entry, '{"output":{"value":"z"}}') : entry))
      )
  },
  {
    name: "edit and rehash all that depends on it",
    needs: "a root from elsewhere",
    tamper: (hand) => {
      const at = 1 + (hand.seed % 3)
      hand.replace(
        hand.entries().map((entry) => (entry.seq === at ? hand.spoken(entry, '{"output":{"value":"z"}}') : entry))
      )
      hand.root()
    }
  },
  {
    name: "delete",
    needs: "nothing",
    tamper: (hand) => {
      const at = hand.some()
      hand.replace(hand.entries().filter(({ seq }) => seq !== at))
    }
  },
  {
    name: "delete and number anew",
    needs: "nothing",
    tamper: (hand) => {
      const at = hand.some(1, 4)
      hand.replace(hand.numbered(hand.entries().filter(({ seq }) => seq !== at)))
    }
  },
  {
    name: "insert",
    needs: "nothing",
    tamper: (hand) => {
      const entries = hand.entries()
      hand.replace(hand.numbered(entries.toSpliced(hand.some(1), 0, hand.spoken(entries[2]!, '{"output":{}}'))))
    }
  },
  {
    name: "reorder",
    needs: "nothing",
    tamper: (hand) => {
      const entries = hand.entries()
      const at = hand.some(0, entries.length - 1)
      const swapped = entries.with(at, entries[at + 1]!).with(at + 1, entries[at]!)
      hand.replace(hand.seed % 2 === 0 ? hand.numbered(swapped) : swapped.map((entry, seq) => ({ ...entry, seq })))
    }
  },
  {
    name: "duplicate",
    needs: "nothing",
    tamper: (hand) => {
      const entries = hand.entries()
      const at = hand.some()
      const doubled = entries.toSpliced(at, 0, entries[at]!)
      hand.replace(hand.seed % 2 === 0 ? hand.numbered(doubled) : doubled.map((entry, seq) => ({ ...entry, seq })))
    }
  },
  {
    name: "cut tail",
    needs: "nothing",
    tamper: (hand) => hand.replace(hand.entries().slice(0, hand.some(1)))
  },
  {
    name: "cut tail with its roots, and what the store says of the run",
    needs: "a root from elsewhere",
    tamper: (hand) => {
      const entries = hand.entries()
      hand.replace(entries.slice(0, entries.findIndex(({ head }) => head.includes('"RunSuspended"')) + 1))
      hand.root()
      hand.db.prepare("DELETE FROM runs WHERE run = ?").run(run)
    }
  },
  {
    name: "rewrite all",
    needs: "a root from elsewhere",
    tamper: (hand) => {
      hand.replace(
        hand.entries().map((entry) => {
          const aged = { ...entry, head: edited(entry.head, { epoch: 7 + hand.seed }) }
          return entry.payload === null ? aged : hand.spoken(aged, entry.payload)
        })
      )
      hand.root()
    }
  },
  {
    name: "fork: another end after the same beginning",
    needs: "a root from elsewhere",
    tamper: (hand) => {
      const entries = hand.entries()
      const last = entries.at(-1)!
      hand.replace([...entries.slice(0, -1), hand.spoken(last, `{"output":{"value":"forked ${hand.seed}"}}`)])
      hand.root()
    }
  },
  {
    name: "swap runs",
    needs: "nothing",
    tamper: (hand) => {
      const [mine, theirs] = [hand.entries(), hand.entries(other)]
      hand.replace(theirs)
      hand.replace(mine, other)
      hand.root()
      hand.root(other)
    }
  },
  {
    name: "edit derived columns",
    needs: "nothing",
    tamper: (hand) => {
      const edits = [
        "UPDATE runs SET status = 'failed' WHERE run = 'r1'",
        "UPDATE runs SET tokens = tokens + 1 WHERE run = 'r1'",
        "UPDATE runs SET pipeline = 'q' WHERE run = 'r1'",
        "DELETE FROM runs WHERE run = 'r1'",
        "INSERT INTO tasks (tenant, run, path, task, opened_at, seq) VALUES ('default', 'r1', 'more', 'approve', 0, 1)",
        "DELETE FROM tasks WHERE run = 'r1'",
        "UPDATE entries SET seq = seq + 100 WHERE run = 'r1' AND seq = 2",
        "UPDATE plans SET json = '{}'",
        "UPDATE roots SET root = upper(root) WHERE run = 'r1'",
        "UPDATE roots SET size = size + 1 WHERE run = 'r1' AND size = (SELECT min(size) FROM roots WHERE run = 'r1')",
        "DELETE FROM roots WHERE run = 'r1'"
      ]
      hand.db.exec(edits[hand.seed % edits.length]!)
    }
  },
  {
    name: "type confusion",
    needs: "nothing",
    tamper: (hand) => {
      const entries = hand.entries()
      const at = hand.some()
      const head = JSON.parse(entries[at]!.head)
      const confused = [
        { ...head, seq: String(head.seq) },
        { ...head, at: String(head.at) },
        { ...head, epoch: 1.5 },
        { ...head, ordinal: null },
        { ...head, data: [] },
        { ...head, path: ["step"] },
        { ...head, kind: 7 },
        { ...head, run: [head.run] },
        { ...head, commitment: 1 },
        { ...head, more: true }
      ]
      const text = Json.canonical(confused[hand.seed % confused.length]!)
      hand.replace(entries.with(at, { ...entries[at]!, head: text }))
      hand.root()
    }
  }
]

const seeds = Long.runs(50, 500)
/** For as many as in the long run, on a busy machine. */
const timeout = Long.runs(180_000, 3_600_000)

describe("tampering with a SQLite file", () => {
  /** Untouched, with the roots that somebody has kept elsewhere. */
  const histories: Array<{ readonly file: string; readonly claims: ReadonlyArray<Root> }> = []
  let place = ""

  beforeAll(
    () =>
      Effect.runPromise(
        Effect.gen(function* () {
          place = fs.mkdtempSync(path.join(os.tmpdir(), "flujo-ledger-"))
          for (let seed = 0; seed < seeds; seed++) {
            const file = path.join(place, `${seed}.db`)
            yield* write(file, seed)
            const { claims, found } = yield* inFile(file, (journal) =>
              Effect.gen(function* () {
                const { roots } = yield* Audit.walk(journal, run)
                return { found: yield* Audit.verify(journal, run, roots), claims: roots }
              })
            )
            assert.isFalse(Ledger.isBad(found), `seed ${seed}: untouched`)
            histories.push({ file, claims })
          }
        })
      ),
    timeout
  )
  afterAll(() => fs.rmSync(place, { recursive: true }))

  for (const { name, needs, tamper } of classes) {
    it.live(
      `${name}: found with ${needs}, ${seeds} seeds`,
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const commit = yield* Commitment.make
            const where = yield* folder
            for (const [seed, { claims, file: clean }] of histories.entries()) {
              const file = path.join(where, `${seed}.db`)
              fs.copyFileSync(clean, file)
              raw(file, (db) => tamper(new Hand(db, commit, seed)))
              const [plain, withRoot, rebuilt] = yield* inFile(file, (journal) =>
                Effect.gen(function* () {
                  const plain = yield* Audit.verify(journal, run)
                  if (needs === "nothing") return [plain, undefined, undefined] as const
                  yield* journal.rebuild
                  const rebuilt = yield* Audit.verify(journal, run)
                  return [plain, yield* Audit.verify(journal, run, claims), rebuilt] as const
                })
              )
              if (needs === "nothing") assert.isTrue(Ledger.isBad(plain), `seed ${seed}: found`)
              else {
                // Said too, so that nobody believes more than is so.
                assert.isFalse(Ledger.isBad(rebuilt!), `seed ${seed}: not found by itself`)
                assert.isTrue(Ledger.isBad(withRoot!), `seed ${seed}: found`)
              }
              fs.rmSync(file)
            }
          })
        ),
      timeout
    )
  }

  it.live("an old copy put back is found with a later root, and by nothing in it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = path.join(yield* folder, "flujo.db")
        const copy = `${file}.old`
        yield* inFile(file, (journal) =>
          Effect.gen(function* () {
            const owned = yield* begin(journal, run, [Histories.note(1)])
            yield* journal.park(owned, Histories.suspended())
          })
        )
        fs.copyFileSync(file, copy)
        const claims: ReadonlyArray<Root> = yield* inFile(file, (journal) =>
          Effect.gen(function* () {
            const owned = Option.getOrThrow(yield* journal.own(run))
            journal.stage(owned, Histories.resumed)
            journal.stage(owned, Histories.completed)
            yield* journal.release(owned)
            return (yield* Audit.walk(journal, run)).roots
          })
        )
        fs.copyFileSync(copy, file)
        yield* inFile(file, (journal) =>
          Effect.gen(function* () {
            assert.isFalse(Ledger.isBad(yield* Audit.verify(journal, run)))
            const found = yield* Audit.verify(journal, run, claims)
            assert.deepStrictEqual(found, {
              entry: 3,
              last: 4,
              why: "there is a root of 5 entries, and these are missing"
            })
          })
        )
      })
    )
  )

  it.live("the first bad entry is named", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const commit = yield* Commitment.make
        const where = yield* folder
        const told = (tamper: (hand: Hand) => void) =>
          Effect.gen(function* () {
            const file = path.join(where, "flujo.db")
            yield* write(file, 3)
            raw(file, (db) => tamper(new Hand(db, commit, 3)))
            const found = yield* inFile(file, (journal) => Audit.verify(journal, run))
            fs.rmSync(file)
            return Ledger.isBad(found) ? Ledger.describe(found) : "nothing"
          })
        const sql = (text: string) => told((hand) => hand.db.exec(text))
        assert.strictEqual(
          yield* sql("UPDATE entries SET payload = '{}' WHERE run = 'r1' AND seq IN (2, 4)"),
          "entry 2: its payload was changed"
        )
        assert.strictEqual(
          yield* sql("UPDATE entries SET payload = NULL WHERE run = 'r1' AND seq = 1"),
          "entry 1: its payload is missing"
        )
        assert.strictEqual(yield* sql("DELETE FROM entries WHERE run = 'r1' AND seq = 2"), "entry 2: it is missing")
        assert.strictEqual(
          yield* sql("UPDATE entries SET head = head || ' ' WHERE run = 'r1' AND seq = 2"),
          "entry 2: its head is not canonical JSON"
        )
        assert.match(
          yield* told((hand) => {
            hand.replace(hand.entries().map((e) => (e.seq === 2 ? hand.spoken(e, '{"output":{}}') : e)))
          }),
          /^entries 0 to \d: their root is not the one that was written with them$/
        )
      })
    )
  )
})

/** A run of `count` notes and one larger thing that ended, and what `use` makes of it. */
const withRun = <A, E>(count: number, size: number, use: (journal: Service) => Effect.Effect<A, E>) =>
  Effect.scoped(
    Effect.flatMap(folder, (where) =>
      inFile(path.join(where, "flujo.db"), (journal) =>
        Effect.gen(function* () {
          const notes = Array.from({ length: count }, (_, i) => Histories.note(i))
          const owned = yield* begin(journal, run, [...notes, Histories.large(count, size, "é"), Histories.completed])
          yield* journal.release(owned)
          return yield* use(journal)
        })
      )
    )
  )

const exported = (journal: Service) =>
  Effect.gen(function* () {
    const { text } = Either.getOrThrow(yield* LedgerFile.write(journal, run))
    return Buffer.from((yield* Stream.runFold(text, "", (all, piece) => all + piece)) satisfies string)
  })

const verified = (bytes: Uint8Array, claims: ReadonlyArray<Root> = []) =>
  Effect.map(LedgerFile.verify(Stream.fromIterable(pieces(bytes)), claims), ({ found }) => found)

/** As a file comes: in pieces that end anywhere, also within a character. */
const pieces = (bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  const all: Array<Uint8Array> = []
  for (let at = 0; at < bytes.length; at += 4099) all.push(bytes.subarray(at, at + 4099))
  return all
}

describe("an exported run", () => {
  it.live("verifies without its store, and has the root of the store", () =>
    withRun(600, 70_000, (journal) =>
      Effect.gen(function* () {
        const found = yield* verified(yield* exported(journal))
        assert.deepStrictEqual(found, yield* Audit.verify(journal, run))
        assert.deepInclude(found, { entries: 603, rooted: 603 })
        const claims = (yield* Audit.walk(journal, run)).roots
        assert.deepStrictEqual(
          claims.map(({ size }) => size),
          [256, 512, 603]
        )
        assert.isFalse(Ledger.isBad(yield* verified(yield* exported(journal), claims)))
      })
    )
  )

  /** Flips every bit that `isTried`, one at a time; answers how many. */
  const flipping = (bytes: Buffer, isTried: (bit: number) => boolean) =>
    Effect.gen(function* () {
      let count = 0
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        if (!isTried(bit)) continue
        const at = bit >> 3
        bytes[at]! ^= 1 << (bit & 7)
        assert.isTrue(Ledger.isBad(yield* verified(bytes)), `bit ${bit & 7} of byte ${at}`)
        bytes[at]! ^= 1 << (bit & 7)
        count += 1
      }
      assert.isFalse(Ledger.isBad(yield* verified(bytes)))
      return count
    })

  it.live(
    "one flipped bit anywhere in it is found",
    () =>
      withRun(3, 20, (journal) =>
        Effect.gen(function* () {
          const bytes = yield* exported(journal)
          const count = yield* flipping(bytes, (bit) => bit % Long.runs(11, 1) === 0)
          assert.isAbove(count, 1500)
        })
      ),
    timeout
  )

  it.live(
    "one flipped bit in a payload that stands apart in the store is found",
    () =>
      withRun(3, 70_000, (journal) =>
        Effect.gen(function* () {
          const step = Long.runs(9973, 97)
          assert.isAbove(yield* flipping(yield* exported(journal), (bit) => bit % step === 0), 100)
        })
      ),
    timeout
  )

  it.live("is found to be cut wherever it was cut, and longer wherever something was added", () =>
    withRun(3, 70_000, (journal) =>
      Effect.gen(function* () {
        const bytes = yield* exported(journal)
        const lines = bytes.toString().split("\n").slice(0, -1)
        const text = (all: ReadonlyArray<string>) => Buffer.from(all.map((line) => `${line}\n`).join(""))
        assert.deepStrictEqual(text(lines), bytes)
        for (const [i, line] of lines.entries()) {
          for (const changed of [
            lines.slice(0, i),
            lines.toSpliced(i, 1),
            lines.toSpliced(i, 0, line),
            [...lines, line]
          ]) {
            assert.isTrue(Ledger.isBad(yield* verified(text(changed))), `line ${i}`)
          }
          // The same to a reader of JSON, and not the bytes that were written.
          for (const changed of [`{ ${line.slice(1)}`, `${line} `, `{"root":"00",${line.slice(1)}`]) {
            assert.isTrue(Ledger.isBad(yield* verified(text(lines.with(i, changed)))), changed.slice(0, 40))
          }
        }
        assert.isTrue(Ledger.isBad(yield* verified(bytes.subarray(0, -1))))
        assert.isTrue(Ledger.isBad(yield* verified(Buffer.concat([bytes, Buffer.from("\n")]))))
        assert.isTrue(Ledger.isBad(yield* verified(Buffer.concat([Buffer.from("\ufeff"), bytes]))))
        assert.isTrue(Ledger.isBad(yield* verified(Buffer.from(bytes.toString().replaceAll("\n", "\r\n")))))
      })
    )
  )

  it.live("is not written of a run that does not hold", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = path.join(yield* folder, "flujo.db")
        yield* write(file, 1)
        raw(file, (db) => db.exec("UPDATE entries SET payload = '{}' WHERE run = 'r1' AND seq = 2"))
        const written = yield* inFile(file, (journal) => LedgerFile.write(journal, run))
        assert.deepStrictEqual(
          Either.flip(written),
          Either.right({ entry: 2, last: 2, why: "its payload was changed" })
        )
      })
    )
  )
})

describe("a proof", () => {
  const proofOf = (journal: Service, seq: number, withPayload = true) =>
    Effect.gen(function* () {
      const made = yield* LedgerProof.make(journal, run, { isWanted: (entry) => entry.seq === seq, withPayload })
      return LedgerProof.print(Option.getOrThrow(Either.getOrThrow(made)))
    })

  it.live("of any entry leads to a root that was written with the run, without the run", () =>
    withRun(300, 20, (journal) =>
      Effect.gen(function* () {
        const { roots } = yield* Audit.walk(journal, run)
        const entries = Array.from(yield* Stream.runCollect(journal.stored(run, 0)))
        for (const seq of [0, 1, 100, 255, 256, 301, 302]) {
          const { payload, ...proven } = Either.getOrThrow(yield* LedgerProof.check(yield* proofOf(journal, seq)))
          assert.deepInclude(proven, { run, seq, root: roots[seq < 256 ? 0 : 1]! })
          assert.strictEqual(payload, Buffer.from(entries[seq]!.payload!).toString())
          const closed = Either.getOrThrow(yield* LedgerProof.check(yield* proofOf(journal, seq, false)))
          assert.deepStrictEqual(closed, { ...proven, payload: undefined })
        }
        const none = yield* LedgerProof.make(journal, run, { isWanted: () => false, withPayload: true })
        assert.deepStrictEqual(none, Either.right(Option.none()))
      })
    )
  )

  it.live("with one flipped bit does not hold, or leads to another root", () =>
    withRun(9, 20, (journal) =>
      Effect.gen(function* () {
        const { roots } = yield* Audit.walk(journal, run)
        const bytes = Buffer.from(yield* proofOf(journal, 5))
        for (let at = 0; at < bytes.length; at++) {
          for (let bit = 0; bit < 8; bit++) {
            bytes[at]! ^= 1 << bit
            const checked = yield* LedgerProof.check(bytes.toString())
            // White space at the end is no part of what is proven.
            if (Either.isRight(checked) && at < bytes.length - 1) {
              assert.notDeepEqual(checked.right.root, roots[0], `bit ${bit} of byte ${at}`)
            }
            bytes[at]! ^= 1 << bit
          }
        }
      })
    )
  )
})
