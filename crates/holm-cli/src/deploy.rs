//! Deploying a folder: what to deploy, the digests, the protocol of decision D10.16, the outcome.

mod archive;
mod digest;
mod digest_cache;
mod folder;
mod options;
mod prepare;
mod scan;
mod settle;
mod transfer;
mod upload;

pub(crate) use archive::{ArchiveDeploy, PreparedArchive, is_archive};
pub(crate) use digest::DigestedFile;
pub(crate) use digest_cache::DigestCache;
pub(crate) use folder::name_from_folder;
pub use options::{DeployOptions, DeployOutcome};
pub(crate) use prepare::Prepared;
pub(crate) use transfer::Deploy;

use crate::access::Access;
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::progress::{Progress, ProgressMode};
use crate::surroundings::Surroundings;

/// Deploys a folder to a server that is ready, and tells on stderr what happens: the progress, the
/// findings, the result. With [`ProgressMode::Silent`] it tells nothing.
///
/// # Errors
///
/// Whatever keeps the deployment from being served; show it with [`crate::report_error`]. Nothing is
/// half-deployed: production still points at what it pointed at.
pub fn deploy_folder(options: &DeployOptions) -> Result<DeployOutcome, CliError> {
    let surroundings = Surroundings::read();
    let printer = Printer::new(&surroundings);
    let access = access_of(options)?;
    let prepared = Prepared::new(&options.folder, options.project.as_ref(), &surroundings)?;
    let is_silent = options.progress == ProgressMode::Silent;
    if !is_silent {
        prepared.tell(&printer);
    }
    let deploy = Deploy {
        client: &Client::new(access),
        prepared: &prepared,
        environment: options.environment,
        source: options.source.clone(),
        progress: &Progress::new(options.progress, &surroundings, printer.clone()),
        cache_folder: surroundings.cache_folder.as_deref(),
        told: None,
    };
    let outcome = deploy.run()?;
    if options.write_link {
        prepared.write_link(deploy.client.api(), &printer);
    }
    if !is_silent {
        outcome.tell(&printer);
    }
    Ok(outcome)
}

fn access_of(options: &DeployOptions) -> Result<Access, CliError> {
    let doing = || format!("use the API at {}", options.api_url);
    let api = options
        .api_url
        .parse()
        .map_err(|error| CliError::because(Exit::Usage, doing(), &error))?;
    let token = options
        .token
        .parse()
        .map_err(|error| CliError::because(Exit::Auth, doing(), &error))?;
    Access {
        api,
        token: Some(token),
        trust: crate::trust::Trust::default(),
    }
    .guarded(false)
}
