-- index.db: what was deleted and why, summed up by day. Known to the index alone: it does not survive a rebuild.

CREATE TABLE deletions (
    day       INTEGER NOT NULL,      -- on which it was deleted: days since 1970-01-01 UTC
    stream    INTEGER NOT NULL REFERENCES streams (id),
    cause     TEXT NOT NULL,         -- max_days | space | space_min_days | missing (the file was gone)
    segments  INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    start_90k INTEGER NOT NULL,      -- start of the oldest of them
    end_90k   INTEGER NOT NULL,      -- end of the newest
    PRIMARY KEY (day, stream, cause)
) WITHOUT ROWID;
