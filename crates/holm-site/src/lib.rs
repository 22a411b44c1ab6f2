//! A deployment as it is served: manifest, compiled rules, the edge snapshot and its bytes, and the
//! pure plan for one request.
//!
//! Nothing here reads a clock, a disk or a socket: the same site and the same request head give the
//! same plan, always.
#![forbid(unsafe_code)]

pub mod codec;
mod compile;
mod document;
mod head;
mod manifest;
mod plan;
mod rule;
mod site;
mod snapshot;
mod trace;

pub use compile::{CONFIG_FILES, CompileInput, compile};
pub use document::{DeploymentDocument, FallbackKind, SiteSettings};
pub use head::{RequestHead, Scheme};
pub use manifest::{Admission, FileEntry, Manifest, ManifestEntry, admit};
pub use plan::{
    EarlyPlan, FunctionRef, Plan, Redirect, plan_early, plan_early_traced, plan_late,
    plan_late_traced,
};
pub use rule::{
    CacheRule, FileRoute, FunctionRoute, HeaderRule, HostCanon, Middleware, RedirectRule,
    RewriteRule, RuleOrigin, Rules, Runtime, TrailingSlash,
};
pub use site::{Asset, AssetRef, Site};
pub use snapshot::{EdgeSnapshot, HostEntry, HostTarget};
pub use trace::{Considered, Outcome, Step, Trace};
