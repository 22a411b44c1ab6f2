//! Rows of aliases and of their moves. A move remembers the one beneath it: what a roll-back returns to.

use holm_types::{AliasId, DeploymentId, DeploymentState, ProjectId, Timestamp};
use rusqlite::{OptionalExtension as _, Row};

use super::{Change, DbError, View, column};

/// What an alias is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AliasKind {
    /// What visitors see.
    Production,
    /// The newest of a branch.
    Branch,
}

impl AliasKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Branch => "branch",
        }
    }
}

impl std::str::FromStr for AliasKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Production, Self::Branch]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

/// Why an alias moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MoveCause {
    /// A deployment was sealed.
    Deploy,
    /// A person chose it.
    Promote,
    /// A person went back.
    RollBack,
}

impl MoveCause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Promote => "promote",
            Self::RollBack => "roll_back",
        }
    }
}

/// An alias and what it points at.
#[derive(Clone, Debug)]
pub(crate) struct AliasRow {
    pub(crate) project_id: ProjectId,
    pub(crate) kind: AliasKind,
    /// The host name without the base domain.
    pub(crate) label: String,
    pub(crate) deployment_id: DeploymentId,
    /// The move that put it there.
    pub(crate) move_id: i64,
    /// Which branch it follows. `None` for production.
    pub(crate) branch: Option<String>,
}

/// An alias as a list shows it.
#[derive(Clone, Debug)]
pub(crate) struct ListedAlias {
    pub(crate) id: AliasId,
    pub(crate) row: AliasRow,
    pub(crate) moved_at: Timestamp,
}

/// One move of an alias.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AliasMove {
    pub(crate) deployment_id: DeploymentId,
    /// The deployment's state now.
    pub(crate) state: DeploymentState,
    /// `None` at the bottom.
    pub(crate) beneath: Option<i64>,
}

const ALIAS: &str = "SELECT a.project_id, a.kind, a.label, a.deployment_id, a.move_id, a.branch
    FROM aliases a JOIN projects p ON p.id = a.project_id WHERE p.deleted_at IS NULL";

fn alias(row: &Row<'_>) -> rusqlite::Result<AliasRow> {
    Ok(AliasRow {
        project_id: column::id(row, 0, ProjectId::from_bytes)?,
        kind: column::word(row, 1)?,
        label: row.get(2)?,
        deployment_id: column::id(row, 3, DeploymentId::from_bytes)?,
        move_id: row.get(4)?,
        branch: row.get(5)?,
    })
}

impl View<'_> {
    /// Every alias of every project that is there.
    pub(crate) fn aliases(&self) -> Result<Vec<AliasRow>, DbError> {
        self.connection
            .prepare(ALIAS)
            .and_then(|mut statement| statement.query_map((), alias)?.collect())
            .map_err(DbError::sql("read the aliases"))
    }

    /// Every alias of one project; none when it is not there.
    pub(crate) fn project_aliases(&self, id: ProjectId) -> Result<Vec<AliasRow>, DbError> {
        self.connection
            .prepare(&format!("{ALIAS} AND a.project_id = ?1"))
            .and_then(|mut statement| statement.query_map([id.as_bytes()], alias)?.collect())
            .map_err(DbError::sql("read a project's aliases"))
    }

    /// A project's alias with this label. `None` when it has not pointed at anything yet.
    pub(crate) fn alias(
        &self,
        project_id: ProjectId,
        label: &str,
    ) -> Result<Option<AliasRow>, DbError> {
        self.connection
            .query_row(
                &format!("{ALIAS} AND a.project_id = ?1 AND a.label = ?2"),
                (project_id.as_bytes(), label),
                alias,
            )
            .optional()
            .map_err(DbError::sql("look up an alias"))
    }

    /// The alias that follows a branch of a project. `None` when the branch has none yet.
    pub(crate) fn branch_alias(
        &self,
        project_id: ProjectId,
        branch: &str,
    ) -> Result<Option<AliasRow>, DbError> {
        self.connection
            .query_row(
                &format!("{ALIAS} AND a.kind = 'branch' AND a.project_id = ?1 AND a.branch = ?2"),
                (project_id.as_bytes(), branch),
                alias,
            )
            .optional()
            .map_err(DbError::sql("look up a branch's alias"))
    }

    /// A project's aliases, newest first, older than `before`.
    pub(crate) fn aliases_of(
        &self,
        project_id: ProjectId,
        before: Option<AliasId>,
        rows_max: u32,
    ) -> Result<Vec<ListedAlias>, DbError> {
        let before = before.map_or([0xFF; 16], |id| *id.as_bytes());
        let sql =
            "SELECT a.project_id, a.kind, a.label, a.deployment_id, a.move_id, a.branch, a.id,
                m.moved_at
            FROM aliases a JOIN alias_moves m ON m.id = a.move_id
            WHERE a.project_id = ?1 AND a.id < ?2 ORDER BY a.id DESC LIMIT ?3";
        self.connection
            .prepare(sql)
            .and_then(|mut statement| {
                let asked = (project_id.as_bytes(), before, rows_max);
                let rows = statement.query_map(asked, |row| {
                    Ok(ListedAlias {
                        row: alias(row)?,
                        id: column::id(row, 6, AliasId::from_bytes)?,
                        moved_at: column::time(row, 7)?,
                    })
                })?;
                rows.collect()
            })
            .map_err(DbError::sql("list a project's aliases"))
    }

    /// A move by its number.
    pub(crate) fn alias_move(&self, move_id: i64) -> Result<Option<AliasMove>, DbError> {
        self.connection
            .query_row(
                "SELECT m.deployment_id, d.state, m.beneath FROM alias_moves m
                 JOIN deployments d ON d.id = m.deployment_id WHERE m.id = ?1",
                [move_id],
                |row| {
                    Ok(AliasMove {
                        deployment_id: column::id(row, 0, DeploymentId::from_bytes)?,
                        state: column::word(row, 1)?,
                        beneath: row.get(2)?,
                    })
                },
            )
            .optional()
            .map_err(DbError::sql("look up an alias's move"))
    }
}

impl Change<'_> {
    /// Writes down a move. Its number.
    pub(crate) fn insert_alias_move(
        &self,
        project_id: ProjectId,
        label: &str,
        to: DeploymentId,
        cause: MoveCause,
        beneath: Option<i64>,
        now: Timestamp,
    ) -> Result<i64, DbError> {
        self.connection
            .execute(
                "INSERT INTO alias_moves (project_id, label, deployment_id, cause, beneath, moved_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    project_id.as_bytes(),
                    label,
                    to.as_bytes(),
                    cause.as_str(),
                    beneath,
                    now.unix_ms(),
                ),
            )
            .map_err(DbError::sql("write down an alias's move"))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Makes or moves an alias, which raises the snapshot's version.
    pub(crate) fn put_alias(&self, id: AliasId, row: &AliasRow) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO aliases (id, project_id, kind, label, deployment_id, move_id, branch)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (project_id, label) DO UPDATE
                 SET deployment_id = excluded.deployment_id, move_id = excluded.move_id",
                (
                    id.as_bytes(),
                    row.project_id.as_bytes(),
                    row.kind.as_str(),
                    &row.label,
                    row.deployment_id.as_bytes(),
                    row.move_id,
                    &row.branch,
                ),
            )
            .map_err(DbError::sql("move an alias"))?;
        self.project_hosts_changed(row.project_id).map(drop)
    }

    /// Removes the branch aliases that point at a deployment, which raises the snapshot's version if there are any.
    pub(crate) fn delete_branch_aliases(&self, to: DeploymentId) -> Result<(), DbError> {
        let removed = self
            .connection
            .execute(
                "DELETE FROM aliases WHERE deployment_id = ?1 AND kind = 'branch'",
                [to.as_bytes()],
            )
            .map_err(DbError::sql("remove branch aliases"))?;
        self.hosts_of_changed(to, removed).map(drop)
    }
}
