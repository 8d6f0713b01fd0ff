/**
 * How a Postgres database is named: `postgresql://user:password@host:5432/database?sslmode=verify-full`. The password is
 * kept apart and redacted, and `shown` is all that messages may say. Every parameter that is not known is refused: one
 * that is silently ignored may have been the one that asked for TLS.
 */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"

/** `require` encrypts and does not ask who answers, unless `rootCert` is given; then it is `verify-ca`, as in libpq. */
export type TlsMode = "disable" | "require" | "verify-ca" | "verify-full"

export interface Tls {
  readonly mode: TlsMode
  /** Absolute paths of PEM files. */
  readonly rootCert?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface PostgresUri {
  /** A name, an address, or the absolute folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: Redacted.Redacted | undefined
  readonly tls: Tls
  /** Of the database, in which the tables stand; `flujo`. */
  readonly schema: string
  readonly applicationName: string
  readonly connectTimeoutMillis: number
  /** Connections of one process; 10. */
  readonly connectionsMax: number
  /** The URI without its password. */
  readonly shown: string
}

/** What is wrong, in words that hold no part of the URI before its host, and what to write instead. */
export interface Refusal {
  readonly detail: string
  readonly hint?: string | undefined
}

const example = "write postgresql://user:password@host:5432/database"
const encoded = "write special characters in user and password as %XX: / is %2F, @ is %40, : is %3A, # is %23"
const modes: ReadonlyArray<TlsMode> = ["disable", "require", "verify-ca", "verify-full"]
const parameters = [
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "host",
  "schema",
  "application_name",
  "connect_timeout",
  "pool_max_conns"
]

export const isPostgres = (scheme: string): boolean => /^postgres(?:ql)?$/i.test(scheme)

export const parse = (text: string): Either.Either<PostgresUri, Refusal> =>
  Either.gen(function* () {
    if (!/^postgres(?:ql)?:\/\//i.test(text)) {
      return yield* refuse("a state URI of Postgres begins with postgresql://", example)
    }
    // The authority ends at the first slash, question mark or hash, so any of these in a password would be read as more.
    const authority = /^[^:]+:\/\/([^/?#]*)/.exec(text)?.[1] ?? ""
    if (text.slice(text.indexOf("://") + 3 + authority.length).includes("@")) {
      return yield* refuse("the state URI of Postgres has a character in it that must be encoded", encoded)
    }
    if (/,/.test(authority.replace(/^.*@/, ""))) {
      return yield* refuse("a state URI of Postgres names one host", "name one host, or an address that moves with it")
    }
    // A URL must have a host; one of a Unix socket has none.
    const isHostless = authority === "" || authority.endsWith("@")
    const start = text.indexOf("://") + 3 + authority.length
    const url = yield* Either.try({
      try: () => new URL(isHostless ? `${text.slice(0, start)}none${text.slice(start)}` : text),
      catch: (): Refusal => ({ detail: "the state URI of Postgres cannot be read", hint: `${example}; ${encoded}` })
    })
    if (url.hash !== "") return yield* refuse("a state URI has no #", encoded)
    const given = new Map<string, string>()
    for (const [name, value] of url.searchParams) {
      if (!parameters.includes(name)) {
        return yield* refuse(
          `a state URI of Postgres has no parameter ${JSON.stringify(name)}`,
          `known are ${parameters.join(", ")}`
        )
      }
      if (given.has(name)) return yield* refuse(`the parameter ${name} is given twice`)
      if (value === "" || value.includes("\0")) return yield* refuse(`the parameter ${name} has no usable value`)
      given.set(name, value)
    }
    const user = yield* decoded(url.username)
    const password = yield* decoded(url.password)
    const database = yield* decoded(url.pathname.replace(/^\//, ""))
    if (user === "") return yield* refuse("the state URI of Postgres names no user", example)
    if (database === "") return yield* refuse("the state URI of Postgres names no database", example)
    const socket = given.get("host")
    if (socket !== undefined && (!socket.startsWith("/") || !isHostless)) {
      return yield* refuse(
        "the parameter host is for the folder of a Unix socket only",
        "write postgresql://user@/database?host=/var/run/postgresql"
      )
    }
    const host = socket ?? url.hostname.replace(/^\[|\]$/g, "")
    if (socket === undefined && isHostless) return yield* refuse("the state URI of Postgres names no host", example)
    const port = url.port === "" ? 5432 : Number(url.port)
    const schema = given.get("schema") ?? "flujo"
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema) || schema.startsWith("pg_")) {
      return yield* refuse(
        "the parameter schema is no name of a schema",
        "use lower-case letters, digits and _, not beginning with pg_"
      )
    }
    const applicationName = given.get("application_name") ?? "flujo"
    if (!/^[\x20-\x7e]{1,63}$/.test(applicationName)) {
      return yield* refuse("the parameter application_name has at most 63 characters of ASCII")
    }
    return {
      host,
      port,
      database,
      user,
      password: password === "" ? undefined : Redacted.make(password),
      tls: yield* tls(given, socket !== undefined),
      schema,
      applicationName,
      connectTimeoutMillis: 1000 * (yield* whole(given, "connect_timeout", 5, [1, 300])),
      connectionsMax: yield* whole(given, "pool_max_conns", 10, [2, 1000]),
      shown: shown({ host, port, database, user })
    }
  })

const tls = (given: ReadonlyMap<string, string>, isSocket: boolean): Either.Either<Tls, Refusal> =>
  Either.gen(function* () {
    const said = given.get("sslmode")
    const files = { rootCert: given.get("sslrootcert"), cert: given.get("sslcert"), key: given.get("sslkey") }
    const mode = said === undefined ? "disable" : modes.find((one) => one === said)
    if (mode === undefined) {
      return yield* refuse(
        `sslmode is one of ${modes.join(", ")}`,
        said === "prefer" || said === "allow" ? "say whether it must be encrypted: require, or disable" : undefined
      )
    }
    if (isSocket && mode !== "disable") return yield* refuse("a Unix socket has no TLS", "leave out sslmode")
    if (mode === "disable" && Object.values(files).some((file) => file !== undefined)) {
      return yield* refuse("certificates are given and sslmode says that none is used", "add sslmode=verify-full")
    }
    if ((files.cert === undefined) !== (files.key === undefined)) {
      return yield* refuse("sslcert and sslkey go together")
    }
    for (const file of Object.values(files)) {
      if (file !== undefined && !/^(?:\/|[A-Za-z]:[/\\])/.test(file)) {
        return yield* refuse("the path of a certificate or key is absolute")
      }
    }
    return { mode, ...files }
  })

const whole = (
  given: ReadonlyMap<string, string>,
  name: string,
  usual: number,
  [min, max]: readonly [number, number]
): Either.Either<number, Refusal> => {
  const text = given.get(name)
  if (text === undefined) return Either.right(usual)
  const value = /^\d{1,6}$/.test(text) ? Number(text) : -1
  return value >= min && value <= max
    ? Either.right(value)
    : Either.left({ detail: `${name} is a whole number from ${min} to ${max}` })
}

const decoded = (part: string): Either.Either<string, Refusal> =>
  Either.flatMap(
    Either.try({
      try: () => decodeURIComponent(part),
      catch: (): Refusal => ({ detail: "the state URI of Postgres has a % that encodes nothing", hint: encoded })
    }),
    (text) =>
      text.includes("\0") ? Either.left({ detail: "a state URI cannot hold a NUL character" }) : Either.right(text)
  )

const shown = (at: Pick<PostgresUri, "host" | "port" | "database" | "user">): string => {
  const user = encodeURIComponent(at.user)
  const database = encodeURIComponent(at.database)
  if (at.host.startsWith("/")) return `postgresql://${user}@/${database}?host=${at.host}`
  return `postgresql://${user}@${at.host.includes(":") ? `[${at.host}]` : at.host}:${at.port}/${database}`
}

const refuse = (detail: string, hint?: string): Either.Either<never, Refusal> =>
  Either.left({ detail, ...(hint === undefined ? {} : { hint }) })
