/**
 * A flag as data: what it is called, what it takes and what is said about it. Help and the look over the arguments read
 * the data; `Decode.ts` makes an option of `@effect/cli` of it, which is loaded only then.
 */
import type * as Options from "@effect/cli/Options"
import type * as Option from "effect/Option"

export interface Info {
  /** Without dashes. */
  readonly name: string
  /** One letter. */
  readonly alias?: string | undefined
  /** Other long names. */
  readonly also?: ReadonlyArray<string> | undefined
  readonly about: string
  /** `switch`: takes no value. `value`: once. `values`: as often as wanted. `maybe`: the value may be left out. */
  readonly kind: "switch" | "value" | "values" | "maybe"
  /** How the value is called: `FILE`. */
  readonly value?: string | undefined
  readonly choices?: ReadonlyArray<string> | undefined
  /** For `maybe`: whether the next argument is the value. */
  readonly isValue?: ((text: string) => boolean) | undefined
  /** Names of flags that cannot stand beside this one. */
  readonly not?: ReadonlyArray<string> | undefined
}

/** A flag as it was given. `value` is absent for a switch. */
export interface Token {
  readonly name: string
  readonly value?: string | undefined
}

/** What a flag can be made of. */
export interface Kinds {
  readonly flag: (info: Info) => Options.Options<boolean>
  readonly text: (info: Info) => Options.Options<Option.Option<string>>
  readonly texts: (info: Info) => Options.Options<ReadonlyArray<string>>
  readonly whole: (info: Info, range: Range) => Options.Options<Option.Option<number>>
  readonly choice: <A extends string>(info: Info, choices: ReadonlyArray<A>) => Options.Options<Option.Option<A>>
}

export interface Range {
  readonly min: number
  readonly max: number
}

export interface Flag<out A> extends Info {
  readonly options: (kinds: Kinds) => Options.Options<A>
}

export type Flags = Readonly<Record<string, Flag<unknown>>>

/** The values of some flags. */
export type Values<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer A> ? A : never }

type Said = Omit<Info, "kind" | "choices">

export const flag = (said: Said): Flag<boolean> => {
  const info = { ...said, kind: "switch" } as const
  return { ...info, options: (kinds) => kinds.flag(info) }
}

export const text = (said: Said): Flag<Option.Option<string>> => {
  const info = { ...said, kind: "value" } as const
  return { ...info, options: (kinds) => kinds.text(info) }
}

export const texts = (said: Said): Flag<ReadonlyArray<string>> => {
  const info = { ...said, kind: "values" } as const
  return { ...info, options: (kinds) => kinds.texts(info) }
}

/** A flag whose value may be left out: then it is the empty text. */
export const maybe = (said: Said): Flag<Option.Option<string>> => {
  const info = { ...said, kind: "maybe" } as const
  return { ...info, options: (kinds) => kinds.text(info) }
}

/** A whole number. */
export const whole = (said: Said, range: Range): Flag<Option.Option<number>> => {
  const info = { ...said, kind: "value" } as const
  return { ...info, options: (kinds) => kinds.whole(info, range) }
}

export const choice = <const A extends string>(said: Said, choices: ReadonlyArray<A>): Flag<Option.Option<A>> => {
  const info = { ...said, kind: "value", choices } as const
  return { ...info, options: (kinds) => kinds.choice(info, choices) }
}
