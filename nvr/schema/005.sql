-- state.db: how the first sighting of an incident came about.

ALTER TABLE incidents ADD COLUMN rule TEXT NOT NULL DEFAULT 'enter';  -- enter | loiter | cross_left | cross_right
