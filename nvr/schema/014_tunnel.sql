-- state.db: the way in from outside by WireGuard (nvr/tunnel/store.py).

CREATE TABLE tunnel (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    enabled     INTEGER NOT NULL,
    private_key TEXT NOT NULL,       -- the appliance's, base64; made here, never leaves
    public_key  TEXT NOT NULL,       -- of the same pair
    endpoint    TEXT NOT NULL,       -- where the hub listens, host:port
    hub_key     TEXT NOT NULL,       -- the hub's public key, base64
    network     TEXT NOT NULL,       -- of the tunnel, as 10.77.0.0/24; its first address is the hub's
    address     TEXT NOT NULL,       -- the appliance's in it
    last_place  INTEGER NOT NULL,    -- in the network, of the address that was last given to a phone
    changed_s   REAL NOT NULL,
    changed_by  TEXT NOT NULL        -- account name
);

CREATE TABLE tunnel_phones (
    name       TEXT PRIMARY KEY,
    public_key TEXT NOT NULL UNIQUE, -- base64; its private key was shown once and is not kept
    address    TEXT NOT NULL UNIQUE,
    created_s  REAL NOT NULL,
    created_by TEXT NOT NULL         -- account name
) WITHOUT ROWID;
