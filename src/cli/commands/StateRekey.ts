/** `flujo state rekey` */
import * as Effect from "effect/Effect"
import type { Module } from "../Command.js"
import { journalErrors } from "../codes/Journal.js"
import { exits, Fault } from "../Fault.js"
import * as Faults from "../Faults.js"
import type * as Flags from "../Flags.js"
import { Invocation } from "../Invocation.js"
import * as Workspace from "../Workspace.js"

export const run: Module<typeof Flags.stateRekey>["run"] = ({ apply, stateUri }) =>
  Effect.gen(function* () {
    const invocation = yield* Invocation
    const workspace = yield* Workspace.read(stateUri)
    const { current } = workspace.config.encryption
    if (current === undefined) {
      return yield* new Fault({
        ...journalErrors.Key,
        text: "no key is given to wrap the keys of runs with",
        hint: "[encryption] of flujo.toml says where it is; see docs/encryption.md"
      })
    }
    const { store } = yield* Workspace.history(workspace, apply ? "write" : "read")
    const wrapped = apply
      ? yield* Effect.mapError(Effect.zipRight(store.encryption.ready, store.encryption.rewrap), Faults.journal)
      : 0
    const runsByKey = yield* Effect.mapError(store.encryption.runsByKey, Faults.journal)
    const plain = runsByKey.get(undefined) ?? 0
    const keys = Array.from(runsByKey, ([key, runs]) => ({ key, runs })).flatMap(({ key, runs }) =>
      key === undefined ? [] : [{ key, runs }]
    )
    return {
      exit: exits.done,
      data: { applied: apply, key_id: current.id, wrapped, runs_by_key: keys, plain },
      text: [
        ...keys.map(({ key, runs }) => `${runs} ${runs === 1 ? "run" : "runs"} under the key ${key}`),
        ...(plain === 0
          ? []
          : [`${plain} not encrypted: what these hold stays as it is; an export and an import encrypt it`]),
        apply
          ? `the keys of ${wrapped} runs were wrapped anew; what runs hold was not touched`
          : `the key to go on with is ${current.id}; nothing was changed`
      ].join("\n"),
      next: apply || keys.length === 0 ? [] : [invocation.again("state rekey --apply")]
    }
  }).pipe(Effect.scoped)
