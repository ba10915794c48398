-- state.db: what came of incidents: resolved with an outcome and a note, and opened again.

ALTER TABLE incidents ADD COLUMN resolved_s REAL;
ALTER TABLE incidents ADD COLUMN resolved_by TEXT;
ALTER TABLE incidents ADD COLUMN outcome TEXT CHECK (outcome IN ('real', 'false_alarm', 'test', 'other'));

-- kept: only recorded, it asks nothing of anybody | open: it waits for somebody | taken: acknowledged | its outcome.
ALTER TABLE incidents ADD COLUMN state TEXT AS (
    coalesce(outcome, CASE WHEN acknowledged_s IS NOT NULL THEN 'taken' WHEN response = 'record' THEN 'kept' ELSE 'open' END)
);
UPDATE incident_seen SET state = 'taken' WHERE state = 'done';  -- it has these words too

-- incidents_by_time (version 3) serves the list without conditions, this one the list by state.
CREATE INDEX incidents_by_state ON incidents (camera, state, opened_s);
DROP INDEX incidents_open;
DROP INDEX incidents_done;
-- How often a zone was right and how often wrong, of late: read from this index alone.
CREATE INDEX incidents_resolved ON incidents (opened_s, camera, zone, outcome) WHERE outcome IS NOT NULL;

-- Each time an incident was resolved or opened again. Rows are only added.
CREATE TABLE incident_history (
    id       INTEGER PRIMARY KEY,    -- ascending in the order of writing
    incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    wall_s   REAL NOT NULL,
    actor    TEXT NOT NULL,          -- account name
    outcome  TEXT,                   -- NULL: opened again
    note     TEXT NOT NULL           -- at most handling.MAX_NOTE characters; when opened again, the reason
);
CREATE INDEX history_by_incident ON incident_history (incident);
