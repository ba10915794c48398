-- state.db: requests for packages of evidence (nvr/evidence/requests.py).

CREATE TABLE evidence (
    id           TEXT PRIMARY KEY,   -- 16 hexadecimal digits, also of the package
    case_name    TEXT NOT NULL,
    person       TEXT NOT NULL,      -- who needs it, outside of the appliance
    reason       TEXT NOT NULL,
    cameras      TEXT NOT NULL,      -- JSON list of camera ids
    start_s      REAL NOT NULL,
    end_s        REAL NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('requested', 'refused', 'approved', 'ready', 'failed')),
    requested_by TEXT NOT NULL,      -- account name
    requested_s  REAL NOT NULL,
    decided_by   TEXT,               -- account name, somebody else's
    decided_s    REAL,
    failure      TEXT NOT NULL DEFAULT '',   -- why it failed: a key of the page's words
    bytes        INTEGER             -- of the ZIP, once it is ready
) WITHOUT ROWID;
CREATE INDEX evidence_by_time ON evidence (requested_s);
