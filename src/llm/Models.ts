/**
 * Finds who answers for a model. A model is named `prefix:name`; the prefix chooses the provider, whose module is
 * loaded when a name first asks for it, so a run that calls no model loads none.
 *
 * ```text
 * openai:gpt-4o-mini        a row of `Providers`; so are azure: anthropic: google: openrouter: ollama: vllm:
 * compatible:NAME           the model NAME of any server that speaks OpenAI's chat completions, at OPENAI_BASE_URL
 * compatible:GROUP/NAME     the model NAME at the endpoint that `Options.named` calls GROUP
 * scripted:replies.json     replies from a file
 * offline:any               a small text engine without key or network
 * ```
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { type ModelDriver, ModelError, Models } from "../domain/Model.js"
import { excerpt } from "../redaction/Printable.js"
import type { Endpoint, Limits } from "./Endpoint.js"
import * as Providers from "./Providers.js"

/** Where one provider is reached. What is absent is as the table of `Providers` has it. */
export interface Access {
  readonly baseUrl?: string | undefined
  readonly apiKey?: Redacted.Redacted | undefined
  /** Of this provider; goes over `Options.http`. */
  readonly limits?: Limits | undefined
  /** Which of OpenAI's protocols. Default: as `OpenAi` chooses. */
  readonly api?: "chat" | "responses" | undefined
  /** Azure's older way, in which a version is asked for: such as `2024-10-21`. */
  readonly apiVersion?: string | undefined
}

/** An endpoint that is called by a name of the user's. */
export interface NamedAccess extends Access {
  readonly baseUrl: string
  /** The variable that holds the key, to be named where it is missing. A server without one is called without. */
  readonly keyVariable?: string | undefined
}

export interface Options {
  readonly access?: { readonly [P in Providers.Prefix]?: Access } | undefined
  /** For `compatible:GROUP/NAME`, by the group. */
  readonly named?: { readonly [group: string]: NamedAccess } | undefined
  /** Where the paths of `scripted:` start. Default: the working directory. */
  readonly scriptedFolder?: string | undefined
  /** Folders in which files of `scripted:` may lie. Default: anywhere. */
  readonly scriptedWithin?: ReadonlyArray<string> | undefined
  /** Time-outs, retries, sizes, places and pace of calls over HTTP, for each provider by itself. */
  readonly http?: Limits | undefined
}

/** A variable that is set to nothing counts as absent. */
const variable = (name: string): Config.Config<string | undefined> =>
  Config.map(Config.option(Config.string(name)), (value) => {
    const text = Option.getOrElse(value, () => "").trim()
    return text === "" ? undefined : text
  })

const keyIn = (names: ReadonlyArray<string>): Config.Config<Redacted.Redacted | undefined> =>
  Config.map(Config.all(names.map(variable)), (found) => {
    const key = found.find((value) => value !== undefined)
    return key === undefined ? undefined : Redacted.make(key)
  })

const accessOf = (prefix: Providers.Prefix): Config.Config<Access> => {
  const { baseUrlVariable, keyVariables } = Providers.providers[prefix]
  return Config.all({
    baseUrl: variable(baseUrlVariable),
    apiKey: keyIn(keyVariables),
    ...(prefix === "azure" ? { apiVersion: variable("AZURE_OPENAI_API_VERSION") } : {})
  })
}

/** A named endpoint as a file of settings describes it: the key stands in the environment. */
export interface Named {
  readonly baseUrl: string
  readonly keyVariable?: string | undefined
  readonly api?: "chat" | "responses" | undefined
}

/** What the environment says: keys and addresses of all providers, and the keys of the endpoints in `named`. */
export const optionsWith = (named: { readonly [group: string]: Named }): Config.Config<Options> =>
  Config.all({
    access: Config.all({
      openai: accessOf("openai"),
      azure: accessOf("azure"),
      anthropic: accessOf("anthropic"),
      google: accessOf("google"),
      openrouter: accessOf("openrouter"),
      compatible: accessOf("compatible"),
      ollama: accessOf("ollama"),
      vllm: accessOf("vllm")
    }),
    named: Config.map(
      Config.all(
        Object.entries(named).map(([group, { api, baseUrl, keyVariable }]) =>
          Config.map(
            keyIn(keyVariable === undefined ? [] : [keyVariable]),
            (apiKey): readonly [string, NamedAccess] => [group, { api, apiKey, baseUrl, keyVariable }]
          )
        )
      ),
      (entries) => Object.fromEntries(entries)
    )
  })

/** `optionsWith` no named endpoints. */
export const options: Config.Config<Options> = optionsWith({})

export const make = Effect.fnUntraced(function* (options: Options) {
  const outside = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  // Loading is not interruptible: what an interrupted first caller left behind would be kept for all others.
  const lazily = <A>(load: Effect.Effect<A>) => Effect.cached(Effect.uninterruptible(load))

  /** One driver for each endpoint, so that all calls to it share its places, its pace and its breaker. */
  const driverAt = (endpoint: Endpoint, speaks: Providers.Provider["speaks"], access: Access) =>
    lazily(
      speaks === "messages"
        ? Effect.map(
            Effect.promise(() => import("./Anthropic.js")),
            ({ make }) => make(endpoint)
          )
        : Effect.map(
            Effect.promise(() => import("./OpenAi.js")),
            ({ make }) => make({ ...endpoint, api: access.api, dialect: { ...speaks, apiVersion: access.apiVersion } })
          )
    )
  const driversByPrefix = yield* Effect.forEach(Providers.prefixes, (prefix) => {
    const provider = Providers.providers[prefix]
    const access = options.access?.[prefix] ?? {}
    const endpoint: Endpoint = {
      prefix,
      baseUrl: prefix === "azure" ? azureUrl(access) : (access.baseUrl ?? provider.baseUrl),
      baseUrlFrom: provider.baseUrlVariable,
      apiKey: provider.keyVariables.length === 0 ? undefined : access.apiKey,
      keyVariable: provider.keyVariables.length === 0 ? undefined : provider.keyVariables.join(" or "),
      keyNeeded: provider.keyNeeded,
      keyHeader: provider.keyHeader,
      limits: { ...options.http, ...access.limits }
    }
    return Effect.map(driverAt(endpoint, provider.speaks, access), (driver) => [prefix, driver] as const)
  })
  const driversByGroup = yield* Effect.forEach(Object.entries(options.named ?? {}), ([group, access]) => {
    const endpoint: Endpoint = {
      prefix: "compatible",
      group,
      baseUrl: access.baseUrl,
      baseUrlFrom: `base_url of [providers.${group}]`,
      apiKey: access.apiKey,
      keyVariable: access.keyVariable ?? `api_key_env of [providers.${group}]`,
      keyNeeded: access.keyVariable !== undefined,
      limits: { ...options.http, ...access.limits }
    }
    return Effect.map(
      driverAt(endpoint, Providers.providers.compatible.speaks, access),
      (driver) => [group, driver] as const
    )
  })
  const overHttp = new Map(driversByPrefix)
  const named = new Map(driversByGroup)
  const scripts = yield* lazily(
    Effect.flatMap(
      Effect.promise(() => import("./Scripted.js")),
      (module) =>
        Effect.provide(module.make({ folder: options.scriptedFolder ?? ".", within: options.scriptedWithin }), outside)
    )
  )
  const offline = yield* lazily(
    Effect.flatMap(
      Effect.promise(() => import("./Offline.js")),
      (module) => module.make
    )
  )

  type Found = { readonly driver: ModelDriver; readonly model: string }
  const driver: Models["Type"]["driver"] = (name, from): Effect.Effect<Found, ModelError> => {
    const [prefix, model] = parts(name)
    const slash = model.indexOf("/")
    const group = prefix === "compatible" && slash > 0 ? named.get(model.slice(0, slash)) : undefined
    if (model === "" || (group !== undefined && slash === model.length - 1)) return Effect.fail(unknown(name))
    if (group !== undefined) return Effect.map(group, (driver) => ({ driver, model: model.slice(slash + 1) }))
    if (prefix === "scripted") {
      return Effect.flatMap(scripts, (scripts) =>
        Effect.map(scripts.driver(model, from), (driver) => ({ driver, model }))
      )
    }
    if (prefix === "offline") return Effect.map(offline, (driver) => ({ driver, model }))
    const provider = Providers.find(prefix)
    const found = provider === undefined ? undefined : overHttp.get(provider)
    return found === undefined ? Effect.fail(unknown(name)) : Effect.map(found, (driver) => ({ driver, model }))
  }
  return Models.of({ driver })
})

/** Azure's endpoint is that of a resource; the protocol is spoken below it. */
const azureUrl = ({ apiVersion, baseUrl }: Access): string | undefined => {
  const root = baseUrl?.replace(/\/+$/, "")
  if (root === undefined || /\/openai(?:\/v1)?$/.test(root)) return root
  return apiVersion === undefined ? `${root}/openai/v1` : `${root}/openai`
}

export const layer = (options: Options = {}): Layer.Layer<Models, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(Models, make(options))

/** `layerConfig(Models.options)` reads the environment. */
export const layerConfig = (
  config: Config.Config.Wrap<Options>
): Layer.Layer<Models, ConfigError.ConfigError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(Models, Effect.flatMap(Config.unwrap(config), make))

const parts = (name: string): readonly [prefix: string, model: string] => {
  const colon = name.indexOf(":")
  return colon < 0 ? ["", name.trim()] : [name.slice(0, colon).trim(), name.slice(colon + 1).trim()]
}

/** An example for each prefix and each of its other names. */
const examples: ReadonlyMap<string, string> = new Map([
  ...Providers.prefixes.flatMap((prefix) => {
    const { aliases, example } = Providers.providers[prefix]
    return [prefix, ...aliases].map((name) => [name, example] as const)
  }),
  ["scripted", "replies.json"],
  ["offline", "any"]
])
const known: ReadonlyArray<string> = [...Providers.prefixes, "scripted", "offline"]

/** Says how the name could have been meant. */
const unknown = (name: string): ModelError => {
  const [prefix, model] = parts(name)
  const shown = excerpt(name, 80)
  const list = `Known providers: ${known.map((prefix) => `${prefix}:`).join(", ")}.`
  const fail = (detail: string) => new ModelError({ reason: "Unknown", model: shown, detail })
  if (name.trim() === "") return fail(`a model needs a name, such as openai:gpt-4o-mini or offline:any. ${list}`)
  const example = examples.get(prefix)
  if (example !== undefined) {
    return model === ""
      ? fail(`nothing stands after "${prefix}:"; write ${prefix}:${example}`)
      : fail(`nothing stands after "${shown}"; write the model's name behind the slash`)
  }
  if (prefix === "") {
    return fail(`the provider is missing; write it first: ${guess(model)}:${excerpt(model, 60)}. ${list}`)
  }
  const near = [...examples]
    .map(([known, example]) => ({ known, example, distance: distance(prefix.toLowerCase(), known) }))
    .filter(({ distance, known }) => distance <= Math.ceil(known.length / 3))
    .sort((a, b) => a.distance - b.distance)[0]
  // `llama3:8b` is a whole name where it comes from: the colon is part of it.
  const meant =
    near === undefined ? `ollama:${excerpt(name, 60)}` : `${near.known}:${excerpt(model || near.example, 60)}`
  return fail(`there is no provider "${excerpt(prefix, 40)}"; did you mean ${meant}? ${list}`)
}

const guess = (model: string): string =>
  model.endsWith(".json")
    ? "scripted"
    : /^(llama|mistral|qwen|phi|gemma|deepseek|mixtral)/i.test(model)
      ? "ollama"
      : /^claude/i.test(model)
        ? "anthropic"
        : /^gemini/i.test(model)
          ? "google"
          : "openai"

/** Edits between two short words (Levenshtein, with a swap of neighbours as one edit). */
const distance = (a: string, b: string): number => {
  const long = a.slice(0, 32)
  const rows: Array<Array<number>> = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= long.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = long[i - 1] === b[j - 1]
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && long[i - 1] === b[j - 2] && long[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1)
      }
    }
    rows.push(row)
  }
  return rows[long.length]![b.length]!
}
