/** `flujo ledger keys` */
import * as Effect from "effect/Effect"
import type { Log } from "../../journal/Journal.js"
import type * as KeyFile from "../../journal/KeyFile.js"
import * as SignedNote from "../../journal/SignedNote.js"
import * as Text from "../../lens/Text.js"
import { excerpt } from "../../redaction/Printable.js"
import type { Module } from "../Command.js"
import { cliErrors } from "../codes/Cli.js"
import { ledgerErrors } from "../codes/Ledger.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Ledgers from "../Ledgers.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.ledgerKeys>["run"] = (flags) =>
  Effect.gen(function* () {
    const {
      args: [what = "show"]
    } = yield* Invocation
    if (what !== "show" && what !== "init" && what !== "rotate") {
      const text = `${JSON.stringify(excerpt(what, 40))}: show, init or rotate is wanted`
      return yield* new Fault({ ...cliErrors.Arguments, text })
    }
    if (flags.newOrigin && what !== "init") {
      return yield* new Fault({ ...cliErrors.Arguments, text: "--new-origin stands with init only" })
    }
    const workspace = yield* Workspace.read(flags.stateUri)
    const { log } = yield* Workspace.history(workspace, what === "show" ? "read" : "tend")
    const key = yield* Ledgers.keyFile(workspace)
    if (what !== "show") yield* renew(log, key, what, flags.newOrigin)
    const keys = yield* Effect.mapError(log.keys, Faults.journal)
    const here = yield* Effect.mapError(key.find(keys), Ledgers.keyFault)
    const last = keys.at(-1)
    const isHere = last !== undefined && here !== undefined
    return {
      exit: exits.done,
      data: {
        file: key.file,
        here: isHere,
        keys: keys.map(({ at, number, size, verifier, vouched }) => ({
          key: verifier,
          since: Text.iso(at),
          from_leaf: size,
          vouched: number === 0 ? null : vouched !== null
        }))
      },
      text:
        keys.length === 0
          ? "no key yet: the first checkpoint makes one"
          : [
              ...keys.map(({ at, number, size, verifier, vouched }) => {
                const by =
                  number === 0 ? "the first" : vouched === null ? "NOT VOUCHED FOR by the one before" : "rotated"
                return `${verifier}\n  from leaf ${size} on, ${Text.iso(at)}, ${by}`
              }),
              isHere ? `the private key is ${key.file}` : `the private key of the last one is NOT at ${key.file}`
            ].join("\n")
    }
  }).pipe(Effect.scoped)

const renew = (log: Log, key: KeyFile.KeyFile, what: "init" | "rotate", isLost: boolean) =>
  Effect.gen(function* () {
    const keys = yield* Effect.mapError(log.keys, Faults.journal)
    const here = yield* Effect.mapError(key.find(keys), Ledgers.keyFault)
    const refuse = (text: string, hint: string) => new Fault({ ...ledgerErrors.Key, text, hint })
    if (what === "init") {
      if (keys.length > 0 && here !== undefined) {
        return yield* refuse(`there is a key, ${here.name}`, "flujo ledger keys rotate goes on with another one")
      }
      if (keys.length > 0 && !isLost) {
        return yield* refuse(
          `the key of this log is not at ${key.file}`,
          "bring it back; or, if it is lost, say so with --new-origin"
        )
      }
      if (keys.length === 0 && here !== undefined) {
        const verifier = SignedNote.showVerifier(here)
        yield* Effect.mapError(log.addKey({ number: 0, verifier, vouched: null }), Faults.journal)
        return
      }
    } else if (here === undefined || keys.length === 0) {
      return yield* refuse("there is no key here to vouch for the next one", "flujo ledger keys init")
    }
    yield* Effect.mapError(key.renew(log, { isLost }), Ledgers.sealFault)
  })
