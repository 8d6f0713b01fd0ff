/** What a Postgres journal does when connections break, and what it refuses. */
import { randomUUID } from "node:crypto"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RunId } from "../../src/domain/RunId.js"
import * as Inbox from "../../src/journal/Inbox.js"
import type { Journal, JournalError } from "../../src/journal/Journal.js"
import { Journal as Tag } from "../../src/journal/Journal.js"
import * as JournalMake from "../../src/journal/JournalMake.js"
import * as JournalOpen from "../../src/journal/JournalOpen.js"
import * as JournalPostgres from "../../src/journal/JournalPostgres.js"
import { migrations } from "../../src/journal/PostgresSchema.js"
import * as Long from "../Long.js"
import * as Proxy from "../postgres/Proxy.js"
import * as Server from "../postgres/Server.js"
import * as Histories from "./Histories.js"

const tls = (name: string): string => fileURLToPath(new URL(`../postgres/tls/${name}`, import.meta.url))

let server: Server.Server
beforeAll(async () => {
  server = await Server.make({
    settings: ["ssl = on", "ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'", "ssl_ca_file = 'ca.pem'"],
    files: ["server.pem", "server.key", "ca.pem"].map(tls)
  })
})
afterAll(() => server.discard())

const run = Histories.id("r1")
let schemas = 0
const newSchema = (): string => `s${++schemas}`

/** `from` of the server's URI with something else in its place. */
const uri = (schema: string, change: (text: string) => string = (text) => text): Redacted.Redacted =>
  Redacted.make(change(Redacted.value(server.uri(`schema=${schema}`))))

const through = (port: number) => (text: string) => text.replace(`:${server.port}/`, `:${port}/`)

const open = (options: JournalPostgres.Options): Effect.Effect<Journal["Type"], JournalError, Scope.Scope> =>
  Effect.flatMap(JournalPostgres.makeDriver(options), (driver) => JournalMake.make(driver, options))

const entries = (journal: Journal["Type"], of: RunId = run) =>
  Effect.map(Stream.runCollect(journal.read(of)), (all) =>
    Chunk.toReadonlyArray(all).map(({ event, seq }) => `${seq}:${event.ordinal}`)
  )

const proxied = Effect.acquireRelease(
  Effect.promise(() => Proxy.make(server.port)),
  (proxy) => Effect.promise(() => proxy.close())
)

const refusal = (options: JournalPostgres.Options) => Effect.scoped(Effect.flip(JournalPostgres.makeDriver(options)))

describe("a connection that breaks", () => {
  for (const fault of ["request", "answer"] as const) {
    it.scopedLive(`at a commit, when its ${fault} is lost, does not lose the commit and does not double it`, () =>
      Effect.gen(function* () {
        const proxy = yield* proxied
        const schema = newSchema()
        const journal = yield* open({ uri: uri(schema, through(proxy.port)) })
        const owned = yield* journal.create(run, Histories.plan)
        for (let n = 0; n < 12; n++) {
          // Every commit but some; two in a row at the end.
          if (n % 3 !== 2) proxy.arm(fault, "write_batch", n > 8 ? 2 : 1)
          journal.stage(owned, n === 0 ? Histories.started() : Histories.note(n))
          yield* journal.barrier(owned)
        }
        assert.strictEqual(proxy.fired(), 10)
        assert.isTrue(yield* journal.park(owned, Histories.suspended()))
        assert.deepStrictEqual(
          yield* entries(journal),
          [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0].map((ordinal, seq) => `${seq}:${ordinal}`)
        )
        const again = Option.getOrThrow(yield* journal.own(run))
        proxy.arm(fault, "write_batch")
        assert.isTrue(yield* journal.park(again, Histories.suspended()))
        assert.strictEqual(proxy.fired(), 11)
        assert.strictEqual((yield* entries(journal)).length, 14)
        assert.isTrue(Option.isNone(yield* journal.holder(run)))
      })
    )

    it.scopedLive(`when a lease is taken, and its ${fault} is lost, leaves one owner with the next epoch`, () =>
      Effect.gen(function* () {
        const proxy = yield* proxied
        const journal = yield* open({ uri: uri(newSchema(), through(proxy.port)) })
        const first = yield* journal.create(run, Histories.plan)
        journal.stage(first, Histories.started())
        yield* journal.release(first)
        proxy.arm(fault, "SET owner = $3")
        const [one, other] = yield* Effect.all([Effect.either(journal.own(run)), Effect.either(journal.own(run))], {
          concurrency: 2
        })
        assert.strictEqual(proxy.fired(), 1)
        const tags = [one, other].map((end) =>
          end._tag === "Right" ? Option.getOrThrow(end.right).epoch : end.left._tag
        )
        assert.sameMembers(tags, [2, "RunHeld"])
      })
    )

    it.scopedLive(`when a letter is left, and its ${fault} is lost, leaves it once`, () =>
      Effect.gen(function* () {
        const proxy = yield* proxied
        const journal = yield* open({ uri: uri(newSchema(), through(proxy.port)) })
        const owned = yield* journal.create(run, Histories.plan)
        journal.stage(owned, Histories.started())
        journal.stage(owned, Histories.opened("review"))
        assert.isTrue(yield* journal.park(owned, Histories.suspended()))
        // Of the statements of one delivery, the commit is the one whose answer tells most.
        proxy.arm(fault, "COMMIT")
        yield* journal.deliver(run, { _tag: "Answer", path: Histories.path("review"), answer: true, by: "ann" })
        assert.strictEqual(proxy.fired(), 1)
        assert.strictEqual((yield* journal.letters(run)).length, 1)
        assert.strictEqual(Option.getOrThrow(yield* journal.run(run)).status, "ready")
        const second = yield* Effect.flip(
          journal.deliver(run, { _tag: "Answer", path: Histories.path("review"), answer: true, by: "bob" })
        )
        assert.include(second.message, "by ann")
      })
    )
  }

  it.scopedLive("without a word is given up after a while, and the statement is asked again on another one", () =>
    Effect.gen(function* () {
      const proxy = yield* proxied
      const journal = yield* open({ uri: uri(newSchema(), through(proxy.port)), answerMillis: 300 })
      const owned = yield* journal.create(run, Histories.plan)
      proxy.arm("silence", "write_batch")
      journal.stage(owned, Histories.started())
      yield* journal.barrier(owned)
      proxy.arm("silence", "FROM s")
      assert.deepStrictEqual(yield* entries(journal), ["0:0"])
      assert.strictEqual(proxy.fired(), 2)
    })
  )

  it.scopedLive("a commit that is still under way is waited for before it is asked again", () =>
    Effect.gen(function* () {
      const proxy = yield* proxied
      const schema = newSchema()
      const journal = yield* open({ uri: uri(schema, through(proxy.port)), answerMillis: 400 })
      const owned = yield* journal.create(run, Histories.plan)
      journal.stage(owned, Histories.started())
      yield* journal.barrier(owned)
      // The server takes longer over this entry than the journal waits for an answer.
      yield* Effect.promise(() =>
        server.sql(`
          CREATE SEQUENCE ${schema}.tries;
          CREATE FUNCTION ${schema}.slow() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM nextval('${schema}.tries'); PERFORM pg_sleep(1.2); RETURN NEW; END $$;
          CREATE TRIGGER slow BEFORE INSERT ON ${schema}.entries FOR EACH ROW EXECUTE FUNCTION ${schema}.slow()`)
      )
      journal.stage(owned, Histories.note(1))
      yield* journal.barrier(owned)
      assert.deepStrictEqual(yield* entries(journal), ["0:0", "1:1"])
      const [[tries]] = (yield* Effect.promise(() => server.sql(`SELECT last_value::TEXT FROM ${schema}.tries`))) as [
        [string]
      ]
      assert.strictEqual(tries, "1", "the entry was written by the first call, whose answer nobody heard")
    })
  )
})

describe("a server that goes away", () => {
  it.scopedLive("and comes back finds everything going on", () =>
    Effect.gen(function* () {
      const journal = yield* open({ uri: uri(newSchema()) })
      const owned = yield* journal.create(run, Histories.plan)
      journal.stage(owned, Histories.started())
      yield* journal.barrier(owned)
      for (const how of ["fast", "immediate"] as const) {
        yield* Effect.promise(() => server.stop(how))
        journal.stage(owned, Histories.note(1))
        const written = yield* Effect.fork(journal.barrier(owned))
        const read = yield* Effect.fork(journal.run(run))
        yield* Effect.sleep(200)
        assert.isTrue(Option.isNone(yield* written.poll))
        assert.isTrue(Option.isNone(yield* read.poll))
        yield* Effect.promise(() => server.start())
        yield* written.await.pipe(Effect.flatten)
        assert.isTrue(Option.isSome(yield* Effect.flatten(read.await)))
      }
      assert.strictEqual((yield* entries(journal)).length, 3)
    })
  )

  it.scopedLive("for longer than is waited for is Unavailable, at once for what comes later, until it is back", () =>
    Effect.gen(function* () {
      const proxy = yield* proxied
      const journal = yield* open({
        uri: uri(newSchema(), through(proxy.port)),
        outageMillis: 300,
        leaseMillis: 1000
      })
      const owned = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => `r${i + 1}`),
        (id) => journal.create(Histories.id(id), Histories.plan)
      )
      for (const one of owned) journal.stage(one, Histories.started())
      yield* Effect.forEach(owned, (one) => journal.barrier(one))
      yield* Effect.promise(() => server.stop("fast"))
      const before = proxy.opened()
      for (const one of owned) journal.stage(one, Histories.note(1))
      const errors = yield* Effect.forEach(owned, (one) => Effect.flip(journal.barrier(one)), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        errors.map(({ reason }) => reason),
        Array(40).fill("Unavailable")
      )
      assert.include(
        errors[0]!.message,
        `postgresql://flujo@127.0.0.1:${proxy.port}/flujo_test: the database does not answer`
      )
      yield* Effect.flip(journal.runs({ limit: 1 }))
      // Not each of them found out by itself.
      assert.isBelow(proxy.opened() - before, 30)
      yield* Effect.promise(() => server.start())
      // Within a second somebody tries again.
      yield* Effect.sleep(1000)
      assert.strictEqual((yield* journal.runs({ limit: 90 })).length, 40)
      yield* Effect.forEach(owned, (one) => journal.release(one))
      const again = Option.getOrThrow(yield* journal.own(run))
      journal.stage(again, Histories.note(2))
      yield* journal.barrier(again)
      assert.deepStrictEqual(yield* entries(journal), ["0:0", "1:2"])
    })
  )

  const standby = (isStandby: boolean) =>
    Effect.promise(async () => {
      const set = isStandby ? "SET default_transaction_read_only = on" : "RESET default_transaction_read_only"
      // This transaction may write, whatever the database says. Sessions that are there already stay as they are.
      await server.sql(`BEGIN READ WRITE; ALTER DATABASE ${Server.database} ${set}; COMMIT`)
      if (!isStandby) return
      await server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
      )
    })

  const onStandby = (outageMillis: number) =>
    Effect.gen(function* () {
      const journal = yield* open({ uri: uri(newSchema()), outageMillis })
      const owned = yield* journal.create(run, Histories.plan)
      journal.stage(owned, Histories.started())
      yield* journal.barrier(owned)
      yield* Effect.acquireRelease(standby(true), () => standby(false))
      journal.stage(owned, Histories.note(1))
      return { journal, owned }
    })

  it.scopedLive("and leaves a standby in its place goes on when there is one to write in again", () =>
    Effect.gen(function* () {
      const { journal, owned } = yield* onStandby(30_000)
      const written = yield* Effect.fork(journal.barrier(owned))
      // Long enough for every connection to have met the standby.
      yield* Effect.sleep(300)
      assert.isTrue(Option.isNone(yield* written.poll))
      yield* standby(false)
      yield* Effect.flatten(written.await)
      assert.deepStrictEqual(yield* entries(journal), ["0:0", "1:1"])
    })
  )

  it.scopedLive("and leaves a standby for too long is ReadOnly", () =>
    Effect.gen(function* () {
      const { journal, owned } = yield* onStandby(200)
      assert.strictEqual((yield* Effect.flip(journal.barrier(owned))).reason, "ReadOnly")
    })
  )
})

describe("what cannot be opened", () => {
  const secret = encodeURIComponent(Server.password)
  const cases: ReadonlyArray<readonly [string, (text: string) => string, RegExp]> = [
    ["a wrong password", (text) => text.replace(secret, `${secret}x`), /does not let the user flujo in/],
    ["a wrong user", (text) => text.replace("//flujo:", "//someone:"), /does not let the user someone in/],
    [
      "another database",
      (text) => text.replace("/flujo_test", "/nothing"),
      /there is no such database.*createdb nothing/
    ],
    ["another port", (text) => text.replace(`:${server.port}/`, ":1/"), /does not answer \(connect ECONNREFUSED/],
    ["a host that is none", (text) => text.replace("127.0.0.1", "no-such-host.invalid"), /does not answer/],
    [
      "TLS by a name that is not its",
      (text) => `${text}&sslmode=verify-full&sslrootcert=${tls("ca.pem")}`,
      /is not trusted/
    ],
    ["TLS without the authority", (text) => `${text}&sslmode=verify-ca`, /is not trusted.*sslrootcert/],
    [
      "TLS with files that are not there",
      (text) => `${text}&sslmode=verify-ca&sslrootcert=/no/ca.pem`,
      /cannot be read: ENOENT/
    ],
    ["a URI that is none", () => "postgresql://flujo@host", /names no database/]
  ]
  for (const [what, change, said] of cases) {
    it.effect(`${what} is Unavailable, says why, and shows no password`, () =>
      Effect.gen(function* () {
        const error = yield* refusal({ uri: uri(newSchema(), change) })
        assert.strictEqual(error.reason, "Unavailable")
        assert.match(error.message, said)
        for (const form of [Server.password, secret]) {
          assert.notInclude(error.message, form)
          assert.notInclude(JSON.stringify(error), form)
        }
      })
    )
  }

  it.effect("a journal of a newer flujo is refused and left as it is", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      yield* Effect.scoped(JournalPostgres.makeDriver({ uri: uri(schema) }))
      yield* Effect.promise(() => server.sql(`UPDATE ${schema}.flujo_version SET number = 99`))
      const error = yield* refusal({ uri: uri(schema) })
      assert.strictEqual(error.reason, "Newer")
      assert.include(error.message, "format 99")
      assert.deepStrictEqual(
        yield* Effect.promise(() => server.sql(`SELECT number::TEXT FROM ${schema}.flujo_version`)),
        [["99"]]
      )
    })
  )

  it.effect("a schema of another program is Foreign and left as it is", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      yield* Effect.promise(() => server.sql(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.entries (a INTEGER)`))
      assert.strictEqual((yield* refusal({ uri: uri(schema) })).reason, "Foreign")
      const tables = yield* Effect.promise(() =>
        server.sql(`SELECT tablename FROM pg_tables WHERE schemaname = '${schema}'`)
      )
      assert.deepStrictEqual(tables, [["entries"]])
    })
  )

  it.effect("to be read only, a journal must be there; then nothing is written in it", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      assert.strictEqual((yield* refusal({ uri: uri(schema), readonly: true })).reason, "Foreign")
      assert.deepStrictEqual(
        yield* Effect.promise(() => server.sql(`SELECT nspname FROM pg_namespace WHERE nspname = '${schema}'`)),
        []
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* open({ uri: uri(schema) })
          const owned = yield* journal.create(run, Histories.plan)
          journal.stage(owned, Histories.started())
          yield* journal.release(owned)
          const reader = yield* open({ uri: uri(schema), readonly: true })
          assert.strictEqual((yield* entries(reader)).length, 1)
          const error = yield* Effect.flip(reader.own(run))
          assert.strictEqual(error._tag === "JournalError" ? error.reason : error._tag, "ReadOnly")
        })
      )
    })
  )

  it.effect("a database of another encoding is refused", () =>
    Effect.gen(function* () {
      yield* Effect.promise(() => server.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0"))
      const error = yield* refusal({ uri: uri(newSchema(), (text) => text.replace("/flujo_test", "/latin")) })
      assert.include(error.message, "LATIN1")
    })
  )
})

describe("a Postgres journal", () => {
  for (const [mode, files] of [
    ["require", ""],
    ["verify-ca", `&sslrootcert=${tls("ca.pem")}`],
    ["verify-full", `&sslrootcert=${tls("ca.pem")}&sslcert=${tls("client.pem")}&sslkey=${tls("client.key")}`]
  ] as const) {
    it.scopedLive(`speaks TLS with sslmode=${mode}`, () =>
      Effect.gen(function* () {
        const name = `tls-${randomUUID()}`
        yield* open({
          uri: uri(
            newSchema(),
            (text) => `${text.replace("127.0.0.1", "localhost")}&sslmode=${mode}${files}&application_name=${name}`
          )
        })
        const rows = yield* Effect.promise(() =>
          server.sql(
            `SELECT DISTINCT s.ssl::TEXT FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = '${name}'`
          )
        )
        assert.deepStrictEqual(rows, [["true"]])
      })
    )
  }

  it.scopedLive("is made by many processes at once, once", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      yield* Effect.forEach(Array.from({ length: 8 }), () => JournalPostgres.makeDriver({ uri: uri(schema) }), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        yield* Effect.promise(() => server.sql(`SELECT number::TEXT FROM ${schema}.flujo_version`)),
        [[String(migrations.length)]]
      )
    })
  )

  it.scopedLive("has no more connections than it may, however much is asked at once", () =>
    Effect.gen(function* () {
      const name = `pool-${randomUUID()}`
      const journal = yield* open({
        uri: uri(newSchema(), (text) => `${text}&pool_max_conns=3&application_name=${name}`)
      })
      const owned = yield* journal.create(run, Histories.plan)
      journal.stage(owned, Histories.started())
      yield* journal.barrier(owned)
      const asking = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 400 }), () => journal.run(run), { concurrency: "unbounded" })
      )
      let most = 0
      while (Option.isNone(yield* asking.poll)) {
        const [[count]] = (yield* Effect.promise(() =>
          server.sql(`SELECT count(*)::TEXT FROM pg_stat_activity WHERE application_name = '${name}'`)
        )) as [[string]]
        most = Math.max(most, Number(count))
      }
      yield* asking.await.pipe(Effect.flatten)
      assert.isAtLeast(most, 1)
      assert.isAtMost(most, 3)
    })
  )

  it.scopedLive("with normal durability does not wait for the disk, and with full it does", () =>
    Effect.gen(function* () {
      for (const [durability, expected] of [
        ["full", "on"],
        ["normal", "off"]
      ] as const) {
        const schema = newSchema()
        const journal = yield* open({ uri: uri(schema), durability })
        yield* Effect.promise(() =>
          server.sql(`
            CREATE TABLE ${schema}.seen (setting TEXT);
            CREATE FUNCTION ${schema}.look() RETURNS trigger LANGUAGE plpgsql AS $$
              BEGIN INSERT INTO ${schema}.seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
            CREATE TRIGGER look AFTER INSERT ON ${schema}.entries FOR EACH ROW EXECUTE FUNCTION ${schema}.look()`)
        )
        const owned = yield* journal.create(run, Histories.plan)
        journal.stage(owned, Histories.started())
        yield* journal.barrier(owned)
        assert.deepStrictEqual(yield* Effect.promise(() => server.sql(`SELECT setting FROM ${schema}.seen`)), [
          [expected]
        ])
      }
    })
  )

  it.scopedLive("forgets the batches of a writer that has ended", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      const count = Effect.promise(() => server.sql(`SELECT count(*)::TEXT FROM ${schema}.batches`))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* open({ uri: uri(schema) })
          const owned = yield* journal.create(run, Histories.plan)
          journal.stage(owned, Histories.started())
          yield* journal.barrier(owned)
          assert.deepStrictEqual(yield* count, [["1"]])
        })
      )
      assert.deepStrictEqual(yield* count, [["0"]])
    })
  )

  it.scopedLive("a letter that comes while its run parks is never left unread", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      const journal = yield* open({ uri: uri(schema), mailPollMillis: 60_000 })
      const other = yield* JournalPostgres.makeDriver({ uri: uri(schema) })
      const rounds = Long.runs(300, 3000)
      const ends = new Map<string, number>()
      for (let i = 0; i < rounds; i++) {
        const id = Histories.id(`run-${i}`)
        const owned = yield* journal.create(id, Histories.plan)
        journal.stage(owned, Histories.started())
        yield* journal.barrier(owned)
        const letter = Inbox.toRow(id, { _tag: "Cancel", reason: "enough" }, 0)
        // From well before the park to well after it, so that both orders happen on any machine.
        const later = (i % 17) - 8
        const [isParked] = yield* Effect.all(
          [
            Effect.delay(journal.park(owned, Histories.suspended()), Math.max(0, -later)),
            Effect.delay(other.deliver(letter), Math.max(0, later))
          ],
          { concurrency: 2 }
        )
        const status = Option.getOrThrow(yield* journal.run(id)).status
        // Either the park saw the letter, or the letter saw the park.
        assert.strictEqual(status, isParked ? "ready" : "running", `round ${i}`)
        const end = isParked ? "parked first" : "letter first"
        ends.set(end, (ends.get(end) ?? 0) + 1)
      }
      console.log(`park and letter: ${Array.from(ends, ([end, count]) => `${count} × ${end}`).join(", ")}`)
      assert.strictEqual(ends.size, 2, "both orders happened")
    })
  )

  it.scopedLive("is opened by what names it", () =>
    Effect.gen(function* () {
      const schema = newSchema()
      const ids = yield* Effect.provide(
        Effect.flatMap(Tag, (journal) => journal.runs({ limit: 1 })),
        JournalOpen.layer({ _tag: "Postgres", uri: uri(schema) })
      )
      assert.deepStrictEqual(ids, [])
      assert.deepStrictEqual(
        yield* Effect.promise(() => server.sql(`SELECT number::TEXT FROM ${schema}.flujo_version`)),
        [[String(migrations.length)]]
      )
    })
  )
})
