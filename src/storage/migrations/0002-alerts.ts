/**
 * Alerts, the findings behind them, what they did, whom they still have to reach, and mutes.
 *
 * `subject` is what an alert is told apart by within its window. The `mac` of a mute covers all of
 * it: who can write the database must not be able to keep alerts quiet that way.
 */

export const ALERTS = `
CREATE TABLE alerts (
  id              TEXT PRIMARY KEY,
  subject         TEXT NOT NULL,
  rule            TEXT NOT NULL,
  agent           TEXT,
  token_id        TEXT,
  request_id      TEXT,
  score           REAL NOT NULL,
  reason          TEXT NOT NULL,
  first_at        INTEGER NOT NULL,
  last_at         INTEGER NOT NULL,
  count           INTEGER NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('open', 'acknowledged', 'muted')),
  acknowledged_by TEXT,
  acknowledged_at INTEGER,
  mute_id         TEXT,
  is_recorded     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX alerts_by_age ON alerts (first_at DESC, id DESC);
CREATE INDEX alerts_by_subject ON alerts (subject, first_at);
CREATE INDEX alerts_unrecorded ON alerts (first_at) WHERE is_recorded = 0;

CREATE TABLE alert_findings (
  key      TEXT PRIMARY KEY,
  alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  told_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX alert_findings_by_age ON alert_findings (told_at);
CREATE INDEX alert_findings_by_alert ON alert_findings (alert_id);

CREATE TABLE alert_actions (
  alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  action   TEXT NOT NULL CHECK (action IN ('suspend_token', 'disable_agent')),
  target   TEXT NOT NULL,
  state    TEXT NOT NULL CHECK (state IN ('pending', 'begun', 'done', 'unneeded', 'withheld')),
  at       INTEGER NOT NULL,
  PRIMARY KEY (alert_id, action, target)
) STRICT;
CREATE INDEX alert_actions_by_state ON alert_actions (state, at);

CREATE TABLE alert_deliveries (
  id        TEXT PRIMARY KEY,
  alert_id  TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  target    TEXT NOT NULL,
  queued_at INTEGER NOT NULL,
  attempts  INTEGER NOT NULL DEFAULT 0,
  next_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX alert_deliveries_due ON alert_deliveries (target, next_at);
CREATE INDEX alert_deliveries_by_alert ON alert_deliveries (alert_id);

CREATE TABLE alert_mutes (
  id         TEXT PRIMARY KEY,
  rule       TEXT,
  agent      TEXT,
  until      INTEGER NOT NULL,
  reason     TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  mac        TEXT NOT NULL
) STRICT;
`
