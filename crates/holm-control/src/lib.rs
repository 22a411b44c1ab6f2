//! The control plane: who may, what should be, the database, and the reconcilers that make it so.
//!
//! `api` reads requests and shapes answers, `authz` says who may, `app` decides, `db` has all SQL,
//! `reconcile` makes the edge's snapshot and the encoded variants follow. The edge needs none of it to
//! go on serving: the published snapshot is all that crosses.
#![forbid(unsafe_code)]
#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "what looks at the database works for any lifetime of its view, a method's path for one"
)]

mod api;
mod app;
mod audit;
mod authz;
mod body;
mod config;
mod control;
mod core;
mod db;
mod doctor;
mod error;
mod events;
mod guard;
mod limits;
mod listener;
mod pages;
mod published;
mod rate;
mod reconcile;
mod secret_key;
#[cfg(feature = "seed")]
pub mod seed;
mod spool;
mod stop;

pub use config::{BackupFile, ControlConfig, ControlParts};
pub use control::{Control, FunctionVariablesError, IssueTokenError, OpenControlError};
pub use doctor::{DoctorFindings, DoctorProblem, check_database};
pub use holm_site::limits::RuleLimits;
pub use limits::{ControlLimits, FILES_MAX_MAX, LIMITS};
pub use secret_key::{SECRET_KEY_FILE, SecretKeyError};
