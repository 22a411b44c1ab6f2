//! Asking a user's function: the invocation contract, limits and failures, and the one supervisor of
//! function processes.
//!
//! It never decides which function answers: [`Invocation::route`] was decided by whoever asks.
//! One process serves one deployment and nothing else; what a process may reach is what it was handed:
//! its bundle, its variables, and one socket of Holm's, which is also how Holm knows who is asking.
//! [`contract`] describes what a bundle looks like and what is said on the sockets.
#![forbid(unsafe_code)]

mod bundle;
pub mod contract;
mod counters;
mod deno;
mod egress;
pub mod engine;
mod failure;
mod host_socket;
mod invocation;
pub mod launcher;
mod limits;
mod process;
mod runtime;
mod supervisor;

pub use bundle::{BundleSource, FunctionDeployment};
pub use counters::{Counters, CountersSnapshot};
pub use deno::DenoRuntime;
pub use egress::{EgressPolicy, Resolve, SystemResolve};
pub use failure::InvocationFailure;
pub use host_socket::{OwnSite, SubRequest};
pub use invocation::{
    BodyError, BoxError, Caller, FunctionBody, FunctionResponse, Invocation, RequestBody,
};
pub use limits::{FunctionLimits, LIMITS};
pub use process::{ConsoleLine, ConsoleSink};
pub use runtime::{InstancePlace, LaunchPlan, Runtime};
pub use supervisor::{Functions, FunctionsConfig, OpenError};

/// A future behind a pointer, where a trait object gives one.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
