/**
 * Connections to a Postgres database, and what to do when they break: an adapter. A statement that was cut off is asked
 * again until the database is back or `outageMillis` have passed, so everything that is asked here must be such that
 * asking twice does no harm; whoever asks is told that it is not the first time. What the server or the network says is
 * put in our words, without the password.
 */
import { readFileSync } from "node:fs"
import { Socket } from "node:net"
import type { ConnectionOptions } from "node:tls"
import type { Connection } from "@effect/sql/SqlConnection"
import type * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as PostgresUri from "../domain/PostgresUri.js"
import { JournalError } from "./Journal.js"

export interface Options {
  /** See `domain/PostgresUri.ts`. */
  readonly uri: Redacted.Redacted
  /** How long a statement is asked again while the database is away; 30 s. */
  readonly outageMillis?: number | undefined
  /** A connection on which nothing comes for so long is given up; 30 s. */
  readonly answerMillis?: number | undefined
}

export type Rows = ReadonlyArray<{ readonly [column: string]: unknown }>

/** One connection, for as long as it is lent. */
export interface Lent {
  readonly query: (text: string, values?: ReadonlyArray<unknown>) => Effect.Effect<Rows, Failure>
}

/** `passing`: it may go better when it is tried again. */
export interface Failure {
  readonly passing: boolean
  /** SQLSTATE, or the system's name of the error. */
  readonly code: string
  readonly error: JournalError
}

export interface Pool {
  readonly uri: PostgresUri.PostgresUri
  /** One connection of those that are for everybody but the writer. `isAgain`: an earlier try may have done it all. */
  readonly use: <A>(body: (lent: Lent, isAgain: boolean) => Effect.Effect<A, Failure>) => Effect.Effect<A, JournalError>
  /** The writer's connection: nobody else's work can make it wait. */
  readonly write: <A>(body: (lent: Lent) => Effect.Effect<A, Failure>) => Effect.Effect<A, JournalError>
  /** Not asked again. */
  readonly once: <A>(body: (lent: Lent) => Effect.Effect<A, Failure>) => Effect.Effect<A, JournalError>
}

/** `body` in a transaction of the usual isolation, READ COMMITTED: each statement sees what was committed before it. */
export const transaction = <A>(lent: Lent, body: Effect.Effect<A, Failure>): Effect.Effect<A, Failure> =>
  lent.query("BEGIN").pipe(
    Effect.zipRight(body),
    Effect.tap(() => lent.query("COMMIT")),
    Effect.tapErrorCause(() => Effect.ignore(lent.query("ROLLBACK")))
  )

const pauseMillisMin = 50
const pauseMillisMax = 1000

export const open = (options: Options): Effect.Effect<Pool, JournalError, Scope.Scope> =>
  Effect.gen(function* () {
    const uri = yield* Either.mapLeft(
      PostgresUri.parse(Redacted.value(options.uri)),
      ({ detail, hint }) =>
        new JournalError({
          reason: "Unavailable",
          where: "postgresql",
          detail: hint === undefined ? detail : `${detail}; ${hint}`
        })
    )
    const outageMillis = options.outageMillis ?? 30_000
    const clock = yield* Effect.clock
    const client = yield* connect(uri, options.answerMillis ?? 30_000)
    const others = yield* Effect.makeSemaphore(uri.connectionsMax - 1)
    /** When the first of the failures came that nothing has answered since. */
    let downSince: number | undefined
    /** After an outage that was too long, others do not try each by itself, and wait for as long. */
    let gaveUp: { readonly at: number; readonly error: JournalError } | undefined

    const lend = <A>(body: (lent: Lent) => Effect.Effect<A, Failure>): Effect.Effect<A, Failure> =>
      Effect.scoped(
        Effect.flatMap(
          Effect.mapError(client.reserve, (error) => toFailure(uri, error)),
          (connection) => {
            const one = lent(uri, connection)
            return Effect.tapError(body(one), ({ code }) =>
              // It would stay with a server that was replaced, and be lent again.
              code === readOnlySession
                ? Effect.ignore(one.query("SELECT pg_terminate_backend(pg_backend_pid())"))
                : Effect.void
            )
          }
        )
      ).pipe(
        // Short, and bounded by `answerMillis`; cut in the middle, it would leave a transaction open.
        Effect.uninterruptible,
        Effect.withTracerEnabled(false)
      )

    const steadily = <A>(
      body: (lent: Lent, isAgain: boolean) => Effect.Effect<A, Failure>
    ): Effect.Effect<A, JournalError> =>
      Effect.suspend(() =>
        gaveUp !== undefined && clock.unsafeCurrentTimeMillis() - gaveUp.at < pauseMillisMax
          ? Effect.fail(gaveUp.error)
          : attempt(body, 0)
      )

    const attempt = <A>(
      body: (lent: Lent, isAgain: boolean) => Effect.Effect<A, Failure>,
      tries: number
    ): Effect.Effect<A, JournalError> =>
      Effect.matchEffect(
        lend((lent) => body(lent, tries > 0)),
        {
          onFailure: ({ error, passing }) => {
            if (!passing) return Effect.fail(error)
            const now = clock.unsafeCurrentTimeMillis()
            downSince ??= now
            if (now - downSince >= outageMillis) {
              gaveUp = { at: clock.unsafeCurrentTimeMillis(), error }
              return Effect.fail(error)
            }
            const pause = Math.min(pauseMillisMax, pauseMillisMin * 2 ** Math.min(tries, 10))
            return Effect.zipRight(Effect.sleep(pause), attempt(body, tries + 1))
          },
          onSuccess: (answer) => {
            downSince = undefined
            gaveUp = undefined
            return Effect.succeed(answer)
          }
        }
      )

    return {
      uri,
      use: (body) => others.withPermits(1)(steadily(body)),
      write: (body) => steadily(body),
      once: (body) => others.withPermits(1)(Effect.mapError(lend(body), ({ error }) => error))
    }
  })

const lent = (uri: PostgresUri.PostgresUri, connection: Connection): Lent => ({
  query: (text, values = []) =>
    Effect.mapBoth(connection.executeUnprepared(text, values, undefined), {
      onFailure: (error) => toFailure(uri, error),
      onSuccess: (rows): Rows => rows
    })
})

/** The driver is loaded when a journal is opened. A server that is just starting is waited for. */
const connect = (
  uri: PostgresUri.PostgresUri,
  answerMillis: number
): Effect.Effect<PgClient.PgClient, JournalError, Scope.Scope> =>
  Effect.gen(function* () {
    const { PgClient, Reactivity } = yield* Effect.tryPromise({
      try: () =>
        Promise.all([import("@effect/sql-pg/PgClient"), import("@effect/experimental/Reactivity")]).then(
          ([PgClient, Reactivity]) => ({ PgClient, Reactivity })
        ),
      catch: (error) => toFailure(uri, error).error
    })
    const ssl = yield* Effect.try({ try: () => tlsOptions(uri), catch: (error) => toFailure(uri, error).error })
    return yield* PgClient.make({
      host: uri.host,
      port: uri.port,
      database: uri.database,
      username: uri.user,
      password: uri.password,
      ssl,
      applicationName: uri.applicationName,
      connectTimeout: uri.connectTimeoutMillis,
      maxConnections: uri.connectionsMax,
      stream: () => {
        const socket = new Socket()
        // A network that swallows packets would be noticed after a quarter of an hour only.
        return socket.setTimeout(answerMillis, () => socket.destroy(new Error(noAnswer)))
      }
    }).pipe(
      Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make),
      Effect.mapError((error) => toFailure(uri, error)),
      Effect.retry({
        while: ({ code }) => code === startingUp,
        times: 50,
        schedule: Schedule.spaced("100 millis")
      }),
      Effect.mapError(({ error }) => error)
    )
  })

const tlsOptions = ({ host, tls }: PostgresUri.PostgresUri): boolean | ConnectionOptions => {
  if (tls.mode === "disable") return false
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path))
  const ca = read(tls.rootCert)
  const mode = tls.mode === "require" && ca !== undefined ? "verify-ca" : tls.mode
  return {
    host,
    ...(ca === undefined ? {} : { ca }),
    ...(tls.cert === undefined ? {} : { cert: read(tls.cert), key: read(tls.key) }),
    rejectUnauthorized: mode !== "require",
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined })
  }
}

/** SQLSTATE `cannot_connect_now`. */
const startingUp = "57P03"
/** SQLSTATE `read_only_sql_transaction`. */
const readOnlySession = "25006"

const noAnswer = "the connection gave no answer"

/** Of the network: the other side is not there, or not any more. */
const isAway = (code: string, message: string): boolean =>
  [
    "ECONNREFUSED",
    "ECONNRESET",
    "ECONNABORTED",
    "EPIPE",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENETDOWN",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ENOENT"
  ].includes(code) ||
  message === noAnswer ||
  /connection terminated|connection ended|not queryable|timeout exceeded when trying to connect|connection timed out|socket disconnected/i.test(
    message
  )

const isUntrusted = (code: string): boolean =>
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/.test(
    code
  )

/** What the driver, the server (by SQLSTATE), the network or TLS say, in our words. */
export const toFailure = (uri: PostgresUri.PostgresUri, thrown: unknown): Failure => {
  if (thrown instanceof JournalError) return { passing: false, code: "", error: thrown }
  const cause = rootOf(thrown)
  const code = textOf(cause, "code")
  const said = clean(uri, textOf(cause, "message") || String(cause))
  const failure = (reason: JournalError["reason"], detail: string, passing = false): Failure => ({
    passing,
    code,
    error: new JournalError({ reason, where: uri.shown, detail })
  })
  if (textOf(cause, "path") !== "" && textOf(cause, "syscall") === "open") {
    return failure("Unavailable", `a file that the state URI names cannot be read: ${said}`)
  }
  if (isAway(code, said)) return failure("Unavailable", `the database does not answer (${said || code})`, true)
  if (isUntrusted(code)) {
    return failure(
      "Unavailable",
      `its certificate is not trusted (${said}); name the authority that signed it with sslrootcert=/path/ca.pem`
    )
  }
  if (code === "ERR_MODULE_NOT_FOUND") {
    return failure("Unavailable", "@effect/sql-pg is not installed; run: npm install @effect/sql-pg@0.53.0")
  }
  if (/does not support SSL/i.test(said)) {
    return failure("Unavailable", "the server does not speak TLS; turn it on there, or say sslmode=disable")
  }
  if (!/^[0-9A-Z]{5}$/.test(code)) return failure("Unavailable", said)
  switch (code) {
    case "57P01":
    case "57P02":
    case "57P03":
      return failure("Unavailable", `the database does not answer (${said})`, true)
    case "53300":
      return failure("Unavailable", `the server has no connection to spare (${said})`, true)
    case "40001":
    case "40P01":
    case "55P03":
      return failure("Locked", `another process was in the way (${said}); try again`, true)
    case readOnlySession:
      // After a failover the address may still lead to the one that only reads.
      return failure("ReadOnly", "the database can only be read: it is a standby, or was set so", true)
    case "23505":
      return failure("Conflict", `somebody else wrote it first (${said})`)
    case "53100":
      return failure("Full", "the disk of the database is full; make room and try again")
    case "3D000":
      return failure("Unavailable", `there is no such database on the server; run: createdb ${uri.database}`)
    case "42501":
      return failure("Unavailable", `the user ${uri.user} may not do that (${said}); grant it, or use another user`)
    case "XX001":
    case "XX002":
      return failure("Corrupt", `the database is damaged (${said}); keep it, and restore a backup beside it`)
  }
  switch (code.slice(0, 2)) {
    case "08":
      return failure("Unavailable", `the database does not answer (${said})`, true)
    case "28":
      return failure("Unavailable", `the server does not let the user ${uri.user} in (${said})`)
    case "54":
      return failure("TooLarge", said)
  }
  return failure("Unavailable", `${said} (SQLSTATE ${code})`)
}

/** What lies below what the driver wraps it in. */
const rootOf = (thrown: unknown): unknown => {
  let found = thrown
  while (found instanceof Error && textOf(found, "_tag") === "SqlError" && found.cause !== undefined) {
    found = found.cause
  }
  // Node tries all addresses of a name, and says what was wrong with each.
  return found instanceof AggregateError && found.errors.length > 0 ? found.errors[0] : found
}

const textOf = (value: unknown, name: string): string => {
  if (typeof value !== "object" || value === null) return ""
  const found: unknown = Reflect.get(value, name)
  return typeof found === "string" ? found : ""
}

const saidMax = 300

/** One line, not too long, and never the password. */
const clean = ({ password }: PostgresUri.PostgresUri, text: string): string => {
  let safe = text
  if (password !== undefined) {
    const secret = Redacted.value(password)
    for (const form of [secret, encodeURIComponent(secret)]) safe = safe.replaceAll(form, "***")
  }
  return safe.replace(/\s+/g, " ").trim().slice(0, saidMax)
}
