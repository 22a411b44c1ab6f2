-- Since which version of the snapshot `host_changes` says what changed: before it, everything may have.
ALTER TABLE instance ADD COLUMN snapshot_whole INTEGER NOT NULL DEFAULT 0;
-- How many entries the index of encoded forms had when it was synced at a stop in order; NULL while the server
-- runs.
ALTER TABLE instance ADD COLUMN variants_synced INTEGER;

-- Whose hosts changed, and in which version of the snapshot for the last time. Without a reference: a project
-- may be gone before the snapshot without it is published.
CREATE TABLE host_changes (
    project_id BLOB PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX host_changes_by_version ON host_changes (version);
