/**
 * `fetch` with limits: a response is read whole, up to so many bytes, and a redirect is answered as it is instead of
 * being followed, as whatever it points to would get the key. Reading happens in here, so a time-out or an interruption
 * covers the last byte as well as the first.
 */

/** No `cause` on these two: the package takes any error that mentions a time-out for its own and drops the rest. */
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

/** What is sent; the package would add a description of this machine, and headers out of the environment. */
const headersSent = ["accept", "authorization", "content-type", "idempotency-key", "user-agent"]

const nullBody = new Set([101, 103, 204, 205, 304])

export const bounded =
  (bytesMax: number): typeof globalThis.fetch =>
  async (input, init) => {
    const given = new Headers(init?.headers)
    const sent = new Headers()
    for (const name of headersSent) {
      const value = given.get(name)
      if (value !== null) sent.set(name, value)
    }
    const response = await globalThis.fetch(input, { ...init, headers: sent, redirect: "manual" })
    const body = await read(response, bytesMax)
    const status = response.status >= 200 && response.status <= 599 ? response.status : 599
    return new Response(nullBody.has(status) ? null : body, {
      status,
      statusText: response.statusText,
      headers: response.headers
    })
  }

const read = async (response: Response, bytesMax: number): Promise<Blob> => {
  if (Number(response.headers.get("content-length") ?? 0) > bytesMax) {
    await response.body?.cancel().catch(() => undefined)
    throw new TooManyBytes(bytesMax)
  }
  const chunks: Array<Uint8Array<ArrayBuffer>> = []
  let bytes = 0
  const reader = response.body?.getReader()
  while (reader !== undefined) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      // Our own abort goes on as it came.
      if (cause instanceof Error && cause.name === "AbortError") throw cause
      throw new TornBody(codeOf(cause))
    })
    if (done) break
    bytes += value.byteLength
    if (bytes > bytesMax) {
      await reader.cancel().catch(() => undefined)
      throw new TooManyBytes(bytesMax)
    }
    chunks.push(value as Uint8Array<ArrayBuffer>)
  }
  return new Blob(chunks)
}

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
