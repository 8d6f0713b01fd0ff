/**
 * Finds who answers for a model. A model is named `prefix:name`; the prefix chooses the provider, whose module is
 * loaded when a name first asks for it, so a run that calls no model loads none.
 *
 * ```text
 * openai:gpt-4o-mini        OpenAI; the key is OPENAI_API_KEY, another address OPENAI_BASE_URL
 * compatible:NAME           any server that speaks OpenAI's chat completions, at OPENAI_BASE_URL
 * ollama:llama3.2           a local Ollama, at OLLAMA_BASE_URL or http://127.0.0.1:11434/v1; no key
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
import type * as OpenAi from "./OpenAi.js"

export const prefixes = ["openai", "compatible", "ollama", "scripted", "offline"] as const
export type Prefix = (typeof prefixes)[number]

export interface Options {
  /** For `openai:`, and for `compatible:` where the server wants one. */
  readonly openAiApiKey?: Redacted.Redacted | undefined
  /** For `compatible:`, and in place of OpenAI's own address for `openai:`. */
  readonly openAiBaseUrl?: string | undefined
  readonly ollamaBaseUrl?: string | undefined
  /** Where the paths of `scripted:` start. Default: the working directory. */
  readonly scriptedFolder?: string | undefined
  /** Time-outs, retries and sizes of calls over HTTP. */
  readonly http?: OpenAi.Limits | undefined
}

export const ollamaBaseUrlDefault = "http://127.0.0.1:11434/v1"

/** A variable that is set to nothing counts as absent. */
const variable = (name: string): Config.Config<string | undefined> =>
  Config.map(Config.option(Config.string(name)), (value) => {
    const text = Option.getOrElse(value, () => "").trim()
    return text === "" ? undefined : text
  })

/** What the environment says: `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OLLAMA_BASE_URL`. */
export const options: Config.Config<Options> = Config.all({
  openAiApiKey: Config.map(variable("OPENAI_API_KEY"), (key) => (key === undefined ? undefined : Redacted.make(key))),
  openAiBaseUrl: variable("OPENAI_BASE_URL"),
  ollamaBaseUrl: variable("OLLAMA_BASE_URL")
})

export const make = Effect.fnUntraced(function* (options: Options) {
  const outside = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  // Loading is not interruptible: what an interrupted first caller left behind would be kept for all others.
  const lazily = <A>(load: Effect.Effect<A>) => Effect.cached(Effect.uninterruptible(load))

  const openAi = (config: Omit<OpenAi.Options, "limits">) =>
    lazily(
      Effect.map(
        Effect.promise(() => import("./OpenAi.js")),
        (module) => module.make({ ...config, limits: options.http })
      )
    )
  const openai = yield* openAi({
    prefix: "openai",
    baseUrl: options.openAiBaseUrl ?? "https://api.openai.com/v1",
    apiKey: options.openAiApiKey,
    keyNeeded: true
  })
  const compatible = yield* openAi({
    prefix: "compatible",
    baseUrl: options.openAiBaseUrl,
    apiKey: options.openAiApiKey,
    keyNeeded: false
  })
  // No key: the one for OpenAI is nobody else's business.
  const ollama = yield* openAi({
    prefix: "ollama",
    baseUrl: options.ollamaBaseUrl ?? ollamaBaseUrlDefault,
    apiKey: undefined,
    keyNeeded: false
  })
  const scripts = yield* lazily(
    Effect.flatMap(
      Effect.promise(() => import("./Scripted.js")),
      (module) => Effect.provide(module.make({ folder: options.scriptedFolder ?? "." }), outside)
    )
  )
  const offline = yield* lazily(
    Effect.flatMap(
      Effect.promise(() => import("./Offline.js")),
      (module) => module.make
    )
  )

  const driverOf: {
    readonly [P in Prefix]: (
      model: string,
      from: { readonly path: string; readonly agent: string }
    ) => Effect.Effect<ModelDriver, ModelError>
  } = {
    openai: () => openai,
    compatible: () => compatible,
    ollama: () => ollama,
    scripted: (file, from) => Effect.flatMap(scripts, (scripts) => scripts.driver(file, from)),
    offline: () => offline
  }

  return Models.of({
    driver: (name, from) => {
      const [prefix, model] = parts(name)
      if (!isPrefix(prefix) || model === "") return Effect.fail(unknown(name))
      return Effect.map(driverOf[prefix](model, from), (driver) => ({ driver, model }))
    }
  })
})

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

const isPrefix = (prefix: string): prefix is Prefix => (prefixes as ReadonlyArray<string>).includes(prefix)

/** Says how the name could have been meant. */
const unknown = (name: string): ModelError => {
  const [prefix, model] = parts(name)
  const shown = excerpt(name, 80)
  const list = `Known providers: ${prefixes.map((known) => `${known}:`).join(", ")}.`
  const fail = (detail: string) => new ModelError({ reason: "Unknown", model: shown, detail })
  if (name.trim() === "") return fail(`a model needs a name, such as openai:gpt-4o-mini or offline:any. ${list}`)
  if (isPrefix(prefix)) {
    return fail(`nothing stands after "${prefix}:"; write ${prefix}:${examples[prefix]}`)
  }
  if (prefix === "") {
    return fail(`the provider is missing; write it first: ${guess(model)}:${excerpt(model, 60)}. ${list}`)
  }
  const near = prefixes
    .map((known) => ({ known, distance: distance(prefix.toLowerCase(), known) }))
    .filter(({ distance, known }) => distance <= Math.ceil(known.length / 3))
    .sort((a, b) => a.distance - b.distance)[0]
  // `llama3:8b` is a whole name where it comes from: the colon is part of it.
  const meant =
    near === undefined ? `ollama:${excerpt(name, 60)}` : `${near.known}:${excerpt(model || examples[near.known], 60)}`
  return fail(`there is no provider "${excerpt(prefix, 40)}"; did you mean ${meant}? ${list}`)
}

const examples: { readonly [P in Prefix]: string } = {
  openai: "gpt-4o-mini",
  compatible: "NAME",
  ollama: "llama3.2",
  scripted: "replies.json",
  offline: "any"
}

const guess = (model: string): Prefix =>
  model.endsWith(".json")
    ? "scripted"
    : /^(llama|mistral|qwen|phi|gemma|deepseek|mixtral)/i.test(model)
      ? "ollama"
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
