-- index.db, version 4: segments may have an audio track.

CREATE TABLE audio_configs (
    id            INTEGER PRIMARY KEY,
    codec         TEXT NOT NULL,     -- aac | alaw | ulaw
    rate_hz       INTEGER NOT NULL,
    channels      INTEGER NOT NULL,
    specific      BLOB NOT NULL,     -- AudioSpecificConfig; empty with G.711
    frame_samples INTEGER NOT NULL,  -- of an AAC frame; 0 with G.711
    UNIQUE (codec, rate_hz, channels, specific, frame_samples)
);
-- NULL: no audio. Audio takes no further room here: its bytes are in those of the fragments.
ALTER TABLE segments ADD COLUMN audio INTEGER REFERENCES audio_configs (id);
