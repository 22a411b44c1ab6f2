-- What a project is told: names for people, area, branch, build, retention. NULL is "as when nobody
-- says anything". `revision` counts the changes of settings; it is what an ETag shows.
ALTER TABLE projects ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN display_name TEXT;
ALTER TABLE projects ADD COLUMN area TEXT NOT NULL DEFAULT 'global';
ALTER TABLE projects ADD COLUMN production_branch TEXT NOT NULL DEFAULT 'main';
ALTER TABLE projects ADD COLUMN deployments_kept INTEGER;
ALTER TABLE projects ADD COLUMN install_command TEXT;
ALTER TABLE projects ADD COLUMN build_command TEXT;
ALTER TABLE projects ADD COLUMN output_directory TEXT;
ALTER TABLE projects ADD COLUMN node_version TEXT;
ALTER TABLE projects ADD COLUMN root_directory TEXT;

-- What is being deleted, for the sweeper.
CREATE INDEX projects_deleted ON projects (id) WHERE deleted_at IS NOT NULL;

-- A value is UTF-8, or sealed with the server's key when it is a secret.
CREATE TABLE variables (
    project_id BLOB NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    environment TEXT NOT NULL CHECK (environment IN ('production', 'preview')),
    is_secret INTEGER NOT NULL,
    value BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, name, environment)
) STRICT;

-- The variables of a deployment's environment as they were when it was made.
CREATE TABLE deployment_variables (
    deployment_id BLOB NOT NULL REFERENCES deployments (id),
    name TEXT NOT NULL,
    is_secret INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (deployment_id, name)
) STRICT;

-- One row once there is a key: a known text sealed with it, so that another key is recognised.
CREATE TABLE secret_key_check (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    sealed BLOB NOT NULL
) STRICT;

ALTER TABLE deployments ADD COLUMN pinned_at INTEGER;
ALTER TABLE deployments ADD COLUMN redeployed_from BLOB;
CREATE INDEX deployments_sealed ON deployments (project_id, sealed_at, id) WHERE state = 'sealed';

-- An expired deployment keeps the digest of its document: as long as nobody has collected the blob, it
-- can be deployed again.

-- Which branch an alias follows: two branches may have the same slug, but never the same host.
ALTER TABLE aliases ADD COLUMN branch TEXT;
UPDATE aliases SET branch = (
    SELECT json_extract(d.source, '$.branch') FROM deployments d WHERE d.id = aliases.deployment_id
) WHERE kind = 'branch';
CREATE UNIQUE INDEX aliases_by_branch ON aliases (project_id, branch) WHERE kind = 'branch';
CREATE INDEX aliases_by_move ON aliases (move_id);

-- For deleting a project piece by piece: what is deleted is looked for in those that name it.
CREATE INDEX alias_moves_by_project ON alias_moves (project_id, id);
CREATE INDEX alias_moves_by_deployment ON alias_moves (deployment_id);
CREATE INDEX alias_moves_by_beneath ON alias_moves (beneath) WHERE beneath IS NOT NULL;
