//! The edge on real sockets, with real sites, a real store and raw bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers here are only ever called by tests"
)]

mod client;
mod connections;
mod damaged;
mod faults;
mod frames;
mod framing;
mod function_failures;
mod function_scene;
mod functions;
mod gate;
mod http2;
mod http2_hostile;
mod lists;
mod middleware;
mod pages;
mod path_forms;
mod ranges;
mod records;
mod scene;
mod slow_readers;
mod snapshots;
mod times;
mod tls;
mod transcripts;
mod unkeyed;
