//! The protocol: announce the files, send the missing blobs, commit.
//!
//! A file that changes on the way makes the whole deployment start over, once: what the server already
//! has is not sent again, and a deployment never mixes two states of a folder more than it must.

use std::path::Path;
use std::thread;

use holm_api::{
    DeploymentCreate, DeploymentCreated, DeploymentFile, DeploymentPlan, DeploymentSource,
    DeploymentView,
};
use holm_types::{DeploymentId, Environment};

use super::digest::{DigestedFile, digest_all};
use super::digest_cache::DigestCache;
use super::options::{DeployOutcome, Sent};
use super::prepare::Prepared;
use super::scan::{FoundFile, ScanError, scan, single};
use super::settle::{Settle, Step};
use super::upload::{Batch, BatchReader, Told, UploadPlan};
use crate::client::{Client, ClientError, Frames, Manifest};
use crate::error::CliError;
use crate::limits::CliLimits;
use crate::printer::Printer;
use crate::progress::Progress;

/// One run of `deploy`.
#[derive(Debug)]
pub(crate) struct Deploy<'a> {
    pub client: &'a Client,
    pub prepared: &'a Prepared,
    pub environment: Environment,
    pub source: DeploymentSource,
    pub progress: &'a Progress,
    /// Where digests are kept. `None`: nowhere.
    pub cache_folder: Option<&'a Path>,
    /// Where its events are told as lines of JSON. `None`: nowhere.
    pub told: Option<&'a Printer>,
}

/// Why an attempt ended.
enum Failure {
    /// A file changed on the way; starting over may help.
    Changed(CliError),
    /// It will not help.
    Final(CliError),
}

impl Deploy<'_> {
    /// Deploys, starting over when files change on the way.
    pub(crate) fn run(&self) -> Result<DeployOutcome, CliError> {
        let mut attempt = 1;
        let sent = loop {
            match self.attempt(attempt == 1) {
                Ok(sent) => break sent,
                Err(Failure::Changed(_)) if attempt < CliLimits::default().deploy_attempts_max => {
                    attempt += 1;
                }
                Err(Failure::Changed(error) | Failure::Final(error)) => {
                    self.progress.finish();
                    return Err(error);
                }
            }
        };
        self.progress.finish();
        DeployOutcome::of(sent, self.progress.elapsed(), &self.doing())
    }

    /// Reads the folder: every file that would be deployed, with its digest.
    pub(crate) fn read_folder(&self, cache: &DigestCache) -> Result<Vec<DigestedFile>, ScanError> {
        self.progress.begin("reading files", 0, 0);
        digest_all(self.prepared.files()?, cache)
    }

    fn attempt(&self, trust_cache: bool) -> Result<Sent, Failure> {
        let mut cache = DigestCache::load(self.cache_folder, &self.prepared.source.files_root);
        if !trust_cache {
            cache.forget();
        }
        let files = self
            .read_folder(&cache)
            .map_err(|error| self.scan_failure(&error))?;
        let created = thread::scope(|scope| {
            // The cache is only about speed: written on the side, and no matter if it cannot be.
            scope.spawn(|| drop(cache.save(&files)));
            self.create(&files)
        })?;
        let limits = CliLimits::default();
        let plan = UploadPlan::new(
            &files,
            &created.missing,
            created.inline_bytes_max,
            limits.upload_batch_bytes_max,
        );
        match plan.blob_count() {
            0 => self.progress.begin("committing", 0, 0),
            blobs => self.progress.begin("uploading", blobs, plan.blob_bytes()),
        }
        self.settle().tell(&Step::Uploading {
            deployment_id: created.deployment.id,
            blob_count: plan.blob_count(),
            blob_bytes: plan.blob_bytes(),
        });
        let id = created.deployment.id;
        match self.send(&id, &plan) {
            Ok(view) => Ok(Sent {
                view,
                blob_count: plan.blob_count(),
                blob_bytes: plan.blob_bytes(),
            }),
            Err(error) => Err(self.send_failure(&id, &error)),
        }
    }

    /// What the server says would become of these files. Nothing is stored.
    pub(crate) fn plan(&self, files: &[DigestedFile]) -> Result<DeploymentPlan, ClientError> {
        let manifest = manifest(self.environment, &self.source, files);
        self.client
            .deployment_plan(&self.prepared.project, &manifest)
    }

    fn create(&self, files: &[DigestedFile]) -> Result<DeploymentCreated, Failure> {
        self.progress.begin("asking what is missing", 0, 0);
        let manifest = manifest(self.environment, &self.source, files);
        self.client
            .deployment_create(&self.prepared.project, &manifest)
            .map_err(|error| Failure::Final(error.explain(self.doing())))
    }

    fn send(
        &self,
        id: &DeploymentId,
        plan: &UploadPlan<'_>,
    ) -> Result<DeploymentView, ClientError> {
        for batch in &plan.batches {
            self.with_frames(batch, |frames| {
                self.client.blob_upload(&self.prepared.project, id, frames)
            })?;
        }
        self.with_frames(&plan.inline, |frames| self.settle().commit(id, frames))
    }

    fn settle(&self) -> Settle<'_> {
        Settle {
            client: self.client,
            project: &self.prepared.project,
            told: self.told,
        }
    }

    fn with_frames<T>(
        &self,
        batch: &Batch<'_>,
        send: impl FnOnce(&Frames<'_>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let told = Told::default();
        send(&Frames {
            size_bytes: batch.body_bytes(),
            open: &|| Box::new(BatchReader::new(batch, self.progress, &told)),
        })
    }

    fn scan_failure(&self, error: &ScanError) -> Failure {
        let told = error.explain(&self.prepared.shown);
        if error.is_passing() {
            Failure::Changed(told)
        } else {
            Failure::Final(told)
        }
    }

    /// Sorts an error of sending, and gives up the deployment so that the server need not wait for it.
    fn send_failure(&self, id: &DeploymentId, error: &ClientError) -> Failure {
        let told = error.explain(self.doing());
        let is_changed = matches!(error, ClientError::Stopped(_))
            || matches!(error.code(), Some("blob/mismatch" | "blob/missing"));
        let is_answered = matches!(error, ClientError::Stopped(_) | ClientError::Problem(_));
        if is_answered {
            // Best effort: the server's sweeper ends what is left unfinished.
            drop(self.client.deployment_cancel(&self.prepared.project, id));
        }
        if is_changed {
            Failure::Changed(told)
        } else {
            Failure::Final(told)
        }
    }

    fn doing(&self) -> String {
        format!(
            "deploy `{}` to {} of `{}`",
            self.prepared.shown, self.environment, self.prepared.project
        )
    }
}

impl Prepared {
    /// The folder's files with their digests.
    pub(crate) fn digested(&self, cache: &DigestCache) -> Result<Vec<DigestedFile>, ScanError> {
        digest_all(self.files()?, cache)
    }

    /// The folder's files, with the project's files of rules in their places, sorted by path.
    pub(crate) fn files(&self) -> Result<Vec<FoundFile>, ScanError> {
        let mut files = scan(&self.source.files_root)?;
        for rules in &self.source.project_files {
            let name = rules.file_name().unwrap_or_default().to_string_lossy();
            let file = single(rules, format!("/{name}"))?;
            match files.binary_search_by(|found| found.path.cmp(&file.path)) {
                Ok(place) => {
                    if let Some(found) = files.get_mut(place) {
                        *found = file;
                    }
                }
                Err(place) => files.insert(place, file),
            }
        }
        Ok(files)
    }
}

/// The streamed manifest: a line for the deployment, then a line a file.
fn manifest(
    environment: Environment,
    source: &DeploymentSource,
    files: &[DigestedFile],
) -> Manifest {
    let head = DeploymentCreate {
        environment,
        source: source.clone(),
        file_count: files.len() as u64,
        create_project: true,
    };
    let mut bytes = Vec::with_capacity(256 + files.len() * 160);
    // Writing our own records to memory cannot fail.
    bytes.extend(serde_json::to_vec(&head).unwrap_or_default());
    bytes.push(b'\n');
    for file in files {
        let line = DeploymentFile {
            path: file.found.path.clone(),
            digest: file.digest,
            size_bytes: file.found.stamp.size_bytes,
        };
        bytes.extend(serde_json::to_vec(&line).unwrap_or_default());
        bytes.push(b'\n');
    }
    Manifest(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::surroundings::Surroundings;

    #[test]
    fn the_projects_rules_take_their_place_among_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("dist")).unwrap();
        for path in ["dist/a.html", "dist/z.html"] {
            fs::write(root.join(path), "x").unwrap();
        }
        fs::write(root.join("edgeone.json"), r#"{"outputDirectory":"dist"}"#).unwrap();
        let surroundings = Surroundings {
            current_folder: root.clone(),
            ..Surroundings::default()
        };
        let files = || {
            let prepared = Prepared::new(
                Path::new("."),
                Some(&"blog".parse().unwrap()),
                &surroundings,
            )
            .unwrap();
            prepared
                .files()
                .unwrap()
                .into_iter()
                .map(|file| (file.path, file.source))
                .collect::<Vec<_>>()
        };
        let want = vec![
            ("/a.html".to_owned(), root.join("dist/a.html")),
            ("/edgeone.json".to_owned(), root.join("edgeone.json")),
            ("/z.html".to_owned(), root.join("dist/z.html")),
        ];
        assert_eq!(files(), want);
        fs::write(root.join("dist/edgeone.json"), "{}").unwrap();
        assert_eq!(files(), want, "the project's own file wins");
    }

    #[test]
    fn the_manifest_is_a_head_and_a_line_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::write(root.join("a \"b\".html"), "hello").unwrap();
        let files = digest_all(scan(&root).unwrap(), &DigestCache::default()).unwrap();
        let Manifest(bytes) = manifest(Environment::Preview, &DeploymentSource::default(), &files);
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let head: DeploymentCreate = serde_json::from_str(lines[0]).unwrap();
        assert_eq!((head.file_count, head.create_project), (1, true));
        let file: DeploymentFile = serde_json::from_str(lines[1]).unwrap();
        assert_eq!((file.path.as_str(), file.size_bytes), ("/a \"b\".html", 5));
        assert_eq!(lines.len(), 2);
    }
}
