/**
 * Values that fit a schema, made up from numbers: plain ones mostly, and now and then one at the edge of what is allowed.
 * What JSON Schema says is followed as far as that is common; what does not fit in the end is made by `Arbitrary` where
 * there is an Effect schema, and is said to be impossible where there is none.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Json from "../../domain/Json.js"
import type { Shape } from "../../pipeline/Shape.js"
import type { Numbers } from "./Numbers.js"

const triesMax = 30
const depthMax = 6

/** Left: why none could be made. An absent value is undefined. */
export const ofShape = (shape: Shape, numbers: Numbers): Either.Either<Json.Json | undefined, string> => {
  if (shape.schema?.ast._tag === "VoidKeyword") return Either.right(undefined)
  if (Json.get(shape.jsonSchema, "opaque") === undefined) {
    for (let i = 0; i < triesMax; i++) {
      const json = ofSchema(shape.jsonSchema, numbers)
      if (Either.isRight(shape.decode(json))) return Either.right(json)
    }
  }
  const arbitrary = shape.schema === undefined ? undefined : arbitraryOf(shape.schema)
  const values = arbitrary === undefined ? [] : FastCheck.sample(arbitrary, { seed: numbers.next() | 0, numRuns: 10 })
  for (const value of values) {
    const json = shape.encode(value)
    if (Either.isRight(json) && Either.isRight(shape.decode(json.right))) return Either.right(json.right)
  }
  return Either.left(`no value could be made up for ${Json.canonical(shape.jsonSchema).slice(0, 200)}`)
}

/** A value that does not fit, if one is found. */
export const misfitOf = (shape: Shape, numbers: Numbers): Json.Json | undefined => {
  const fitting = Either.getOrUndefined(ofShape(shape, numbers))
  const [first] = Json.isObject(fitting ?? null) ? Object.keys(fitting as Json.JsonObject) : []
  const without =
    first === undefined
      ? []
      : [Object.fromEntries(Object.entries(fitting as Json.JsonObject).filter(([key]) => key !== first))]
  const all = [...without, { unexpected: [true] }, 7, null, "?", []]
  const start = numbers.below(all.length)
  for (let i = 0; i < all.length; i++) {
    const json = all[(start + i) % all.length]!
    if (Either.isLeft(shape.decode(json))) return json
  }
  return undefined
}

const arbitraries = new WeakMap<object, FastCheck.Arbitrary<unknown>>()

const arbitraryOf = (schema: NonNullable<Shape["schema"]>): FastCheck.Arbitrary<unknown> | undefined => {
  const known = arbitraries.get(schema)
  if (known !== undefined) return known
  try {
    const made = Arbitrary.make(schema)
    arbitraries.set(schema, made)
    return made
  } catch {
    // A declaration without an arbitrary of its own has none.
    return undefined
  }
}

export const ofSchema = (schema: Json.Json, numbers: Numbers): Json.Json => new Sampler(schema, numbers).of(schema, 0)

class Sampler {
  constructor(
    private readonly root: Json.Json,
    private readonly numbers: Numbers
  ) {}

  of(schema: Json.Json, depth: number): Json.Json {
    const { numbers } = this
    if (!Json.isObject(schema)) return anything(numbers)
    if (typeof schema.$ref === "string") return this.of(this.resolve(schema.$ref), depth + 1)
    if (schema.const !== undefined) return schema.const
    if (Array.isArray(schema.enum) && schema.enum.length > 0) return numbers.pick(schema.enum)
    for (const key of ["anyOf", "oneOf"] as const) {
      const choices = schema[key]
      if (!Array.isArray(choices) || choices.length === 0) continue
      const { [key]: _, ...rest } = schema
      // Deep down, the first is the one that most often ends.
      const choice = depth > depthMax ? choices[0]! : numbers.pick(choices)
      return this.of(Json.isObject(choice) ? merged(rest, choice) : choice, depth + 1)
    }
    if (Array.isArray(schema.allOf)) {
      const { allOf, ...rest } = schema
      const all = (allOf as ReadonlyArray<Json.Json>).map((one) =>
        Json.isObject(one) && typeof one.$ref === "string" ? this.resolve(one.$ref) : one
      )
      return this.of(
        all.reduce<Json.JsonObject>((a, b) => (Json.isObject(b) ? merged(a, b) : a), rest),
        depth
      )
    }
    const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? kindOf(schema)]
    switch (types.length === 1 ? types[0] : numbers.pick(types)) {
      case "null":
        return null
      case "boolean":
        return numbers.chance(0.5)
      case "integer":
        return this.number(schema, true)
      case "number":
        return this.number(schema, false)
      case "string":
        return this.string(schema)
      case "array":
        return this.array(schema, depth)
      case "object":
        return this.object(schema, depth)
      default:
        return anything(numbers)
    }
  }

  private resolve(ref: string): Json.Json {
    let found: Json.Json | undefined = this.root
    for (const part of ref.replace(/^#\/?/, "").split("/")) {
      if (part === "") continue
      found = found === undefined ? undefined : Json.get(found, part.replaceAll("~1", "/").replaceAll("~0", "~"))
    }
    return found ?? {}
  }

  private number(schema: Json.JsonObject, isWhole: boolean): number {
    const { numbers } = this
    const step = numberOf(schema.multipleOf) ?? (isWhole ? 1 : undefined)
    const above = numberOf(schema.exclusiveMinimum)
    const below = numberOf(schema.exclusiveMaximum)
    const low = numberOf(schema.minimum) ?? (above === undefined ? undefined : above + (step ?? 1e-6))
    const high = numberOf(schema.maximum) ?? (below === undefined ? undefined : below - (step ?? 1e-6))
    const from = low ?? (high === undefined ? (numbers.chance(0.8) ? 0 : -100) : high - 100)
    const to = high ?? from + 100
    if (numbers.chance(0.1)) return from
    if (numbers.chance(0.1)) return to
    const value = from + numbers.fraction() * (to - from)
    if (step === undefined) return Math.round(value * 100) / 100
    return Math.min(to, Math.max(Math.ceil(from / step) * step, Math.floor(value / step) * step))
  }

  private string(schema: Json.JsonObject): string {
    const { numbers } = this
    if (typeof schema.pattern === "string") {
      const made = matching(schema.pattern, numbers)
      if (made !== undefined) return made
    }
    const format = typeof schema.format === "string" ? formats[schema.format] : undefined
    if (format !== undefined) return format(numbers)
    const min = numberOf(schema.minLength) ?? 0
    const max = numberOf(schema.maxLength) ?? 10_000
    let text = numbers.chance(0.05) ? numbers.pick(oddTexts) : words(numbers, 1 + numbers.below(6))
    while ([...text].length < min) text += `${text === "" ? "" : " "}${numbers.pick(wordList)}`
    return [...text].slice(0, max).join("")
  }

  private array(schema: Json.JsonObject, depth: number): Json.Json {
    const { numbers } = this
    const min = numberOf(schema.minItems) ?? 0
    const max = numberOf(schema.maxItems) ?? Math.max(min, depth > depthMax ? 0 : 4)
    const first = Array.isArray(schema.prefixItems) ? (schema.prefixItems as ReadonlyArray<Json.Json>) : []
    const count = Math.max(first.length, min + numbers.below(Math.min(max - min, 4) + 1))
    return Array.from({ length: Math.min(count, Math.max(max, first.length)) }, (_, i) =>
      this.of(first[i] ?? (Json.isObject(schema.items ?? null) ? schema.items! : {}), depth + 1)
    )
  }

  private object(schema: Json.JsonObject, depth: number): Json.Json {
    const { numbers } = this
    const properties = Json.isObject(schema.properties ?? null) ? (schema.properties as Json.JsonObject) : {}
    const required = new Set(Array.isArray(schema.required) ? schema.required.map(String) : [])
    const made: Record<string, Json.Json> = {}
    for (const [key, value] of Object.entries(properties)) {
      if (required.has(key) || (depth <= depthMax && numbers.chance(0.7))) made[key] = this.of(value, depth + 1)
    }
    for (const key of required) if (!Object.hasOwn(made, key)) made[key] = anything(numbers)
    const more = schema.additionalProperties
    const min = numberOf(schema.minProperties) ?? 0
    if (Json.isObject(more ?? null) && Object.keys(more as Json.JsonObject).length > 0) {
      const count = Math.max(min, depth > depthMax ? 0 : numbers.below(3))
      for (let i = 0; Object.keys(made).length < count && i < 20; i++) {
        made[numbers.pick(wordList)] = this.of(more!, depth + 1)
      }
    }
    return made
  }
}

/** What JSON Schema means where it names no type. */
const kindOf = (schema: Json.JsonObject): string | undefined => {
  if (schema.properties !== undefined || schema.required !== undefined) return "object"
  if (schema.items !== undefined || schema.prefixItems !== undefined) return "array"
  if (schema.minLength !== undefined || schema.pattern !== undefined || schema.format !== undefined) return "string"
  return schema.minimum !== undefined || schema.maximum !== undefined ? "number" : undefined
}

const merged = (a: Json.JsonObject, b: Json.JsonObject): Json.JsonObject => ({
  ...a,
  ...b,
  ...(Json.isObject(a.properties ?? null) && Json.isObject(b.properties ?? null)
    ? { properties: { ...(a.properties as Json.JsonObject), ...(b.properties as Json.JsonObject) } }
    : {}),
  ...(Array.isArray(a.required) && Array.isArray(b.required)
    ? { required: [...new Set([...a.required, ...b.required])] }
    : {})
})

const numberOf = (json: Json.Json | undefined): number | undefined => (typeof json === "number" ? json : undefined)

const matching = (pattern: string, numbers: Numbers): string | undefined => {
  try {
    const [made] = FastCheck.sample(FastCheck.stringMatching(new RegExp(pattern, "u")), {
      seed: numbers.next() | 0,
      numRuns: 1
    })
    return made?.toWellFormed()
  } catch {
    // Not every pattern can be turned round.
    return undefined
  }
}

const day = (numbers: Numbers): string =>
  new Date(1_577_836_800_000 + numbers.below(3_650) * 86_400_000).toISOString().slice(0, 10)

const clockTime = (numbers: Numbers): string => new Date(numbers.below(86_400) * 1_000).toISOString().slice(11, 19)

const hex = (numbers: Numbers, size: number): string => Buffer.from(numbers.bytes(size)).toString("hex")

const formats: Readonly<Record<string, (numbers: Numbers) => string>> = {
  date: day,
  "date-time": (numbers) => `${day(numbers)}T${clockTime(numbers)}Z`,
  time: (numbers) => `${clockTime(numbers)}Z`,
  email: (numbers) => `${numbers.pick(wordList)}@example.com`,
  uri: (numbers) => `https://example.com/${numbers.pick(wordList)}`,
  uuid: (numbers) =>
    `${hex(numbers, 4)}-${hex(numbers, 2)}-4${hex(numbers, 2).slice(1)}-8${hex(numbers, 2).slice(1)}-${hex(numbers, 6)}`
}

const anything = (numbers: Numbers): Json.Json =>
  numbers.chance(0.7)
    ? words(numbers, 1 + numbers.below(4))
    : numbers.pick<Json.Json>([null, true, 0, 17, [], ["a"], {}])

export const words = (numbers: Numbers, count: number): string =>
  Array.from({ length: count }, () => numbers.pick(wordList)).join(" ")

const wordList =
  "amber brook cedar delta ember field grove harbor inlet jetty knoll lantern meadow north orchard pebble quarry river stone timber upland valley willow yard".split(
    " "
  )

/** Each of them was too much for somebody's code. */
const oddTexts = [
  "",
  " ",
  "{{ input }}",
  "line one\nline two",
  "null",
  "0",
  "ключ 鍵 🔑",
  "\u0000",
  "</script>",
  "a'b\"c`d",
  "-",
  "x".repeat(300)
]
