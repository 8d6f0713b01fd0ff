/**
 * Somebody who may write in a store and knows how everything in it is made: fourteen ways of tampering with a run, as functions
 * of a store's tables, the same for every store. `mended` computes anew what depends on the change within the run, as far
 * as that can be done without a key.
 */
import * as Json from "../../src/domain/Json.js"
import type * as Commitment from "../../src/journal/Commitment.js"
import * as Ledger from "../../src/journal/Ledger.js"
import * as MerkleTree from "../../src/journal/MerkleTree.js"

/** Bytes stand as `\x` and hexadecimal, as Postgres writes them in JSON. */
export type Cell = string | number | boolean | null
export type Row = Readonly<Record<string, Cell>>
export type Tables = Readonly<Record<string, ReadonlyArray<Row>>>

export const victim = "victim"
export const other = "other"

/** How much of what depends on a change is computed anew: nothing, all in the run, or the log too, under a key. */
export type Effort = "nothing" | "the run" | "the log, another key" | "the log, the stolen key"

export interface Deed {
  readonly before: Tables
  /** The whole store as it once was. */
  readonly old: Tables
  readonly seed: number
  readonly commit: Commitment.Commitment
}

export interface Class {
  readonly name: string
  readonly efforts: ReadonlyArray<Effort>
  readonly tamper: (deed: Deed) => Tables
}

const isOf = (run: string) => (row: Row) => row.run === run

export const entriesOf = (tables: Tables, run: string): ReadonlyArray<Row> =>
  tables.entries!.filter(isOf(run)).toSorted((a, b) => Number(a.seq) - Number(b.seq))

const withEntries = (tables: Tables, run: string, entries: ReadonlyArray<Row>): Tables => ({
  ...tables,
  entries: [...tables.entries!.filter((row) => row.run !== run), ...entries]
})

const headOf = (row: Row): Json.JsonObject => JSON.parse(String(row.head))

const withHead = (row: Row, part: Json.JsonObject): Row => ({
  ...row,
  head: Json.canonical({ ...headOf(row), ...part })
})

/** A payload under a salt of the forger's, and the commitment that it needs. */
const spoken = (commit: Commitment.Commitment, row: Row, payload: string): Row => {
  const salt = Buffer.alloc(32, 9)
  const commitment = commit.of(salt, Buffer.from(payload))
  return { ...withHead(row, { commitment }), payload, salt: `\\x${salt.toString("hex")}`, blob: null }
}

const numbered = (entries: ReadonlyArray<Row>): ReadonlyArray<Row> => entries.map((row, seq) => ({ ...row, seq }))

const isNumbered = ({ payload }: Row): boolean => payload !== null && /:-?\d/.test(String(payload))

/** Of the same form, with another number in it. */
const otherPayload = (payload: Cell, seed: number): string => {
  let isChanged = false
  const text = JSON.stringify(JSON.parse(String(payload)), (_, value) => {
    if (isChanged || typeof value !== "number") return value
    isChanged = true
    return value + 1 + seed
  })
  return Json.canonical(JSON.parse(text))
}

/** An edit of one entry whose payload has a number; which one, the seed says. */
const editing = (deed: Deed, edit: (row: Row) => Row): Tables => {
  const entries = entriesOf(deed.before, victim)
  const at = entries.filter(isNumbered)
  const one = at[deed.seed % at.length]
  return withEntries(
    deed.before,
    victim,
    entries.map((row) => (row === one ? edit(row) : row))
  )
}

const onEntries = (
  { before, seed }: Deed,
  change: (entries: ReadonlyArray<Row>, at: number) => ReadonlyArray<Row>
): Tables => {
  const entries = entriesOf(before, victim)
  return withEntries(before, victim, numbered(change(entries, 1 + (seed % (entries.length - 2)))))
}

const onRow = (tables: Tables, table: string, change: (row: Row) => Row | undefined): Tables => {
  const at = tables[table]!.findIndex(isOf(victim))
  const changed = at < 0 ? undefined : change(tables[table]![at]!)
  return {
    ...tables,
    [table]: tables[table]!.flatMap((row, i) => (i === at ? (changed === undefined ? [] : [changed]) : [row]))
  }
}

/** One of a column that says again what entries say. */
const derived: ReadonlyArray<(tables: Tables) => Tables> = [
  (tables) => onRow(tables, "runs", (row) => ({ ...row, status: row.status === "failed" ? "completed" : "failed" })),
  (tables) => onRow(tables, "runs", (row) => ({ ...row, tokens: Number(row.tokens) + 1 })),
  (tables) => onRow(tables, "runs", (row) => ({ ...row, started_at: Number(row.started_at) - 1 })),
  (tables) => onRow(tables, "runs", (row) => ({ ...row, updated_at: Number(row.updated_at) + 1 })),
  (tables) => onRow(tables, "runs", (row) => ({ ...row, pipeline: `x${row.pipeline}` })),
  (tables) => onRow(tables, "runs", () => undefined),
  (tables) => onRow(tables, "roots", (row) => ({ ...row, root: String(row.root).toUpperCase() })),
  (tables) => onRow(tables, "roots", (row) => ({ ...row, size: Number(row.size) - 1 })),
  (tables) => onRow(tables, "roots", () => undefined),
  (tables) => onRow(tables, "log", (row) => ({ ...row, size: Number(row.size) + 1 })),
  (tables) => ({ ...tables, plans: tables.plans!.map((row) => ({ ...row, json: "{}" })) }),
  (tables) => ({
    ...tables,
    tasks: [
      ...tables.tasks!,
      { tenant: tables.runs![0]!.tenant!, run: victim, path: "more", task: "approve", opened_at: 0, seq: 1 }
    ]
  })
]

const confused: ReadonlyArray<(head: Json.JsonObject) => Json.JsonObject> = [
  (head) => ({ ...head, seq: String(head.seq) }),
  (head) => ({ ...head, at: String(head.at) }),
  (head) => ({ ...head, epoch: 1.5 }),
  (head) => ({ ...head, ordinal: null }),
  (head) => ({ ...head, data: [] }),
  (head) => ({ ...head, path: ["step"] }),
  (head) => ({ ...head, kind: 7 }),
  (head) => ({ ...head, run: [head.run ?? null] }),
  (head) => ({ ...head, commitment: 1 }),
  (head) => ({ ...head, more: true })
]

const all: ReadonlyArray<Effort> = ["nothing", "the run", "the log, another key", "the log, the stolen key"]

export const classes: ReadonlyArray<Class> = [
  {
    name: "edit payload",
    efforts: ["nothing"],
    tamper: (deed) => editing(deed, (row) => ({ ...row, payload: otherPayload(row.payload!, deed.seed) }))
  },
  {
    name: "edit and rehash",
    efforts: all,
    tamper: (deed) => editing(deed, (row) => spoken(deed.commit, row, otherPayload(row.payload!, deed.seed)))
  },
  { name: "delete", efforts: all, tamper: (deed) => onEntries(deed, (entries, at) => entries.toSpliced(at, 1)) },
  {
    name: "insert",
    efforts: all,
    tamper: (deed) =>
      onEntries(deed, (entries, at) => {
        const like = entries.findLast(isNumbered)!
        return entries.toSpliced(at, 0, spoken(deed.commit, like, otherPayload(like.payload!, deed.seed)))
      })
  },
  {
    name: "reorder",
    efforts: all,
    tamper: (deed) => onEntries(deed, (entries, at) => entries.with(at, entries[at + 1]!).with(at + 1, entries[at]!))
  },
  {
    name: "duplicate",
    efforts: all,
    tamper: (deed) => onEntries(deed, (entries, at) => entries.toSpliced(at, 0, entries[at]!))
  },
  { name: "cut tail", efforts: all, tamper: (deed) => onEntries(deed, (entries, at) => entries.slice(0, at)) },
  {
    name: "rewrite all",
    efforts: all,
    tamper: ({ before, commit, seed }) =>
      withEntries(
        before,
        victim,
        entriesOf(before, victim).map((row) => {
          const aged = withHead(row, { epoch: 7 + seed })
          return row.payload === null ? aged : spoken(commit, aged, String(row.payload))
        })
      )
  },
  { name: "restore old copy", efforts: ["nothing"], tamper: ({ old }) => old },
  {
    name: "fork",
    efforts: all,
    tamper: ({ before, commit, seed }) => {
      const entries = entriesOf(before, victim)
      const from = 1 + (seed % (entries.length - 1))
      const retold = (row: Row): Row =>
        isNumbered(row)
          ? spoken(commit, row, otherPayload(row.payload!, seed))
          : withHead(row, { at: Number(headOf(row).at) + 1 })
      return withEntries(before, victim, [...entries.slice(0, from), ...entries.slice(from).map(retold)])
    }
  },
  {
    name: "swap runs",
    efforts: all,
    tamper: ({ before }) => {
      const [mine, theirs] = [entriesOf(before, victim), entriesOf(before, other)]
      const renamed = (entries: ReadonlyArray<Row>, run: string) => entries.map((row) => ({ ...row, run }))
      return withEntries(withEntries(before, victim, renamed(theirs, victim)), other, renamed(mine, other))
    }
  },
  {
    name: "edit derived columns",
    efforts: ["nothing"],
    tamper: ({ before, seed }) => derived[seed % derived.length]!(before)
  },
  {
    name: "type confusion",
    efforts: all,
    tamper: ({ before, seed }) => {
      const entries = entriesOf(before, victim)
      const at = 1 + (seed % (entries.length - 1))
      const head = Json.canonical(confused[seed % confused.length]!(headOf(entries[at]!)))
      return withEntries(before, victim, entries.with(at, { ...entries[at]!, head }))
    }
  },
  {
    // Whatever else is done, signed as the rightful owner would.
    name: "stolen key",
    efforts: ["the log, the stolen key"],
    tamper: (deed) => classes[[1, 2, 3, 4, 5, 6, 7, 9, 10][deed.seed % 9]!]!.tamper(deed)
  }
]

/** Heads that say where they stand, and the roots that are due, of both runs. What a head's types are stays. */
export const mended = (tables: Tables): Tables =>
  [victim, other].reduce<Tables>((given, run) => {
    const entries = entriesOf(given, run).map((row, seq) => {
      const head = headOf(row)
      const place = {
        ...(typeof head.seq === "number" ? { seq } : {}),
        ...(typeof head.run === "string" ? { run } : {})
      }
      return withHead(row, place)
    })
    const leaves = entries.map(({ head }) => MerkleTree.leafHash(String(head)))
    const roots = entries.flatMap((row, i): ReadonlyArray<Row> => {
      const size = i + 1
      if (!Ledger.isDue(size, String(headOf(row).kind))) return []
      return [{ tenant: row.tenant!, run, size, root: MerkleTree.root(leaves.slice(0, size)).toString("hex") }]
    })
    return {
      ...withEntries(given, run, entries),
      roots: [...given.roots!.filter((row) => row.run !== run), ...roots]
    }
  }, tables)

/** No log any more: all roots wait for it, those that were in it in their order. */
export const unlogged = (tables: Tables): Tables => {
  const places = new Map(tables.log!.map((row) => [`${row.run} ${row.size}`, Number(row.number)]))
  const place = (row: Row) => places.get(`${row.run} ${row.size}`) ?? Number.MAX_SAFE_INTEGER
  return {
    ...tables,
    log: [],
    checkpoints: [],
    log_keys: [],
    unsealed: tables
      .roots!.toSorted((a, b) => place(a) - place(b))
      .map((row, i) => ({ ...row, number: 1_000_000 + i, gone: false }))
  }
}
