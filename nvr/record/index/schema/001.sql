-- index.db, version 1: what lies in the footage folder. It can always be rebuilt from the files, which are the truth;
-- it lies on the recording disk, so that a stalled disk holds up nothing else.
-- *_90k columns: 1/90000 s; wall times count from 1970-01-01 UTC, media times from their segment's first picture.

CREATE TABLE streams (
    id     INTEGER PRIMARY KEY,
    camera TEXT NOT NULL,            -- id in nvr.toml
    role   TEXT NOT NULL,            -- main | sub
    bytes  INTEGER NOT NULL DEFAULT 0, -- sum of its segments' bytes, kept by the same transactions
    UNIQUE (camera, role)
);

-- Parameter sets, shared by all segments that have them.
CREATE TABLE configs (
    id        INTEGER PRIMARY KEY,
    codec     TEXT NOT NULL,
    sps       BLOB NOT NULL,
    pps       BLOB NOT NULL,
    width     INTEGER NOT NULL,
    height    INTEGER NOT NULL,
    reorders  INTEGER NOT NULL,
    UNIQUE (codec, sps, pps)
);

-- One row a file. The path follows from stream, start_90k and id (layout.py).
CREATE TABLE segments (
    id            INTEGER PRIMARY KEY, -- in the order in which segments were begun, never used twice
    stream        INTEGER NOT NULL REFERENCES streams (id),
    config        INTEGER NOT NULL REFERENCES configs (id),
    start_90k     INTEGER NOT NULL,    -- wall time of media time 0
    duration_90k  INTEGER NOT NULL,    -- in wall time
    slew_ppm      INTEGER NOT NULL,    -- wall time = start_90k + media + media * slew_ppm / 1000000
    bytes         INTEGER NOT NULL,    -- that are committed: header, fragments, footer
    header_bytes  INTEGER NOT NULL,    -- where the first fragment starts
    footer_bytes  INTEGER NOT NULL,    -- size of the index of samples that ends a closed file; 0: there is none
    is_open       INTEGER NOT NULL,    -- the file was being written; after a crash its tail is looked at
    fragments     BLOB NOT NULL        -- fragment_list.py
);
-- Coverage of any span is read from this alone.
CREATE INDEX segments_by_time ON segments (stream, start_90k, duration_90k);
CREATE INDEX segments_open ON segments (id) WHERE is_open;

-- Footage known to be missing. Spans between segments without a row: nothing is known (no appliance, no camera).
CREATE TABLE gaps (
    stream    INTEGER NOT NULL REFERENCES streams (id),
    start_90k INTEGER NOT NULL,
    end_90k   INTEGER NOT NULL,
    cause     TEXT NOT NULL,         -- loss | reconnect | timestamp | overflow | clock | stall | stopped | disk
    PRIMARY KEY (stream, start_90k)
) WITHOUT ROWID;

-- Files that are being deleted: no longer footage, perhaps still there.
CREATE TABLE garbage (
    path TEXT PRIMARY KEY            -- relative to the recordings directory
) WITHOUT ROWID;

-- The row is there while a lost index is being rebuilt; nothing is deleted meanwhile, because the oldest footage may
-- not be known yet.
CREATE TABLE rebuild (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1)
);
