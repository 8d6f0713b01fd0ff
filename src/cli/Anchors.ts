/**
 * Checkpoints left outside of the state: appended to files, and shown to witnesses (C2SP `tlog-witness`), who sign only what
 * goes on from what they saw before. What they sign is added to the note.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { JournalError, Sealed, Log as StoreLog } from "../journal/Journal.js"
import * as Log from "../journal/Log.js"
import * as MerkleTree from "../journal/MerkleTree.js"
import * as SignedNote from "../journal/SignedNote.js"
import type { Anchor } from "../project/ProjectLedger.js"
import { excerpt } from "../redaction/Printable.js"
import { ledgerErrors } from "./codes/Ledger.js"
import { Fault } from "./Fault.js"
import * as Faults from "./Faults.js"

const witnessMillis = 10_000
const answerMax = 16 * 1024

/** `left`: the anchors that took it. */
export const leave = (
  log: StoreLog,
  sealed: Sealed,
  anchors: ReadonlyArray<Anchor>
): Effect.Effect<{ readonly left: ReadonlyArray<string>; readonly note: string }, Fault, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const left: Array<string> = []
    let { note } = sealed
    for (const anchor of anchors) {
      if (anchor._tag !== "Witness") continue
      note += yield* witness(log, sealed, anchor.url).pipe(Effect.provide(FetchHttpClient.layer))
      left.push(anchor.url)
    }
    for (const anchor of anchors) {
      if (anchor._tag !== "File") continue
      yield* Effect.mapError(fs.writeFileString(anchor.path, `${note}\n`, { flag: "a" }), (error) =>
        refused(anchor.path, error._tag === "SystemError" ? error.reason : error.message)
      )
      left.push(anchor.path)
    }
    return { left, note }
  })

const refused = (where: string, why: string): Fault =>
  new Fault({ ...ledgerErrors.Anchor, text: `the checkpoint was not left at ${where}: ${why}` })

/** The lines that the witness signed with. */
const witness = (log: StoreLog, sealed: Sealed, url: string): Effect.Effect<string, Fault, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const ask = (old: number) =>
      Effect.gen(function* () {
        const path = yield* Effect.mapError(consistency(log, old, sealed.size), Faults.journal)
        const lines = [`old ${old}`, ...path.map((hash) => hash.toString("base64")), "", ""].join("\n")
        const response = yield* client.post(url, { body: HttpBody.text(lines + sealed.note, "text/plain") })
        const text = yield* response.text
        return { status: response.status, text: text.slice(0, answerMax) }
      }).pipe(
        Effect.timeoutFail({ duration: witnessMillis, onTimeout: () => refused(url, "it did not answer in time") }),
        Effect.catchIf(
          (error) => error._tag === "RequestError" || error._tag === "ResponseError",
          (error) => Effect.fail(refused(url, error._tag === "RequestError" ? "it cannot be reached" : error.reason))
        )
      )
    let answer = yield* ask(0)
    const seen = Number(answer.text.trim())
    // It says how much of this log it has seen, and wants to be shown that the rest goes on from there.
    if (answer.status === 409 && Number.isSafeInteger(seen) && seen > 0 && seen <= sealed.size)
      answer = yield* ask(seen)
    if (answer.status !== 200) {
      return yield* refused(url, `it answered ${answer.status} ${JSON.stringify(excerpt(answer.text.trim(), 200))}`)
    }
    const lines = answer.text.trim().split("\n")
    if (SignedNote.parse(`${sealed.note}${lines.join("\n")}\n`) === undefined) {
      return yield* refused(url, "what it answered is no signature")
    }
    return `${lines.join("\n")}\n`
  })

/** That the first `size` leaves of the log are the beginning of the first `all`. */
const consistency = (
  log: StoreLog,
  size: number,
  all: number
): Effect.Effect<ReadonlyArray<MerkleTree.Hash>, JournalError> =>
  size === 0
    ? Effect.succeed([])
    : Effect.map(Stream.runCollect(Stream.take(log.leaves(0), all)), (leaves) =>
        MerkleTree.consistency(
          Array.from(leaves, (leaf) => MerkleTree.leafHash(Log.leafText(leaf))),
          size
        )
      )
