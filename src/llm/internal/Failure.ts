/**
 * What a failed try of an HTTP call means: its `ModelError`, whether the same request may work a little later, and how
 * long the server wants to be left alone. No text from outside goes into an error but masked and cut, so a server that
 * echoes the key does not make us print it.
 */
import * as Either from "effect/Either"
import * as Json from "../../domain/Json.js"
import { ModelError } from "../../domain/Model.js"
import { excerpt } from "../../redaction/Printable.js"
import * as Redaction from "../../redaction/Redaction.js"
import { Refusal, TooManyBytes, TornBody, Unreachable } from "./Fetch.js"

export interface Failed {
  readonly error: ModelError
  /** Whether trying again could help. */
  readonly mayPass: boolean
}

export interface Explain {
  (reason: ModelError["reason"], detail: string, status?: number, retryAfterMillis?: number): ModelError
  /** Text of the server, fit to be shown. */
  readonly shown: (text: string, lengthMax: number) => string
}

/** Makes the errors of one call. `model` is the whole name. */
export const explainer = (model: string, key: string): Explain => {
  const redaction = Redaction.make({ secrets: [key] })
  const explain = (reason: ModelError["reason"], detail: string, status?: number, retryAfterMillis?: number) =>
    new ModelError({
      reason,
      model,
      detail,
      ...(status === undefined ? {} : { status }),
      ...(retryAfterMillis === undefined ? {} : { retryAfterMillis: Math.ceil(retryAfterMillis) })
    })
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
  const known = find(cause)
  if (known instanceof TooManyBytes) {
    return final(explain("BadReply", `the reply is larger than ${known.bytesMax} bytes`))
  }
  if (known instanceof TornBody) {
    // Not tried again: the server had answered, so it may have been billed.
    return final(
      explain(
        "Cut",
        `the connection broke in the middle of the reply${inBrackets(known.code)}; it may have been billed`
      )
    )
  }
  if (known instanceof Unreachable) {
    return /TIMEOUT/.test(known.code ?? "")
      ? { error: explain("TimedOut", `${origin} did not answer in time${inBrackets(known.code)}`), mayPass: true }
      : { error: explain("Network", `${origin} cannot be reached${inBrackets(known.code)}`), mayPass: true }
  }
  if (known instanceof Refusal) return byStatus(said(known.body), known.status, known.header, circumstances)
  return final(explain("BadRequest", "the request could not be made"))
}

/** A failure that is told in a reply which began as a success: `{ "error": … }`, as a whole or as an event of a stream. */
export const failedIn = (json: Json.Json, { explain }: Circumstances): Failed | undefined => {
  const error = errorIn(json)
  if (error === undefined) return undefined
  const { code, words } = wordsOf(error)
  const fail = (reason: ModelError["reason"], mayPass: boolean): Failed => ({
    error: explain(reason, `the server answered with an error: ${explain.shown(words || code, 200)}`),
    mayPass
  })
  if (code === "context_length_exceeded" || tooLong.test(words)) return fail("TooLong", false)
  if (filtered.test(code)) return fail("Refused", false)
  if (/^429$|rate_?limit/.test(code)) return fail("RateLimited", true)
  if (/^5\d\d$|overloaded|server_error|api_error|unavailable|timeout/.test(code)) return fail("Overloaded", true)
  return fail("BadReply", false)
}

const errorIn = (json: Json.Json): Json.Json | undefined => {
  // The Responses API tells of an error at the top of its event, and of a failed response within it.
  if (Json.get(json, "type") === "error" && Json.get(json, "message") !== undefined) return json
  const error = Json.get(json, "error") ?? Json.get(Json.get(json, "response"), "error")
  return Json.isObject(error) || (typeof error === "string" && error !== "") ? error : undefined
}

/** What a provider says that its own rules on content forbid. */
const filtered = /content_?(?:filter|policy)|moderation|safety|invalid_prompt|cyber_policy/

interface Words {
  readonly words: string
  readonly code: string
}

/** What the body of a refusal says: the `message` of its error, or itself. */
const said = (body: string): Words => {
  const parsed = Either.getOrUndefined(Json.parse(body))
  // Google tells of its errors in a list of one.
  const json = Array.isArray(parsed) ? parsed[0] : parsed
  const error = errorIn(json ?? null)
  return error === undefined ? { words: body.trim(), code: "" } : wordsOf(error)
}

const wordsOf = (error: Json.Json): Words => {
  if (typeof error === "string") return { words: error, code: "" }
  const text = (key: string) => {
    const value = Json.get(error, key)
    return typeof value === "string" || typeof value === "number" ? String(value) : ""
  }
  const type = text("type")
  return { words: text("message"), code: text("code") || (type === "error" ? "" : type) }
}

const byStatus = (
  { code, words }: Words,
  status: number,
  header: (name: string) => string | undefined,
  { aboutKey, explain, now }: Circumstances
): Failed => {
  const quoted = words === "" ? "" : `: ${explain.shown(words, 200)}`
  const fail = (reason: ModelError["reason"], detail: string) => final(explain(reason, detail + quoted, status))
  const later = (reason: ModelError["reason"], detail: string): Failed => ({
    error: explain(reason, detail + quoted, status, retryAfter(header, now)),
    mayPass: true
  })
  switch (status) {
    case 401:
      return fail("Auth", `the server refused us (401): ${aboutKey}`)
    case 402:
      return fail("Auth", `the account has no money left (402): ${aboutKey}`)
    case 403:
      return filtered.test(code) || /flagged|moderation/i.test(words)
        ? fail("Refused", "the provider's rules on content forbid this request")
        : fail("Auth", `the server refused us (403): ${aboutKey}`)
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
  if (code === "context_length_exceeded" || tooLong.test(words)) {
    return fail("TooLong", "the request does not fit into the model's context")
  }
  if (filtered.test(code)) return fail("Refused", "the provider's rules on content forbid this request")
  if (/api key not valid|credit balance is too low/i.test(words)) {
    return fail("Auth", `the server refused us (${status}): ${aboutKey}`)
  }
  return fail("BadRequest", `the server refused the request with ${status}`)
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

/** The first of our own errors along the chain of causes. */
const find = (cause: unknown): TooManyBytes | TornBody | Unreachable | Refusal | undefined => {
  let link = cause
  for (let i = 0; i < 8 && link instanceof Error; i++) {
    if (
      link instanceof TooManyBytes ||
      link instanceof TornBody ||
      link instanceof Unreachable ||
      link instanceof Refusal
    ) {
      return link
    }
    link = link.cause
  }
  return undefined
}
