/**
 * The first schema. Instants are epoch milliseconds, lists and objects are JSON text.
 *
 * `mac` covers what a row permits (see grant-row.ts); the columns after it only ever take away,
 * or are counters, and change without it.
 */

export const INITIAL = `
CREATE TABLE agents (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  owner       TEXT,
  generation  INTEGER NOT NULL,
  disabled_at INTEGER,
  created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE grants (
  id               TEXT PRIMARY KEY,
  digest           TEXT NOT NULL UNIQUE,
  agent            TEXT NOT NULL REFERENCES agents (name),
  agent_generation INTEGER NOT NULL,
  session_id       TEXT,
  scopes           TEXT NOT NULL CHECK (json_valid(scopes)),
  services         TEXT NOT NULL CHECK (json_valid(services)),
  chain            TEXT NOT NULL CHECK (json_valid(chain)),
  issued_by        TEXT NOT NULL,
  issued_at        INTEGER NOT NULL,
  expires_at       INTEGER NOT NULL,
  bindings         TEXT NOT NULL CHECK (json_valid(bindings)),
  limits           TEXT NOT NULL CHECK (json_valid(limits)),
  mac              TEXT NOT NULL,
  revoked_at       INTEGER,
  last_used_at     INTEGER,
  bound_address    TEXT,
  requests_used    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX grants_by_age ON grants (issued_at DESC, id DESC);
CREATE INDEX grants_by_agent ON grants (agent, issued_at DESC, id DESC);
CREATE INDEX grants_with_parents ON grants (expires_at) WHERE chain <> '[]';

CREATE TABLE revocation_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  n  INTEGER NOT NULL
) STRICT;
INSERT INTO revocation_head (id, n) VALUES (1, 0);

CREATE TABLE revocations (
  sequence    INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('grant', 'agent')),
  target      TEXT NOT NULL,
  generation  INTEGER,
  disabled    INTEGER,
  also_grants TEXT
) STRICT;
CREATE INDEX revocations_by_target ON revocations (kind, target, sequence);

CREATE TABLE operators (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  role       TEXT NOT NULL CHECK (role IN ('admin', 'issuer', 'auditor')),
  created_at INTEGER NOT NULL,
  digest     TEXT NOT NULL UNIQUE,
  mac        TEXT NOT NULL
) STRICT;

CREATE TABLE sealed_secrets (
  name      TEXT PRIMARY KEY,
  version   INTEGER NOT NULL,
  envelope  TEXT NOT NULL,
  sealed_by TEXT NOT NULL,
  stored_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sealed_versions (
  name    TEXT PRIMARY KEY,
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency_claims (
  key            TEXT PRIMARY KEY,
  request_digest TEXT NOT NULL,
  claimed_at     INTEGER NOT NULL,
  sealed_answer  TEXT
) STRICT;
CREATE INDEX idempotency_claims_by_age ON idempotency_claims (claimed_at);
`
