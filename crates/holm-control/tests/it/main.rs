//! The control plane from outside: its real HTTP API on a port of its own, with the real stores in a
//! temporary folder.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod archive;
mod audit;
mod authz;
mod client;
mod deploy;
mod events;
mod explain;
mod guard;
mod idempotency;
mod instance;
mod listener;
mod lists;
mod members;
mod pages;
mod protocol;
mod reconcile;
mod release;
mod retention;
mod server;
mod sessions;
mod settings;
mod storage;
mod team;
mod tokens;
mod variables;
