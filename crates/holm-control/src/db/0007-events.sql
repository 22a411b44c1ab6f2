-- What happened to a deployment, step by step, for whoever follows it. At most a few rows each: how many
-- is a limit of the program. Gone with the deployment.
CREATE TABLE deployment_events (
    deployment_id BLOB NOT NULL REFERENCES deployments (id),
    -- From 1; what a client resumes after.
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    PRIMARY KEY (deployment_id, number)
) STRICT;
