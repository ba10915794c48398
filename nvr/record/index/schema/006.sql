-- index.db: what was seen in a segment, which decides how long it is kept. It cannot be read from the files: it is told
-- while recording, and told again from state.db where that may have been missed (marking.py).

ALTER TABLE segments ADD COLUMN class INTEGER NOT NULL DEFAULT 0; -- 0 continuous | 1 motion | 2 person
-- The oldest of each class is found without reading what is kept longer. An open segment is not in it, so that one that
-- grows costs nothing here.
CREATE INDEX segments_by_class ON segments (stream, class, start_90k) WHERE NOT is_open;

-- The row is there once all footage has been told its class; a new or rebuilt index has to be told everything.
CREATE TABLE classes_known (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1)
);
