//! From HTTP to the operations and back. Handlers are thin: read what was sent, call `app`, shape the
//! answer. The router is made from `holm_api::OPERATIONS`.

mod announced;
mod call;
mod deployment;
mod explain;
mod instance;
mod list;
mod operations;
mod project;
mod respond;
mod router;
mod token;

pub(crate) use call::Call;
pub(crate) use respond::{Peer, dress, log, problem};
pub(crate) use router::router;
