-- index.db, version 5: times corrected when the clock became better known.

-- How much later start_90k is than the segment was recorded as; its file is named by start_90k - shift_90k.
ALTER TABLE segments ADD COLUMN shift_90k INTEGER NOT NULL DEFAULT 0;

-- Corrections (files in clock/) that have been applied to every row.
CREATE TABLE clock_corrections (
    boot_id     TEXT NOT NULL,
    last_number INTEGER NOT NULL,    -- the last segment it is about
    PRIMARY KEY (boot_id, last_number)
) WITHOUT ROWID;
