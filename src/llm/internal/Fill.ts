/**
 * A value for a JSON Schema, made of what a text says: properties are filled by their names where the name says what is
 * wanted (`summary`, `keywords`, `sentiment` …), and with a plain value of the right type where it does not. What is
 * answered satisfies the keywords read here; `pattern`, `not`, `if` and the like are not read.
 */
import * as Json from "../../domain/Json.js"
import { type Facts, label, summary } from "./Extract.js"

/** Schemas that refer to themselves end here. */
const depthMax = 12

/** `sentences`: how many a summary takes. */
export const fill = (schema: Json.Json, facts: Facts, sentences: number): Json.Json =>
  value({ root: schema, facts, sentences }, schema, "", 0)

interface Task {
  readonly root: Json.Json
  readonly facts: Facts
  readonly sentences: number
}

const value = (task: Task, given: Json.Json, name: string, depth: number): Json.Json => {
  const schema = resolve(task.root, given)
  if (!Json.isObject(schema)) return text(task, name, {})
  const constant = Json.get(schema, "const")
  if (constant !== undefined) return constant
  const choices = list(schema, "enum")
  if (choices.length > 0) return choose(task.facts, name, choices)
  const all = list(schema, "allOf")
  if (all.length > 0) return value(task, merge(task.root, schema, all), name, depth)
  const members = [...list(schema, "anyOf"), ...list(schema, "oneOf")]
  if (members.length > 0) {
    const constants = members.map((member) => Json.get(resolve(task.root, member), "const"))
    const scalars = constants.filter((member) => member !== undefined)
    if (scalars.length === members.length) return choose(task.facts, name, scalars)
    // The first member that is not null, so that an optional field is filled.
    const member = members.find((member) => Json.get(resolve(task.root, member), "type") !== "null") ?? members[0]!
    return value(task, member, name, depth)
  }
  switch (typeOf(schema)) {
    case "object":
      return depth >= depthMax ? {} : object(task, schema, depth)
    case "array":
      return depth >= depthMax ? [] : array(task, schema, name, depth)
    case "integer":
    case "number":
      return number(task.facts, name, schema)
    case "boolean":
      return /positive/.test(words(name))
        ? label(task.facts) === "positive"
        : /negative/.test(words(name)) && label(task.facts) === "negative"
    case "null":
      return null
    default:
      return text(task, name, schema)
  }
}

const list = (schema: Json.Json, key: string): ReadonlyArray<Json.Json> => {
  const found = Json.get(schema, key)
  return Array.isArray(found) ? found : []
}

/** Follows `$ref` within the schema itself. */
const resolve = (root: Json.Json, schema: Json.Json): Json.Json => {
  let at = schema
  for (let i = 0; i < 16; i++) {
    const reference = Json.get(at, "$ref")
    if (typeof reference !== "string" || !reference.startsWith("#")) return at
    let target: Json.Json | undefined = root
    for (const part of reference.slice(1).split("/").slice(1)) {
      target = Json.get(target, decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    }
    if (target === undefined) return {}
    at = target
  }
  return {}
}

/** `allOf` as one schema: enough for members that add properties. */
const merge = (root: Json.Json, schema: Json.JsonObject, all: ReadonlyArray<Json.Json>): Json.JsonObject => {
  const merged: Record<string, Json.Json> = {}
  const properties: Record<string, Json.Json> = {}
  const required: Array<Json.Json> = []
  for (const part of [schema, ...all.map((member) => resolve(root, member))]) {
    Object.assign(merged, asObject(part))
    Object.assign(properties, asObject(Json.get(part, "properties")))
    required.push(...list(part, "required"))
  }
  const { allOf: _, ...rest } = merged
  return { ...rest, properties, required }
}

const asObject = (json: Json.Json | undefined): Json.JsonObject => (Json.isObject(json) ? json : {})

const typeOf = (schema: Json.JsonObject): string => {
  const type = Json.get(schema, "type")
  if (typeof type === "string") return type
  if (Array.isArray(type)) return String(type.find((member) => member !== "null") ?? "null")
  if (Json.get(schema, "properties") !== undefined) return "object"
  return Json.get(schema, "items") !== undefined ? "array" : "string"
}

/** A name as words: `keyPoints`, `key_points` and `key-points` are `key points`. */
const words = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[_\-.\s]+/g, " ")
    .toLowerCase()
    .trim()

const known =
  /summar|abstract|tl ?dr|overview|gist|keyword|key phrase|key term|tag|topic|subject|categor|theme|sentiment|mood|tone|score|title|headline|language|highlight|point|takeaway|sentence|entit|name|word count/

const object = (task: Task, schema: Json.JsonObject, depth: number): Json.JsonObject => {
  const filled: Record<string, Json.Json> = {}
  const required = list(schema, "required")
  const properties = asObject(Json.get(schema, "properties"))
  for (const [name, property] of Object.entries(properties)) {
    // What is neither asked for nor understood is left out: a made-up value helps nobody.
    if (!required.includes(name) && !known.test(words(name))) continue
    Json.set(filled, name, value(task, property, name, depth + 1))
  }
  for (const name of required) {
    if (typeof name !== "string" || Object.hasOwn(filled, name)) continue
    const additional = Json.get(schema, "additionalProperties")
    Json.set(filled, name, value(task, additional ?? {}, name, depth + 1))
  }
  return filled
}

const array = (task: Task, schema: Json.JsonObject, name: string, depth: number): Json.Json => {
  const items = Json.get(schema, "items") ?? {}
  const type = typeOf(asObject(resolve(task.root, items)))
  const plain = list(resolve(task.root, items), "enum").length === 0
  const minimum = count(schema, "minItems") ?? 0
  const maximum = count(schema, "maxItems") ?? 10
  const found: Array<Json.Json> = type === "string" && plain ? [...several(task, words(name))] : []
  const values = found.slice(0, maximum)
  while (values.length < minimum) values.push(value(task, items, name, depth + 1))
  return values
}

const several = ({ facts, sentences }: Task, name: string): ReadonlyArray<string> => {
  if (/summar|highlight|point|takeaway|sentence|fact|finding|quote|bullet/.test(name)) return summary(facts, sentences)
  if (/entit|name|people|person|place|organi/.test(name)) return facts.names
  if (/keyword|phrase|term|tag|topic|subject|categor|theme|concept|label/.test(name)) return facts.keywords
  return []
}

const count = (schema: Json.JsonObject, key: string): number | undefined => {
  const found = Json.get(schema, key)
  return typeof found === "number" ? found : undefined
}

const number = (facts: Facts, name: string, schema: Json.JsonObject): number => {
  const isInteger = typeOf(schema) === "integer"
  const above = count(schema, "exclusiveMinimum")
  const below = count(schema, "exclusiveMaximum")
  const step = isInteger ? 1 : 1e-6
  const minimum = count(schema, "minimum") ?? (above === undefined ? undefined : above + step)
  const maximum = count(schema, "maximum") ?? (below === undefined ? undefined : below - step)
  const asked = words(name)
  let found = 0
  if (/word.*count|count.*word/.test(asked)) found = facts.wordCount
  else if (/sentence.*count|count.*sentence/.test(asked)) found = facts.sentences.length
  else if (/sentiment|score|polarity|mood|tone/.test(asked)) {
    // From bad to good over the whole range, where the schema gives one.
    found =
      minimum !== undefined && maximum !== undefined
        ? minimum + ((facts.sentiment + 1) / 2) * (maximum - minimum)
        : facts.sentiment
  } else if (/confidence|strength/.test(asked)) found = Math.abs(facts.sentiment)
  found = isInteger ? Math.round(found) : Math.round(found * 1e6) / 1e6
  if (minimum !== undefined) found = Math.max(isInteger ? Math.ceil(minimum) : minimum, found)
  if (maximum !== undefined) found = Math.min(isInteger ? Math.floor(maximum) : maximum, found)
  const multiple = count(schema, "multipleOf")
  if (multiple !== undefined && multiple > 0) {
    const steps =
      minimum === undefined
        ? Math.round(found / multiple)
        : Math.max(Math.round(found / multiple), Math.ceil(minimum / multiple))
    found = steps * multiple
  }
  return found + 0
}

const kinds = {
  positive: /^(pos|good|happy|favou?rable)/i,
  negative: /^(neg|bad|unhappy|sad|unfavou?rable)/i,
  neutral: /^(neu|mixed|none|ok)/i
}

/** Of the values allowed, the mood where they are moods; else the one the text speaks of most; else the one that says least. */
const choose = (facts: Facts, name: string, choices: ReadonlyArray<Json.Json>): Json.Json => {
  const texts = choices.filter((choice) => typeof choice === "string")
  const moods = texts.filter((choice) => Object.values(kinds).some((kind) => kind.test(choice)))
  if (/sentiment|mood|tone|polarity|emotion/.test(words(name)) || moods.length >= 2) {
    const mood =
      texts.find((choice) => kinds[label(facts)].test(choice)) ?? texts.find((choice) => kinds.neutral.test(choice))
    if (mood !== undefined) return mood
  }
  if (/^(language|lang|locale)/.test(words(name))) {
    const english = texts.find((choice) => /^en/i.test(choice))
    if (facts.isEnglish && english !== undefined) return english
  }
  let best: string | undefined
  let bestCount = 0
  for (const choice of texts) {
    const mentions = facts.lemmas(words(choice)).reduce((sum, lemma) => sum + (facts.countsByLemma.get(lemma) ?? 0), 0)
    if (mentions > bestCount) {
      best = choice
      bestCount = mentions
    }
  }
  return (
    best ??
    texts.find((choice) => /^(other|unknown|none|neutral|general|medium|normal|n\/?a)$/i.test(choice)) ??
    choices[0]!
  )
}

const text = (task: Task, name: string, schema: Json.JsonObject): string => {
  const found = formatted(Json.get(schema, "format")) ?? told(task, words(name))
  const minimum = count(schema, "minLength") ?? 0
  const maximum = count(schema, "maxLength") ?? Number.POSITIVE_INFINITY
  const characters = Array.from(found)
  if (characters.length > maximum) return cut(characters, maximum)
  return characters.length < minimum ? found + ".".repeat(Math.min(minimum, 10_000) - characters.length) : found
}

const cut = (characters: ReadonlyArray<string>, maximum: number): string =>
  maximum < 2
    ? characters.slice(0, maximum).join("")
    : `${characters
        .slice(0, maximum - 1)
        .join("")
        .trimEnd()}…`

const formatted = (format: Json.Json | undefined): string | undefined => {
  switch (format) {
    case "date-time":
      return "1970-01-01T00:00:00Z"
    case "date":
      return "1970-01-01"
    case "time":
      return "00:00:00Z"
    case "uri":
    case "url":
      return "about:blank"
    case "email":
      return "nobody@example.com"
    case "uuid":
      return "00000000-0000-0000-0000-000000000000"
    default:
      return undefined
  }
}

const told = ({ facts, sentences }: Task, name: string): string => {
  if (/sentiment|mood|tone|polarity|emotion/.test(name)) return label(facts)
  if (/^lang|language/.test(name)) return facts.isEnglish ? "en" : "und"
  if (/title|headline|heading/.test(name)) return title(facts)
  if (/topic|subject|categor|theme|^tag$|^keyword$/.test(name)) return facts.keywords[0] ?? ""
  if (/keyword|tags|terms/.test(name)) return facts.keywords.join(", ")
  if (
    /summar|abstract|tl ?dr|overview|gist|description|digest|^(text|content|answer|result|output|response|message|body|report)$|^$/.test(
      name
    )
  ) {
    return summary(facts, sentences).join(" ")
  }
  if (/sentence|highlight|point|takeaway|quote|reason|rationale|explanation|evidence/.test(name))
    return summary(facts, 1).join(" ")
  return ""
}

/** A first line that looks like a heading, or else the most telling sentence, cut to a heading's length. */
const title = (facts: Facts): string => {
  const first = facts.text
    .trimStart()
    .split("\n", 1)[0]!
    .replace(/^#+\s*/, "")
    .trim()
  const isHeading =
    first.length > 0 && first.length <= 80 && !/[.!?]$/.test(first) && first.length < facts.text.trim().length
  const characters = Array.from(isHeading ? first : (summary(facts, 1)[0] ?? "").replace(/[.!?]+$/, ""))
  return characters.length > 80 ? cut(characters, 80) : characters.join("")
}
