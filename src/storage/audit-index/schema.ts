/**
 * The index as tables. A row is an `intent` with what its `outcome` added, or another record; the
 * record itself stays in the journal, and the row says where. What many rows share is a number.
 *
 * Another version of this file makes another index: there is nothing here that the journal cannot
 * tell again, but for findings that nobody has taken yet.
 */

export const SCHEMA_VERSION = 3

/**
 * `failed` is 1 for what was refused, or answered with a status of 400 and more: the few rows that
 * are asked for most. Rows stand in the order of pages, so that each secondary key is in that order too.
 */
export const SCHEMA = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE writer (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  first INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  seq INTEGER NOT NULL
) STRICT;

CREATE TABLE segment (
  id INTEGER PRIMARY KEY,
  writer INTEGER NOT NULL,
  first INTEGER NOT NULL,
  oldest INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  last INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  UNIQUE (writer, first)
) STRICT;

CREATE TABLE retired (writer TEXT PRIMARY KEY, through INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE term (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE operation (
  id INTEGER PRIMARY KEY,
  description TEXT NOT NULL UNIQUE,
  service TEXT,
  scopes TEXT NOT NULL,
  method TEXT,
  rule TEXT,
  decision TEXT,
  reason TEXT,
  credential TEXT,
  version TEXT
) STRICT;

CREATE TABLE token (token INTEGER PRIMARY KEY, agent INTEGER NOT NULL) STRICT;
CREATE INDEX token_agent ON token (agent);

CREATE TABLE lineage (
  ancestor INTEGER NOT NULL,
  chain INTEGER NOT NULL,
  PRIMARY KEY (ancestor, chain)
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
  time INTEGER NOT NULL,
  writer INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  end_segment INTEGER,
  end_offset INTEGER,
  end_length INTEGER,
  request INTEGER,
  agent INTEGER,
  token INTEGER,
  session INTEGER,
  chain INTEGER,
  service INTEGER,
  operation INTEGER,
  operator INTEGER,
  action INTEGER,
  path TEXT,
  source TEXT,
  failed INTEGER,
  status INTEGER,
  request_bytes INTEGER,
  response_bytes INTEGER,
  input_tokens INTEGER,
  output_tokens INTEGER,
  amount INTEGER,
  currency TEXT,
  PRIMARY KEY (time, writer, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_request ON record (request) WHERE request IS NOT NULL;
CREATE INDEX record_agent ON record (agent) WHERE agent IS NOT NULL;
CREATE INDEX record_token ON record (token) WHERE token IS NOT NULL;
CREATE INDEX record_session ON record (session) WHERE session IS NOT NULL;
CREATE INDEX record_service ON record (service) WHERE service IS NOT NULL;
CREATE INDEX record_operator ON record (operator) WHERE operator IS NOT NULL;
CREATE INDEX record_failed ON record (failed) WHERE failed IS NOT NULL;

CREATE TABLE activity (
  agent INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  token INTEGER NOT NULL,
  operation INTEGER NOT NULL,
  count INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  last_source TEXT NOT NULL,
  request_bytes INTEGER NOT NULL,
  response_bytes INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  PRIMARY KEY (agent, hour, token, operation)
) STRICT, WITHOUT ROWID;
CREATE INDEX activity_hour ON activity (hour);
CREATE INDEX activity_token ON activity (token, hour);

CREATE TABLE spending (
  agent INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  token INTEGER NOT NULL,
  operation INTEGER NOT NULL,
  currency TEXT NOT NULL,
  amount INTEGER NOT NULL,
  PRIMARY KEY (agent, hour, token, operation, currency)
) STRICT, WITHOUT ROWID;
CREATE INDEX spending_hour ON spending (hour);

CREATE TABLE learnt (subject TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE finding (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`
