-- state.db, version 3: what the timeline shows besides footage.

-- Minutes in which something moved, an hour a row: a year of one camera is at most 8784 rows.
CREATE TABLE motion (
    camera  TEXT NOT NULL,           -- id in nvr.toml
    hour    INTEGER NOT NULL,        -- whole hours since 1970-01-01 UTC
    minutes INTEGER NOT NULL,        -- bit n: something moved in its minute n
    PRIMARY KEY (camera, hour)
) WITHOUT ROWID;

CREATE INDEX incidents_by_time ON incidents (camera, opened_s);
