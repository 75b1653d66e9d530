/** Tokens can be held and resumed: two more kinds in the numbered list of revocations. */

export const HOLDS = `
CREATE TABLE revocations_next (
  sequence    INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('grant', 'agent', 'hold', 'resume')),
  target      TEXT NOT NULL,
  generation  INTEGER,
  disabled    INTEGER,
  also_grants TEXT
) STRICT;
INSERT INTO revocations_next (sequence, at, kind, target, generation, disabled, also_grants)
  SELECT sequence, at, kind, target, generation, disabled, also_grants FROM revocations;
DROP TABLE revocations;
ALTER TABLE revocations_next RENAME TO revocations;
CREATE INDEX revocations_by_target ON revocations (kind, target, sequence);
`
