/**
 * A tracer that tells no content, whoever made the span: of a step of the user's own too, whose error may say what a patient
 * said. What stays: when and how long, what belongs to what, whether it failed and with which class of error, and the names
 * and attributes that `Attributes` lists.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"

export const tracer = (to: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind) =>
      span(to.span(isOurs(name) ? name : nameless, parent, context, links.map(bare), startTime, kind)),
    context: (f, fiber) => to.context(f, fiber)
  })

const nameless = "span"

/** Of a span or an attribute. */
const isOurs = (name: string): boolean => /^(?:flujo|gen_ai)\.[A-Za-z0-9_.]+$/.test(name) || name === "error.type"

const span = (inner: Tracer.Span): Tracer.Span => ({
  _tag: "Span",
  name: inner.name,
  spanId: inner.spanId,
  traceId: inner.traceId,
  parent: inner.parent,
  context: inner.context,
  get status() {
    return inner.status
  },
  get attributes() {
    return inner.attributes
  },
  links: inner.links,
  sampled: inner.sampled,
  kind: inner.kind,
  end: (endTime, exit) => inner.end(endTime, withheld(exit)),
  attribute: (key, value) => {
    if (isOurs(key)) inner.attribute(key, value)
  },
  // An event has a text of its own.
  event: () => {},
  addLinks: (links) => inner.addLinks(links.map(bare))
})

const bare = ({ _tag, span }: Tracer.SpanLink): Tracer.SpanLink => ({ _tag, span, attributes: {} })

const withheld = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> => {
  if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return Exit.isSuccess(exit) ? Exit.void : exit
  const error = Cause.squash(exit.cause)
  const told = new Error("withheld")
  told.name = Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : "Error"
  told.stack = ""
  return Exit.fail(told)
}
