-- Who may: members with a password, what a token may do, invitations, the audit log, and the answers
-- that an idempotency key gives again.

-- An e-mail in lower case; an owner may have none yet. The hash is a PHC string of argon2id.
ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN password_hash TEXT;
CREATE UNIQUE INDEX users_by_email ON users (email);

-- `scopes` is a JSON list of `place:verb`, where a place is `*` or a project's id.
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '["*:*"]';
ALTER TABLE tokens ADD COLUMN last_used_at INTEGER;
CREATE INDEX tokens_by_user ON tokens (user_id);

-- A session without a token was signed in with a password.
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE invitations (
    id BLOB PRIMARY KEY NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    invited_by BLOB REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invitations_by_inviter ON invitations (invited_by);

-- Who changed what. Ids of users, tokens and projects outlive what they name.
CREATE TABLE audit (
    id BLOB PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    target TEXT NOT NULL,
    project_id BLOB,
    outcome TEXT NOT NULL,
    status INTEGER NOT NULL,
    code TEXT,
    user_id BLOB,
    token_id BLOB,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_outcome ON audit (outcome, id);

-- Answers by idempotency key. `head` is a JSON list of fields, `body` is NULL where it held a secret or was too long.
CREATE TABLE answers (
    key_hash BLOB PRIMARY KEY NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    head TEXT NOT NULL,
    body BLOB,
    size_bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX answers_by_age ON answers (created_at, size_bytes);
