/**
 * The tables, as numbered migrations that are only ever added to; the number of a database is its `user_version`. The
 * tenant leads every key.
 *
 * `entries` is a rowid table with a unique key beside it: rows of a kilobyte in the tree of a `WITHOUT ROWID` table
 * cost more than twice the time.
 */
export const migrations: ReadonlyArray<string> = [
  `
  CREATE TABLE entries (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    head TEXT NOT NULL,
    payload TEXT,
    salt BLOB,
    blob TEXT,
    UNIQUE (tenant, run, seq)
  ) STRICT;

  CREATE TABLE blobs (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    address TEXT NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (tenant, run, address)
  ) STRICT;

  -- Keys of the addresses of blobs; random, so that equal content of two runs cannot be told to be equal.
  CREATE TABLE keys (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (tenant, run)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE plans (
    tenant TEXT NOT NULL,
    digest TEXT NOT NULL,
    json TEXT NOT NULL,
    UNIQUE (tenant, digest)
  ) STRICT;

  -- A row stays when its lease is given back (owner NULL), so that epochs never go back.
  CREATE TABLE leases (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    owner TEXT,
    epoch INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, run)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE inbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT,
    data TEXT NOT NULL,
    at INTEGER NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, run, id)
  ) STRICT;
  CREATE INDEX inbox_untaken ON inbox (tenant, run, number) WHERE taken = 0;

  -- From here on projections: made again from entries and letters by \`rebuild\`.
  CREATE TABLE runs (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    plan TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    wake_at INTEGER,
    tokens INTEGER NOT NULL,
    labels TEXT NOT NULL,
    PRIMARY KEY (tenant, run)
  ) STRICT;
  CREATE INDEX runs_newest ON runs (tenant, started_at, run);
  CREATE INDEX runs_status ON runs (tenant, status, started_at, run);

  CREATE TABLE tasks (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    path TEXT NOT NULL,
    task TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (tenant, run, path)
  ) STRICT;
  CREATE INDEX tasks_oldest ON tasks (tenant, opened_at, run, seq);
  `,
  // From here on payloads are committed to by keyed BLAKE3.
  `
  CREATE TABLE roots (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    size INTEGER NOT NULL,
    root TEXT NOT NULL,
    PRIMARY KEY (tenant, run, size)
  ) STRICT, WITHOUT ROWID;
  `,
  // The log of the store. Roots queue for it in the transaction that writes them, whoever does.
  `
  CREATE TABLE unsealed (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    size INTEGER NOT NULL,
    root TEXT NOT NULL
  ) STRICT;
  CREATE INDEX unsealed_oldest ON unsealed (tenant, number);
  CREATE TRIGGER roots_unsealed AFTER INSERT ON roots BEGIN
    INSERT INTO unsealed (tenant, run, size, root) VALUES (NEW.tenant, NEW.run, NEW.size, NEW.root);
  END;
  INSERT INTO unsealed (tenant, run, size, root) SELECT tenant, run, size, root FROM roots ORDER BY tenant, run, size;

  CREATE TABLE log (
    tenant TEXT NOT NULL,
    number INTEGER NOT NULL,
    run TEXT NOT NULL,
    size INTEGER NOT NULL,
    root TEXT NOT NULL,
    PRIMARY KEY (tenant, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX log_of_run ON log (tenant, run, number);

  CREATE TABLE checkpoints (
    tenant TEXT NOT NULL,
    size INTEGER NOT NULL,
    origin TEXT NOT NULL,
    note TEXT NOT NULL,
    frontier TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, size)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE log_keys (
    tenant TEXT NOT NULL,
    number INTEGER NOT NULL,
    verifier TEXT NOT NULL,
    vouched TEXT,
    size INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, number)
  ) STRICT, WITHOUT ROWID;
  `,
  // That a run was dropped is a leaf too; and what finds runs among many. A label stands as its JSON text.
  `
  ALTER TABLE unsealed ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE log ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;

  CREATE INDEX runs_pipeline ON runs (tenant, pipeline, started_at, run);
  CREATE TABLE labels (
    tenant TEXT NOT NULL,
    label TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY (tenant, label, started_at, run)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX labels_of_run ON labels (tenant, run);
  INSERT OR IGNORE INTO labels (tenant, label, started_at, run)
    SELECT tenant, value, started_at, run FROM runs, json_each(runs.labels);
  CREATE TRIGGER runs_labels AFTER INSERT ON runs WHEN NEW.labels <> '[]' BEGIN
    DELETE FROM labels WHERE tenant = NEW.tenant AND run = NEW.run;
    INSERT OR IGNORE INTO labels (tenant, label, started_at, run)
      SELECT NEW.tenant, value, NEW.started_at, NEW.run FROM json_each(NEW.labels);
  END;
  CREATE TRIGGER runs_unlabelled AFTER DELETE ON runs WHEN OLD.labels <> '[]' BEGIN
    DELETE FROM labels WHERE tenant = OLD.tenant AND run = OLD.run;
  END;
  `,
  // What cached steps answered: no part of any run. `run`: who answered it.
  `
  CREATE TABLE cache (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    run TEXT NOT NULL,
    value TEXT NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (tenant, key)
  ) STRICT;
  CREATE INDEX cache_latest ON cache (tenant, at DESC, key);
  CREATE INDEX cache_expiry ON cache (tenant, expires_at);
  CREATE INDEX cache_run ON cache (tenant, run);
  `,
  // Limits that runs share: what each run has of them, and all runs together. Projections, too. What runs had that were
  // dropped stands under the run ''.
  `
  CREATE TABLE pools (
    tenant TEXT NOT NULL,
    pool TEXT NOT NULL,
    spent_cost INTEGER NOT NULL,
    spent_tokens INTEGER NOT NULL,
    held_cost INTEGER NOT NULL,
    held_tokens INTEGER NOT NULL,
    granted_cost INTEGER NOT NULL,
    granted_tokens INTEGER NOT NULL,
    PRIMARY KEY (tenant, pool)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE shares (
    tenant TEXT NOT NULL,
    pool TEXT NOT NULL,
    run TEXT NOT NULL,
    spent_cost INTEGER NOT NULL,
    spent_tokens INTEGER NOT NULL,
    held_cost INTEGER NOT NULL,
    held_tokens INTEGER NOT NULL,
    granted_cost INTEGER NOT NULL,
    granted_tokens INTEGER NOT NULL,
    PRIMARY KEY (tenant, pool, run)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX shares_of_run ON shares (tenant, run);
  `
]
