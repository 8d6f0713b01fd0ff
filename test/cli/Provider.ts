/**
 * A provider of models on the loopback, with a log of its own: what it was asked, in order, and what it answered, so that
 * a run which was killed can be compared with what was really asked. Speaks chat completions, at once and streamed.
 */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { completion } from "../llm/TinyServer.js"

export interface Message {
  readonly role: string
  readonly content: string
}

/** One request as it came over the wire. */
export interface Asked {
  readonly messages: ReadonlyArray<Message>
  readonly body: string
  /** `Idempotency-Key`, where one was sent. */
  readonly key: string | undefined
  /** Whether a whole answer was sent. */
  answered: boolean
}

export interface Exchange {
  readonly asked: Asked
  /** Answers with a text. */
  readonly say: (text: string) => void
  /** Answers with calls of tools; `arguments` as they are. */
  readonly call: (...calls: ReadonlyArray<{ readonly name: string; readonly arguments: string }>) => void
  /** A beginning of a streamed answer, after which nothing comes. */
  readonly stall: (text: string) => void
  readonly response: ServerResponse
}

export interface Provider {
  readonly log: ReadonlyArray<Asked>
  /** What a command needs to reach it. */
  readonly env: () => Record<string, string>
  readonly open: () => Promise<void>
  readonly close: () => void
  /** Until so many requests have come. */
  readonly until: (count: number) => Promise<void>
}

export const provider = (answer: (exchange: Exchange, index: number) => void): Provider => {
  const log: Array<Asked> = []
  const waiting = new Set<() => void>()
  const server = createServer((request, response) => {
    let body = ""
    request.on("data", (piece) => {
      body += piece
    })
    request.on("end", () => {
      const read = JSON.parse(body)
      const header = request.headers["idempotency-key"]
      const asked: Asked = {
        messages: read.messages,
        body,
        key: typeof header === "string" ? header : undefined,
        answered: false
      }
      log.push(asked)
      const index = log.length - 1
      const whole = (message: Record<string, unknown>, finish: string): void => {
        const choice = { index: 0, finish_reason: finish, message: { role: "assistant", content: null, ...message } }
        asked.answered = true
        response
          .writeHead(200, { "content-type": "application/json" })
          .end(JSON.stringify(completion("", { choices: [choice] })))
      }
      answer(
        {
          asked,
          response,
          say: (text) => whole({ content: text }, "stop"),
          call: (...calls) => {
            const tool_calls = calls.map((call, at) => ({
              id: `call_${index}_${at}`,
              type: "function",
              function: call
            }))
            whole({ tool_calls }, "tool_calls")
          },
          stall: (text) => {
            response.writeHead(200, { "content-type": read.stream === true ? "text/event-stream" : "application/json" })
            const delta = { index: 0, delta: { role: "assistant", content: text }, finish_reason: null }
            const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [delta] }
            response.write(read.stream === true ? `data: ${JSON.stringify(chunk)}\n\n` : '{"id":"c","choices":[')
          }
        },
        index
      )
      for (const look of waiting) look()
    })
  })
  return {
    log,
    env: () => ({ OPENAI_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` }),
    open: () => new Promise((done) => server.listen(0, "127.0.0.1", done)),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
    until: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (log.length < count) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      })
  }
}
