/**
 * The journal of a state that is named by data, such as a project's settings. Each backend, and the driver that it
 * needs, is loaded only when it is the one that is named.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { Journal, JournalError } from "./Journal.js"
import type * as JournalMake from "./JournalMake.js"

/** A `StateUri` of `project/` is one. */
export type Where =
  | { readonly _tag: "Memory" }
  | { readonly _tag: "Sqlite"; readonly path: string }
  | { readonly _tag: "Postgres"; readonly uri: Redacted.Redacted }

/** What memory has no use for, it leaves unused: nothing in it outlives the process, or is there to be read. */
export interface Options extends JournalMake.Options {
  readonly durability?: "full" | "normal" | undefined
  readonly readonly?: boolean | undefined
}

export const layer = (where: Where, options: Options = {}): Layer.Layer<Journal, JournalError> =>
  Layer.unwrapEffect(
    Effect.promise(async (): Promise<Layer.Layer<Journal, JournalError>> => {
      switch (where._tag) {
        case "Memory":
          return (await import("./JournalMemory.js")).layerMemoryWith(options)
        case "Sqlite":
          return (await import("./JournalSqlite.js")).layer({ ...options, path: where.path })
        case "Postgres":
          return (await import("./JournalPostgres.js")).layer({ ...options, uri: where.uri })
      }
    })
  )
