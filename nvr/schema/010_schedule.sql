-- state.db: the schedule that administrators made on the page, in place of nvr.toml's (nvr/alarm/schedule_store.py).

CREATE TABLE schedule (
    only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
    version    INTEGER NOT NULL,     -- one more with each change, so that nobody overwrites what he has not seen
    schedule   TEXT,                 -- JSON, as [schedule] in nvr.toml; NULL: nvr.toml's is in force again
    changed_s  REAL NOT NULL,        -- what it has changed before that moment, it does not do belatedly
    changed_by TEXT NOT NULL
);
