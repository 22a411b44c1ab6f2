//! The data plane: connections in, one answer and one access record out.
//!
//! A request goes `listen` → `conn` (→ `http2`) → `serve`, which asks `admit` (framing and sizes) and `decide`
//! (host, gate, plan, file), fetches what `decide` found missing, and dresses the answer. `record`
//! travels with the body and is emitted when that ends, whichever way it ends.
//!
//! What is served is a snapshot, taken up whole ([`Edge::follow_snapshots`]); the edge knows neither
//! the database nor the API, and goes on with the last snapshot when they are away.
#![forbid(unsafe_code)]

mod admit;
mod answer;
mod answer_socket;
mod asset;
mod blob_stream;
mod body;
mod cache;
mod conn;
mod counters;
mod decide;
mod discard;
mod edge;
mod error;
mod function;
mod gate;
mod head;
mod hosts;
mod http2;
mod limits;
pub mod listen;
mod live_body;
mod page;
mod piece_cache;
mod preface;
mod rate;
mod record;
mod rule_headers;
mod serve;
mod site_table;
mod socket;
mod tls;
mod visitor;
mod watch;
mod weight;

pub use counters::EdgeCounts;
pub use edge::{Edge, EdgeConfig, EdgeParts};
pub use function::{FunctionHost, FunctionSeams, FunctionTrial, FunctionVariables, TrialError};
pub use limits::{EdgeLimits, LIMITS};
pub use listen::DrainReport;
pub use tls::{Certificate, CertificateError};
