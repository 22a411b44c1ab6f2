//! A deployment as it is served: manifest, compiled rules, the edge snapshot and its bytes, and the
//! pure plan for one request.
//!
//! Nothing here reads a clock, a disk or a socket: the same site and the same request head give the
//! same plan, always.
#![forbid(unsafe_code)]

mod admission;
mod code;
pub mod codec;
mod compile;
mod cookie_scope;
mod decode;
mod document;
mod fallback;
mod function;
pub mod guard;
mod hashed;
mod head;
pub mod limits;
mod location;
mod manifest;
mod matcher;
mod media_type;
mod pattern;
mod plan;
mod project_file;
mod route;
mod rule;
mod rule_lines;
mod site;
mod snapshot;
#[cfg(test)]
mod strategies;
mod template;
mod trace;

pub use admission::{Admission, admit};
pub use code::DIAGNOSTIC_CODES;
pub use compile::{BuiltFunctions, CONFIG_FILES, CompileInput, compile, compile_with_functions};
pub use cookie_scope::cookie_leaves_host;
pub use document::{DeploymentDocument, FallbackKind, FunctionBundle, SiteSettings};
pub use function::{
    FUNCTION_METHODS, FunctionSource, FunctionSources, MethodSet, ParamValue,
    find_function_sources, function_routes,
};
pub use head::{RequestHead, Scheme};
pub use manifest::{Entries, FileEntry, Manifest, ManifestEntry};
pub use matcher::{ConfigValue, read_matchers};
pub use plan::{
    EarlyPlan, FunctionRef, Plan, Redirect, plan_early, plan_early_traced, plan_late,
    plan_late_traced, plan_origin,
};
pub use project_file::{CloudFunctions, NodeFunctionSettings, ProjectFile, read_project_file};
pub use rule::{
    CacheRule, FileRoute, FunctionRoute, HeaderBlock, HeaderRule, HostCanon, LineAction, Matcher,
    Middleware, RedirectLine, RedirectRule, RewriteRule, RouteForm, RuleOrigin, Rules, Runtime,
    TrailingSlash,
};
pub use site::{Asset, AssetRef, HeaderChange, Site};
pub use snapshot::{EdgeSnapshot, HostEntry, HostTarget, SnapshotChange};
pub use trace::{Considered, Outcome, Step, Trace};
