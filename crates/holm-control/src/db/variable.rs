//! Rows of variables, of projects and of deployments. Values of secrets are sealed before they come here.

use holm_types::{DeploymentId, Environment, ProjectId, Timestamp};
use rusqlite::{OptionalExtension as _, Row};

use super::{Change, DbError, View, column};

/// A variable of one environment of a project.
#[derive(Clone, Debug)]
pub(crate) struct VariableRow {
    pub(crate) name: String,
    pub(crate) environment: Environment,
    pub(crate) value: StoredValue,
    pub(crate) updated_at: Timestamp,
}

/// A variable that a deployment was made with.
#[derive(Clone, Debug)]
pub(crate) struct DeploymentVariableRow {
    pub(crate) name: String,
    pub(crate) value: StoredValue,
}

/// A secret as it is stored, and what it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct SealedRow {
    pub(crate) project_id: ProjectId,
    pub(crate) name: String,
    pub(crate) sealed: Vec<u8>,
}

/// A value at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoredValue {
    /// As it was set.
    Plain(String),
    /// A secret, sealed with the server's key.
    Sealed(Vec<u8>),
}

impl StoredValue {
    fn columns(&self) -> (bool, &[u8]) {
        match self {
            Self::Plain(text) => (false, text.as_bytes()),
            Self::Sealed(bytes) => (true, bytes),
        }
    }

    fn read(row: &Row<'_>, index: usize) -> rusqlite::Result<Self> {
        let (is_secret, bytes): (bool, Vec<u8>) = (row.get(index)?, row.get(index + 1)?);
        if is_secret {
            return Ok(Self::Sealed(bytes));
        }
        String::from_utf8(bytes).map(Self::Plain).map_err(|error| {
            let kind = rusqlite::types::Type::Blob;
            rusqlite::Error::FromSqlConversionFailure(index + 1, kind, error.into())
        })
    }
}

impl View<'_> {
    /// A project's variables by name; of one environment, or of both.
    pub(crate) fn variables(
        &self,
        project_id: ProjectId,
        environment: Option<Environment>,
    ) -> Result<Vec<VariableRow>, DbError> {
        self.connection
            .prepare(
                "SELECT name, environment, updated_at, is_secret, value FROM variables
                 WHERE project_id = ?1 AND (?2 IS NULL OR environment = ?2)
                 ORDER BY name, environment DESC",
            )
            .and_then(|mut statement| {
                let environment = environment.map(Environment::as_str);
                let rows = statement.query_map((project_id.as_bytes(), environment), |row| {
                    Ok(VariableRow {
                        name: row.get(0)?,
                        environment: column::word(row, 1)?,
                        updated_at: column::time(row, 2)?,
                        value: StoredValue::read(row, 3)?,
                    })
                })?;
                rows.collect()
            })
            .map_err(DbError::sql("list variables"))
    }

    /// How many variables one environment of a project has.
    pub(crate) fn variable_count(
        &self,
        project_id: ProjectId,
        environment: Environment,
    ) -> Result<u64, DbError> {
        self.connection
            .query_row(
                "SELECT count(*) FROM variables WHERE project_id = ?1 AND environment = ?2",
                (project_id.as_bytes(), environment.as_str()),
                |row| column::count(row, 0),
            )
            .map_err(DbError::sql("count variables"))
    }

    /// What a deployment was made with, by name.
    pub(crate) fn deployment_variables(
        &self,
        id: DeploymentId,
    ) -> Result<Vec<DeploymentVariableRow>, DbError> {
        self.connection
            .prepare(
                "SELECT name, is_secret, value FROM deployment_variables
                 WHERE deployment_id = ?1 ORDER BY name",
            )
            .and_then(|mut statement| {
                let rows = statement.query_map([id.as_bytes()], |row| {
                    Ok(DeploymentVariableRow {
                        name: row.get(0)?,
                        value: StoredValue::read(row, 1)?,
                    })
                })?;
                rows.collect()
            })
            .map_err(DbError::sql("list a deployment's variables"))
    }

    /// Every secret of every project that is there, of projects and of deployments, for the doctor.
    pub(crate) fn sealed_values(&self) -> Result<Vec<SealedRow>, DbError> {
        self.connection
            .prepare(
                "SELECT v.project_id, v.name, v.value FROM variables v
                 JOIN projects p ON p.id = v.project_id
                 WHERE v.is_secret AND p.deleted_at IS NULL
                 UNION SELECT d.project_id, v.name, v.value FROM deployment_variables v
                 JOIN deployments d ON d.id = v.deployment_id
                 JOIN projects p ON p.id = d.project_id
                 WHERE v.is_secret AND p.deleted_at IS NULL",
            )
            .and_then(|mut statement| {
                let rows = statement.query_map((), |row| {
                    Ok(SealedRow {
                        project_id: column::id(row, 0, ProjectId::from_bytes)?,
                        name: row.get(1)?,
                        sealed: row.get(2)?,
                    })
                })?;
                rows.collect()
            })
            .map_err(DbError::sql("read the secrets"))
    }

    /// The known text that the key of this database's secrets opens. `None` before there was a key.
    pub(crate) fn secret_key_check(&self) -> Result<Option<Vec<u8>>, DbError> {
        self.connection
            .query_row("SELECT sealed FROM secret_key_check", (), |row| row.get(0))
            .optional()
            .map_err(DbError::sql("read the check of the key"))
    }
}

impl Change<'_> {
    /// Sets a variable, also one that is there.
    pub(crate) fn put_variable(
        &self,
        project_id: ProjectId,
        row: &VariableRow,
    ) -> Result<(), DbError> {
        let (is_secret, bytes) = row.value.columns();
        self.connection
            .execute(
                "INSERT INTO variables (project_id, name, environment, is_secret, value, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (project_id, name, environment) DO UPDATE SET
                 is_secret = excluded.is_secret, value = excluded.value, updated_at = excluded.updated_at",
                (
                    project_id.as_bytes(),
                    &row.name,
                    row.environment.as_str(),
                    is_secret,
                    bytes,
                    row.updated_at.unix_ms(),
                ),
            )
            .map(drop)
            .map_err(DbError::sql("set a variable"))
    }

    /// Deletes a variable, from one environment or both. False when there was none.
    pub(crate) fn delete_variable(
        &self,
        project_id: ProjectId,
        name: &str,
        environment: Option<Environment>,
    ) -> Result<bool, DbError> {
        self.connection
            .execute(
                "DELETE FROM variables WHERE project_id = ?1 AND name = ?2
                 AND (?3 IS NULL OR environment = ?3)",
                (
                    project_id.as_bytes(),
                    name,
                    environment.map(Environment::as_str),
                ),
            )
            .map(|count| count > 0)
            .map_err(DbError::sql("delete a variable"))
    }

    /// Gives a new deployment the present variables of its environment; sealed ones stay sealed.
    pub(crate) fn keep_variables(&self, id: DeploymentId) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO deployment_variables (deployment_id, name, is_secret, value)
                 SELECT d.id, v.name, v.is_secret, v.value FROM deployments d
                 JOIN variables v ON v.project_id = d.project_id AND v.environment = d.environment
                 WHERE d.id = ?1",
                [id.as_bytes()],
            )
            .map(drop)
            .map_err(DbError::sql("keep a deployment's variables"))
    }

    /// Forgets what a deployment was made with.
    pub(crate) fn delete_deployment_variables(&self, id: DeploymentId) -> Result<(), DbError> {
        self.connection
            .execute(
                "DELETE FROM deployment_variables WHERE deployment_id = ?1",
                [id.as_bytes()],
            )
            .map(drop)
            .map_err(DbError::sql("forget a deployment's variables"))
    }

    /// Remembers by which key this database's secrets open.
    pub(crate) fn set_secret_key_check(&self, sealed: &[u8]) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO secret_key_check (only_row, sealed) VALUES (1, ?1)",
                [sealed],
            )
            .map(drop)
            .map_err(DbError::sql("keep the check of the key"))
    }
}
