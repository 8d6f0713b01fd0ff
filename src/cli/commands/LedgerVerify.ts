/** `flujo ledger verify` */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { RunId } from "../../domain/RunId.js"
import * as Audit from "../../journal/Audit.js"
import * as FileBytes from "../../journal/FileBytes.js"
import type { Root } from "../../journal/Journal.js"
import * as Ledger from "../../journal/Ledger.js"
import * as LedgerFile from "../../journal/LedgerFile.js"
import * as LogAudit from "../../journal/LogAudit.js"
import * as Text from "../../lens/Text.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Host } from "../Host.js"
import { Invocation } from "../Invocation.js"
import * as Ledgers from "../Ledgers.js"
import type { Reply } from "../Reply.js"
import * as Runs from "../Runs.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.ledgerVerify>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [typed]
    } = yield* Invocation
    const claims = yield* Ledgers.roots(flags.root)
    if (Option.isSome(flags.file)) {
      if (typed === undefined) return yield* file(flags.file.value, claims)
      return yield* new Fault({ ...cliErrors.Arguments, text: "either a run or --file is meant, not both" })
    }
    if (typed === undefined && claims.length > 0) {
      return yield* new Fault({ ...cliErrors.Arguments, text: "--root is of one run: say which" })
    }
    const workspace = yield* Workspace.read(flags.stateUri)
    const journal = yield* Workspace.history(workspace, "read")
    const wanted = typed === undefined ? undefined : (yield* Runs.find(journal, typed)).run
    /** Runs that the log has, and does not say to be gone. */
    const inLog = new Set<string>()
    const logClaims = yield* Ledgers.logClaims(workspace.cwd, flags)
    const log = yield* Effect.mapError(
      LogAudit.verify(journal, logClaims, ({ gone, run }) => {
        if (gone === true) inLog.delete(run)
        else inLog.add(run)
      }),
      Faults.journal
    )
    if (LogAudit.isBad(log)) return yield* Ledgers.logBroken(log)
    const waiting = yield* Effect.mapError(LogAudit.waiting(journal), Faults.journal)
    const sealed = (id: RunId) => Effect.mapError(LogAudit.sealedOf(journal, id, waiting), Faults.journal)
    if (wanted !== undefined) {
      const found = yield* Effect.mapError(Audit.verify(journal, wanted, claims), Faults.journal)
      if (Ledger.isBad(found)) return yield* Ledgers.broken(wanted, found)
      const count = yield* sealed(wanted)
      return typeof count === "number"
        ? one(wanted, found, { sealed: count, log })
        : yield* Ledgers.logBroken(count, wanted)
    }
    let [sound, entries, under, locked, erased] = [0, 0, 0, 0, 0]
    const bad: Array<{ readonly run: string; readonly found: Ledger.Bad }> = []
    yield* Stream.runForEach(Stream.mapError(journal.ids, Faults.journal), (id) =>
      Effect.gen(function* () {
        const found = yield* Effect.mapError(Audit.verify(journal, id), Faults.journal)
        inLog.delete(id)
        if (Ledger.isBad(found)) {
          bad.push({ run: id, found })
          return
        }
        const count = yield* sealed(id)
        if (typeof count !== "number") return yield* Ledgers.logBroken(count, id)
        sound += 1
        entries += found.entries
        locked += found.locked
        erased += found.erased
        under += count
      })
    )
    const [first] = bad
    if (first !== undefined) {
      return yield* Ledgers.broken(first.run, first.found, {
        first: bad.length === 1 ? "" : `${bad.length} runs are not as they were written, first `,
        details: { sound, bad: bad.map(({ found, run }) => ({ run, ...found })) }
      })
    }
    // Dropped, and under no checkpoint yet.
    for (const run of waiting.gone) inLog.delete(run)
    const [gone] = inLog
    if (gone !== undefined) {
      return yield* Ledgers.logBroken({ why: "it is in the log, and nothing else is left of it" }, gone)
    }
    return {
      exit: exits.done,
      data: { runs: sound, entries, sealed: under, locked, erased, log: logJson(log) },
      text: [
        `${sound} ${sound === 1 ? "run" : "runs"}, ${entries} entries: as they were written`,
        ...unseenLines(locked, erased),
        ...logLines(log, entries - under)
      ].join("\n")
    }
  }).pipe(Effect.scoped)

interface UnderLog {
  readonly sealed: number
  readonly log: LogAudit.Sound
}

const logJson = ({ last, size, unvouched, waiting }: LogAudit.Sound) => ({
  size,
  origin: Option.getOrNull(Option.map(last, ({ origin }) => origin)),
  at: Option.getOrNull(Option.map(last, ({ at }) => Text.iso(at))),
  roots_waiting: waiting,
  unvouched_from: [...unvouched]
})

/** `tail`: entries that no checkpoint is over. */
const logLines = ({ last, size, unvouched }: LogAudit.Sound, tail: number): ReadonlyArray<string> => [
  ...Option.match(last, {
    onNone: () => ["no checkpoint is signed yet"],
    onSome: ({ at, origin }) => [`last checkpoint: ${size} roots, ${Text.iso(at)}, ${origin}`]
  }),
  ...(tail === 0 ? [] : [`${tail} ${tail === 1 ? "entry is" : "entries are"} under no checkpoint yet`]),
  ...unvouched.map((from) => `from root ${from} on the log goes on under a key that the one before does not vouch for`)
]

const unseenLines = (locked: number, erased: number): ReadonlyArray<string> => [
  ...(erased === 0 ? [] : [`${erased} payloads were erased, as the ledger says; of these entries the heads stand`]),
  ...(locked === 0
    ? []
    : [
        `the payloads of ${locked} of them are encrypted, and the key is not here: their heads were checked, and these not`
      ])
]

const one = (run: string, { entries, erased, locked, root, rooted }: Ledger.Sound, under?: UnderLog): Reply => {
  const open = entries - rooted
  return {
    exit: exits.done,
    data: {
      run,
      entries,
      root: { size: entries, root },
      rooted,
      locked,
      erased,
      ...(under === undefined ? {} : { sealed: under.sealed, log: logJson(under.log) })
    },
    text: [
      `run ${run}: ${entries} entries as they were written`,
      ...unseenLines(locked, erased),
      ...(open === 0
        ? []
        : [`the last ${open} of them stand below no root yet: only their order and form were checked`]),
      ...(under === undefined ? [] : logLines(under.log, entries - under.sealed)),
      `root ${Ledgers.showRoot({ size: entries, root })}`
    ].join("\n")
  }
}

const file = (named: string, claims: ReadonlyArray<Root>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const host = yield* Host
    const whole = path.resolve(yield* host.cwd, named)
    const { found, run } = yield* Effect.mapError(
      LedgerFile.verify(FileBytes.of(fs, whole), claims),
      (error) =>
        new Fault({
          ...cliErrors.File,
          text: `the file cannot be read: ${FileBytes.whyOf(error)}`,
          location: { file: whole }
        })
    )
    return Ledger.isBad(found) ? yield* Ledgers.broken(run, found, { file: whole }) : one(run ?? "", found)
  })
