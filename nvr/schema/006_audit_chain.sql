-- state.db: the audit trail becomes append-only and hash-chained (nvr/audit_chain.py).

-- What was there before is moved into the new table, with its hashes, by audit.chain_existing.
ALTER TABLE audit RENAME TO audit_before;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,     -- ascending in the order of writing
    wall_s  REAL NOT NULL,
    actor   TEXT NOT NULL,           -- account name, "schedule", or "" before log-in
    address TEXT NOT NULL,           -- remote address, or "" for the appliance itself
    action  TEXT NOT NULL,           -- claim, login, login-refused, arm, disarm, siren-on, siren-off, export, ...
    subject TEXT NOT NULL,           -- camera, incident or account it was about
    detail  TEXT NOT NULL,           -- JSON
    hash    BLOB NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_time ON audit (wall_s);

-- They stop mistakes and SQL injected somewhere else; who can open the file can drop them, and the chain shows it.
CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
CREATE TRIGGER audit_keeps_values BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
-- INSERT OR REPLACE would delete without asking the trigger above.
CREATE TRIGGER audit_only_appends BEFORE INSERT ON audit
WHEN NEW.id <= (SELECT coalesce(max(id), 0) FROM audit)
BEGIN SELECT RAISE(ABORT, 'audit rows are only appended'); END;
