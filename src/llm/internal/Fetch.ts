/**
 * `fetch` with limits: a redirect is answered as it is instead of being followed, as whatever it points to would get the
 * key; what is no success is thrown as a `Refusal`; a response is read up to so many bytes. Reading happens under the
 * same signal as sending, so a time-out or an interruption covers the last byte as well as the first.
 */

/** No `cause` on any of these: the `openai` package takes an error that mentions a time-out for its own and drops the rest. */
export class TooManyBytes extends Error {
  constructor(readonly bytesMax: number) {
    super("the response is too large")
  }
}

/** The response had begun, and did not end. */
export class TornBody extends Error {
  constructor(readonly code: string | undefined) {
    super("the response broke off")
  }
}

/** There was no response. */
export class Unreachable extends Error {
  constructor(readonly code: string | undefined) {
    super("no response")
  }
}

/** A response that is no success. `body` is what it says, cut at 64 KiB. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly header: (name: string) => string | undefined,
    readonly body: string
  ) {
    super("the server refused")
  }
}

/** What is sent; the `openai` package would add a description of this machine, and headers out of the environment. */
const headersSent = [
  "accept",
  "anthropic-version",
  "api-key",
  "authorization",
  "content-type",
  "idempotency-key",
  "user-agent",
  "x-api-key"
]

const refusalBytesMax = 64 * 1024

/** Answers successes only. Their bodies are not read yet. */
export const fetching: typeof globalThis.fetch = async (input, init) => {
  const given = new Headers(init?.headers)
  const sent = new Headers()
  for (const name of headersSent) {
    const value = given.get(name)
    if (value !== null) sent.set(name, value)
  }
  const response = await globalThis
    .fetch(input, { ...init, headers: sent, redirect: "manual" })
    .catch((cause: unknown) => {
      throw isAbort(cause) ? cause : new Unreachable(codeOf(cause))
    })
  if (response.ok) return response
  const body: Array<Uint8Array> = []
  try {
    for await (const chunk of bytes(response, refusalBytesMax)) body.push(chunk)
  } catch (cause) {
    // What there is of the words must do; the status is known.
    if (isAbort(cause)) throw cause
  }
  throw new Refusal(
    response.status,
    (name) => response.headers.get(name) ?? undefined,
    Buffer.concat(body).toString("utf8")
  )
}

/** The body of `response` as text. */
export const textOf = async (response: Response, bytesMax: number): Promise<string> => {
  if (Number(response.headers.get("content-length") ?? 0) > bytesMax) {
    await response.body?.cancel().catch(() => undefined)
    throw new TooManyBytes(bytesMax)
  }
  const chunks: Array<Uint8Array> = []
  for await (const chunk of bytes(response, bytesMax)) chunks.push(chunk)
  return Buffer.concat(chunks).toString("utf8")
}

async function* bytes(response: Response, bytesMax: number): AsyncGenerator<Uint8Array> {
  const read = reading(response, bytesMax)
  for (let chunk = await read(); chunk !== undefined; chunk = await read()) yield chunk
}

/** Reads the body of `response` chunk by chunk; `undefined` is its end. */
export const reading = (response: Response, bytesMax: number): (() => Promise<Uint8Array | undefined>) => {
  const reader = response.body?.getReader()
  let count = 0
  return async () => {
    if (reader === undefined) return undefined
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw isAbort(cause) ? cause : new TornBody(codeOf(cause))
    })
    if (done) return undefined
    count += value.byteLength
    if (count > bytesMax) {
      await reader.cancel().catch(() => undefined)
      throw new TooManyBytes(bytesMax)
    }
    return value
  }
}

/** Our own abort goes on as it came. */
const isAbort = (cause: unknown): boolean => cause instanceof Error && cause.name === "AbortError"

/** The system's name for what went wrong (`ECONNREFUSED`), found along the chain of causes. */
export const codeOf = (cause: unknown): string | undefined => {
  let link = cause
  for (let i = 0; i < 8 && link instanceof Error; i++) {
    const { code } = link as { readonly code?: unknown }
    if (typeof code === "string" && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code
    link = link.cause
  }
  return undefined
}
