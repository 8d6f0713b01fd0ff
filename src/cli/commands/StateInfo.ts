/** `flujo state info` and `flujo state migrate`, which opens it for writing and so brings it up to date. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Text from "../../lens/Text.js"
import { printable } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { exits } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import * as States from "../States.js"
import * as Workspace from "../Workspace.js"

const info =
  (access: "read" | "tend"): Module<typeof Flags.status>["run"] =>
  (flags) =>
    Effect.gen(function* () {
      const workspace = yield* Workspace.read(flags.stateUri)
      const journal = yield* Workspace.history(workspace, access)
      const { found, keys, last, waiting } = yield* Effect.mapError(
        Effect.all({
          keys: journal.store.encryption.runsByKey,
          found: journal.store.info,
          last: journal.log.last,
          waiting: Stream.runCount(journal.log.queued)
        }),
        Faults.journal
      )
      const { bytes, entries, runsByStatus, version } = found
      const runs = Object.values(runsByStatus).reduce((sum, count) => sum + count, 0)
      const where = Workspace.stateOf(workspace)
      const sealed = Option.getOrUndefined(last)
      const { current } = workspace.config.encryption
      const encrypted = Array.from(keys).flatMap(([key, runs]) => (key === undefined ? [] : [{ key, runs }]))
      const plain = keys.get(undefined) ?? 0
      return {
        exit: exits.done,
        data: {
          state: where,
          version,
          bytes,
          runs,
          runs_by_status: { ...runsByStatus },
          entries,
          encryption: { key_id: current?.id ?? null, phi: workspace.config.phi.value, runs_by_key: encrypted, plain },
          log: {
            size: sealed?.size ?? 0,
            at: sealed === undefined ? null : Text.iso(sealed.at),
            roots_waiting: waiting
          }
        },
        text: [
          printable(where),
          `version ${version} of its tables, ${States.bytes(bytes)}`,
          `${runs} runs, ${entries} entries${runs === 0 ? "" : ":"}`,
          ...Object.entries(runsByStatus)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([status, count]) => `  ${status.padEnd(10)} ${count}`),
          current === undefined
            ? "encryption is off: no key is given"
            : `encryption is on: new runs under the key ${current.id}`,
          ...encrypted.map(({ key, runs }) => `  ${runs} under ${key}`),
          ...(encrypted.length > 0 && plain > 0 ? [`  ${plain} not encrypted`] : []),
          sealed === undefined
            ? `no checkpoint yet, ${waiting} roots wait for one`
            : `last checkpoint ${Text.iso(sealed.at)} over ${sealed.size} roots, ${waiting} wait for the next`
        ].join("\n")
      }
    }).pipe(Effect.scoped)

export const run = info("read")

export const migrate = info("tend")
