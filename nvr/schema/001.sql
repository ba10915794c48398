-- state.db, version 1: accounts, sessions, alarm state, incidents, audit.
-- Lies on the system's disk, never beside the footage: a stalled recording disk must not delay a log-in or a disarm.
-- All *_s columns are seconds since 1970-01-01 UTC by the appliance's clock.

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role          TEXT NOT NULL CHECK (role IN ('administrator', 'operator', 'viewer')),
    cameras       TEXT,              -- JSON list of camera ids this account may see; NULL means all
    password_hash TEXT NOT NULL,     -- argon2id, encoded with its parameters
    created_s     REAL NOT NULL
);

CREATE TABLE sessions (
    token_hash  BLOB PRIMARY KEY,    -- SHA-256 of the cookie's 256-bit random token; the token itself is nowhere
    account     INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    csrf_token  TEXT NOT NULL,
    created_s   REAL NOT NULL,
    expires_s   REAL NOT NULL,
    address     TEXT NOT NULL,       -- of the log-in
    agent       TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account);

-- The single-use code that makes the first administrator; the row is gone once it was used.
CREATE TABLE claim (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    code_hash BLOB NOT NULL          -- SHA-256 of the code without hyphens, in capitals
);

-- What must be restored after a power cut. The siren is not in it: it is off at every start.
CREATE TABLE alarm_state (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    armed     INTEGER NOT NULL,
    since_s   REAL NOT NULL,
    actor     TEXT NOT NULL,         -- account name, or "schedule"
    why       TEXT NOT NULL          -- manual | schedule
);

CREATE TABLE incidents (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    camera          TEXT NOT NULL,   -- id in nvr.toml
    zone            TEXT NOT NULL,
    kind            TEXT NOT NULL,   -- person, motorcycle, ...
    response        TEXT NOT NULL,   -- the strongest that was given: record | call | warn | siren
    opened_s        REAL NOT NULL,   -- when the first deciding picture arrived
    last_s          REAL NOT NULL,   -- when the latest did
    sightings       INTEGER NOT NULL,
    score           REAL NOT NULL,   -- best detector score, 0 to 1
    box             TEXT NOT NULL,   -- JSON [x0, y0, x1, y1] in the stored picture, relative
    has_picture     INTEGER NOT NULL DEFAULT 0,
    acknowledged_s  REAL,
    acknowledged_by TEXT
);
CREATE INDEX incidents_by_camera ON incidents (camera, id);

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    wall_s  REAL NOT NULL,
    actor   TEXT NOT NULL,           -- account name, "schedule", or "" before log-in
    address TEXT NOT NULL,           -- remote address, or "" for the appliance itself
    action  TEXT NOT NULL,           -- claim, login, login-refused, arm, disarm, siren-on, siren-off, export, ...
    subject TEXT NOT NULL,           -- camera, incident or account it was about
    detail  TEXT NOT NULL            -- JSON
);
