-- The first schema. Ids are the 16 bytes of a UUIDv7, digests and secret hashes 32 bytes of BLAKE3,
-- times milliseconds since 1970. Rows that ended keep their place as tombstones.

CREATE TABLE users (
    id BLOB PRIMARY KEY NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- One row: who owns the server, which owner link is valid, how far the published snapshot is.
CREATE TABLE instance (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    owner_id BLOB REFERENCES users (id),
    owner_code_hash BLOB,
    snapshot_version INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO instance (only_row) VALUES (1);

CREATE TABLE sessions (
    id BLOB PRIMARY KEY NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    user_id BLOB NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- A token without a user was made by the server for itself before it had an owner.
CREATE TABLE tokens (
    id BLOB PRIMARY KEY NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    user_id BLOB REFERENCES users (id),
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
    id BLOB PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    functions_before_files INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX projects_by_name ON projects (name) WHERE deleted_at IS NULL;

CREATE TABLE deployments (
    id BLOB PRIMARY KEY NOT NULL,
    project_id BLOB NOT NULL REFERENCES projects (id),
    label TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    environment TEXT NOT NULL,
    source TEXT NOT NULL,
    file_count INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    document BLOB,
    diagnostics TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    sealed_at INTEGER,
    variants_at INTEGER,
    CHECK (state <> 'sealed' OR (document IS NOT NULL AND sealed_at IS NOT NULL))
) STRICT;
CREATE INDEX deployments_by_project ON deployments (project_id, id);
CREATE INDEX deployments_uploading ON deployments (created_at) WHERE state = 'uploading';
CREATE INDEX deployments_without_variants ON deployments (id)
    WHERE state = 'sealed' AND variants_at IS NULL;

-- What an unfinished upload announced: one value per deployment, gone once it has ended.
CREATE TABLE announced_manifests (
    deployment_id BLOB PRIMARY KEY NOT NULL REFERENCES deployments (id),
    manifest BLOB NOT NULL
) STRICT;

-- Every move of every alias. `beneath` is the move that a roll-back returns to.
CREATE TABLE alias_moves (
    id INTEGER PRIMARY KEY,
    project_id BLOB NOT NULL REFERENCES projects (id),
    label TEXT NOT NULL,
    deployment_id BLOB NOT NULL REFERENCES deployments (id),
    cause TEXT NOT NULL,
    beneath INTEGER REFERENCES alias_moves (id),
    moved_at INTEGER NOT NULL
) STRICT;

CREATE TABLE aliases (
    id BLOB PRIMARY KEY NOT NULL,
    project_id BLOB NOT NULL REFERENCES projects (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    deployment_id BLOB NOT NULL REFERENCES deployments (id),
    move_id INTEGER NOT NULL REFERENCES alias_moves (id),
    UNIQUE (project_id, label)
) STRICT;
CREATE UNIQUE INDEX aliases_production ON aliases (project_id) WHERE kind = 'production';
CREATE INDEX aliases_by_deployment ON aliases (deployment_id);

-- An alias points at a sealed deployment of its own project, and what is pointed at stays sealed.
CREATE TRIGGER alias_made_on_sealed BEFORE INSERT ON aliases
WHEN NOT EXISTS (
    SELECT 1 FROM deployments
    WHERE id = NEW.deployment_id AND project_id = NEW.project_id AND state = 'sealed'
)
BEGIN
    SELECT RAISE(ABORT, 'an alias points at a sealed deployment of its project');
END;
CREATE TRIGGER alias_moved_to_sealed BEFORE UPDATE ON aliases
WHEN NOT EXISTS (
    SELECT 1 FROM deployments
    WHERE id = NEW.deployment_id AND project_id = NEW.project_id AND state = 'sealed'
)
BEGIN
    SELECT RAISE(ABORT, 'an alias points at a sealed deployment of its project');
END;
CREATE TRIGGER sealed_while_pointed_at BEFORE UPDATE OF state ON deployments
WHEN OLD.state = 'sealed' AND NEW.state <> 'sealed'
    AND EXISTS (SELECT 1 FROM aliases WHERE deployment_id = OLD.id)
BEGIN
    SELECT RAISE(ABORT, 'a deployment that an alias points at stays sealed');
END;
CREATE TRIGGER sealed_never_changes BEFORE UPDATE OF document, sealed_at, file_count, size_bytes ON deployments
WHEN OLD.state = 'sealed' AND NEW.state = 'sealed'
BEGIN
    SELECT RAISE(ABORT, 'a sealed deployment never changes');
END;
