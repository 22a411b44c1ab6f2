-- A session ends with the token that it was made from. Which token the sessions so far came from is
-- not known, so they end: signing in again takes a moment, a session of a revoked token must not live.
DELETE FROM sessions;

ALTER TABLE sessions ADD COLUMN token_id BLOB REFERENCES tokens (id) ON DELETE CASCADE;

CREATE INDEX sessions_by_token ON sessions (token_id);
