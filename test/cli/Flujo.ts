/**
 * The built command as a process: in a folder of its own, with an environment that has nothing but what a test gives it,
 * so that neither the machine nor another test can be seen in what it says.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, assert, vi } from "@effect/vitest"

// A test starts up to twenty processes, one after the other, and says nothing about how fast they are.
vi.setConfig({ testTimeout: 300_000, maxConcurrency: 3 })

export const root = resolve(import.meta.dirname, "../..")
export const bin = join(root, "dist/bin/flujo.js")
if (!existsSync(bin)) throw new Error("the command is not built: npm run build")

export interface Done {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Standard input; without it there is none. */
  readonly input?: string | Uint8Array | undefined
  /** From the place's folder on. */
  readonly cwd?: string | undefined
}

export interface Running {
  readonly child: ChildProcess
  readonly done: Promise<Done>
  /** What was said so far. */
  readonly said: () => { readonly stdout: string; readonly stderr: string }
  /** Resolves when `text` has been said on standard error or output; fails where the process ends without it. */
  readonly until: (text: string) => Promise<void>
}

const folders: Array<string> = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A word for each part between blanks, or the words themselves. */
export type Words = string | ReadonlyArray<string>
const words = (args: Words): ReadonlyArray<string> =>
  typeof args === "string" ? args.split(" ").filter((word) => word !== "") : args

export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), "flujo-cli-"))
  readonly env: Readonly<Record<string, string>>

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    folders.push(this.folder)
    this.env = { PATH: process.env.PATH ?? "", HOME: this.folder, LANG: "C.UTF-8" }
    for (const [name, text] of Object.entries(files)) this.write(name, text)
  }

  at(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, text: string | Uint8Array): string {
    const file = this.at(name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }

  read(name: string): string {
    return readFileSync(this.at(name), "utf8")
  }

  has(name: string): boolean {
    return existsSync(this.at(name))
  }

  start(args: Words, options: Options = {}): Running {
    return this.spawn(process.execPath, [bin, ...words(args)], options)
  }

  flujo(args: Words, options: Options = {}): Promise<Done> {
    return this.start(args, options).done
  }

  /** `flujo` is a command there. */
  shell(line: string, options: Options = {}): Promise<Done> {
    return this.startShell(line, options).done
  }

  startShell(line: string, options: Options = {}): Running {
    return this.spawn("bash", ["-c", `flujo() { "${process.execPath}" "${bin}" "$@"; }\n${line}`], options)
  }

  private spawn(command: string, args: ReadonlyArray<string>, { cwd, env, input }: Options): Running {
    const stdin = input === undefined ? ("ignore" as const) : ("pipe" as const)
    const settings: SpawnOptions = {
      cwd: this.at(cwd ?? "."),
      env: { ...this.env, ...env },
      stdio: [stdin, "pipe", "pipe"]
    }
    const child = spawn(command, args, settings)
    let stdout = ""
    let stderr = ""
    const waiting = new Set<() => void>()
    const hear = () => {
      for (const look of waiting) look()
    }
    child.stdout!.setEncoding("utf8").on("data", (piece) => {
      stdout += piece
      hear()
    })
    child.stderr!.setEncoding("utf8").on("data", (piece) => {
      stderr += piece
      hear()
    })
    // Who refuses its arguments reads no input.
    child.stdin?.on("error", () => {}).end(input)
    const done = new Promise<Done>((resolve, reject) => {
      child.on("error", reject)
      child.on("close", (status, signal) => resolve({ status, signal, stdout, stderr }))
    })
    const until = (text: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (!stdout.includes(text) && !stderr.includes(text)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
        void done.then(() => reject(new Error(`it ended without saying ${text}:\n${stdout}${stderr}`)))
      })
    return { child, done, said: () => ({ stdout, stderr }), until }
  }
}

export const place = (files: Readonly<Record<string, string | Uint8Array>> = {}): Place => new Place(files)

/** Exactly one object on standard output, and the envelope at that. */
export const envelope = ({ stdout }: Done) => {
  const parsed = JSON.parse(stdout)
  assert.strictEqual(parsed.schema, "flujo/1", stdout)
  assert.strictEqual(typeof parsed.ok, "boolean")
  assert.strictEqual(typeof parsed.command, "string")
  assert.isArray(parsed.next)
  assert.strictEqual("data" in parsed, !("error" in parsed), stdout)
  return parsed
}

export const ended = (done: Done, status: number): void =>
  assert.strictEqual(done.status, status, `${done.stdout}${done.stderr}`)

/** It failed so, said so to a person, and gave no result. */
export const refused = (done: Done, status: number, ...says: ReadonlyArray<string | RegExp>): void => {
  ended(done, status)
  assert.strictEqual(done.stdout, "")
  assert.match(done.stderr, /^error\[[A-Z]+-[A-Z0-9-]+\]: /m)
  assert.notMatch(done.stderr, /^ {4}at /m)
  for (const said of says) {
    if (typeof said === "string") assert.include(done.stderr, said)
    else assert.match(done.stderr, said)
  }
}

const blueprint = (name: string, steps: string, rest = "") => `version: "0.1"\nname: ${name}\n${rest}steps:\n${steps}`

/** Says what it was given. No model is asked. */
export const echo = blueprint("echo", `  - name: said\n    input: "{{ initial_prompt }}"\n`)

/** Asks for a text, then for an approval, whose rejection fails it. */
export const twoQuestions = blueprint(
  "two_questions",
  `  - kind: hitl
    name: colour
    message: "Which colour?"
    sink_to: colour
  - kind: hitl
    name: publish
    message: "Publish {{ context.colour }}?"
    on_reject: fail
`
)

/** One agent that asks the server at OPENAI_BASE_URL. */
export const asking = (more = "") =>
  blueprint(
    "asking",
    `  - name: think
    uses: agents.thinker
    input: "{{ initial_prompt }}"
${more}`,
    `agents:
  thinker:
    model: "compatible:some-model"
    system_prompt: "Think."
    output_schema: { type: string }
`
  )
