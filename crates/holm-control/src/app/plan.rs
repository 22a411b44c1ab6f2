//! `dry_run`: what a deployment would be. Reads what a deployment reads, and stores nothing.

use std::collections::{BTreeMap, HashSet};

use holm_api::{DeploymentCreate, DeploymentCreateQuery, DeploymentPlan, PlannedFile};
use holm_site::{Admission, CONFIG_FILES, CompileInput, FileEntry, SiteSettings, admit, compile};
use holm_types::{BlobDigest, Diagnostic, ErrorCode, ProjectName, Severity};

use super::announce::{distinct, read};
use super::archive::read_head;
use super::manifest_reader::Announcement;
use super::unpack::unpack;
use super::{commit, find, project};
use crate::authz::{Authorized, Deploy};
use crate::body::RequestBody;
use crate::core::Core;
use crate::db::ProjectRow;
use crate::db::audit::Trail;
use crate::error::ApiError;

/// The finding about a file of rules that cannot be read yet.
const RULES_NOT_READ: &str = "plan/rules-not-read";

/// What a deployment of a manifest would be.
pub(crate) async fn plan(
    core: &Core,
    _who: &Authorized<Deploy>,
    project: String,
    body: &mut RequestBody,
) -> Result<DeploymentPlan, ApiError> {
    Trail::leave_out();
    let mut place = core.manifest_room.place();
    let Announcement { head, files } = read(body, &core.config.limits, &mut place).await?;
    let target = Target::find(core, project, head.create_project).await?;
    let _room = core.deploys.acquire().await;
    let missing = missing(core, &files);
    let is_config = |file: &&FileEntry| CONFIG_FILES.contains(&file.path.as_str());
    let (unread, readable): (Vec<FileEntry>, Vec<FileEntry>) = files
        .iter()
        .filter(is_config)
        .cloned()
        .partition(|file| missing.contains(&file.digest));
    let configs = commit::read_configs(core, &readable).await?;
    let findings = unread.iter().map(not_read).collect();
    describe(
        core,
        head,
        files,
        Known {
            target,
            missing,
            configs,
            findings,
        },
    )
    .await
}

/// What a deployment of an archive would be.
pub(crate) async fn plan_archive(
    core: &Core,
    _who: &Authorized<Deploy>,
    project: String,
    query: DeploymentCreateQuery,
    body: &mut RequestBody,
) -> Result<DeploymentPlan, ApiError> {
    Trail::leave_out();
    let head = read_head(query)?;
    let target = Target::find(core, project, head.create_project).await?;
    let unpacked = unpack(core, body).await?;
    let files = unpacked.entries();
    let known = Known {
        target,
        missing: missing(core, &files),
        configs: unpacked.configs,
        findings: unpacked.findings,
    };
    describe(core, head, files, known).await
}

fn missing(core: &Core, files: &[FileEntry]) -> HashSet<BlobDigest> {
    core.blobs.missing(&distinct(files)).into_iter().collect()
}

fn not_read(file: &FileEntry) -> Diagnostic {
    let message = "the server does not have this file yet, so its rules were not read";
    let name = file.path.trim_start_matches('/');
    Diagnostic::new(Severity::Info, RULES_NOT_READ, message).at(name, None)
}

/// The project that would be deployed to.
struct Target {
    name: ProjectName,
    /// `None`: it would be made.
    row: Option<ProjectRow>,
}

impl Target {
    async fn find(core: &Core, project: String, may_make: bool) -> Result<Self, ApiError> {
        core.db
            .read(move |view| match find::project(view, &project) {
                Ok(row) => Ok(Self {
                    name: row.name.clone(),
                    row: Some(row),
                }),
                Err(error) if may_make && error.code == ErrorCode::ProjectNotFound => Ok(Self {
                    name: project::read_name(&project)?,
                    row: None,
                }),
                Err(error) => Err(error),
            })
            .await
    }
}

/// What is known beside the files themselves.
struct Known {
    target: Target,
    missing: HashSet<BlobDigest>,
    configs: BTreeMap<String, Vec<u8>>,
    findings: Vec<Diagnostic>,
}

/// Compiles as a commit does, and writes down what comes of it.
async fn describe(
    core: &Core,
    head: DeploymentCreate,
    files: Vec<FileEntry>,
    known: Known,
) -> Result<DeploymentPlan, ApiError> {
    let Known {
        target,
        missing,
        configs,
        findings: mut diagnostics,
    } = known;
    let settings = SiteSettings {
        functions_before_files: target
            .row
            .as_ref()
            .is_some_and(|row| row.settings.functions_before_files),
    };
    let planned: Vec<PlannedFile> = files.iter().map(|file| planned(file, &missing)).collect();
    let limits = core.config.rule_limits;
    let compiled = tokio::task::spawn_blocking(move || {
        compile(CompileInput {
            files,
            configs,
            settings,
            limits,
        })
    })
    .await
    .map_err(|error| {
        let doing = "The deployment could not be compiled";
        ApiError::from_cause(ErrorCode::Internal, doing, &error)
    })?;
    diagnostics.extend(compiled.diagnostics);
    let mut counted = HashSet::new();
    let missing_bytes = planned
        .iter()
        .filter(|file| file.is_missing && counted.insert(file.digest))
        .map(|file| file.size_bytes)
        .sum();
    Ok(DeploymentPlan {
        dry_run: true,
        project_name: target.name,
        makes_project: target.row.is_none(),
        environment: head.environment,
        source: head.source,
        file_count: planned.len() as u64,
        size_bytes: planned.iter().map(|file| file.size_bytes).sum(),
        missing_count: counted.len() as u64,
        missing_bytes,
        would_fail: compiled.value.is_none(),
        files: planned,
        diagnostics,
    })
}

fn planned(file: &FileEntry, missing: &HashSet<BlobDigest>) -> PlannedFile {
    PlannedFile {
        path: file.path.clone(),
        digest: file.digest,
        size_bytes: file.size_bytes,
        is_served: admit(&file.path) == Admission::Served,
        is_missing: missing.contains(&file.digest),
    }
}
