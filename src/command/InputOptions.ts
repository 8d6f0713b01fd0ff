/**
 * The flags of a command from the JSON Schema of what a pipeline takes. A map becomes a flag for each of its properties: text,
 * numbers, yes or no, one of several, lists by repeating the flag; whatever is deeper is JSON. What is no map is one argument.
 * Nothing is checked here but that a value can be read: the pipeline's own schema does the rest, and fills in its defaults.
 */
import * as Args from "@effect/cli/Args"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { get, isObject, type Json, type JsonObject, parse, set } from "../domain/Json.js"

/** Flags that every command has. */
const taken = new Set(["help", "version", "wizard", "completions", "log-level", "run-id"])

/** What was typed, as JSON; a property that was not is absent. */
export const options = (schema: Json): Options.Options<Json> | undefined => {
  const properties = get(schema, "properties")
  if (get(schema, "type") !== "object" || !isObject(properties) || Object.keys(properties).length === 0)
    return undefined
  const required = get(schema, "required")
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name)
  const names = flagNames(Object.keys(properties))
  const flags = Object.entries(properties).map(([name, property]) =>
    Options.map(
      described(one(names.get(name)!, property, isRequired(name)), property),
      (value) => [name, value] as const
    )
  )
  return Options.map(Options.all(flags), (values) => {
    const input: JsonObject = {}
    for (const [name, value] of values) if (Option.isSome(value)) set(input, name, value.value)
    return input
  })
}

/** An input that is no map: text as it is, anything else as JSON. */
export const argument = (schema: Json): Args.Args<Json> => {
  const name = "input"
  const about = get(schema, "description")
  const isText = get(schema, "type") === "string"
  const args = isText
    ? Args.map(Args.text({ name }), (text): Json => text.toWellFormed())
    : Args.mapEffect(Args.text({ name }), (text) =>
        // Where anything is taken, text that is no JSON is that text.
        isObject(schema) && Object.keys(schema).length === 0
          ? Effect.succeed(Either.getOrElse(parse(text), (): Json => text.toWellFormed()))
          : Effect.mapError(json(text, name), ({ error }) => error)
      )
  return Args.withDescription(args, typeof about === "string" ? about : isText ? "a text" : "JSON")
}

/** `maxCount` is `--max-count`; names that would be the same, or are those of all commands, are told apart. */
const flagNames = (names: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const used = new Set(taken)
  return new Map(
    names.map((name) => {
      const plain = name
        .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
        .replace(/[^A-Za-z0-9]+/g, "-")
        .replace(/^-+|-+$/g, "")
        .toLowerCase()
      const base = plain === "" ? "value" : plain
      let flag = used.has(base) ? `input-${base}` : base
      while (used.has(flag)) flag = `${flag}-`
      used.add(flag)
      return [name, flag]
    })
  )
}

type Flag = Options.Options<Option.Option<Json>>

const one = (flag: string, schema: Json, isRequired: boolean): Flag => {
  const type = get(schema, "type")
  if (type === "boolean" && choicesOf(schema) === undefined) {
    return Options.map(Options.boolean(flag), (on) => (on || isRequired ? Option.some(on) : Option.none()))
  }
  if (type === "array") {
    const items = get(schema, "items") ?? {}
    // @effect/cli 0.77 repeats nothing but texts.
    return Options.mapEffect(Options.repeated(Options.text(flag)), (texts) =>
      texts.length === 0 && !isRequired
        ? Effect.succeedNone
        : Effect.asSome(Effect.forEach(texts, (text) => item(text, items, `--${flag}`)))
    )
  }
  const value = scalar(flag, schema)
  return isRequired ? Options.map(value, Option.some) : Options.optional(value)
}

/** One of several values. */
const item = (text: string, schema: Json, what: string): Effect.Effect<Json, ValidationError.ValidationError> => {
  const choices = choicesOf(schema)
  if (choices === undefined) {
    return get(schema, "type") === "string" ? Effect.succeed(text.toWellFormed()) : json(text, what)
  }
  const found = choices.find((choice) => printed(choice) === text)
  if (found !== undefined) return Effect.succeed(found)
  return Effect.fail(ValidationError.invalidValue(HelpDoc.p(`${what}: one of ${choices.map(printed).join(", ")}`)))
}

const printed = (choice: Json): string => (typeof choice === "string" ? choice : JSON.stringify(choice))

/** One value behind its flag. */
const scalar = (flag: string, schema: Json): Options.Options<Json> => {
  const choices = choicesOf(schema)
  if (choices !== undefined) {
    const named = choices.map((choice): [string, Json] => [printed(choice), choice])
    return Options.choiceWithValue(flag, named)
  }
  switch (get(schema, "type")) {
    case "string":
      return Options.map(Options.text(flag), (text): Json => text.toWellFormed())
    case "integer":
      return Options.integer(flag)
    case "number":
      return Options.float(flag)
    default:
      return Options.mapEffect(Options.text(flag), (text) => json(text, `--${flag}`))
  }
}

/** Values that a choice can be made of. */
const choicesOf = (schema: Json): ReadonlyArray<Json> | undefined => {
  const constant = get(schema, "const")
  if (constant !== undefined) return [constant]
  const values = get(schema, "enum")
  if (Array.isArray(values) && values.every((value) => typeof value !== "object" || value === null)) return values
  const ways = get(schema, "anyOf")
  if (!Array.isArray(ways) || ways.length === 0) return undefined
  const each = ways.map(choicesOf)
  return each.every((one) => one !== undefined) ? each.flat() : undefined
}

const json = (text: string, what: string): Effect.Effect<Json, ValidationError.ValidationError> =>
  Either.match(parse(text), {
    onLeft: () => Effect.fail(ValidationError.invalidValue(HelpDoc.p(`${what}: this is no JSON`))),
    onRight: Effect.succeed
  })

const described = (flag: Flag, schema: Json): Flag => {
  const about = get(schema, "description")
  const preset = get(schema, "default")
  const words = [
    ...(typeof about === "string" ? [about] : []),
    ...(preset === undefined ? [] : [`default: ${JSON.stringify(preset)}`])
  ]
  return words.length === 0 ? flag : Options.withDescription(flag, words.join("; "))
}
