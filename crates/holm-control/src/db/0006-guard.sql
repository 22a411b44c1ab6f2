-- What stands before a project's hosts. A project without a row is public, or has no rules.

CREATE TABLE project_protection (
    project_id BLOB PRIMARY KEY NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    mode TEXT NOT NULL,
    covers TEXT NOT NULL,
    refusal TEXT NOT NULL,
    -- Links and cookies are signed with it. It leaves the database for the snapshot only.
    signing_key BLOB NOT NULL CHECK (length(signing_key) = 32),
    key_made_at INTEGER NOT NULL,
    -- argon2id, as a PHC string.
    password_hash TEXT,
    CHECK ((mode = 'password') = (password_hash IS NOT NULL))
) STRICT;

-- The whole set as JSON, in the words of the API: it is read and replaced as a whole.
CREATE TABLE project_access_rules (
    project_id BLOB PRIMARY KEY NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    rules TEXT NOT NULL
) STRICT;
