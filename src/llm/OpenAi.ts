/**
 * The driver for everything that speaks OpenAI's protocols, through the `openai` package: OpenAI itself, Azure, and the
 * many servers like them. The environment is not read: the package's own reading of it (organization, project, custom
 * headers, logging) is turned off or overruled, as are its retries.
 *
 * Of the two protocols, chat completions are what everybody speaks. The Responses API is taken for OpenAI's own models
 * that think (`o3`, `gpt-5` …) at OpenAI's own address, where only it keeps their thoughts between turns; or where an
 * endpoint says so.
 */
import * as Duration from "effect/Duration"
import OpenAI from "openai"
import type { ModelDriver } from "../domain/Model.js"
import { type Endpoint, limitsDefault } from "./Endpoint.js"
import * as Chat from "./internal/Chat.js"
import * as Driver from "./internal/Driver.js"
import { fetching } from "./internal/Fetch.js"
import * as Responses from "./internal/Responses.js"
import * as Vectors from "./internal/Vectors.js"

export interface Options extends Endpoint {
  /** Default: the rule above. */
  readonly api?: "chat" | "responses" | undefined
  readonly dialect: Chat.Dialect
}

export const make = (options: Options): ModelDriver => {
  const chat = Chat.make(options.dialect)
  const isOpenAi = options.baseUrl !== undefined && /^https:\/\/api\.openai\.com(?:\/|$)/.test(options.baseUrl)
  return Driver.make({
    endpoint: options,
    wireOf: ({ model, output }) =>
      output._tag === "Vectors"
        ? Vectors.wire
        : options.api === "responses" || (options.api === undefined && isOpenAi && Responses.isReasoningModel(model))
          ? Responses.wire
          : chat,
    makeSend: (baseUrl) => {
      const { streamTimeout = limitsDefault.streamTimeout, timeout = limitsDefault.timeout } = options.limits ?? {}
      // Ours are the ones that count; this one only has to be later.
      const later = Math.max(Duration.toMillis(timeout), Duration.toMillis(streamTimeout)) + 60_000
      const client = new OpenAI({
        baseURL: baseUrl,
        // The package insists on a key; the header is made by us.
        apiKey: "none",
        organization: null,
        project: null,
        adminAPIKey: null,
        webhookSecret: null,
        maxRetries: 0,
        logLevel: "off",
        timeout: Math.min(Math.ceil(later), 2 ** 31 - 1),
        fetch: fetching
      })
      return ({ body, path, query }, { headers, signal }) =>
        client
          .post(path, {
            body,
            signal,
            headers: { Authorization: null, ...headers },
            ...(query === undefined ? {} : { query })
          })
          .asResponse()
    }
  })
}
