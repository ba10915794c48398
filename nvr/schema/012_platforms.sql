-- state.db: platforms, that is, recorders and video management systems elsewhere that may fetch cameras over RTSP and
-- ONVIF (nvr/restream/accounts.py).

CREATE TABLE platforms (
    name         TEXT PRIMARY KEY,   -- what it logs in with; ASCII
    password     TEXT NOT NULL,      -- readable, because Digest and WS-UsernameToken need it itself; made by us
    cameras      TEXT NOT NULL,      -- JSON list of the camera ids it may see
    enabled      INTEGER NOT NULL,
    created_s    REAL NOT NULL,
    created_by   TEXT NOT NULL,      -- account name
    seen_s       REAL,               -- when it last showed the right password; NULL: never
    seen_address TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
