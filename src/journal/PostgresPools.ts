/**
 * Limits that runs share, in Postgres: what each run has of a pool, and the sum over all of them. Rows of pools are
 * locked after the leases of a batch and in the order of their names, so that no two batches wait for each other.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Json from "../domain/Json.js"
import * as Pools from "../domain/Pool.js"
import type { PoolRow } from "./Journal.js"
import type * as Pool from "./PostgresPool.js"
import type * as RunIndex from "./RunIndex.js"

const fields = [
  ["spent_cost", "spentCost"],
  ["spent_tokens", "spentTokens"],
  ["held_cost", "heldCost"],
  ["held_tokens", "heldTokens"],
  ["granted_cost", "grantedCost"],
  ["granted_tokens", "grantedTokens"]
] as const

const columns = fields.map(([column]) => column)
const list = columns.join(", ")
const typed = columns.map((column) => `${column} NUMERIC`).join(", ")
const sums = (of: string): string => columns.map((column) => `coalesce(sum(${of}.${column}), 0)`).join(", ")
const added = (to: string, by: string): string =>
  columns.map((column) => `${column} = ${to}.${column} + ${by}.${column}`).join(", ")

/** Numbers of any size come as text. */
const read = `pool, ${fields.map(([column, name]) => `${column}::TEXT AS "${name}"`).join(", ")}`

/** `write_batch` as it was, and beside it what moves pools: a slice whose claims do not fit is not written. */
export const migration = (schema: string): string => `
  CREATE TABLE ${schema}.pools (
    tenant TEXT COLLATE "C" NOT NULL,
    pool TEXT COLLATE "C" NOT NULL,
    ${columns.map((column) => `${column} NUMERIC NOT NULL DEFAULT 0`).join(",\n    ")},
    PRIMARY KEY (tenant, pool)
  ) WITH (fillfactor = 50);
  -- What runs had that were dropped stands under the run ''.
  CREATE TABLE ${schema}.shares (
    tenant TEXT COLLATE "C" NOT NULL,
    pool TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    ${columns.map((column) => `${column} NUMERIC NOT NULL DEFAULT 0`).join(",\n    ")},
    PRIMARY KEY (tenant, pool, run)
  ) WITH (fillfactor = 80);
  CREATE INDEX shares_of_run ON ${schema}.shares (tenant, run);

  CREATE FUNCTION ${schema}.lock_pools(a_tenant TEXT, some_pools TEXT[]) RETURNS VOID
  LANGUAGE plpgsql VOLATILE AS $body$
  BEGIN
    INSERT INTO ${schema}.pools (tenant, pool) SELECT a_tenant, p FROM unnest(some_pools) p ORDER BY p COLLATE "C"
    ON CONFLICT DO NOTHING;
    PERFORM 1 FROM ${schema}.pools p WHERE p.tenant = a_tenant AND p.pool = ANY (some_pools) ORDER BY p.pool FOR UPDATE;
  END
  $body$;

  -- Moves the pools of one run, entry by entry; answers the claims that do not fit, and then nothing was moved.
  CREATE FUNCTION ${schema}.move_pools(a_tenant TEXT, a_run TEXT, some_moves JSON) RETURNS JSON
  LANGUAGE plpgsql VOLATILE AS $body$
  DECLARE
    entry INTEGER;
    short JSON;
    shorts JSON[] := '{}';
  BEGIN
    BEGIN
      FOR entry IN
        SELECT DISTINCT m.seq FROM json_to_recordset(some_moves) AS m (run TEXT, seq INTEGER)
        WHERE m.run = a_run ORDER BY m.seq
      LOOP
        SELECT CASE
          WHEN m.held_cost > m.max_cost + p.granted_cost - p.spent_cost - p.held_cost THEN json_build_object(
            'seq', entry, 'pool', m.pool, 'reason', 'Cost', 'limit', (m.max_cost + p.granted_cost)::TEXT,
            'left', (m.max_cost + p.granted_cost - p.spent_cost - p.held_cost)::TEXT)
          WHEN m.held_tokens > m.max_tokens + p.granted_tokens - p.spent_tokens - p.held_tokens THEN json_build_object(
            'seq', entry, 'pool', m.pool, 'reason', 'Tokens', 'limit', (m.max_tokens + p.granted_tokens)::TEXT,
            'left', (m.max_tokens + p.granted_tokens - p.spent_tokens - p.held_tokens)::TEXT)
          END INTO short
        FROM json_to_recordset(some_moves) AS m
          (run TEXT, seq INTEGER, n INTEGER, pool TEXT, max_cost NUMERIC, max_tokens NUMERIC, ${typed})
        JOIN ${schema}.pools p ON p.tenant = a_tenant AND p.pool = m.pool
        WHERE m.run = a_run AND m.seq = entry AND (
          m.held_cost > m.max_cost + p.granted_cost - p.spent_cost - p.held_cost
          OR m.held_tokens > m.max_tokens + p.granted_tokens - p.spent_tokens - p.held_tokens)
        ORDER BY m.n LIMIT 1;
        IF FOUND THEN
          shorts := shorts || short;
        ELSE
          UPDATE ${schema}.pools p SET ${added("p", "m")}
          FROM json_to_recordset(some_moves) AS m (run TEXT, seq INTEGER, pool TEXT, ${typed})
          WHERE m.run = a_run AND m.seq = entry AND p.tenant = a_tenant AND p.pool = m.pool;
          INSERT INTO ${schema}.shares AS s (tenant, run, pool, ${list})
          SELECT a_tenant, a_run, m.pool, ${columns.map((column) => `m.${column}`).join(", ")}
          FROM json_to_recordset(some_moves) AS m (run TEXT, seq INTEGER, pool TEXT, ${typed})
          WHERE m.run = a_run AND m.seq = entry
          ON CONFLICT (tenant, pool, run) DO UPDATE SET ${added("s", "excluded")};
        END IF;
      END LOOP;
      IF cardinality(shorts) > 0 THEN RAISE EXCEPTION 'claims do not fit' USING ERRCODE = 'FLJ01'; END IF;
    EXCEPTION WHEN SQLSTATE 'FLJ01' THEN NULL;
    END;
    RETURN array_to_json(shorts);
  END
  $body$;

  DROP FUNCTION ${schema}.write_batch(TEXT, TEXT, BIGINT, JSON, JSON, JSON, JSON, JSON, JSON, JSON, JSON, JSON);
  -- Answers \`[{ run, tag, holder, shorts }]\`, as \`Answer\` of \`Driver.ts\`.
  CREATE FUNCTION ${schema}.write_batch(
    a_tenant TEXT, a_writer TEXT, a_batch BIGINT, a_slices JSON,
    some_rows JSON, some_roots JSON, some_blobs JSON, some_letters JSON, some_added JSON, some_moved JSON, some_ended JSON,
    some_opened JSON, some_moves JSON
  ) RETURNS JSON LANGUAGE plpgsql VOLATILE AS $body$
  DECLARE
    last ${schema}.batches;
    mine TEXT[];
    waiting TEXT[];
    parked TEXT[];
    released TEXT[];
    a_run TEXT;
    found JSON;
    shorts JSONB := '{}';
    answers JSON;
  BEGIN
    INSERT INTO ${schema}.batches (tenant, writer, batch, answer) VALUES (a_tenant, a_writer, -1, '[]')
    ON CONFLICT DO NOTHING;
    SELECT * INTO last FROM ${schema}.batches b WHERE b.tenant = a_tenant AND b.writer = a_writer FOR UPDATE;
    IF last.batch = a_batch THEN RETURN last.answer; END IF;
    IF last.batch > a_batch THEN RAISE EXCEPTION 'batch % comes after batch %', a_batch, last.batch; END IF;

    PERFORM 1 FROM ${schema}.leases l
    WHERE l.tenant = a_tenant AND l.run IN (SELECT s.run FROM json_to_recordset(a_slices) AS s (run TEXT))
    ORDER BY l.run FOR UPDATE;

    WITH born AS (
      INSERT INTO ${schema}.leases (tenant, run, owner, epoch, expires_at)
      SELECT a_tenant, s.run, s.owner, s.epoch, s.expires_at
      FROM json_to_recordset(a_slices) AS s (run TEXT, epoch INTEGER, owner TEXT, expires_at BIGINT)
      WHERE s.owner IS NOT NULL ORDER BY s.run
      ON CONFLICT DO NOTHING RETURNING run
    ), keyed AS (
      INSERT INTO ${schema}.keys (tenant, run, key)
      SELECT a_tenant, s.run, decode(s.key, 'base64')
      FROM json_to_recordset(a_slices) AS s (run TEXT, key TEXT) JOIN born ON born.run = s.run
    ), planned AS (
      INSERT INTO ${schema}.plans (tenant, digest, json)
      SELECT DISTINCT ON (s.digest) a_tenant, s.digest, s.plan
      FROM json_to_recordset(a_slices) AS s (run TEXT, digest TEXT, plan TEXT) JOIN born ON born.run = s.run
      ORDER BY s.digest
      ON CONFLICT DO NOTHING
    ), held AS (
      SELECT l.run FROM json_to_recordset(a_slices) AS s (run TEXT, epoch INTEGER, owner TEXT)
      JOIN ${schema}.leases l ON l.tenant = a_tenant AND l.run = s.run AND l.epoch = s.epoch AND l.owner IS NOT NULL
      WHERE s.owner IS NULL
    )
    SELECT array_agg(u.run) INTO mine FROM (SELECT born.run FROM born UNION ALL SELECT held.run FROM held) u;
    mine := coalesce(mine, '{}');

    IF some_moves IS NOT NULL THEN
      PERFORM ${schema}.lock_pools(a_tenant,
        (SELECT array_agg(DISTINCT m.pool) FROM json_to_recordset(some_moves) AS m (pool TEXT)));
      FOR a_run IN
        SELECT m.run FROM json_to_recordset(some_moves) AS m (run TEXT, n INTEGER)
        WHERE m.run = ANY (mine) GROUP BY m.run ORDER BY min(m.n)
      LOOP
        found := ${schema}.move_pools(a_tenant, a_run, some_moves);
        IF json_array_length(found) > 0 THEN
          shorts := shorts || jsonb_build_object(a_run, found);
          mine := array_remove(mine, a_run);
        END IF;
      END LOOP;
    END IF;

    PERFORM ${schema}.write_changes(a_tenant, 'any', mine,
      some_rows, some_roots, some_blobs, some_letters, some_added, some_moved, some_ended, some_opened);

    SELECT array_agg(s.run) INTO waiting
    FROM json_to_recordset(a_slices) AS s (run TEXT, rest TEXT)
    WHERE s.rest = 'Park' AND s.run = ANY (mine) AND ${schema}.is_waited_for(a_tenant, s.run);
    waiting := coalesce(waiting, '{}');

    SELECT array_agg(s.run) FILTER (WHERE s.rest = 'Park'), array_agg(s.run) INTO parked, released
    FROM json_to_recordset(a_slices) AS s (run TEXT, rest TEXT)
    WHERE s.rest IS NOT NULL AND s.run = ANY (mine) AND s.run <> ALL (waiting);
    IF parked IS NOT NULL THEN
      PERFORM ${schema}.write_changes(a_tenant, 'park', parked,
        some_rows, some_roots, some_blobs, NULL, some_added, some_moved, some_ended, some_opened);
    END IF;
    IF released IS NOT NULL THEN
      UPDATE ${schema}.leases l SET owner = NULL WHERE l.tenant = a_tenant AND l.run = ANY (released);
    END IF;

    SELECT json_agg(json_build_object('run', s.run, 'holder', l.owner, 'shorts', shorts -> s.run, 'tag', CASE
      WHEN shorts ? s.run THEN 'Short'
      WHEN s.run = ANY (waiting) THEN 'LettersWaiting' WHEN s.run = ANY (mine) THEN 'Written' ELSE 'Refused' END
    )) INTO answers
    FROM json_to_recordset(a_slices) AS s (run TEXT)
    LEFT JOIN ${schema}.leases l ON l.tenant = a_tenant AND l.run = s.run;
    UPDATE ${schema}.batches b SET batch = a_batch, answer = answers, at = clock_timestamp()
    WHERE b.tenant = a_tenant AND b.writer = a_writer;
    RETURN answers;
  END
  $body$;
`

/** The moves of one slice, as \`move_pools\` takes them; \`n\` counts on from what stands before it in the batch. */
export const encode = (
  run: string,
  moves: ReadonlyArray<RunIndex.PoolMoved>,
  n: number
): ReadonlyArray<{ readonly [column: string]: string | number | null | undefined }> =>
  moves.map(({ by, limits, pool, seq }, i) => ({
    run,
    n: n + i,
    seq,
    pool: textOf(pool),
    max_cost: limits?.maxCost ?? null,
    max_tokens: limits?.maxTokens ?? null,
    ...Object.fromEntries(fields.map(([column, name]) => [column, by[name].toString()]))
  }))

/** A name stands as JSON text: it may hold what text of Postgres cannot. */
const textOf = (pool: string): string => JSON.stringify(pool)

export const nameOf = (text: string): string | undefined => {
  const name = Json.parse(text)
  return Either.isRight(name) && typeof name.right === "string" ? name.right : undefined
}

/** Undefined for a row that is damaged. */
const decode = (row: Readonly<Record<string, unknown>>): PoolRow | undefined => {
  const pool = typeof row.pool === "string" ? nameOf(row.pool) : undefined
  if (pool === undefined) return undefined
  const share: Record<string, bigint> = {}
  for (const [, name] of fields) {
    const text = row[name]
    if (typeof text !== "string" || !/^-?\d+$/.test(text)) return undefined
    share[name] = BigInt(text)
  }
  return { ...Pools.nothing, ...share, pool }
}

const sound = (rows: Pool.Rows): ReadonlyArray<PoolRow> => rows.flatMap((row) => decode(row) ?? [])

export const named = (
  lent: Pool.Lent,
  schema: string,
  tenant: string,
  names: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<PoolRow>, Pool.Failure> =>
  Effect.map(
    lent.query(`SELECT ${read} FROM ${schema}.pools WHERE tenant = $1 AND pool = ANY ($2) ORDER BY pool`, [
      tenant,
      names.map(textOf)
    ]),
    sound
  )

/** What a run has of each; a row that cannot be read is as none, so that a rebuild puts another one in its place. */
export const of = (
  lent: Pool.Lent,
  schema: string,
  tenant: string,
  run: string
): Effect.Effect<ReadonlyMap<string, PoolRow>, Pool.Failure> =>
  Effect.map(
    lent.query(`SELECT ${read} FROM ${schema}.shares WHERE tenant = $1 AND run = $2`, [tenant, run]),
    (rows) => new Map(sound(rows).map((share) => [share.pool, share]))
  )

/** Puts `shares` in place of what the run has, and answers how many sums were not those of all shares. */
export const replace = (
  lent: Pool.Lent,
  schema: string,
  tenant: string,
  run: string,
  shares: ReadonlyMap<string, Pools.Share>
): Effect.Effect<number, Pool.Failure> =>
  Effect.gen(function* () {
    const had = yield* of(lent, schema, tenant, run)
    const touched = Array.from(new Set([...had.keys(), ...shares.keys()]), textOf)
    if (touched.length === 0) return 0
    yield* lent.query(`SELECT ${schema}.lock_pools($1, $2)`, [tenant, touched])
    const wrong = yield* lent.query(
      `SELECT p.pool FROM ${schema}.pools p
       WHERE p.tenant = $1 AND p.pool = ANY ($2) AND (${columns.map((column) => `p.${column}`).join(", ")}) <>
         (SELECT ${sums("s")} FROM ${schema}.shares s WHERE s.tenant = p.tenant AND s.pool = p.pool)`,
      [tenant, touched]
    )
    yield* lent.query(`DELETE FROM ${schema}.shares WHERE tenant = $1 AND run = $2`, [tenant, run])
    for (const [pool, share] of shares) {
      yield* lent.query(
        `INSERT INTO ${schema}.shares (tenant, run, pool, ${list}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [tenant, run, textOf(pool), ...fields.map(([, name]) => share[name].toString())]
      )
    }
    yield* lent.query(
      `UPDATE ${schema}.pools p SET (${list}) =
         (SELECT ${sums("s")} FROM ${schema}.shares s WHERE s.tenant = p.tenant AND s.pool = p.pool)
       WHERE p.tenant = $1 AND p.pool = ANY ($2)`,
      [tenant, touched]
    )
    return wrong.length
  })

/** What a run that is dropped spent stays spent. */
export const drop = (lent: Pool.Lent, schema: string, tenant: string, run: string): Effect.Effect<void, Pool.Failure> =>
  Effect.gen(function* () {
    yield* lent.query(
      `SELECT ${schema}.lock_pools($1, (SELECT array_agg(pool) FROM ${schema}.shares WHERE tenant = $1 AND run = $2))`,
      [tenant, run]
    )
    yield* lent.query(
      `INSERT INTO ${schema}.shares AS s (tenant, run, pool, ${list})
       SELECT tenant, '', pool, ${list} FROM ${schema}.shares WHERE tenant = $1 AND run = $2
       ON CONFLICT (tenant, pool, run) DO UPDATE SET ${added("s", "excluded")}`,
      [tenant, run]
    )
    yield* lent.query(`DELETE FROM ${schema}.shares WHERE tenant = $1 AND run = $2`, [tenant, run])
  })
