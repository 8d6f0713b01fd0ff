/**
 * A batch as the parameters of `write_batch` in `PostgresSchema.ts`: one JSON array for each table, so that each table is
 * written by one statement. No statement may change a row twice, so what the entries of a slice change is put together
 * first.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Digest } from "../domain/Digest.js"
import * as Json from "../domain/Json.js"
import type { StepPath } from "../domain/StepPath.js"
import type { Answer, Slice, Writing } from "./Driver.js"
import { Owner } from "./Journal.js"
import * as Pools from "./Pools.js"
import * as PostgresPools from "./PostgresPools.js"
import type * as RunIndex from "./RunIndex.js"

/** What the changes of one slice come to. */
export interface Net {
  readonly added: RunIndex.RunRow | undefined
  readonly moved: Extract<RunIndex.Change, { readonly _tag: "RunMoved" }> | undefined
  /** That it was upgraded to. */
  readonly plan: Digest | undefined
  readonly tokens: number
  /** Undefined: ended. */
  readonly tasks: ReadonlyMap<StepPath, RunIndex.TaskRow | undefined>
}

export const net = (changes: ReadonlyArray<RunIndex.Change>): Net => {
  let added: Net["added"]
  let moved: Net["moved"]
  let plan: Net["plan"]
  let tokens = 0
  const tasks = new Map<StepPath, RunIndex.TaskRow | undefined>()
  for (const change of changes) {
    switch (change._tag) {
      case "RunAdded":
        added = change.row
        moved = undefined
        plan = undefined
        tokens = 0
        break
      case "RunMoved":
        moved = change
        if (change.status === "erased") for (const path of tasks.keys()) tasks.set(path, undefined)
        break
      case "Upgraded":
        plan = change.plan
        break
      case "TokensSpent":
        tokens += change.tokens
        break
      case "TaskAdded":
        tasks.set(change.row.path, change.row)
        break
      case "TaskEnded":
        tasks.set(change.path, undefined)
        break
      // Moved one by one, in their order.
      case "PoolMoved":
        break
    }
  }
  if (added === undefined) return { added, moved, plan, tokens, tasks }
  const row =
    moved === undefined ? added : { ...added, status: moved.status, updatedAt: moved.at, wakeAt: moved.wakeAt }
  const whole = { ...row, plan: plan ?? row.plan, tokens: row.tokens + tokens }
  return { added: whole, moved: undefined, plan: undefined, tokens: 0, tasks }
}

type Record = { readonly [column: string]: string | number | null | undefined }

/** `any`: written if the run is held. `park`: written if no letter waits, too. */
type Part = "any" | "park"

class Tables {
  readonly rows: Array<Record> = []
  readonly roots: Array<Record> = []
  readonly blobs: Array<Record> = []
  readonly letters: Array<Record> = []
  readonly added: Array<Record> = []
  readonly moved: Array<Record> = []
  readonly ended: Array<Record> = []
  readonly opened: Array<Record> = []
  readonly pools: Array<Record> = []

  write(part: Part, run: string, { blobs, changes, letters, roots, rows }: Writing): void {
    for (const { blob, head, payload, salt, seq } of rows) {
      this.rows.push({ part, run, seq, head, payload, salt: salt && base64(salt), blob })
    }
    for (const { root, size } of roots) this.roots.push({ part, run, size, root })
    for (const { address, bytes } of blobs) this.blobs.push({ part, run, address, bytes: base64(bytes) })
    for (const id of letters) this.letters.push({ part, run, id })
    if (changes.length > 0) this.change(part, run, net(changes))
    this.pools.push(...PostgresPools.encode(run, Pools.movesOf({ changes }), this.pools.length))
  }

  change(part: Part, run: string, { added, moved, plan: upgraded, tasks, tokens }: Net): void {
    if (added !== undefined) {
      const { labels, pipeline, plan, startedAt, status, updatedAt, wakeAt } = added
      this.added.push({
        part,
        run,
        pipeline: JSON.stringify(pipeline),
        plan,
        status,
        started_at: startedAt,
        updated_at: updatedAt,
        wake_at: wakeAt,
        tokens: added.tokens,
        labels: JSON.stringify(labels)
      })
    }
    if (moved !== undefined || upgraded !== undefined || tokens !== 0) {
      const { at, status, wakeAt } = moved ?? {}
      this.moved.push({ part, run, status, updated_at: at, wake_at: wakeAt, tokens, plan: upgraded })
    }
    for (const [path, row] of tasks) {
      if (row === undefined) this.ended.push({ part, run, path })
      else this.opened.push({ part, run, path, task: row.task, opened_at: row.openedAt, seq: row.seq })
    }
  }

  /** In the order of the function's parameters. */
  get parameters(): ReadonlyArray<string | null> {
    const { added, blobs, ended, letters, moved, opened, pools, roots, rows } = this
    return [rows, roots, blobs, letters, added, moved, ended, opened, pools].map(text)
  }
}

const text = (records: ReadonlyArray<Record>): string | null => (records.length === 0 ? null : JSON.stringify(records))

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")

export const encode = (slices: ReadonlyArray<Slice>): ReadonlyArray<string | null> => {
  const tables = new Tables()
  const heads: Array<Record> = []
  for (const slice of slices) {
    const { acquire, epoch, rest, run } = slice
    heads.push({
      run,
      epoch,
      rest: rest?._tag,
      ...(acquire === undefined
        ? {}
        : {
            owner: ownerText(acquire.owner),
            expires_at: acquire.expiresAt,
            key: base64(acquire.key),
            digest: acquire.plan.digest,
            plan: acquire.plan.json
          })
    })
    tables.write("any", run, slice)
    if (rest?._tag === "Park") tables.write("park", run, rest.writing)
  }
  return [JSON.stringify(heads), ...tables.parameters]
}

/** The parameters `some_added` and `some_opened`. */
export const encodeProjection = ({ row, tasks }: RunIndex.Projection): ReadonlyArray<string | null> => {
  const tables = new Tables()
  const of = row?.run ?? Array.from(tasks.values())[0]?.run
  if (of !== undefined) tables.change("any", of, { added: row, moved: undefined, plan: undefined, tokens: 0, tasks })
  return [text(tables.added), text(tables.opened)]
}

/** Canonical, so that one owner has one text. */
export const ownerText = ({ host, id, pid, started }: Owner): string => Json.canonical({ host, id, pid, started })

/** Of slices of one run all but one would make it anew: the others are refused, and the function never sees them. */
export const oneForEachRun = (slices: ReadonlyArray<Slice>): ReadonlyArray<Slice> => {
  const chosen = new Map<string, Slice>()
  for (const slice of slices) {
    const other = chosen.get(slice.run)
    if (other === undefined || (other.acquire !== undefined && slice.acquire === undefined))
      chosen.set(slice.run, slice)
  }
  return chosen.size === slices.length ? slices : slices.filter((slice) => chosen.get(slice.run) === slice)
}

/** One answer for each slice, of those that were `sent`; undefined if that is not what the database gave. */
export const decode = (
  given: unknown,
  slices: ReadonlyArray<Slice>,
  sent: ReadonlyArray<Slice>
): ReadonlyArray<Answer> | undefined => {
  const decoded = decodeAnswers(given)
  if (Option.isNone(decoded)) return undefined
  const byRun = new Map(decoded.value.map((answer) => [answer.run, answer]))
  const wasSent = new Set(sent)
  const answers: Array<Answer> = []
  for (const slice of slices) {
    const answer = byRun.get(slice.run)
    if (answer === undefined) return undefined
    if (answer.tag === "Refused" || !wasSent.has(slice)) answers.push({ _tag: "Refused", holder: answer.holder })
    else if (answer.tag === "Short") {
      const shorts = (answer.shorts ?? []).map((short) => ({ ...short, pool: PostgresPools.nameOf(short.pool) ?? "" }))
      answers.push({ _tag: "Short", shorts })
    } else answers.push({ _tag: answer.tag })
  }
  return answers
}

const decodeAnswers = Schema.decodeUnknownOption(
  Schema.Array(
    Schema.Struct({
      run: Schema.String,
      tag: Schema.Literal("Written", "LettersWaiting", "Refused", "Short"),
      holder: Schema.NullOr(Schema.parseJson(Owner)),
      shorts: Schema.NullishOr(
        Schema.Array(
          Schema.Struct({
            seq: Schema.Int,
            pool: Schema.String,
            reason: Schema.Literal("Cost", "Tokens"),
            left: Schema.NumberFromString,
            limit: Schema.NumberFromString
          })
        )
      )
    })
  )
)
