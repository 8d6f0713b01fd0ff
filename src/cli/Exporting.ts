/** A run written as one file, from a store that it is verified in first. */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { RunId } from "../domain/RunId.js"
import type { Journal } from "../journal/Journal.js"
import * as LedgerFile from "../journal/LedgerFile.js"
import { exits, type Fault } from "./Fault.js"
import * as Faults from "./Faults.js"
import * as Ledgers from "./Ledgers.js"
import type { Reply } from "./Reply.js"

/** `next`: what to do with a file of this name. */
export const run = (
  journal: Journal["Type"],
  id: RunId,
  to: { readonly cwd: string; readonly named: string; readonly next: (file: string) => string }
): Effect.Effect<Reply, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const written = yield* Effect.mapError(LedgerFile.write(journal, id), Faults.journal)
    if (Either.isLeft(written)) return yield* Ledgers.broken(id, written.left)
    const { sound, text } = written.right
    const file = yield* Ledgers.write(to.cwd, to.named, text)
    const root = { size: sound.entries, root: sound.root }
    return {
      exit: exits.done,
      data: { run: id, file, entries: sound.entries, root },
      text: `${file}\n${sound.entries} entries, root ${Ledgers.showRoot(root)}`,
      next: [to.next(file)]
    }
  })
