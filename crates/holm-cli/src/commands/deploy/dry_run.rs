//! `holm deploy --dry-run`: what would be deployed, what would be sent, what would be said about it.
//!
//! The rules are read here, by the code that the server reads them with. The server is asked what it
//! lacks when there is a token for it; without one, or when it does not answer, that is left open.

use std::collections::{BTreeMap, BTreeSet};

use holm_api::{DeploymentPlan, PlannedFile};
use holm_site::limits::RuleLimits;
use holm_site::{Admission, CONFIG_FILES, CompileInput, FileEntry, SiteSettings, admit, compile};
use holm_types::{Diagnostic, Environment};
use serde::Serialize;

use super::super::Session;
use crate::args::DeployArgs;
use crate::client::{Client, ClientError};
use crate::deploy::{
    ArchiveDeploy, Deploy, DigestCache, DigestedFile, Prepared, PreparedArchive, is_archive,
};
use crate::error::CliError;
use crate::limits::CliLimits;
use crate::progress::{Progress, ProgressMode, bytes, count};
use crate::small_file::read_small;

/// What `--dry-run --json` prints.
#[derive(Debug, Serialize)]
struct Intent<'a> {
    /// Always true, so that a script cannot take it for a deployment.
    dry_run: bool,
    project: &'a str,
    /// Null when the server was not asked, as the next two.
    makes_project: Option<bool>,
    missing_count: Option<u64>,
    missing_bytes: Option<u64>,
    environment: Environment,
    /// The folder or the archive.
    folder: &'a str,
    file_count: u64,
    size_bytes: u64,
    would_fail: bool,
    files: Vec<IntendedFile>,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Debug, Serialize)]
struct IntendedFile {
    path: String,
    size_bytes: u64,
    is_served: bool,
    /// Null when the server was not asked.
    is_missing: Option<bool>,
}

pub(super) fn run(session: &Session<'_>, args: &DeployArgs) -> Result<(), CliError> {
    if is_archive(&args.folder, &session.surroundings.current_folder) {
        return archive(session, args);
    }
    let prepared = Prepared::new(&args.folder, args.project.as_ref(), session.surroundings)?;
    prepared.tell(session.printer);
    let cache_folder = session.surroundings.cache_folder.as_deref();
    let cache = DigestCache::load(cache_folder, &prepared.source.files_root);
    let files = prepared
        .digested(&cache)
        .map_err(|error| error.explain(&prepared.shown))?;
    let plan = ask(session, args, &prepared, &files)?;
    let (would_fail, diagnostics) = compile_here(&files);
    let missing: Option<BTreeSet<&str>> = plan.as_ref().map(missing_paths);
    let planned = files.iter().map(|file| IntendedFile {
        path: file.found.path.clone(),
        size_bytes: file.found.stamp.size_bytes,
        is_served: admit(&file.found.path) == Admission::Served,
        is_missing: missing
            .as_ref()
            .map(|missing| missing.contains(file.found.path.as_str())),
    });
    tell(
        session,
        args,
        &Intent {
            dry_run: true,
            project: prepared.project.as_str(),
            makes_project: plan.as_ref().map(|plan| plan.makes_project),
            missing_count: plan.as_ref().map(|plan| plan.missing_count),
            missing_bytes: plan.as_ref().map(|plan| plan.missing_bytes),
            environment: super::environment(args),
            folder: &prepared.shown,
            file_count: files.len() as u64,
            size_bytes: files.iter().map(|file| file.found.stamp.size_bytes).sum(),
            would_fail: would_fail || plan.as_ref().is_some_and(|plan| plan.would_fail),
            files: planned.collect(),
            diagnostics,
        },
    );
    Ok(())
}

/// An archive is read by the server alone, so it has to be asked.
fn archive(session: &Session<'_>, args: &DeployArgs) -> Result<(), CliError> {
    let project = args.project.as_ref();
    let prepared = PreparedArchive::new(&args.folder, project, session.surroundings)?;
    prepared.tell(session.printer);
    let client = super::client(session, args, prepared.link.as_ref())?;
    let plan = ArchiveDeploy {
        client: &client,
        prepared: &prepared,
        environment: super::environment(args),
        query: super::query(args),
        progress: &super::progress(session),
        told: None,
    }
    .plan()?;
    let planned = |file: PlannedFile| IntendedFile {
        path: file.path,
        size_bytes: file.size_bytes,
        is_served: file.is_served,
        is_missing: Some(file.is_missing),
    };
    tell(
        session,
        args,
        &Intent {
            dry_run: true,
            project: plan.project_name.as_str(),
            makes_project: Some(plan.makes_project),
            missing_count: Some(plan.missing_count),
            missing_bytes: Some(plan.missing_bytes),
            environment: plan.environment,
            folder: &prepared.shown,
            file_count: plan.file_count,
            size_bytes: plan.size_bytes,
            would_fail: plan.would_fail,
            files: plan.files.into_iter().map(planned).collect(),
            diagnostics: plan.diagnostics,
        },
    );
    Ok(())
}

/// What the server says. `None` when there is no token for it, or nobody is there.
fn ask(
    session: &Session<'_>,
    args: &DeployArgs,
    prepared: &Prepared,
    files: &[DigestedFile],
) -> Result<Option<DeploymentPlan>, CliError> {
    let access = super::access(session, args, prepared.link.as_ref())?;
    if access.token.is_none() {
        return Ok(None);
    }
    let client = Client::new(access);
    let deploy = Deploy {
        client: &client,
        prepared,
        environment: super::environment(args),
        source: super::source(args),
        progress: &Progress::new(
            ProgressMode::Silent,
            session.surroundings,
            session.printer.clone(),
        ),
        cache_folder: None,
        told: None,
    };
    match deploy.plan(files) {
        Ok(plan) => Ok(Some(plan)),
        Err(error @ ClientError::Unconnected { .. }) => {
            session
                .printer
                .warn(&format!("the server was not asked: {error}"));
            Ok(None)
        }
        Err(error) => Err(error.explain(format!("plan a deployment of `{}`", prepared.shown))),
    }
}

fn missing_paths(plan: &DeploymentPlan) -> BTreeSet<&str> {
    let missing = plan.files.iter().filter(|file| file.is_missing);
    missing.map(|file| file.path.as_str()).collect()
}

/// Whether the deployment would fail by its rules, and the findings.
fn compile_here(files: &[DigestedFile]) -> (bool, Vec<Diagnostic>) {
    let bytes_max = CliLimits::default().settings_bytes_max;
    let is_config = |file: &&DigestedFile| CONFIG_FILES.contains(&file.found.path.as_str());
    let configs: BTreeMap<String, Vec<u8>> = files
        .iter()
        .filter(is_config)
        .filter_map(|file| {
            let bytes = read_small(&file.found.source, bytes_max).ok()??;
            Some((file.found.path.clone(), bytes))
        })
        .collect();
    let entry = |file: &DigestedFile| FileEntry {
        path: file.found.path.clone(),
        digest: file.digest,
        size_bytes: file.found.stamp.size_bytes,
    };
    let compiled = compile(CompileInput {
        files: files.iter().map(entry).collect(),
        configs,
        settings: SiteSettings::default(),
        limits: RuleLimits::default(),
    });
    (compiled.value.is_none(), compiled.diagnostics)
}

/// The files on stdout, the rest on stderr; or all of it as one JSON object.
fn tell(session: &Session<'_>, args: &DeployArgs, intent: &Intent<'_>) {
    let printer = session.printer;
    if args.json {
        printer.result_json(intent);
        return;
    }
    for file in &intent.files {
        let mark = if file.is_served {
            ""
        } else {
            "  (read, not served)"
        };
        printer.result(&format!("{}{mark}", file.path));
    }
    printer.diagnostics(&intent.diagnostics);
    if intent.would_fail {
        printer.warn("the deployment would fail");
    }
    let sending = match (intent.missing_count, intent.missing_bytes) {
        (Some(0), _) => "; the server has all of them".to_owned(),
        (Some(missing), Some(size)) => {
            format!(
                "; {} ({}) would be sent",
                count(missing, "blob"),
                bytes(size)
            )
        }
        _ => String::new(),
    };
    let making = if intent.makes_project == Some(true) {
        ", which would be made"
    } else {
        ""
    };
    printer.note(&format!(
        "would deploy {} ({}) from `{}` to {} of `{}`{making}{sending}; nothing was stored",
        count(intent.file_count, "file"),
        bytes(intent.size_bytes),
        intent.folder,
        intent.environment,
        intent.project
    ));
}
