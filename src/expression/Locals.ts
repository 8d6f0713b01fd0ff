/** Names that a text gives itself: in `for` and with `set`. The inner ones hide the outer, and those the names from outside. */
import type { Json } from "../domain/Json.js"

export interface Locals {
  readonly outer: Locals | undefined
  readonly values: Map<string, Json>
  /** What `loop` is, made only where it is asked for. */
  loop: (() => Json) | undefined
}

export const within = (outer: Locals | undefined): Locals => ({ outer, values: new Map(), loop: undefined })

export const set = (locals: Locals | undefined, name: string, value: Json): void => {
  locals?.values.set(name, value)
}

/** What `name` is in these locals alone. */
export const get = ({ loop, values }: Locals, name: string): Json | undefined =>
  name === "loop" && loop !== undefined ? loop() : values.get(name)
