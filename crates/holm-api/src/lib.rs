//! The HTTP contract: operations, request and response types, error bodies, pagination, the upload's
//! frames, and the OpenAPI document made from them. It has no behaviour.
#![forbid(unsafe_code)]

mod alias;
mod audit;
mod backup;
mod deployment;
mod deployment_event;
mod deployment_plan;
mod explain;
mod frame;
mod guard;
mod instance;
mod limit;
mod member;
mod openapi;
mod operation;
mod page;
mod patched;
mod problem;
mod project;
mod session;
mod storage;
mod token;
mod variable;

pub use alias::{AliasKind, AliasView};
pub use audit::{AuditOutcome, AuditQuery, AuditView};
pub use backup::{
    BACKUP_MEDIA_TYPE, BackupDecoder, BackupEncoder, BackupError, BackupKind, BackupPart,
};
pub use deployment::{
    BlobsUploaded, DeploymentCreate, DeploymentCreated, DeploymentFile, DeploymentSource,
    DeploymentView, SourceKind,
};
pub use deployment_event::{
    DeploymentEvent, DeploymentEventKind, DeploymentEventKindError, EVENTS_MEDIA_TYPE, EventDetail,
};
pub use deployment_plan::{DeploymentCreateQuery, DeploymentPlan, PlannedFile};
pub use explain::{ExplainConsidered, ExplainReport};
pub use frame::{
    FRAME_HEADER_BYTES, FRAME_MEDIA_TYPE, Frame, FrameDecoder, FrameError, frame_header,
};
pub use guard::{
    AccessRulesView, ProtectionCoverage, ProtectionModeName, ProtectionUpdate, ProtectionView,
    RateLimitAction, RateLimitView, RefusalName, ShareCreate, ShareLink,
};
pub use instance::{ClaimRequest, ClaimResult, InstanceView};
pub use limit::{LimitList, LimitView};
pub use member::{
    InvitationAccept, InvitationCreate, InvitationCreated, InvitationView, MemberRole,
    MemberUpdate, MemberView, ParseRoleError,
};
pub use openapi::openapi;
pub use operation::{Method, OPERATIONS, Operation, Permission, Policy};
pub use page::{Page, PageQuery};
pub use patched::Patched;
pub use problem::{Problem, ProblemField};
pub use project::{BuildSettings, BuildUpdate, ProjectCreate, ProjectUpdate, ProjectView};
pub use session::{MeUpdate, MeView, SessionCreate, SessionView};
pub use storage::{BackupCreate, CollectionView, StorageCollect, StorageView};
pub use token::{TokenCreate, TokenCreated, TokenView};
pub use variable::{
    DeploymentVariableView, DeploymentVariables, VariableInput, VariableList, VariableSet,
    VariableView,
};

/// Where the operations live on the control listener.
pub const API_PREFIX: &str = "/v1";

/// The media type of a streamed manifest: one [`DeploymentCreate`] line, then a [`DeploymentFile`] a line.
pub const MANIFEST_MEDIA_TYPE: &str = "application/x-ndjson";

/// The media type of an archive that the server unpacks, in place of a manifest.
pub const ARCHIVE_MEDIA_TYPE: &str = "application/zip";
