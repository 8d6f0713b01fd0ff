/**
 * What a failed try of an HTTP call means: its `ModelError`, whether the same request may work a little later, and how
 * long the server wants to be left alone. No text from outside goes into an error but masked and cut, so a server that
 * echoes the key does not make us print it.
 */
import { APIConnectionError, APIConnectionTimeoutError, APIError } from "openai"
import { ModelError } from "../../domain/Model.js"
import { excerpt } from "../../redaction/Printable.js"
import * as Redaction from "../../redaction/Redaction.js"
import { codeOf, TooManyBytes, TornBody } from "./Fetch.js"

export interface Failed {
  readonly error: ModelError
  /** Whether trying again could help. */
  readonly mayPass: boolean
  readonly retryAfterMillis?: number | undefined
}

export interface Explain {
  (reason: ModelError["reason"], detail: string, status?: number): ModelError
  /** Text of the server, fit to be shown. */
  readonly shown: (text: string, lengthMax: number) => string
}

/** Makes the errors of one call. `model` is the whole name. */
export const explainer = (model: string, key: string): Explain => {
  const redaction = Redaction.make({ secrets: [key] })
  const explain = (reason: ModelError["reason"], detail: string, status?: number) =>
    new ModelError({ reason, model, detail, ...(status === undefined ? {} : { status }) })
  return Object.assign(explain, {
    shown: (text: string, lengthMax: number) => excerpt(redaction.text(text.slice(0, 10_000)), lengthMax)
  })
}

export const final = (error: ModelError): Failed => ({ error, mayPass: false })

const tooLong =
  /context.?(?:length|window|size)|maximum context|too many (?:input )?tokens|prompt is too long|input is too long/i

export interface Circumstances {
  readonly explain: Explain
  /** Of the server's URL. */
  readonly origin: string
  /** In milliseconds; a `Retry-After` with a date counts from it. */
  readonly now: number
  /** What to do about a key that was refused. */
  readonly aboutKey: string
}

export const failedBy = (cause: unknown, circumstances: Circumstances): Failed => {
  const { explain, origin } = circumstances
  const tooMany = find(cause, TooManyBytes)
  if (tooMany !== undefined) return final(explain("BadReply", `the reply is larger than ${tooMany.bytesMax} bytes`))
  const torn = find(cause, TornBody)
  if (torn !== undefined) {
    // Not tried again: the server had answered, so it may have been billed.
    return final(
      explain("Cut", `the connection broke in the middle of the reply${inBrackets(torn.code)}; it may have been billed`)
    )
  }
  if (cause instanceof APIConnectionTimeoutError) {
    return { error: explain("TimedOut", `${origin} did not answer in time`), mayPass: true }
  }
  if (cause instanceof APIConnectionError) {
    return { error: explain("Network", `${origin} cannot be reached${inBrackets(codeOf(cause))}`), mayPass: true }
  }
  if (cause instanceof APIError && cause.status !== undefined) return byStatus(cause, cause.status, circumstances)
  return final(explain("BadRequest", "the request could not be made"))
}

const byStatus = (cause: APIError, status: number, { aboutKey, explain, now }: Circumstances): Failed => {
  const said = wordsOf(cause)
  const quoted = said === "" ? "" : `: ${explain.shown(said, 200)}`
  const code = String(cause.code ?? "")
  const fail = (reason: ModelError["reason"], detail: string) => final(explain(reason, detail + quoted, status))
  const later = (reason: ModelError["reason"], detail: string): Failed => ({
    error: explain(reason, detail + quoted, status),
    mayPass: true,
    retryAfterMillis: retryAfter((name) => cause.headers?.get(name) ?? undefined, now)
  })
  switch (status) {
    case 401:
    case 403:
      return fail("Auth", `the server refused us (${status}): ${aboutKey}`)
    case 402:
      return fail("Auth", `the account has no money left (402): ${aboutKey}`)
    case 404:
      return fail("Unknown", "the server knows no such model, or nothing at this address")
    case 408:
      return later("TimedOut", "the server gave up waiting")
    case 413:
      return fail("TooLong", "the request is too large for the server")
    case 429:
      // A quota that is used up does not come back by waiting.
      return code === "insufficient_quota"
        ? fail("RateLimited", "the quota of the account is used up")
        : later("RateLimited", "too many requests")
  }
  if (status >= 500) return later("Overloaded", `the server failed with ${status}`)
  if (status < 400) {
    const detail = `the server sends elsewhere (${status}), which is not followed with a key in hand: set its new address`
    return final(explain("Unknown", detail, status))
  }
  if (code === "model_not_found") return fail("Unknown", "the server knows no such model")
  if (code === "context_length_exceeded" || tooLong.test(said)) {
    return fail("TooLong", "the request does not fit into the model's context")
  }
  return fail("BadRequest", `the server refused the request with ${status}`)
}

/** What the server says: its `error.message`, or the body as text. */
const wordsOf = (cause: APIError): string => {
  const { error, message } = cause as { readonly error: unknown; readonly message: string }
  if (typeof error === "string") return error
  const said = typeof error === "object" && error !== null && "message" in error ? error.message : undefined
  if (typeof said === "string") return said
  return message.replace(/^\d{3} (?:status code \(no body\))?/, "")
}

/**
 * How long to wait, in milliseconds: `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date (RFC 9110,
 * 10.2.3). What cannot be read says nothing.
 */
export const retryAfter = (header: (name: string) => string | undefined, now: number): number | undefined => {
  const millis = count(header("retry-after-ms"))
  if (millis !== undefined) return millis
  const given = header("retry-after")
  const seconds = count(given)
  if (seconds !== undefined) return seconds * 1000
  // Only with a month's name: `Date.parse` reads much else as a date.
  const date = given !== undefined && /[a-z]{3}/i.test(given) ? Date.parse(given) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

const count = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*\d{1,12}(?:\.\d{1,9})?\s*$/.test(text) ? Number(text) : undefined

const inBrackets = (code: string | undefined): string => (code === undefined ? "" : ` (${code})`)

const find = <E extends Error>(cause: unknown, kind: abstract new (...args: never) => E): E | undefined => {
  let link = cause
  for (let i = 0; i < 8 && link instanceof Error; i++) {
    if (link instanceof kind) return link
    link = link.cause
  }
  return undefined
}
