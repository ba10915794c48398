-- state.db, version 4: what was seen in each incident: its objects with their pictures and why they are certain, and
-- what incidents are searched by.

-- Objects in order of sighting, at most objects.MAX_OBJECTS of an incident. Pictures lie beside the footage.
CREATE TABLE incident_objects (
    incident    INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,    -- from 1 on; names its pictures
    track       INTEGER NOT NULL,    -- what the analysis called it; means nothing after a restart
    zone        TEXT NOT NULL,       -- where it was sighted first
    kind        TEXT NOT NULL,
    score       REAL NOT NULL,
    seen_s      REAL NOT NULL,
    pictures    INTEGER NOT NULL DEFAULT 0,  -- how often its best picture was stored; 0: there is none
    has_frames  INTEGER NOT NULL DEFAULT 0,  -- whether the pictures that counted are stored
    explanation TEXT,                -- JSON (objects.py), NULL where the analysis gave none
    PRIMARY KEY (incident, number),
    UNIQUE (incident, track)
);

-- The object whose picture stands for the incident, and its `pictures`.
ALTER TABLE incidents ADD COLUMN best_object INTEGER;
ALTER TABLE incidents ADD COLUMN best_revision INTEGER NOT NULL DEFAULT 0;

-- One row for each kind in each zone of an incident, with what it is found and ordered by.
CREATE TABLE incident_seen (
    incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    zone     TEXT NOT NULL,
    kind     TEXT NOT NULL,
    camera   TEXT NOT NULL,
    opened_s REAL NOT NULL,
    state    TEXT NOT NULL,          -- open: it waits for somebody | done: acknowledged | kept: only recorded
    PRIMARY KEY (incident, zone, kind)
) WITHOUT ROWID;
INSERT INTO incident_seen (incident, zone, kind, camera, opened_s, state)
    SELECT id, zone, kind, camera, opened_s,
        CASE WHEN acknowledged_s IS NOT NULL THEN 'done' WHEN response = 'record' THEN 'kept' ELSE 'open' END
    FROM incidents;
CREATE INDEX seen_by_kind ON incident_seen (camera, kind, state, opened_s, incident);
CREATE INDEX seen_by_zone ON incident_seen (camera, zone, kind, state, opened_s, incident);

-- incidents_by_time (version 3) serves the list without conditions.
CREATE INDEX incidents_open ON incidents (camera, opened_s) WHERE acknowledged_s IS NULL AND response <> 'record';
CREATE INDEX incidents_done ON incidents (camera, opened_s) WHERE acknowledged_s IS NOT NULL;
DROP INDEX incidents_by_camera;
