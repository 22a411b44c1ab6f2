//! The words every room shares: ids, time, digests, deployment states, diagnostics, error codes.
//!
//! Nothing here does I/O, is async, or names a protocol library.
//! What comes from outside (host names, paths, ids, digests) is checked by the constructors here, once.
#![forbid(unsafe_code)]

mod area;
mod clock;
mod diagnostic;
mod digest;
mod entropy;
mod error_code;
mod forwarded;
mod hostname;
mod id;
mod ip_network;
mod limit;
mod project_name;
mod request_id;
mod site_path;
mod state;
mod timestamp;
mod variable_name;
mod visitor_code;

pub use area::Area;
pub use clock::Clock;
pub use diagnostic::{Diagnostic, Parsed, Severity};
pub use digest::{BlobDigest, BlobHasher, ParseDigestError};
pub use entropy::Entropy;
pub use error_code::{Blame, ErrorCode, Retry};
pub use forwarded::{forwarded_address, shortened_address};
pub use hostname::{Hostname, HostnameError};
pub use id::{
    AccountId, AliasId, AuditId, DeploymentId, IdMint, InvitationId, ParseIdError, ProjectId,
    SessionId, TokenId, UserId,
};
pub use ip_network::{IpNetwork, IpNetworkError, IpNetworkSet};
pub use limit::{Limit, LimitInForce, LimitValue, Unit};
pub use project_name::{ProjectName, ProjectNameError};
pub use request_id::{RequestId, RequestIds};
pub use site_path::{PathError, SitePath};
pub use state::{DeploymentState, Environment};
pub use timestamp::Timestamp;
pub use variable_name::{VariableName, VariableNameError};
pub use visitor_code::VisitorCode;
