//! A sealed deployment as one value: what `codec` writes into one blob.

use crate::{FunctionRoute, Manifest, Middleware, Rules};

/// Everything that a deployment's behaviour hangs on, sealed together: files, rules, function routes
/// and the settings as they were. Rolling back moves all of it at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentDocument {
    /// The servable files.
    pub manifest: Manifest,
    /// The rules of `edgeone.json` that passed validation.
    pub rules: Rules,
    /// Pattern to function, in the order of evaluation. Empty until functions are run here.
    pub functions: Vec<FunctionRoute>,
    /// The middleware, if the project has one that is run here.
    pub middleware: Option<Middleware>,
    /// What answers when nothing else does.
    pub fallback: FallbackKind,
    /// The project's settings at the time of sealing.
    pub settings: SiteSettings,
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
