/**
 * The tables in Postgres, as numbered migrations that are only ever added to; the number of a schema stands in its table
 * `version`. The tenant leads every key. Names and ids are compared byte by byte (`COLLATE "C"`), as the other stores do.
 *
 * `write_batch` is a function of the database because a batch must lock its runs first and look at their letters after that:
 * in one statement both would see the same snapshot, and a letter left in between would wake nobody (READ COMMITTED;
 * each statement of a function has a snapshot of its own). It also makes a batch one round trip. `batches` holds the
 * last batch of each writer with its answer, so that asking again after a lost answer finds out what happened, and a
 * batch is never written twice: the row is locked first, and what is still under way is waited for.
 */
import * as PostgresPools from "./PostgresPools.js"
export const migrations: ReadonlyArray<(schema: string) => string> = [
  (schema) => `
  CREATE TABLE ${schema}.entries (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    seq INTEGER NOT NULL,
    head TEXT NOT NULL,
    payload TEXT,
    salt BYTEA,
    blob TEXT,
    PRIMARY KEY (tenant, run, seq)
  );

  CREATE TABLE ${schema}.blobs (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (tenant, run, address)
  );

  CREATE TABLE ${schema}.keys (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    key BYTEA NOT NULL,
    PRIMARY KEY (tenant, run)
  );

  CREATE TABLE ${schema}.plans (
    tenant TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (tenant, digest)
  );

  -- A row stays when its lease is given back (owner NULL), so that epochs never go back. It is also what locks a run.
  CREATE TABLE ${schema}.leases (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    owner TEXT,
    epoch INTEGER NOT NULL,
    expires_at BIGINT NOT NULL,
    ticket TEXT,
    PRIMARY KEY (tenant, run)
  ) WITH (fillfactor = 70);

  CREATE TABLE ${schema}.inbox (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    path TEXT,
    data TEXT NOT NULL,
    at BIGINT NOT NULL,
    taken BOOLEAN NOT NULL DEFAULT false,
    UNIQUE (tenant, run, id)
  );
  CREATE INDEX inbox_untaken ON ${schema}.inbox (tenant, run, number) WHERE NOT taken;

  CREATE TABLE ${schema}.batches (
    tenant TEXT COLLATE "C" NOT NULL,
    writer TEXT COLLATE "C" NOT NULL,
    batch BIGINT NOT NULL,
    answer JSON NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, writer)
  ) WITH (fillfactor = 50);

  -- From here on projections: made again from entries and letters by \`rebuild\`. \`pipeline\` is JSON text, because a
  -- name may hold what text of Postgres cannot.
  CREATE TABLE ${schema}.runs (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    pipeline TEXT COLLATE "C" NOT NULL,
    plan TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    wake_at BIGINT,
    tokens BIGINT NOT NULL,
    labels TEXT NOT NULL,
    PRIMARY KEY (tenant, run)
  ) WITH (fillfactor = 80);
  CREATE INDEX runs_newest ON ${schema}.runs (tenant, started_at, run);
  CREATE INDEX runs_status ON ${schema}.runs (tenant, status, started_at, run);

  CREATE TABLE ${schema}.tasks (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    task TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (tenant, run, path)
  );
  CREATE INDEX tasks_oldest ON ${schema}.tasks (tenant, opened_at, run, seq);
  `,
  // From here on payloads are committed to by keyed BLAKE3.
  (schema) => `
  CREATE TABLE ${schema}.roots (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    size INTEGER NOT NULL,
    root TEXT NOT NULL,
    PRIMARY KEY (tenant, run, size)
  );

  DROP FUNCTION IF EXISTS ${schema}.write_batch(TEXT, TEXT, BIGINT, JSON, JSON, JSON, JSON, JSON, JSON, JSON, JSON);
  DROP FUNCTION IF EXISTS ${schema}.write_changes(TEXT, TEXT, TEXT[], JSON, JSON, JSON, JSON, JSON, JSON, JSON);
  DROP FUNCTION IF EXISTS ${schema}.is_waited_for(TEXT, TEXT);

  CREATE FUNCTION ${schema}.is_waited_for(a_tenant TEXT, a_run TEXT) RETURNS BOOLEAN
  LANGUAGE sql VOLATILE AS $body$
    SELECT EXISTS (SELECT 1 FROM ${schema}.inbox i WHERE i.tenant = a_tenant AND i.run = a_run AND NOT i.taken)
  $body$;

  -- What a batch changes, for the runs that are named. \`part\`: what is written in any case, or with a park.
  CREATE FUNCTION ${schema}.write_changes(
    a_tenant TEXT, a_part TEXT, of_runs TEXT[],
    some_rows JSON, some_roots JSON, some_blobs JSON, some_letters JSON, some_added JSON, some_moved JSON, some_ended JSON,
    some_opened JSON
  ) RETURNS VOID
  LANGUAGE plpgsql VOLATILE AS $body$
  BEGIN
    IF some_rows IS NOT NULL THEN
      INSERT INTO ${schema}.entries (tenant, run, seq, head, payload, salt, blob)
      SELECT a_tenant, r.run, r.seq, r.head, r.payload, decode(r.salt, 'base64'), r.blob
      FROM json_to_recordset(some_rows)
        AS r (part TEXT, run TEXT, seq INTEGER, head TEXT, payload TEXT, salt TEXT, blob TEXT)
      WHERE r.part = a_part AND r.run = ANY (of_runs);
    END IF;

    IF some_roots IS NOT NULL THEN
      INSERT INTO ${schema}.roots (tenant, run, size, root)
      SELECT a_tenant, r.run, r.size, r.root
      FROM json_to_recordset(some_roots) AS r (part TEXT, run TEXT, size INTEGER, root TEXT)
      WHERE r.part = a_part AND r.run = ANY (of_runs);
    END IF;

    IF some_blobs IS NOT NULL THEN
      INSERT INTO ${schema}.blobs (tenant, run, address, bytes)
      SELECT a_tenant, b.run, b.address, decode(b.bytes, 'base64')
      FROM json_to_recordset(some_blobs) AS b (part TEXT, run TEXT, address TEXT, bytes TEXT)
      WHERE b.part = a_part AND b.run = ANY (of_runs)
      ON CONFLICT DO NOTHING;
    END IF;

    IF some_letters IS NOT NULL THEN
      UPDATE ${schema}.inbox i SET taken = true
      FROM json_to_recordset(some_letters) AS l (part TEXT, run TEXT, id TEXT)
      WHERE l.part = a_part AND l.run = ANY (of_runs) AND i.tenant = a_tenant AND i.run = l.run AND i.id = l.id;
    END IF;

    IF some_added IS NOT NULL THEN
      INSERT INTO ${schema}.runs AS o
        (tenant, run, pipeline, plan, status, started_at, updated_at, wake_at, tokens, labels)
      SELECT a_tenant, r.run, r.pipeline, r.plan,
        CASE WHEN r.status = 'suspended' AND ${schema}.is_waited_for(a_tenant, r.run) THEN 'ready' ELSE r.status END,
        r.started_at, r.updated_at, r.wake_at, r.tokens, r.labels
      FROM json_to_recordset(some_added) AS r
        (part TEXT, run TEXT, pipeline TEXT, plan TEXT, status TEXT, started_at BIGINT, updated_at BIGINT, wake_at BIGINT,
         tokens BIGINT, labels TEXT)
      WHERE r.part = a_part AND r.run = ANY (of_runs)
      ON CONFLICT (tenant, run) DO UPDATE SET pipeline = excluded.pipeline, plan = excluded.plan,
        status = excluded.status, started_at = excluded.started_at, updated_at = excluded.updated_at,
        wake_at = excluded.wake_at, tokens = excluded.tokens, labels = excluded.labels;
    END IF;

    IF some_moved IS NOT NULL THEN
      UPDATE ${schema}.runs o SET
        status = CASE
          WHEN m.status IS NULL THEN o.status
          WHEN m.status = 'suspended' AND ${schema}.is_waited_for(a_tenant, m.run) THEN 'ready'
          ELSE m.status END,
        updated_at = CASE WHEN m.status IS NULL THEN o.updated_at ELSE m.updated_at END,
        wake_at = CASE WHEN m.status IS NULL THEN o.wake_at ELSE m.wake_at END,
        tokens = o.tokens + m.tokens
      FROM json_to_recordset(some_moved) AS m
        (part TEXT, run TEXT, status TEXT, updated_at BIGINT, wake_at BIGINT, tokens BIGINT)
      WHERE m.part = a_part AND m.run = ANY (of_runs) AND o.tenant = a_tenant AND o.run = m.run;
    END IF;

    IF some_ended IS NOT NULL THEN
      DELETE FROM ${schema}.tasks o
      USING json_to_recordset(some_ended) AS e (part TEXT, run TEXT, path TEXT)
      WHERE e.part = a_part AND e.run = ANY (of_runs) AND o.tenant = a_tenant AND o.run = e.run AND o.path = e.path;
    END IF;

    IF some_opened IS NOT NULL THEN
      INSERT INTO ${schema}.tasks (tenant, run, path, task, opened_at, seq)
      SELECT a_tenant, t.run, t.path, t.task, t.opened_at, t.seq
      FROM json_to_recordset(some_opened) AS t
        (part TEXT, run TEXT, path TEXT, task TEXT, opened_at BIGINT, seq INTEGER)
      WHERE t.part = a_part AND t.run = ANY (of_runs)
      ON CONFLICT (tenant, run, path) DO UPDATE SET task = excluded.task, opened_at = excluded.opened_at,
        seq = excluded.seq;
    END IF;

    -- A run that had a letter, and has none any more, is not ready.
    IF some_letters IS NOT NULL THEN
      UPDATE ${schema}.runs o SET status = 'suspended'
      FROM (SELECT DISTINCT l.run FROM json_to_recordset(some_letters) AS l (part TEXT, run TEXT)
            WHERE l.part = a_part AND l.run = ANY (of_runs)) s
      WHERE o.tenant = a_tenant AND o.run = s.run AND o.status = 'ready'
        AND NOT ${schema}.is_waited_for(a_tenant, s.run);
    END IF;
  END
  $body$;

  -- Answers \`[{ run, tag, holder }]\`, as \`Answer\` of \`Driver.ts\`.
  CREATE FUNCTION ${schema}.write_batch(
    a_tenant TEXT, a_writer TEXT, a_batch BIGINT, a_slices JSON,
    some_rows JSON, some_roots JSON, some_blobs JSON, some_letters JSON, some_added JSON, some_moved JSON, some_ended JSON,
    some_opened JSON
  ) RETURNS JSON LANGUAGE plpgsql VOLATILE AS $body$
  DECLARE
    last ${schema}.batches;
    mine TEXT[];
    waiting TEXT[];
    parked TEXT[];
    released TEXT[];
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

    SELECT json_agg(json_build_object('run', s.run, 'holder', l.owner, 'tag', CASE
      WHEN s.run = ANY (waiting) THEN 'LettersWaiting' WHEN s.run = ANY (mine) THEN 'Written' ELSE 'Refused' END
    )) INTO answers
    FROM json_to_recordset(a_slices) AS s (run TEXT)
    LEFT JOIN ${schema}.leases l ON l.tenant = a_tenant AND l.run = s.run;
    UPDATE ${schema}.batches b SET batch = a_batch, answer = answers, at = clock_timestamp()
    WHERE b.tenant = a_tenant AND b.writer = a_writer;
    RETURN answers;
  END
  $body$;
  `,
  // The log of the store. Roots queue for it in the transaction that writes them, whoever does.
  (schema) => `
  CREATE TABLE ${schema}.unsealed (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    size INTEGER NOT NULL,
    root TEXT NOT NULL
  );
  CREATE INDEX unsealed_oldest ON ${schema}.unsealed (tenant, number);
  CREATE FUNCTION ${schema}.queue_roots() RETURNS TRIGGER LANGUAGE plpgsql AS $body$
  BEGIN
    INSERT INTO ${schema}.unsealed (tenant, run, size, root) SELECT tenant, run, size, root FROM fresh ORDER BY run, size;
    RETURN NULL;
  END
  $body$;
  CREATE TRIGGER roots_unsealed AFTER INSERT ON ${schema}.roots REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.queue_roots();
  INSERT INTO ${schema}.unsealed (tenant, run, size, root)
    SELECT tenant, run, size, root FROM ${schema}.roots ORDER BY tenant, run, size;

  CREATE TABLE ${schema}.log (
    tenant TEXT COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    size INTEGER NOT NULL,
    root TEXT NOT NULL,
    PRIMARY KEY (tenant, number)
  );
  CREATE INDEX log_of_run ON ${schema}.log (tenant, run, number);

  CREATE TABLE ${schema}.checkpoints (
    tenant TEXT COLLATE "C" NOT NULL,
    size INTEGER NOT NULL,
    origin TEXT NOT NULL,
    note TEXT NOT NULL,
    frontier TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, size)
  );

  CREATE TABLE ${schema}.log_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    verifier TEXT NOT NULL,
    vouched TEXT,
    size INTEGER NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, number)
  );
  `,
  // That a run was dropped is a leaf too; and what finds runs among many. A label stands as its JSON text.
  (schema) => `
  ALTER TABLE ${schema}.unsealed ADD COLUMN gone BOOLEAN NOT NULL DEFAULT false;
  ALTER TABLE ${schema}.log ADD COLUMN gone BOOLEAN NOT NULL DEFAULT false;

  CREATE INDEX runs_pipeline ON ${schema}.runs (tenant, pipeline, started_at, run);
  CREATE TABLE ${schema}.labels (
    tenant TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, label, started_at, run)
  );
  CREATE INDEX labels_of_run ON ${schema}.labels (tenant, run);
  INSERT INTO ${schema}.labels (tenant, label, started_at, run)
    SELECT r.tenant, l.value::TEXT, r.started_at, r.run
    FROM ${schema}.runs r, json_array_elements(r.labels::JSON) l
    ON CONFLICT DO NOTHING;
  CREATE FUNCTION ${schema}.label_run() RETURNS TRIGGER LANGUAGE plpgsql AS $body$
  BEGIN
    IF TG_OP <> 'INSERT' THEN
      DELETE FROM ${schema}.labels l WHERE l.tenant = OLD.tenant AND l.run = OLD.run;
    END IF;
    IF TG_OP <> 'DELETE' THEN
      INSERT INTO ${schema}.labels (tenant, label, started_at, run)
      SELECT NEW.tenant, l.value::TEXT, NEW.started_at, NEW.run FROM json_array_elements(NEW.labels::JSON) l
      ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
  END
  $body$;
  CREATE TRIGGER runs_labelled AFTER INSERT ON ${schema}.runs
    FOR EACH ROW WHEN (NEW.labels <> '[]') EXECUTE FUNCTION ${schema}.label_run();
  CREATE TRIGGER runs_relabelled AFTER UPDATE OF labels ON ${schema}.runs
    FOR EACH ROW WHEN (NEW.labels <> OLD.labels) EXECUTE FUNCTION ${schema}.label_run();
  CREATE TRIGGER runs_unlabelled AFTER DELETE ON ${schema}.runs
    FOR EACH ROW WHEN (OLD.labels <> '[]') EXECUTE FUNCTION ${schema}.label_run();
  `,
  // What cached steps answered: no part of any run. `run`: who answered it.
  (schema) => `
  CREATE TABLE ${schema}.cache (
    tenant TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, key)
  );
  CREATE INDEX cache_latest ON ${schema}.cache (tenant, at DESC, key);
  CREATE INDEX cache_expiry ON ${schema}.cache (tenant, expires_at);
  CREATE INDEX cache_run ON ${schema}.cache (tenant, run);
  `,
  // A run may be upgraded: then its row names another plan.
  (schema) => `
  CREATE OR REPLACE FUNCTION ${schema}.write_changes(
    a_tenant TEXT, a_part TEXT, of_runs TEXT[],
    some_rows JSON, some_roots JSON, some_blobs JSON, some_letters JSON, some_added JSON, some_moved JSON, some_ended JSON,
    some_opened JSON
  ) RETURNS VOID
  LANGUAGE plpgsql VOLATILE AS $body$
  BEGIN
    IF some_rows IS NOT NULL THEN
      INSERT INTO ${schema}.entries (tenant, run, seq, head, payload, salt, blob)
      SELECT a_tenant, r.run, r.seq, r.head, r.payload, decode(r.salt, 'base64'), r.blob
      FROM json_to_recordset(some_rows)
        AS r (part TEXT, run TEXT, seq INTEGER, head TEXT, payload TEXT, salt TEXT, blob TEXT)
      WHERE r.part = a_part AND r.run = ANY (of_runs);
    END IF;

    IF some_roots IS NOT NULL THEN
      INSERT INTO ${schema}.roots (tenant, run, size, root)
      SELECT a_tenant, r.run, r.size, r.root
      FROM json_to_recordset(some_roots) AS r (part TEXT, run TEXT, size INTEGER, root TEXT)
      WHERE r.part = a_part AND r.run = ANY (of_runs);
    END IF;

    IF some_blobs IS NOT NULL THEN
      INSERT INTO ${schema}.blobs (tenant, run, address, bytes)
      SELECT a_tenant, b.run, b.address, decode(b.bytes, 'base64')
      FROM json_to_recordset(some_blobs) AS b (part TEXT, run TEXT, address TEXT, bytes TEXT)
      WHERE b.part = a_part AND b.run = ANY (of_runs)
      ON CONFLICT DO NOTHING;
    END IF;

    IF some_letters IS NOT NULL THEN
      UPDATE ${schema}.inbox i SET taken = true
      FROM json_to_recordset(some_letters) AS l (part TEXT, run TEXT, id TEXT)
      WHERE l.part = a_part AND l.run = ANY (of_runs) AND i.tenant = a_tenant AND i.run = l.run AND i.id = l.id;
    END IF;

    IF some_added IS NOT NULL THEN
      INSERT INTO ${schema}.runs AS o
        (tenant, run, pipeline, plan, status, started_at, updated_at, wake_at, tokens, labels)
      SELECT a_tenant, r.run, r.pipeline, r.plan,
        CASE WHEN r.status = 'suspended' AND ${schema}.is_waited_for(a_tenant, r.run) THEN 'ready' ELSE r.status END,
        r.started_at, r.updated_at, r.wake_at, r.tokens, r.labels
      FROM json_to_recordset(some_added) AS r
        (part TEXT, run TEXT, pipeline TEXT, plan TEXT, status TEXT, started_at BIGINT, updated_at BIGINT, wake_at BIGINT,
         tokens BIGINT, labels TEXT)
      WHERE r.part = a_part AND r.run = ANY (of_runs)
      ON CONFLICT (tenant, run) DO UPDATE SET pipeline = excluded.pipeline, plan = excluded.plan,
        status = excluded.status, started_at = excluded.started_at, updated_at = excluded.updated_at,
        wake_at = excluded.wake_at, tokens = excluded.tokens, labels = excluded.labels;
    END IF;

    IF some_moved IS NOT NULL THEN
      UPDATE ${schema}.runs o SET
        status = CASE
          WHEN m.status IS NULL THEN o.status
          WHEN m.status = 'suspended' AND ${schema}.is_waited_for(a_tenant, m.run) THEN 'ready'
          ELSE m.status END,
        updated_at = CASE WHEN m.status IS NULL THEN o.updated_at ELSE m.updated_at END,
        wake_at = CASE WHEN m.status IS NULL THEN o.wake_at ELSE m.wake_at END,
        plan = coalesce(m.plan, o.plan),
        tokens = o.tokens + m.tokens
      FROM json_to_recordset(some_moved) AS m
        (part TEXT, run TEXT, status TEXT, updated_at BIGINT, wake_at BIGINT, tokens BIGINT, plan TEXT)
      WHERE m.part = a_part AND m.run = ANY (of_runs) AND o.tenant = a_tenant AND o.run = m.run;
    END IF;

    IF some_ended IS NOT NULL THEN
      DELETE FROM ${schema}.tasks o
      USING json_to_recordset(some_ended) AS e (part TEXT, run TEXT, path TEXT)
      WHERE e.part = a_part AND e.run = ANY (of_runs) AND o.tenant = a_tenant AND o.run = e.run AND o.path = e.path;
    END IF;

    IF some_opened IS NOT NULL THEN
      INSERT INTO ${schema}.tasks (tenant, run, path, task, opened_at, seq)
      SELECT a_tenant, t.run, t.path, t.task, t.opened_at, t.seq
      FROM json_to_recordset(some_opened) AS t
        (part TEXT, run TEXT, path TEXT, task TEXT, opened_at BIGINT, seq INTEGER)
      WHERE t.part = a_part AND t.run = ANY (of_runs)
      ON CONFLICT (tenant, run, path) DO UPDATE SET task = excluded.task, opened_at = excluded.opened_at,
        seq = excluded.seq;
    END IF;

    -- A run that had a letter, and has none any more, is not ready.
    IF some_letters IS NOT NULL THEN
      UPDATE ${schema}.runs o SET status = 'suspended'
      FROM (SELECT DISTINCT l.run FROM json_to_recordset(some_letters) AS l (part TEXT, run TEXT)
            WHERE l.part = a_part AND l.run = ANY (of_runs)) s
      WHERE o.tenant = a_tenant AND o.run = s.run AND o.status = 'ready'
        AND NOT ${schema}.is_waited_for(a_tenant, s.run);
    END IF;
  END
  $body$;
  `,
  // Limits that runs share.
  PostgresPools.migration
]
