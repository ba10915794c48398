-- state.db: how the site is armed, and incidents of a quiet test.

ALTER TABLE alarm_state ADD COLUMN mode TEXT;            -- home | night | away, NULL: disarmed
UPDATE alarm_state SET mode = 'away' WHERE armed;

ALTER TABLE incidents ADD COLUMN test INTEGER NOT NULL DEFAULT 0;  -- 1: nobody outside of the page was told
