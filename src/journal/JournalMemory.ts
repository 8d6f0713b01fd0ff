/**
 * A journal that lives as long as its layer: for tests, and for runs that nobody means to keep. It stores what the
 * others store, encoded, so that what cannot be read back is found here too.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Digest } from "../domain/Digest.js"
import * as Pool from "../domain/Pool.js"
import type { RunId } from "../domain/RunId.js"
import type { Answer, Driver, LetterRow, Row, Slice, Writing } from "./Driver.js"
import * as Inbox from "./Inbox.js"
import {
  Journal,
  JournalError,
  type Leaf,
  type LogKey,
  type Owner,
  type Queued,
  type Root,
  type Sealed
} from "./Journal.js"
import * as JournalMake from "./JournalMake.js"
import type * as Kept from "./Kept.js"
import * as Pools from "./Pools.js"
import * as RunIndex from "./RunIndex.js"

interface Run {
  /** Empty: it is no more. */
  key: Uint8Array
  lease: { owner: Owner | null; epoch: number; expiresAt: number }
  readonly rows: Array<Row>
  readonly roots: Array<Root>
  readonly blobs: Map<string, Uint8Array>
  readonly letters: Map<string, LetterRow & { readonly order: number; taken: boolean }>
  projection: RunIndex.Projection
}

/** A store of its own; two journals over one driver share it, as two processes share a file. */
export const makeDriver = (): Driver => {
  const runs = new Map<RunId, Run>()
  const plans = new Map<Digest, string>()
  const kept = new Map<string, Kept.Row>()
  const pools = new Map<string, Pool.Share>()
  let letterCount = 0
  let queue: Array<Queued> = []
  let queuedCount = 0
  const log: Array<Leaf> = []
  const checkpoints: Array<{ readonly sealed: Sealed; readonly frontier: string }> = []
  const keys: Array<LogKey> = []

  const untaken = (run: Run) => Array.from(run.letters.values()).filter(({ taken }) => !taken)

  const rowOf = (run: Run): RunIndex.RunRow | undefined => {
    const { row } = run.projection
    return row?.status === "suspended" && untaken(run).length > 0 ? { ...row, status: "ready" } : row
  }

  const write = (id: RunId, run: Run, { blobs, changes, letters, roots, rows }: Writing): void => {
    run.rows.push(...rows)
    run.roots.push(...roots)
    for (const { root, size } of roots) {
      queuedCount += 1
      queue.push({ run: id, size, root, order: queuedCount })
    }
    for (const { address, bytes } of blobs) if (!run.blobs.has(address)) run.blobs.set(address, bytes)
    for (const id of letters) {
      const letter = run.letters.get(id)
      if (letter !== undefined) letter.taken = true
    }
    for (const change of changes) {
      run.projection = RunIndex.apply(run.projection, change)
      if (change._tag === "PoolMoved") pools.set(change.pool, Pool.add(totalOf(change.pool), change.by))
    }
  }

  const totalOf = (pool: string): Pool.Share => pools.get(pool) ?? Pool.nothing

  /** Throws before anything is written, as a constraint does. */
  const check = (slice: Slice): Answer | undefined => {
    const run = runs.get(slice.run)
    if (slice.acquire !== undefined) return run && { _tag: "Refused", holder: run.lease.owner }
    if (run === undefined || run.lease.owner === null || run.lease.epoch !== slice.epoch) {
      return { _tag: "Refused", holder: run?.lease.owner ?? null }
    }
    if (slice.rows.some(({ seq }, i) => seq !== run.rows.length + i)) {
      throw new JournalError({ reason: "Conflict", where: `run ${slice.run}`, detail: "an entry is there already" })
    }
    return undefined
  }

  const apply = (slice: Slice): Answer => {
    const { acquire, rest } = slice
    const shorts = Pools.shortages(Pools.movesOf(slice), totalOf)
    if (shorts.length > 0) return { _tag: "Short", shorts }
    let run = runs.get(slice.run)
    if (acquire !== undefined) {
      const { digest, json } = acquire.plan
      if (!plans.has(digest)) plans.set(digest, json)
      run = {
        key: acquire.key,
        lease: { owner: acquire.owner, epoch: slice.epoch, expiresAt: acquire.expiresAt },
        rows: [],
        roots: [],
        blobs: new Map(),
        letters: new Map(),
        projection: RunIndex.empty
      }
      runs.set(slice.run, run)
    }
    write(slice.run, run!, slice)
    if (rest?._tag === "Park") {
      if (untaken(run!).length > 0) return { _tag: "LettersWaiting" }
      write(slice.run, run!, rest.writing)
    }
    if (rest !== undefined) run!.lease.owner = null
    return { _tag: "Written" }
  }

  return {
    name: "memory",
    commit: (slices) =>
      attempt(() => {
        const born = new Set<RunId>()
        const refused = slices.map((slice): Answer | undefined => {
          // What is written further up in the batch counts.
          if (born.has(slice.run)) return { _tag: "Refused", holder: null }
          if (slice.acquire !== undefined) born.add(slice.run)
          return check(slice)
        })
        return slices.map((slice, i) => refused[i] ?? apply(slice))
      }),
    select: ({ from, limit, run }) => Effect.sync(() => runs.get(run)?.rows.slice(from, from + limit) ?? []),
    heads: ({ from, limit, run }) =>
      Effect.sync(
        () =>
          runs
            .get(run)
            ?.rows.slice(from, from + limit)
            .map(({ head }) => head) ?? []
      ),
    roots: ({ after, limit, run }) =>
      Effect.sync(
        () =>
          runs
            .get(run)
            ?.roots.filter(({ size }) => size > after)
            .slice(0, limit) ?? []
      ),
    blob: ({ address, run }) => Effect.sync(() => runs.get(run)?.blobs.get(address)),
    lease: (run) =>
      Effect.sync(() => {
        const lease = runs.get(run)?.lease
        return lease && { ...lease }
      }),
    take: ({ expiresAt, owner, run: id, seen }) =>
      Effect.sync(() => {
        const run = runs.get(id)
        if (run === undefined || run.lease.epoch !== seen.epoch || run.lease.expiresAt !== seen.expiresAt)
          return undefined
        if (run.lease.owner?.id !== seen.owner?.id) return undefined
        run.lease = { owner, epoch: seen.epoch + 1, expiresAt }
        return { epoch: run.lease.epoch, next: run.rows.length, key: run.key }
      }),
    renew: ({ expiresAt, owner, runs: ids }) =>
      Effect.sync(() =>
        ids.flatMap((id) => {
          const run = runs.get(id)
          if (run === undefined || run.lease.owner?.id !== owner.id) return []
          run.lease.expiresAt = expiresAt
          return [{ run: id, epoch: run.lease.epoch }]
        })
      ),
    giveBack: ({ epoch, run: id }) =>
      Effect.sync(() => {
        const run = runs.get(id)
        if (run?.lease.epoch === epoch) run.lease.owner = null
      }),
    deliver: (letter) =>
      Effect.sync(() => {
        const run = runs.get(letter.run)
        const earlier = run?.letters.get(letter.id)
        const tasks = run?.projection.tasks
        const judgement = Inbox.judge(letter.kind, {
          status: run?.projection.row?.status,
          earlier,
          open: letter.path !== null && tasks?.has(letter.path) === true
        })
        switch (judgement) {
          case "Unknown":
            return { _tag: "Unknown" }
          case "Ended":
            return { _tag: "Ended", status: run!.projection.row!.status }
          case "NoTask":
            return {
              _tag: "NoTask",
              open: Array.from(tasks!.values())
                .sort(bySeq)
                .map(({ path }) => path)
            }
          case "Taken":
            return { _tag: "Taken", first: earlier! }
          case "Same":
            return { _tag: "Left", order: earlier!.order }
          case "Again":
          case "Insert": {
            letterCount += 1
            const { at, data, id } = letter
            run!.letters.delete(id)
            run!.letters.set(id, { id, data, at, order: letterCount, taken: false })
            return { _tag: "Left", order: letterCount }
          }
        }
      }),
    letters: (run) =>
      Effect.sync(() => {
        const found = runs.get(run)
        return found === undefined ? [] : untaken(found)
      }),
    waiting: (ids) =>
      Effect.sync(() =>
        ids.flatMap((id) => {
          const run = runs.get(id)
          const last = run === undefined ? undefined : untaken(run).at(-1)
          return last === undefined ? [] : [{ run: id, order: last.order }]
        })
      ),
    runKey: (run) =>
      Effect.sync(() => {
        const key = runs.get(run)?.key
        return key?.length === 0 ? undefined : key
      }),
    runKeys: ({ after, limit }) =>
      Effect.sync(() =>
        Array.from(runs, ([run, { key }]) => ({ run, key }))
          .filter(({ key, run }) => key.length > 0 && (after === undefined || run > after))
          .sort((a, b) => compare(a.run, b.run))
          .slice(0, limit)
      ),
    putRunKey: ({ key, run: id, seen }) =>
      Effect.sync(() => {
        const run = runs.get(id)
        if (run === undefined || Buffer.compare(run.key, seen) !== 0) return false
        run.key = key
        return true
      }),
    putPlan: ({ digest, json }) =>
      Effect.sync(() => {
        if (!plans.has(digest)) plans.set(digest, json)
      }),
    recall: (key) => Effect.sync(() => kept.get(key)),
    keep: (row, max) =>
      Effect.sync(() => {
        for (const [key, { expiresAt }] of kept) if (expiresAt <= row.at) kept.delete(key)
        kept.delete(row.key)
        kept.set(row.key, row)
        if (kept.size <= max) return
        const latest = Array.from(kept.values()).sort((a, b) => b.at - a.at || compare(a.key, b.key))
        for (const { key } of latest.slice(max)) kept.delete(key)
      }),
    plan: (digest) => Effect.sync(() => plans.get(digest)),
    run: (id) =>
      Effect.sync(() => {
        const run = runs.get(id)
        return run && rowOf(run)
      }),
    runs: ({ before, label, limit, name, pipeline, prefix, since, status, until }) =>
      Effect.sync(() => {
        const start = before === undefined ? undefined : runs.get(before)?.projection.row
        if (before !== undefined && start === undefined) return []
        return Array.from(runs.values())
          .flatMap((run) => rowOf(run) ?? [])
          .filter(
            (row) =>
              (status === undefined || status.includes(row.status)) &&
              (prefix === undefined || row.run.startsWith(prefix)) &&
              (pipeline === undefined || row.pipeline === pipeline) &&
              (name === undefined || row.pipeline.toLowerCase().includes(name.toLowerCase())) &&
              (label === undefined || row.labels.some(([key, value]) => key === label[0] && value === label[1])) &&
              (since === undefined || row.startedAt >= since) &&
              (until === undefined || row.startedAt < until) &&
              (start === undefined || newestFirst(start, row) < 0)
          )
          .sort(newestFirst)
          .slice(0, limit)
      }),
    tasks: ({ limit, run }) =>
      Effect.sync(() =>
        Array.from(runs)
          .flatMap(([id, { projection }]) =>
            run === undefined || run === id ? Array.from(projection.tasks.values()) : []
          )
          .sort((a, b) => a.openedAt - b.openedAt || compare(a.run, b.run) || a.seq - b.seq)
          .slice(0, limit)
      ),
    pools: (names) =>
      Effect.sync(() =>
        names.flatMap((pool) => {
          const share = pools.get(pool)
          return share === undefined ? [] : [{ pool, ...share }]
        })
      ),
    shares: (run) =>
      Effect.sync(() => Array.from(runs.get(run)?.projection.pools ?? [], ([pool, share]) => ({ pool, ...share }))),
    ids: ({ after, limit }) =>
      Effect.sync(() =>
        Array.from(runs.keys())
          .filter((id) => after === undefined || id > after)
          .sort(compare)
          .slice(0, limit)
      ),
    queued: ({ after, limit }) => Effect.sync(() => queue.filter(({ order }) => order > after).slice(0, limit)),
    log: ({ from, limit }) => Effect.sync(() => log.slice(from, from + limit)),
    logOf: (run) => Effect.sync(() => log.filter((leaf) => leaf.run === run)),
    seal: ({ from, frontier, leaves, sealed }) =>
      Effect.sync(() => {
        if (log.length !== from) return false
        const taken = new Set(leaves.map(({ order }) => order))
        queue = queue.filter(({ order }) => !taken.has(order))
        for (const { order: _, ...leaf } of leaves) log.push(leaf)
        checkpoints.push({ sealed, frontier })
        return true
      }),
    lastSealed: Effect.sync(() => checkpoints.at(-1)),
    checkpoints: ({ after, limit }) =>
      Effect.sync(() =>
        checkpoints
          .map(({ sealed }) => sealed)
          .filter(({ size }) => size > after)
          .slice(0, limit)
      ),
    keys: Effect.sync(() => keys.slice()),
    putKey: (key) =>
      Effect.sync(() => {
        if (keys.length !== key.number) return false
        keys.push(key)
        return true
      }),
    info: Effect.sync(() => {
      const runsByStatus: Record<string, number> = {}
      let [bytes, entries] = [0, 0]
      for (const run of runs.values()) {
        const status = rowOf(run)?.status
        if (status !== undefined) runsByStatus[status] = (runsByStatus[status] ?? 0) + 1
        entries += run.rows.length
        bytes += sizeOf(run)
      }
      return { version: 0, bytes, entries, runsByStatus }
    }),
    bytesOf: (id) =>
      Effect.sync(() => {
        const run = runs.get(id)
        return run === undefined ? 0 : sizeOf(run)
      }),
    forget: (id) =>
      Effect.sync(() => {
        const run = runs.get(id)
        if (run === undefined || run.lease.owner !== null || !RunIndex.hasEnded(run.projection.row?.status))
          return false
        const last = run.roots.at(-1)
        if (last !== undefined) {
          queuedCount += 1
          queue.push({ ...last, run: id, gone: true, order: queuedCount })
        }
        runs.delete(id)
        for (const [key, row] of kept) if (row.run === id) kept.delete(key)
        return true
      }),
    erase: ({ changes, epoch, roots, row, run: id }) =>
      Effect.sync(() => {
        const run = runs.get(id)
        if (run === undefined || run.lease.owner === null || run.lease.epoch !== epoch) return false
        write(id, run, { rows: [row], roots, changes, blobs: [], letters: [] })
        for (const [i, { head, seq }] of run.rows.entries()) {
          run.rows[i] = { seq, head, payload: null, salt: null, blob: null }
        }
        run.blobs.clear()
        run.letters.clear()
        run.key = new Uint8Array(0)
        run.lease.owner = null
        for (const [key, row] of kept) if (row.run === id) kept.delete(key)
        return true
      }),
    vacuum: Effect.void,
    project: ({ count, isDry, projection, run: id }) =>
      Effect.sync(() => {
        const run = runs.get(id)
        if ((run?.rows.length ?? 0) !== count) return undefined
        const stored = { ...(run?.projection ?? RunIndex.empty), brokenTasks: 0, labels: undefined }
        const different = RunIndex.differences(stored, projection)
        if (run !== undefined && !isDry) {
          for (const [pool, share] of run.projection.pools)
            pools.set(pool, Pool.add(totalOf(pool), Pool.negated(share)))
          for (const [pool, share] of projection.pools) pools.set(pool, Pool.add(totalOf(pool), share))
          run.projection = projection
        }
        return different
      })
  }
}

const attempt = <A>(run: () => A): Effect.Effect<A, JournalError> =>
  Effect.try({
    try: run,
    catch: (error) => {
      // Anything else is a mistake in this file.
      if (error instanceof JournalError) return error
      throw error
    }
  })

const sizeOf = ({ blobs, letters, rows }: Run): number => {
  let bytes = 0
  for (const { head, payload, salt } of rows)
    bytes += Buffer.byteLength(head) + (payload === null ? 0 : Buffer.byteLength(payload)) + (salt?.length ?? 0)
  for (const blob of blobs.values()) bytes += blob.length
  for (const { data } of letters.values()) bytes += Buffer.byteLength(data)
  return bytes
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const newestFirst = (a: RunIndex.RunRow, b: RunIndex.RunRow): number =>
  b.startedAt - a.startedAt || compare(b.run, a.run)

const bySeq = (a: RunIndex.TaskRow, b: RunIndex.TaskRow): number => a.seq - b.seq

const century = 100 * 365 * 24 * 3600 * 1000

/** Nobody else can get at such a journal, so its leases need no renewal and its inbox no second look. */
export const layerMemoryWith = (options: JournalMake.Options): Layer.Layer<Journal> =>
  Layer.scoped(
    Journal,
    Effect.suspend(() => JournalMake.make(makeDriver(), { leaseMillis: century, mailPollMillis: century, ...options }))
  )

export const layerMemory: Layer.Layer<Journal> = layerMemoryWith({})
