-- index.db, version 2: H.265 has a third parameter set. The table is made anew, because it is part of what makes a row
-- unique (store.py switches foreign keys off meanwhile).

CREATE TABLE new_configs (
    id        INTEGER PRIMARY KEY,
    codec     TEXT NOT NULL,         -- h264 | h265
    vps       BLOB NOT NULL,         -- empty with h264
    sps       BLOB NOT NULL,
    pps       BLOB NOT NULL,
    width     INTEGER NOT NULL,
    height    INTEGER NOT NULL,
    reorders  INTEGER NOT NULL,
    UNIQUE (codec, vps, sps, pps)
);
INSERT INTO new_configs SELECT id, codec, x'', sps, pps, width, height, reorders FROM configs;
DROP TABLE configs;
ALTER TABLE new_configs RENAME TO configs;
