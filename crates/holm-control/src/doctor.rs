//! What `holm doctor` asks of the database, without changing anything and beside a running server.

use std::collections::HashSet;
use std::path::Path;

use holm_site::codec;
use holm_storage::BlobStore;
use holm_types::BlobDigest;
use rusqlite::Connection;

use crate::db::{DbError, HealthRow, View, open_for_check};
use crate::error::chain;
use crate::secret_key::{SECRET_KEY_FILE, SecretKey, variable_owner};

/// What was looked at and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoctorFindings {
    /// Projects that are there.
    pub project_count: u64,
    /// Their deployments, in any state.
    pub deployment_count: u64,
    /// Aliases, production and branch.
    pub alias_count: u64,
    /// Blobs that sealed deployments need, each counted once.
    pub blob_count: u64,
    /// The database is of an earlier program and is brought up to date when the server starts.
    pub needs_migration: bool,
    /// What is wrong; empty when nothing is.
    pub problems: Vec<DoctorProblem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoctorProblem {
    /// What was looked at, for example `deployment dpl_...` or `database`.
    pub about: String,
    /// What is wrong with it.
    pub finding: String,
    /// What to do about it.
    pub hint: String,
}

const RESTORE: &str = "restore the data folder from a back-up, or deploy again";

/// Checks the database and that everything it points at is there.
pub fn check_database(db_file: &Path, blobs: &dyn BlobStore) -> DoctorFindings {
    let mut findings = DoctorFindings::default();
    // A thread of its own, so that it makes no difference whether the caller is in a runtime.
    let outcome = std::thread::scope(|scope| {
        let checking = scope.spawn(|| {
            let connection = open_for_check(db_file)?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(DbError::Thread)?;
            check(
                &connection,
                db_file,
                &Blobs { blobs, runtime },
                &mut findings,
            )
        });
        checking.join().unwrap_or(Err(DbError::Closed))
    });
    if let Err(error) = outcome {
        findings.report("database", chain(&error), RESTORE);
    }
    findings
}

/// The store, and a way to wait for it.
struct Blobs<'b> {
    blobs: &'b dyn BlobStore,
    runtime: tokio::runtime::Runtime,
}

impl DoctorFindings {
    fn report(&mut self, about: impl Into<String>, finding: impl Into<String>, hint: &str) {
        self.problems.push(DoctorProblem {
            about: about.into(),
            finding: finding.into(),
            hint: hint.to_owned(),
        });
    }
}

fn check(
    connection: &Connection,
    db_file: &Path,
    blobs: &Blobs<'_>,
    findings: &mut DoctorFindings,
) -> Result<(), DbError> {
    let view = View::of(connection);
    for line in view.integrity()? {
        findings.report("database", line, RESTORE);
    }
    let (found, newest) = view.schema_versions()?;
    if found != newest {
        let finding = format!("it has schema {found}, this program reads {newest}");
        let hint = "start the server once with the newest program";
        findings.needs_migration = found < newest;
        findings.report("database", finding, hint);
        return Ok(());
    }
    (
        findings.project_count,
        findings.deployment_count,
        findings.alias_count,
    ) = view.totals()?;
    for label in view.stray_aliases()? {
        let finding = "it points at something that is not a sealed deployment of its project";
        findings.report(format!("alias {label}"), finding, "promote a deployment");
    }
    for id in view.uploads_without_manifest()? {
        let finding = "it is uploading, but its manifest is gone";
        findings.report(
            format!("deployment {id}"),
            finding,
            "cancel it and deploy again",
        );
    }
    let key_file = db_file.with_file_name(SECRET_KEY_FILE);
    check_secrets(&view, &key_file, findings)?;
    let mut known = HashSet::new();
    for row in view.sealed_deployments()? {
        check_deployment(&row, blobs, &mut known, findings);
    }
    findings.blob_count = known.len() as u64;
    Ok(())
}

/// The key must be there and this database's, and every secret must open with it. What a secret says is
/// dropped at once.
fn check_secrets(
    view: &View<'_>,
    key_file: &Path,
    findings: &mut DoctorFindings,
) -> Result<(), DbError> {
    // No server has met a key here yet: the next start makes one.
    let Some(sealed_check) = view.secret_key_check()? else {
        return Ok(());
    };
    let about = format!("key file {}", key_file.display());
    let key = match SecretKey::read(key_file) {
        Ok(Some(key)) if key.is_of(&sealed_check) => key,
        Ok(Some(_)) => {
            let finding = "it is not the one that this database's secrets are sealed with";
            findings.report(about, finding, "restore the key file from a back-up");
            return Ok(());
        }
        Ok(None) => {
            let finding = "it is gone, and secrets are sealed with it";
            findings.report(about, finding, "restore the key file from a back-up");
            return Ok(());
        }
        Err(error) => {
            findings.report(about, chain(&error), "correct the key file");
            return Ok(());
        }
    };
    for row in view.sealed_values()? {
        let owner = variable_owner(row.project_id, &row.name);
        if key.open(&row.sealed, &owner).is_err() {
            let about = format!("secret {} of project {}", row.name, row.project_id);
            findings.report(
                about,
                "it does not open with the key",
                "set the secret anew",
            );
        }
    }
    Ok(())
}

fn check_deployment(
    row: &HealthRow,
    blobs: &Blobs<'_>,
    known: &mut HashSet<BlobDigest>,
    findings: &mut DoctorFindings,
) {
    let about = format!("deployment {}", row.id);
    let Some(digest) = row.document else {
        findings.report(about, "it is sealed, but has no document", RESTORE);
        return;
    };
    let read = blobs.runtime.block_on(blobs.blobs.read_verified(digest));
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.report(about, chain(&error), RESTORE);
            return;
        }
    };
    let document = match codec::decode_document(&bytes) {
        Ok(document) => document,
        Err(error) => {
            findings.report(about, chain(&error), RESTORE);
            return;
        }
    };
    known.insert(digest);
    let needed = document.manifest.entries().iter().map(|entry| entry.digest);
    let unseen: Vec<BlobDigest> = needed.filter(|digest| known.insert(*digest)).collect();
    for missing in blobs.blobs.missing(&unseen) {
        let finding = format!("its blob {missing} is not in the store");
        findings.report(about.clone(), finding, RESTORE);
    }
}
