/** An editor, as far as the language server sees one: the built command as a process, and its protocol on two streams. */
import { type ChildProcess, spawn } from "node:child_process"
import { pathToFileURL } from "node:url"
import { assert } from "@effect/vitest"
import { bin, type Place } from "../cli/Flujo.js"

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests.
export type Answer = any

export interface Ended {
  readonly status: number | null
  readonly stderr: string
}

export const framed = (message: object): string => {
  const text = JSON.stringify({ jsonrpc: "2.0", ...message })
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

export class Client {
  private readonly child: ChildProcess
  private rest = Buffer.alloc(0)
  private readonly got: Array<Answer> = []
  private readonly waiting = new Set<() => void>()
  private id = 0
  private version = 1
  readonly ended: Promise<Ended>

  constructor(readonly place: Place) {
    this.child = spawn(process.execPath, [bin, "dev", "lsp"], { cwd: place.folder, env: { ...place.env } })
    let stderr = ""
    this.child.stderr?.on("data", (piece) => {
      stderr += piece
    })
    this.child.stdin?.on("error", () => {})
    this.child.stdout?.on("data", (piece: Buffer) => {
      this.rest = Buffer.concat([this.rest, piece])
      for (;;) {
        const end = this.rest.indexOf("\r\n\r\n")
        if (end < 0) break
        const length = Number(/Content-Length: (\d+)/.exec(this.rest.subarray(0, end).toString())?.[1])
        if (this.rest.length < end + 4 + length) break
        this.got.push(JSON.parse(this.rest.subarray(end + 4, end + 4 + length).toString()))
        this.rest = this.rest.subarray(end + 4 + length)
      }
      for (const wake of this.waiting) wake()
    })
    this.ended = new Promise((resolve) => {
      this.child.on("close", (status) => {
        for (const wake of this.waiting) wake()
        resolve({ status, stderr })
      })
    })
  }

  write(text: string | Uint8Array): void {
    this.child.stdin?.write(text)
  }

  close(): void {
    this.child.stdin?.end()
  }

  kill(): void {
    this.child.kill("SIGKILL")
  }

  /** The next message that fits; it is taken out. */
  async next(fits: (message: Answer) => boolean): Promise<Answer> {
    for (;;) {
      const at = this.got.findIndex(fits)
      if (at >= 0) return this.got.splice(at, 1)[0]
      if (this.child.exitCode !== null) throw new Error("the server has ended")
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake)
          resolve()
        }
        this.waiting.add(wake)
      })
    }
  }

  notify(method: string, params: object = {}): void {
    this.write(framed({ method, params }))
  }

  /** The whole answer, error or not. */
  ask(method: string, params: object = {}): Promise<Answer> {
    const id = ++this.id
    this.write(framed({ id, method, params }))
    return this.next((message) => message.id === id)
  }

  async result(method: string, params: object = {}): Promise<Answer> {
    const answer = await this.ask(method, params)
    assert.isUndefined(answer.error, JSON.stringify(answer.error))
    return answer.result
  }

  async start(): Promise<Answer> {
    const result = await this.result("initialize", { processId: null, rootUri: this.uri("."), capabilities: {} })
    this.notify("initialized")
    return result
  }

  uri(name: string): string {
    return pathToFileURL(this.place.at(name)).href
  }

  open(name: string, text: string): void {
    const textDocument = { uri: this.uri(name), languageId: "yaml", version: ++this.version, text }
    this.notify("textDocument/didOpen", { textDocument })
  }

  /** Changes of a document; the version that it has then. */
  change(name: string, contentChanges: ReadonlyArray<object>): number {
    const textDocument = { uri: this.uri(name), version: ++this.version }
    this.notify("textDocument/didChange", { textDocument, contentChanges })
    return this.version
  }

  /** The diagnostics of a document, those of `version` where that is said. */
  async diagnostics(name: string, version?: number): Promise<ReadonlyArray<Answer>> {
    const { params } = await this.next(
      ({ method, params }) =>
        method === "textDocument/publishDiagnostics" &&
        params.uri === this.uri(name) &&
        (version === undefined || params.version === version)
    )
    return params.diagnostics
  }

  async stop(): Promise<number | null> {
    await this.ask("shutdown")
    this.notify("exit")
    return (await this.ended).status
  }
}

/** `text` without the mark `‸` that shows where the cursor is, and its position. */
export const cursor = (marked: string): { readonly text: string; readonly position: object } => {
  const at = marked.indexOf("‸")
  if (at < 0) throw new Error("no cursor")
  const before = marked.slice(0, at)
  const line = before.split("\n").length - 1
  return {
    text: before + marked.slice(at + 1),
    position: { line, character: at - (before.lastIndexOf("\n") + 1) }
  }
}
