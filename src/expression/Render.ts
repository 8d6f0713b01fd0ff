/**
 * Parts → text. A `for` opens a scope of its own for each of its rounds: what is set there is gone behind it. What is set
 * in an `if` stays.
 */
import { isObject, type Json } from "../domain/Json.js"
import type { Environment } from "./Evaluate.js"
import * as Evaluate from "./Evaluate.js"
import { Fault } from "./Fault.js"
import * as Kind from "./Kind.js"
import type { Meter } from "./Limits.js"
import * as Locals from "./Locals.js"
import type { Expression, For, Parts, Span } from "./Syntax.js"
import * as Value from "./Value.js"

/** What a text comes to. A `Fault` is thrown. */
export const text = (parts: Parts, env: Environment): string => {
  const made = new Made(env.meter)
  render(parts, { ...env, locals: Locals.within(env.locals) }, made)
  return made.text
}

class Made {
  text = ""

  constructor(private readonly meter: Meter) {}

  add(piece: string, span: Span): void {
    this.text += piece
    this.meter.fits(this.text.length, span)
  }
}

const render = (parts: Parts, env: Environment, made: Made): void => {
  const { meter } = env
  for (const part of parts) {
    switch (part._tag) {
      case "Text": {
        const span = { start: 0, end: env.source.length }
        meter.read(part.text.length, span)
        made.add(part.text, span)
        break
      }
      case "Output": {
        const { span } = part.expression
        made.add(Value.written(Evaluate.value(part.expression, env), meter, span), span)
        break
      }
      case "If": {
        const met = part.branches.find(({ condition }) => holds(condition, env))
        render(met === undefined ? part.otherwise : met.parts, env, made)
        break
      }
      case "For":
        loop(part, env, made)
        break
      case "Set":
        meter.spend(1, part.span)
        Locals.set(
          env.locals,
          part.name,
          "_tag" in part.value ? Evaluate.value(part.value, env) : text(part.value, env)
        )
        break
    }
  }
}

const holds = (condition: Expression, env: Environment): boolean =>
  Value.holds(Evaluate.value(condition, env), env.meter, condition.span)

const loop = (part: For, env: Environment, made: Made): void => {
  const { meter } = env
  const { span } = part.items
  const scoped = { ...env, locals: Locals.within(env.locals) }
  const given = itemsOf(Evaluate.list(part.items, env), meter, span)
  const { condition } = part
  const items =
    condition === undefined
      ? given
      : given.filter((item) => {
          name(part, item, scoped)
          return holds(condition, scoped)
        })
  if (items.length === 0) {
    render(part.otherwise, { ...env, locals: Locals.within(env.locals) }, made)
    return
  }
  for (const [index, item] of items.entries()) {
    meter.spend(2, span)
    scoped.locals.values.clear()
    scoped.locals.loop = () => round(items, index, meter, span)
    name(part, item, scoped)
    render(part.parts, scoped, made)
  }
}

/** What `loop` is in one round. */
const round = (items: ReadonlyArray<Json>, index: number, meter: Meter, span: Span): Json => {
  meter.spend(4, span)
  const { length } = items
  const made: Record<string, Json> = {
    index: index + 1,
    index0: index,
    revindex: length - index,
    revindex0: length - index - 1,
    first: index === 0,
    last: index === length - 1,
    length
  }
  if (index > 0) made.previtem = items[index - 1]!
  if (index < length - 1) made.nextitem = items[index + 1]!
  return made
}

/** The items of a list, the keys of a map. */
const itemsOf = (value: Json, meter: Meter, span: Span): ReadonlyArray<Json> => {
  if (Array.isArray(value)) return value
  if (isObject(value)) return Value.sortedKeys(value, meter, span)
  const hint = typeof value === "string" ? "`x | list` are its characters, `x | split` its words" : undefined
  throw new Fault(
    "Type",
    `\`for\` walks a list or the keys of a map, and was given ${Kind.word(Kind.of(value))}`,
    span,
    hint
  )
}

const name = ({ names, namesSpan }: For, item: Json, { locals, meter }: Environment): void => {
  meter.spend(1, namesSpan)
  const [only] = names
  if (names.length === 1 && only !== undefined) {
    Locals.set(locals, only, item)
    return
  }
  if (!Array.isArray(item) || item.length !== names.length) {
    const given = Array.isArray(item) ? `a list of ${item.length}` : Kind.word(Kind.of(item))
    throw new Fault("Type", `an item for ${names.length} names is a list of as many, and was given ${given}`, namesSpan)
  }
  for (const [index, own] of names.entries()) Locals.set(locals, own, item[index]!)
}
