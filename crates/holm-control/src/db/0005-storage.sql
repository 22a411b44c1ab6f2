-- The last collection of blobs that ended: one row.
CREATE TABLE last_collection (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    live_count INTEGER NOT NULL,
    live_bytes INTEGER NOT NULL,
    dead_count INTEGER NOT NULL,
    dead_bytes INTEGER NOT NULL,
    moved_count INTEGER NOT NULL,
    freed_bytes INTEGER NOT NULL,
    -- How many deployments had ended when it looked.
    ended_count INTEGER NOT NULL
) STRICT;
