/** What the server asks of the folder that it works in: the findings of `validate`, for a text that is not saved yet. */
import type * as Effect from "effect/Effect"
import type * as Check from "../check/Check.js"

export interface Project {
  /** `file`: absolute; `undefined` for a text that is in no file. */
  readonly check: (file: string | undefined, text: string) => Effect.Effect<Looked>
  /** Settings are read anew at the next look. */
  readonly refresh: Effect.Effect<void>
  /** Where a code is explained, as a URI. */
  readonly pageOf: (code: string) => string | undefined
}

export type Looked =
  | {
      readonly _tag: "Checked"
      readonly checked: Check.Checked
      readonly skillIds: ReadonlyArray<string>
    }
  /** The project's own settings or code are at fault. */
  | { readonly _tag: "Refused"; readonly code: string; readonly text: string; readonly hint: string | undefined }
