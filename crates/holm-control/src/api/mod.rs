//! From HTTP to the operations and back. Handlers are thin: read what was sent, call `app`, shape the
//! answer. The router is made from `holm_api::OPERATIONS`.

mod alias;
mod announced;
mod audit;
mod call;
mod deployment;
mod explain;
mod guard;
mod idempotency;
mod instance;
mod list;
mod member;
mod operations;
mod precondition;
mod project;
mod respond;
mod router;
mod session;
mod storage;
mod token;
mod variable;

pub(crate) use call::Call;
pub(crate) use idempotency::RunningKeys;
pub(crate) use respond::{Peer, dress, log, problem, tell_rate};
pub(crate) use router::router;
