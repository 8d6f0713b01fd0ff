/** What a command answers: to people as text, to programs as one JSON object, the same things in both. */
import type { Json, JsonObject } from "../domain/Json.js"
import { jsonText } from "../lens/Text.js"
import type { ExitCode, Fault } from "./Fault.js"

export interface Reply {
  readonly exit: ExitCode
  readonly data: Json
  /** The result for people, on standard output, exactly; absent where the command has said it itself. */
  readonly text?: string | undefined
  /** Commands that make sense now. */
  readonly next?: ReadonlyArray<string> | undefined
}

/** Of the envelope. */
export const schema = "flujo/1"

export const success = (command: string, { data, exit, next }: Reply, indent: number): string =>
  envelope({ schema, ok: exit === 0, command, data, next: next ?? [] }, indent)

export const failure = (command: string, fault: Fault, indent: number): string =>
  envelope(
    {
      schema,
      ok: false,
      command,
      error: {
        code: fault.code,
        message: fault.text,
        hint: fault.hint ?? null,
        location: fault.location === undefined ? null : located(fault.location),
        docs: `flujo explain ${fault.code}`,
        ...(fault.details === undefined ? {} : { details: fault.details })
      },
      next: fault.next ?? []
    },
    indent
  )

const envelope = (object: JsonObject, indent: number): string => `${jsonText(object, indent)}\n`

const located = (location: NonNullable<Fault["location"]>): JsonObject =>
  Object.fromEntries(
    (["file", "line", "column", "run", "step"] as const).flatMap((key) =>
      location[key] === undefined ? [] : [[key, location[key]]]
    )
  )
