/** A server on the loopback that answers each request as the next handler says; the last handler stays. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"
import type { Json } from "../../src/domain/Json.js"

export interface Request {
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  readonly body: Record<string, Json>
  /** In milliseconds. */
  readonly at: number
}
export type Handler = (response: ServerResponse, request: IncomingMessage) => void

export const make = (...handlers: ReadonlyArray<Handler>) =>
  Effect.acquireRelease(
    Effect.async<{
      readonly url: string
      readonly requests: Array<Request>
      readonly stop: () => void
      readonly aborted: () => number
    }>((resume) => {
      const requests: Array<Request> = []
      let aborted = 0
      const server = createServer((request, response) => {
        const chunks: Array<Buffer> = []
        response.on("close", () => {
          if (!response.writableFinished) aborted += 1
        })
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const handler = handlers[Math.min(requests.length, handlers.length - 1)]!
          requests.push({
            path: request.url!,
            headers: request.headers,
            body: JSON.parse(Buffer.concat(chunks).toString() || "{}") as Record<string, Json>,
            at: performance.now()
          })
          handler(response, request)
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        const stop = () => {
          server.closeAllConnections()
          server.close()
        }
        resume(Effect.succeed({ url, requests, stop, aborted: () => aborted }))
      })
    }),
    ({ stop }) => Effect.sync(stop)
  )

/** Waits until so many requests were let go by their client before they were answered. */
export const letGo = (server: { readonly aborted: () => number }, count: number): Effect.Effect<void> =>
  Effect.promise(async () => {
    while (server.aborted() < count) await new Promise((resolve) => setTimeout(resolve, 5))
  })

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Handler =>
  (response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

export const raw =
  (status: number, body: string, headers: Record<string, string> = {}): Handler =>
  (response) =>
    response.writeHead(status, headers).end(body)

/** A whole, ordinary completion; `more` goes over it. */
export const completion = (content: unknown = "Hello", more: Record<string, unknown> = {}) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "served-model",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content } }],
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  ...more
})

export const error = (
  status: number,
  message: string,
  code: string | null = null,
  headers: Record<string, string> = {}
) => json(status, { error: { message, type: "x", code } }, headers)
