/**
 * Why a text cannot be read or evaluated. Thrown inside this room only and caught at its doors, `Template.parse` and
 * `Template.evaluate`: no caller ever sees one. It is not an `Error`, so no stack is captured for a typing mistake.
 */
import type { Span, Topic } from "./Syntax.js"

export type Reason = "Syntax" | "Undefined" | "Type" | "Limit"

export class Fault {
  constructor(
    readonly reason: Reason,
    readonly message: string,
    readonly span: Span,
    readonly hint: string | undefined = undefined,
    readonly topic: Topic | undefined = undefined
  ) {}
}

/** `make()`, or the fault that it ran into. Anything else thrown is a defect and passes. */
export const catching = <A, B>(make: () => A, recover: (fault: Fault) => B): A | B => {
  try {
    return make()
  } catch (error) {
    if (error instanceof Fault) return recover(error)
    throw error
  }
}
