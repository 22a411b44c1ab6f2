//! The storage room from outside: what every blob store promises, and what the local one does when a
//! crash or a bad disk has been at its files.
#![allow(clippy::unwrap_used, reason = "a test says so by panicking")]

mod blob_contract;
mod collect_contract;
mod local;
mod local_collect;
mod local_crash;
mod local_damage;
mod remote;
mod snapshot;
mod support;
mod variant;
