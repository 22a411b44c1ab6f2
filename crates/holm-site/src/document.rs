//! A sealed deployment as one value: what `codec` writes into one blob.

use holm_types::BlobDigest;

use crate::{FunctionRoute, Manifest, Middleware, Rules};

/// Everything that a deployment's behaviour hangs on, sealed together: files, rules, function routes
/// and the settings as they were. Rolling back moves all of it at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentDocument {
    /// The servable files.
    pub manifest: Manifest,
    /// The rules of `edgeone.json` that passed validation.
    pub rules: Rules,
    /// Pattern to function, in the order of evaluation. Those of the edge engine first; `handler` names
    /// the place of each in its bundle.
    pub functions: Vec<FunctionRoute>,
    /// The middleware, if the project has one that is run here.
    pub middleware: Option<Middleware>,
    /// What the edge engine runs. `None` when nothing is run there.
    pub edge_bundle: Option<FunctionBundle>,
    /// What answers when nothing else does.
    pub fallback: FallbackKind,
    /// The project's settings at the time of sealing.
    pub settings: SiteSettings,
}

/// The bundle of a deployment's edge functions and middleware, in the blob store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionBundle {
    /// One ES module that exports `handlers`.
    pub code: BlobDigest,
    /// Its bytes.
    pub code_bytes: u64,
    /// Its source map, which is never served. `None` when it was built without one.
    pub source_map: Option<BlobDigest>,
}

impl FunctionBundle {
    /// The blobs that must be there as long as the deployment is.
    pub fn digests(&self) -> impl Iterator<Item = BlobDigest> {
        std::iter::once(self.code).chain(self.source_map)
    }
}

/// What answers a path that no rule, file or function takes (`EdgeOne` docs, Custom 404 page).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FallbackKind {
    /// Holm's own 404 page.
    #[default]
    None,
    /// `/index.html` with status 200: a single-page application.
    SinglePage,
    /// `/404.html` with status 404.
    NotFoundPage,
}

/// The settings of a project that change how a deployment is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteSettings {
    /// The old order: a function is asked before a file on the same path. Off by default.
    pub functions_before_files: bool,
}
