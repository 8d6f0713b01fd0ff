/** The driver for Anthropic's models, over its Messages API. It needs no package. */
import type { ModelDriver } from "../domain/Model.js"
import type { Endpoint } from "./Endpoint.js"
import * as Driver from "./internal/Driver.js"
import { fetching } from "./internal/Fetch.js"
import { wire } from "./internal/Messages.js"

/** The version of the API that is spoken (https://docs.anthropic.com/en/api/versioning). */
const version = "2023-06-01"

export const make = (endpoint: Endpoint): ModelDriver =>
  Driver.make({
    endpoint,
    wireOf: () => wire,
    makeSend: (baseUrl) => {
      // The address is known with and without the version at its end.
      const root = baseUrl.replace(/\/+$/, "").replace(/\/v1$/, "")
      return ({ body, path }, { headers, signal }) =>
        fetching(root + path, {
          method: "POST",
          headers: { ...headers, "anthropic-version": version, "content-type": "application/json" },
          body: JSON.stringify(body),
          signal
        })
    }
  })
