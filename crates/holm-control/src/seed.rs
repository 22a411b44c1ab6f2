//! For `cargo xtask bench scale` only: fills a data folder with very many projects and deployments.
//!
//! Through the API each of them would be compiled, synced and published by itself, which takes hours. Here the
//! same statements of `db` write the rows, the compiler makes the documents and the blob store keeps them, in
//! large batches and without publishing: the server finds the rows at its next start and publishes all at once.
//! What is left behind is what the API would have left, but for diagnostics of encoded forms: they are
//! recorded as "tried, none is smaller", which is what becomes of pages as small as these.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use holm_api::{AuditOutcome, DeploymentSource};
use holm_site::limits::RuleLimits;
use holm_site::{CompileInput, FileEntry, SiteSettings, codec, compile};
use holm_storage::{BlobStore as _, BlobUpload, LocalBlobStore, VariantIndex, Variants};
use holm_types::{
    AliasId, BlobDigest, Clock, DeploymentId, Entropy, Environment, IdMint, ProjectId, ProjectName,
    Timestamp,
};

use crate::app::{branch_label, production_label};
use crate::db::{
    AliasKind, AliasRow, AuditRow, Change, Db, DbError, MoveCause, NewDeployment, Sealing,
};
use crate::limits::ControlLimits;

/// Projects whose rows are committed, and whose blobs are synced, together.
const BATCH_PROJECTS: u64 = 100;

/// Why seeding ended early.
pub type SeedError = Box<dyn std::error::Error + Send + Sync>;

/// What is made. The first project has `deep_deployments` of the deployments, so that its list has many
/// pages; the others share the rest evenly.
#[derive(Clone, Copy, Debug)]
pub struct SeedPlan {
    /// How many projects; at least 2.
    pub projects: u64,
    /// How many deployments together.
    pub deployments: u64,
    /// How many of them the first project has.
    pub deep_deployments: u64,
}

impl SeedPlan {
    /// The name of a project, counted from 0.
    pub fn project_name(index: u64) -> String {
        format!("scale-{index:05}")
    }

    fn deployments_of(&self, project: u64) -> u64 {
        if project == 0 {
            return self.deep_deployments;
        }
        let (rest, others) = (self.deployments - self.deep_deployments, self.projects - 1);
        rest / others + u64::from(project <= rest % others)
    }
}

/// Fills the data folder of a server that has been started before and does not run now.
///
/// # Errors
/// When the disk or the database refuses. What was made by then stays.
pub async fn seed(
    data: &Path,
    plan: SeedPlan,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<(), SeedError> {
    let now = clock.now();
    let db = Db::open(
        &data.join("control.db"),
        &ControlLimits::default(),
        now.unix_ms(),
    )?;
    let seeder = Seeder {
        plan,
        db,
        blobs: LocalBlobStore::open(&data.join("blobs"))?,
        variants: VariantIndex::open(&data.join("variants.index"))?,
        mint: IdMint::new(clock, entropy),
        now,
    };
    for first in (0..plan.projects).step_by(usize::try_from(BATCH_PROJECTS)?) {
        seeder
            .batch(first..(first + BATCH_PROJECTS).min(plan.projects))
            .await?;
    }
    seeder.variants.sync()?;
    let variant_count = seeder.variants.count() as u64;
    seeder
        .db
        .write::<_, DbError>(move |change| {
            change.set_variants_synced(Some(variant_count))?;
            change.hosts_changed()
        })
        .await?;
    seeder.db.close();
    Ok(())
}

/// What every batch uses.
struct Seeder {
    plan: SeedPlan,
    db: Db,
    blobs: LocalBlobStore,
    variants: VariantIndex,
    mint: IdMint,
    now: Timestamp,
}

/// A deployment whose blobs are stored.
struct Seeded {
    id: DeploymentId,
    alias_id: AliasId,
    audit: AuditRow,
    document: BlobDigest,
    size_bytes: u64,
    environment: Environment,
}

impl Seeder {
    async fn batch(&self, projects: std::ops::Range<u64>) -> Result<(), SeedError> {
        let mut upload = self.blobs.upload();
        let mut rows = Vec::new();
        for index in projects {
            let name = SeedPlan::project_name(index);
            let mut deployments = Vec::new();
            for number in 0..self.plan.deployments_of(index) {
                deployments.push(self.deployment(&mut *upload, &name, number).await?);
            }
            let project: ProjectName = name.parse()?;
            rows.push((self.mint.mint(), project, deployments));
        }
        upload.finish().await?;
        let now = self.now;
        self.db
            .write::<_, DbError>(move |change| {
                let mut rows = rows.into_iter();
                rows.try_for_each(|(id, name, deployments)| {
                    keep_project(change, id, &name, &deployments, now)
                })
            })
            .await?;
        Ok(())
    }

    /// Three small files, of which one is this deployment's alone; every fifth one is a preview of a branch.
    async fn deployment(
        &self,
        upload: &mut dyn BlobUpload,
        project: &str,
        number: u64,
    ) -> Result<Seeded, SeedError> {
        let page = format!("<!doctype html><title>{project}</title><p>deployment {number}\n");
        let style = format!("/* {project} */ body {{ margin: 0 }}\n");
        let files = [
            ("/index.html", page),
            ("/style.css", style),
            (
                "/404.html",
                "<!doctype html><title>not found</title>\n".to_owned(),
            ),
        ];
        let mut entries = Vec::with_capacity(files.len());
        for (path, text) in files {
            let (digest, size_bytes) = (BlobDigest::of(text.as_bytes()), text.len() as u64);
            upload.put(digest, Bytes::from(text)).await?;
            if self.variants.get(&digest).is_none() {
                let tried = Variants {
                    is_best: true,
                    ..Variants::default()
                };
                self.variants.record(digest, tried)?;
            }
            entries.push(FileEntry {
                path: path.to_owned(),
                digest,
                size_bytes,
            });
        }
        let size_bytes = entries.iter().map(|entry| entry.size_bytes).sum();
        let compiled = compile(CompileInput {
            files: entries,
            configs: std::collections::BTreeMap::new(),
            settings: SiteSettings::default(),
            limits: RuleLimits::default(),
        });
        let document = compiled
            .value
            .ok_or("a site of three files does not compile")?;
        let document = codec::encode_document(&document);
        let digest = BlobDigest::of(&document);
        upload.put(digest, Bytes::from(document)).await?;
        let id: DeploymentId = self.mint.mint();
        Ok(Seeded {
            id,
            alias_id: self.mint.mint(),
            audit: self.audit(id),
            document: digest,
            size_bytes,
            environment: if number % 5 == 4 {
                Environment::Preview
            } else {
                Environment::Production
            },
        })
    }

    fn audit(&self, id: DeploymentId) -> AuditRow {
        AuditRow {
            id: self.mint.mint(),
            at: self.now,
            operation: "deployment_commit".to_owned(),
            target: id.to_string(),
            project_id: None,
            outcome: AuditOutcome::Done,
            status: 200,
            code: None,
            user_id: None,
            email: None,
            token_id: None,
            address: "127.0.0.1".to_owned(),
            request_id: id.to_string(),
        }
    }
}

/// A project with all its deployments, sealed, and each alias on the last of its kind.
fn keep_project(
    change: &Change<'_>,
    id: ProjectId,
    name: &ProjectName,
    deployments: &[Seeded],
    now: Timestamp,
) -> Result<(), DbError> {
    change.insert_project(id, name, now)?;
    for deployment in deployments {
        keep_deployment(change, id, deployment, now)?;
    }
    for environment in [Environment::Production, Environment::Preview] {
        let mut candidates = deployments.iter().rev();
        if let Some(last) = candidates.find(|candidate| candidate.environment == environment) {
            point(change, id, name, last, now)?;
        }
    }
    // Nothing of what was made expires at once.
    if let Some(mut project) = change.project(id)?
        && deployments.len() > 10
    {
        project.settings.deployments_kept = Some(deployments.len() as u64);
        change.set_settings(id, &project.settings)?;
    }
    Ok(())
}

fn branch_of(environment: Environment) -> Option<String> {
    (environment == Environment::Preview).then(|| "feature".to_owned())
}

fn keep_deployment(
    change: &Change<'_>,
    project_id: ProjectId,
    seeded: &Seeded,
    now: Timestamp,
) -> Result<(), DbError> {
    change.insert_deployment(&NewDeployment {
        id: seeded.id,
        project_id,
        environment: seeded.environment,
        source: DeploymentSource {
            branch: branch_of(seeded.environment),
            ..DeploymentSource::default()
        },
        file_count: 3,
        size_bytes: seeded.size_bytes,
        created_at: now,
        redeployed_from: None,
    })?;
    let sealing = Sealing {
        document: seeded.document,
        sealed_at: now,
        diagnostics: Vec::new(),
    };
    change.seal_deployment(seeded.id, &sealing)?;
    change.variants_made(seeded.id, now)?;
    change.insert_audit(&seeded.audit)
}

fn point(
    change: &Change<'_>,
    project_id: ProjectId,
    name: &ProjectName,
    to: &Seeded,
    now: Timestamp,
) -> Result<(), DbError> {
    let branch = branch_of(to.environment);
    let (kind, label) = match &branch {
        None => (AliasKind::Production, production_label(name)),
        Some(branch) => (AliasKind::Branch, branch_label(name, branch)),
    };
    let move_id =
        change.insert_alias_move(project_id, &label, to.id, MoveCause::Deploy, None, now)?;
    let row = AliasRow {
        project_id,
        kind,
        label,
        deployment_id: to.id,
        move_id,
        branch,
    };
    change.put_alias(to.alias_id, &row)
}
