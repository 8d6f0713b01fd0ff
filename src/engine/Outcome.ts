/**
 * How a step ended, or rests, as data. A pause is never an exception, an interruption or a flag, and a failure is
 * carried upwards until something catches it.
 */
import type { Said } from "../agent/Conversation.js"
import type { Carried as CarriedPayload, Wait } from "../domain/Event.js"
import type { Json } from "../domain/Json.js"
import type { StepPath } from "../domain/StepPath.js"
import type { Shape } from "../pipeline/Shape.js"

/** A value on its way from one step to the next. */
export interface Carried {
  /** Decoded; what code sees. `undefined` in a raw value. */
  readonly value: unknown
  /** Encoded; what templates, agents and the journal see. `undefined` is an absent value. */
  readonly json: () => Json | undefined
  /** How it is encoded, where one step's schema says so. */
  readonly shape: Shape | undefined
  /** Known only in its encoded form: a step decodes it by its own schema. */
  readonly raw: boolean
  /** The step whose recorded output this is. */
  readonly origin: StepPath | undefined
  /** Canonical text of the encoded value, where it is at hand. */
  readonly text: string | undefined
}

/** A context field set by a step. */
export interface Write {
  readonly field: string
  readonly value: unknown
  readonly json: Json
  readonly reduce: "first" | "last" | undefined
}

export interface Completed {
  readonly _tag: "Completed"
  readonly output: Carried
  readonly writes: ReadonlyArray<Write>
  /** What a person answered last within the step. */
  readonly answer: Json | undefined
  /** What was said in it, in declared order, where it stands in a conversation. */
  readonly said?: ReadonlyArray<Said> | undefined
}

export interface Suspended {
  readonly _tag: "Suspended"
  readonly waits: ReadonlyArray<Wait>
}

export interface Failed {
  readonly _tag: "Failed"
  /** `Failure`: as a step declares. `Engine`: one of flujo's own errors. `Defect`: a broken step, never caught. */
  readonly reason: "Failure" | "Engine" | "Defect"
  readonly error: unknown
  readonly json: Json
  /** Where it arose; several, where several parallel steps failed. */
  readonly at: ReadonlyArray<StepPath>
  /** What a step answered that was not accepted, and why. */
  readonly refused?: Refused | undefined
}

export interface Refused {
  readonly answer: Json
  readonly feedback: ReadonlyArray<string>
}

export type Outcome = Completed | Suspended | Failed

const none: ReadonlyArray<never> = []

export const completed = (output: Carried, writes: ReadonlyArray<Write> = none, answer?: Json): Completed => ({
  _tag: "Completed",
  output,
  writes,
  answer
})

export const suspended = (waits: ReadonlyArray<Wait>): Suspended => ({ _tag: "Suspended", waits })

/** At rest with nothing to wait for: below a closed path, or where a replayed journal ends. */
export const resting: Suspended = suspended(none)

/** A value that code made, encoded by `shape`. */
export const carried = (
  value: unknown,
  json: Json | undefined,
  shape: Shape | undefined,
  origin?: StepPath,
  text?: string
): Carried => ({ value, json: () => json, shape, raw: false, origin, text })

/** A value that only its encoded form is known of. */
export const raw = (json: Json | undefined): Carried => ({
  value: undefined,
  json: () => json,
  shape: undefined,
  raw: true,
  origin: undefined,
  text: undefined
})

/** A value put together of others; encoded only when somebody asks. */
export const assembled = (value: unknown, encode: () => Json | undefined): Carried => {
  let made = false
  let json: Json | undefined
  return {
    value,
    json: () => {
      if (!made) {
        json = encode()
        made = true
      }
      return json
    },
    shape: undefined,
    raw: false,
    origin: undefined,
    text: undefined
  }
}

/** How a value is written: by the step that recorded it, where there is one. */
export const payloadOf = (output: Carried): CarriedPayload => {
  if (output.origin !== undefined) return { from: output.origin }
  const json = output.json()
  return json === undefined ? {} : { value: json }
}
