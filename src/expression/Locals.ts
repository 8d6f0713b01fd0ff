/** Names that a text gives itself: in `for` and with `set`. The inner ones hide the outer, and those the names from outside. */
import type { Json } from "../domain/Json.js"

export interface Locals {
  readonly outer: Locals | undefined
  readonly values: Map<string, Json>
}

export const within = (outer: Locals | undefined): Locals => ({ outer, values: new Map() })

export const set = (locals: Locals | undefined, name: string, value: Json): void => {
  locals?.values.set(name, value)
}

export const clear = (locals: Locals): void => locals.values.clear()
