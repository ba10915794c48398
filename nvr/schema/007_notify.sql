-- state.db: who was told of an incident, or is still to be told (nvr/alarm/notify).

CREATE TABLE deliveries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- also told to the receiver, who can drop what came twice
    incident   INTEGER NOT NULL,
    target     TEXT NOT NULL,        -- name of a [[notify]] in nvr.toml
    member     TEXT NOT NULL,        -- id of a push subscription, "" where a target is one recipient
    escalates  INTEGER NOT NULL,     -- told only while nobody has acknowledged
    due_s      REAL NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'withdrawn', 'given_up')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    changed_s  REAL NOT NULL,        -- when state, attempts or problem became what they are
    problem    TEXT NOT NULL DEFAULT '',           -- why the last attempt failed, or why it was given up: a word
    UNIQUE (incident, target, member)
);
CREATE INDEX deliveries_waiting ON deliveries (incident) WHERE state = 'waiting';
CREATE INDEX deliveries_by_target ON deliveries (target, changed_s);

-- Incidents up to this one were planned: their deliveries are in the table above.
CREATE TABLE notify_state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    planned  INTEGER NOT NULL
);
INSERT INTO notify_state VALUES (1, (SELECT coalesce(max(id), 0) FROM incidents));

-- Phones and computers that asked for Web Push (RFC 8030); they go with the log-in that asked.
CREATE TABLE push_subscriptions (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    session   BLOB NOT NULL REFERENCES sessions (token_hash) ON DELETE CASCADE,
    endpoint  TEXT NOT NULL UNIQUE,  -- https address at the browser's push service
    p256dh    TEXT NOT NULL,         -- the browser's public key, base64url
    auth      TEXT NOT NULL,         -- its authentication secret, base64url
    created_s REAL NOT NULL
);
CREATE INDEX push_subscriptions_by_session ON push_subscriptions (session);
