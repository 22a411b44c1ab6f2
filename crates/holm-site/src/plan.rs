//! The decision about one request: two pure steps around the middleware.
//!
//! Each step is written once, over a tracer that either writes down what was considered or does nothing at
//! all; so what `explain` shows and what a visitor gets cannot differ.

mod early;
mod late;
mod lines;
pub(crate) mod note;
mod response;
#[cfg(test)]
mod tests;

use crate::{AssetRef, RequestHead, Site, Trace};
use note::Silent;

/// What the first step decides: everything before the middleware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarlyPlan {
    /// Answer with a redirect.
    Redirect(Redirect),
    /// Go on; run the middleware first if `middleware` is true.
    Continue {
        /// Whether the site's middleware takes this path.
        middleware: bool,
    },
}

/// A redirect to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// 301, 302, 303, 304, 307 or 308.
    pub status: u16,
    /// Ready to be sent: percent-encoded, free of control characters, query already joined.
    pub location: String,
}

/// Which function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FunctionRef(pub u32);

/// What the second step decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Send a file. Methods other than GET and HEAD are answered 405 by the edge.
    ServeAsset {
        /// Which file.
        asset: AssetRef,
        /// 200, or 404 for the site's own 404 page.
        status: u16,
    },
    /// Ask a function.
    Invoke(FunctionRef),
    /// Holm's own 404 page.
    NotFound,
}

/// Redirects and trailing slash; which middleware.
pub fn plan_early(site: &Site, head: &RequestHead<'_>) -> EarlyPlan {
    early::early(site, head, &mut Silent)
}

/// As [`plan_early`], with every rule considered.
pub fn plan_early_traced(site: &Site, head: &RequestHead<'_>) -> (EarlyPlan, Trace) {
    let mut trace = Trace::default();
    let plan = early::early(site, head, &mut trace);
    (plan, trace)
}

/// Rewrites, files, functions, fall-back. It cannot fail.
pub fn plan_late(site: &Site, head: &RequestHead<'_>) -> Plan {
    late::late(site, head, &mut Silent)
}

/// As [`plan_late`] for a request that edge code sends to its own host: functions of the edge engine are not asked, so
/// that none calls itself (functions spec 2.4). Its middleware is not run either; [`plan_early`] stays the same.
pub fn plan_origin(site: &Site, head: &RequestHead<'_>) -> Plan {
    late::origin(site, head)
}

/// As [`plan_late`], with every rule considered, header and cache rules included.
pub fn plan_late_traced(site: &Site, head: &RequestHead<'_>) -> (Plan, Trace) {
    let mut trace = Trace::default();
    let plan = late::late(site, head, &mut trace);
    response::note_response_rules(site, head, &mut trace);
    (plan, trace)
}
