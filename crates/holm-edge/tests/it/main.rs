//! The edge on real sockets, with real sites, a real store and raw bytes.

mod client;
mod connections;
mod framing;
mod pages;
mod records;
mod scene;
mod snapshots;
mod transcripts;
