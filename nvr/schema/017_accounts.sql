-- state.db: more roles than a ladder of three; accounts that must change their password, or are switched off
-- (nvr/web/access.py, nvr/web/accounts.py). Which roles there are is known to the code alone: a table that others refer
-- to is not made anew for each.

CREATE TABLE accounts_anew (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role          TEXT NOT NULL,
    cameras       TEXT,              -- JSON list of camera ids this account may see; NULL means all
    password_hash TEXT NOT NULL,     -- argon2id, encoded with its parameters
    created_s     REAL NOT NULL,
    must_change   INTEGER NOT NULL DEFAULT 0,   -- somebody else knows the password
    disabled      INTEGER NOT NULL DEFAULT 0
);
INSERT INTO accounts_anew (id, name, role, cameras, password_hash, created_s)
    SELECT id, name, role, cameras, password_hash, created_s FROM accounts;
DROP TABLE accounts;
ALTER TABLE accounts_anew RENAME TO accounts;
