//! A request that the plan gives to a function or to the middleware: asked here, answered by the engine.
//!
//! All of it is behind the boxed future of a request that waits; a request for a file never comes here.

mod answer;
mod bundle;
mod call;
mod console;
mod desk;
mod invocation;
mod middleware;
mod own_site;
mod trial;
mod upload;
mod warm;

use holm_functions::{BoxFuture, ConsoleSink, Functions, OwnSite};
use holm_types::DeploymentId;
use std::sync::Arc;

pub(crate) use call::{Asking, Call, CallTarget, answer, answer_with_body};
pub(crate) use desk::FunctionDesk;
pub use trial::{FunctionTrial, TrialError};
pub(crate) use warm::follow;

/// What the supervisor of functions needs of the edge.
#[derive(Clone, Debug)]
pub struct FunctionSeams {
    /// Who answers what a function asks of its own site.
    pub own_site: Arc<dyn OwnSite>,
    /// Who takes the lines of consoles.
    pub console: Arc<dyn ConsoleSink>,
}

/// A deployment's variables, as `context.env` shows them.
pub type FunctionVariables = Arc<[(String, String)]>;

/// What the edge has functions run by.
pub trait FunctionHost: Send + Sync + std::fmt::Debug {
    /// Sets the supervisor up, its engine included, which may have to be fetched first. Called when the
    /// first function is needed, by one at a time, and again some time after it has failed.
    ///
    /// # Errors
    /// A sentence for the operator: why there is no engine, and what to do.
    fn open(&self, seams: FunctionSeams) -> BoxFuture<'_, Result<Functions, String>>;

    /// The variables of a deployment. They stay what they are as long as the deployment does, so each is
    /// asked once.
    ///
    /// # Errors
    /// A sentence for the operator. The request fails, and the next one asks again.
    fn variables(
        &self,
        deployment: DeploymentId,
    ) -> BoxFuture<'_, Result<FunctionVariables, String>>;
}
