-- state.db: how accounts arrange their cameras on the live page (nvr/web/layouts.py).

CREATE TABLE layouts (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name    TEXT NOT NULL,
    tiles   INTEGER NOT NULL CHECK (tiles IN (1, 4, 9, 16)),
    cameras TEXT NOT NULL            -- JSON list of camera ids in order, null where a tile stays empty
);
CREATE INDEX layouts_by_account ON layouts (account);
