//! What each operation takes and gives, beside what the table of operations says.

use holm_types::ErrorCode;
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};

use crate::{
    AccessRulesView, AliasView, AuditView, BackupCreate, BlobsUploaded, ClaimRequest, ClaimResult,
    CollectionView, DeploymentCreate, DeploymentCreated, DeploymentFile, DeploymentVariables,
    DeploymentView, ExplainReport, InstanceView, InvitationAccept, InvitationCreate,
    InvitationCreated, InvitationView, LimitList, MeUpdate, MeView, MemberUpdate, MemberView,
    OPERATIONS, Page, ProjectCreate, ProjectUpdate, ProjectView, ProtectionUpdate, ProtectionView,
    SessionCreate, SessionView, ShareCreate, ShareLink, StorageCollect, StorageView, TokenCreate,
    TokenCreated, TokenView, VariableList, VariableSet,
};

/// Makes the schema of one type.
type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// A body on the wire.
pub(super) enum Body {
    /// None.
    None,
    /// JSON of a wire type.
    Json(MakeSchema),
    /// JSON of any shape.
    AnyJson,
    /// A streamed manifest.
    Manifest {
        /// Its first line.
        head: MakeSchema,
        /// Every further line.
        line: MakeSchema,
    },
    /// A stream of deployment events.
    Events,
    /// A back-up.
    Backup,
    /// Blobs in frames.
    Frames {
        /// Whether there may be none.
        may_be_empty: bool,
    },
}

/// What a query parameter may be.
#[derive(Clone, Copy)]
pub(super) enum QueryKind {
    /// Text.
    Text,
    /// `true` or `false`.
    Flag,
    /// How many items a page has.
    PageLength,
    /// An environment of a project.
    Environment,
    /// The id of an operation.
    Operation,
    /// A time.
    Time,
}

/// A query parameter.
pub(super) struct QueryParameter {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) kind: QueryKind,
    pub(super) about: &'static str,
}

/// One operation's bodies, parameters and own error codes.
pub(super) struct Shape {
    pub(super) id: &'static str,
    pub(super) request: Body,
    pub(super) response: Body,
    pub(super) query: &'static [QueryParameter],
    pub(super) codes: &'static [ErrorCode],
}

const fn json<T: JsonSchema>() -> Body {
    Body::Json(SchemaGenerator::subschema_for::<T>)
}

const FRAMES: Body = Body::Frames {
    may_be_empty: false,
};
const FRAMES_IF_ANY: Body = Body::Frames { may_be_empty: true };
const MANIFEST: Body = Body::Manifest {
    head: SchemaGenerator::subschema_for::<DeploymentCreate>,
    line: SchemaGenerator::subschema_for::<DeploymentFile>,
};

const NO_QUERY: &[QueryParameter] = &[];
const PAGE_QUERY: &[QueryParameter] = &[
    optional("limit", QueryKind::PageLength, "Items a page."),
    optional(
        "cursor",
        QueryKind::Text,
        "`next_cursor` of the page before.",
    ),
];
const AUDIT_QUERY: &[QueryParameter] = &[
    optional("limit", QueryKind::PageLength, "Items a page."),
    optional(
        "cursor",
        QueryKind::Text,
        "`next_cursor` of the page before.",
    ),
    optional(
        "user",
        QueryKind::Text,
        "Only what this user did: an id, or the e-mail of a member.",
    ),
    optional(
        "project",
        QueryKind::Text,
        "Only what was done to this project: an id, or a name.",
    ),
    optional(
        "operation",
        QueryKind::Operation,
        "Only calls of this operation.",
    ),
    optional(
        "since",
        QueryKind::Time,
        "Only what was done then or later.",
    ),
];
const CREATE_QUERY: &[QueryParameter] = &[
    optional(
        "dry_run",
        QueryKind::Flag,
        "`true`: only say what would be deployed; nothing is stored.",
    ),
    optional(
        "environment",
        QueryKind::Environment,
        "With an archive: `production` or `preview`, the default.",
    ),
    optional(
        "create_project",
        QueryKind::Flag,
        "With an archive: `true` makes the project when there is none.",
    ),
    optional(
        "branch",
        QueryKind::Text,
        "With an archive: the Git branch.",
    ),
    optional(
        "commit",
        QueryKind::Text,
        "With an archive: the commit hash.",
    ),
    optional(
        "message",
        QueryKind::Text,
        "With an archive: what the deployment is about.",
    ),
];

const fn optional(name: &'static str, kind: QueryKind, about: &'static str) -> QueryParameter {
    QueryParameter {
        name,
        is_required: false,
        kind,
        about,
    }
}

const EXPLAIN_QUERY: &[QueryParameter] = &[
    QueryParameter {
        name: "url",
        is_required: true,
        kind: QueryKind::Text,
        about: "The URL, percent-encoded as a browser sends it.",
    },
    optional(
        "deployment",
        QueryKind::Text,
        "A deployment of the host's project to ask instead of the one that it shows.",
    ),
    optional(
        "ip",
        QueryKind::Text,
        "The address of the visitor to suppose; without one, rules on addresses are passed.",
    ),
    optional("referer", QueryKind::Text, "The `Referer` to suppose."),
    optional(
        "user_agent",
        QueryKind::Text,
        "The `User-Agent` to suppose.",
    ),
    optional(
        "past_gate",
        QueryKind::Flag,
        "`true`: go on where access rules or protection would end the request.",
    ),
];
const ENVIRONMENT_QUERY: &[QueryParameter] = &[optional(
    "environment",
    QueryKind::Environment,
    "`production` or `preview`.",
)];

macro_rules! shapes {
    ($($id:ident: $request:expr, $response:expr, $query:expr, [$($code:ident),*];)*) => {
        /// In the order of [`OPERATIONS`].
        pub(super) const SHAPES: &[Shape] = &[$(Shape {
            id: stringify!($id),
            request: $request,
            response: $response,
            query: $query,
            codes: &[$(ErrorCode::$code),*],
        }),*];
    };
}

shapes! {
    openapi_view: Body::None, Body::AnyJson, NO_QUERY, [];
    instance_view: Body::None, json::<InstanceView>(), NO_QUERY, [];
    instance_claim: json::<ClaimRequest>(), json::<ClaimResult>(), NO_QUERY,
        [ClaimInvalid, ClaimDone, AuthPasswordUnfit];
    session_create: json::<SessionCreate>(), json::<SessionView>(), NO_QUERY, [AuthBadCredentials];
    session_delete: Body::None, Body::None, NO_QUERY, [];
    me_view: Body::None, json::<MeView>(), NO_QUERY, [];
    me_update: json::<MeUpdate>(), json::<MeView>(), NO_QUERY,
        [AuthBadCredentials, AuthPasswordUnfit, MemberEmailTaken];
    token_list: Body::None, json::<Page<TokenView>>(), PAGE_QUERY, [];
    token_create: json::<TokenCreate>(), json::<TokenCreated>(), NO_QUERY,
        [ProjectNotFound, TokenLimit];
    token_delete: Body::None, Body::None, NO_QUERY, [TokenNotFound];
    member_list: Body::None, json::<Page<MemberView>>(), PAGE_QUERY, [];
    member_update: json::<MemberUpdate>(), json::<MemberView>(), NO_QUERY,
        [MemberNotFound, MemberLastOwner];
    member_delete: Body::None, Body::None, NO_QUERY, [MemberNotFound, MemberLastOwner];
    invitation_list: Body::None, json::<Page<InvitationView>>(), PAGE_QUERY, [];
    invitation_create: json::<InvitationCreate>(), json::<InvitationCreated>(), NO_QUERY,
        [MemberEmailTaken, MemberLimit];
    invitation_delete: Body::None, Body::None, NO_QUERY, [InvitationNotFound];
    invitation_accept: json::<InvitationAccept>(), json::<SessionView>(), NO_QUERY,
        [InvitationInvalid, AuthPasswordUnfit, MemberEmailTaken, MemberLimit];
    audit_list: Body::None, json::<Page<AuditView>>(), AUDIT_QUERY, [];
    project_list: Body::None, json::<Page<ProjectView>>(), PAGE_QUERY, [];
    project_create: json::<ProjectCreate>(), json::<ProjectView>(), NO_QUERY,
        [ProjectNameTaken, ProjectNameInvalid, ProjectLimit];
    project_view: Body::None, json::<ProjectView>(), NO_QUERY, [];
    project_update: json::<ProjectUpdate>(), json::<ProjectView>(), NO_QUERY,
        [ProjectSettingInvalid, RequestPrecondition];
    project_delete: Body::None, Body::None, NO_QUERY, [EdgeNotTakenUp];
    variable_list: Body::None, json::<VariableList>(), ENVIRONMENT_QUERY, [];
    variable_set: json::<VariableSet>(), json::<VariableList>(), NO_QUERY,
        [VariableInvalid, VariableTooLarge, VariableLimit, RequestPrecondition];
    variable_delete: Body::None, Body::None, ENVIRONMENT_QUERY,
        [VariableNotFound, RequestPrecondition];
    alias_list: Body::None, json::<Page<AliasView>>(), PAGE_QUERY, [];
    project_rollback: Body::None, json::<DeploymentView>(), NO_QUERY,
        [ProjectNothingToRollBack, EdgeNotTakenUp];
    protection_view: Body::None, json::<ProtectionView>(), NO_QUERY, [];
    protection_update: json::<ProtectionUpdate>(), json::<ProtectionView>(), NO_QUERY,
        [EdgeNotTakenUp, RequestPrecondition];
    access_rules_view: Body::None, json::<AccessRulesView>(), NO_QUERY, [];
    access_rules_update: json::<AccessRulesView>(), json::<AccessRulesView>(), NO_QUERY,
        [EdgeNotTakenUp, RequestPrecondition];
    project_share: json::<ShareCreate>(), json::<ShareLink>(), NO_QUERY, [DeploymentNotFound];
    deployment_list: Body::None, json::<Page<DeploymentView>>(), PAGE_QUERY, [];
    deployment_create: MANIFEST, json::<DeploymentCreated>(), CREATE_QUERY,
        [DeploymentManifest, DeploymentArchive, DeploymentArchiveTooLarge, DeploymentTooManyFiles, DeploymentFileTooLarge, ProjectNameInvalid,
         ProjectLimit];
    deployment_view: Body::None, json::<DeploymentView>(), NO_QUERY, [];
    blob_upload: FRAMES, json::<BlobsUploaded>(), NO_QUERY,
        [BlobFraming, BlobUnexpected, BlobMismatch, DeploymentEnded];
    deployment_commit: FRAMES_IF_ANY, json::<DeploymentView>(), NO_QUERY,
        [BlobFraming, BlobUnexpected, BlobMismatch, BlobMissing, DeploymentEnded, DeploymentFailed,
         DeploymentFileTooLarge, EdgeNotTakenUp];
    deployment_cancel: Body::None, json::<DeploymentView>(), NO_QUERY, [DeploymentEnded];
    deployment_promote: Body::None, json::<DeploymentView>(), NO_QUERY,
        [DeploymentNotSealed, DeploymentEnded, EdgeNotTakenUp];
    deployment_redeploy: Body::None, json::<DeploymentView>(), ENVIRONMENT_QUERY,
        [DeploymentNotSealed, DeploymentEnded, DeploymentCollected, EdgeNotTakenUp];
    deployment_pin: Body::None, json::<DeploymentView>(), NO_QUERY,
        [DeploymentNotSealed, DeploymentEnded];
    deployment_unpin: Body::None, json::<DeploymentView>(), NO_QUERY, [];
    deployment_variables: Body::None, json::<DeploymentVariables>(), NO_QUERY, [];
    deployment_delete: Body::None, Body::None, NO_QUERY, [DeploymentIsLive, EdgeNotTakenUp];
    deployment_events: Body::None, Body::Events, NO_QUERY, [];
    limit_list: Body::None, json::<LimitList>(), NO_QUERY, [];
    storage_view: Body::None, json::<StorageView>(), NO_QUERY, [];
    storage_collect: json::<StorageCollect>(), json::<CollectionView>(), NO_QUERY, [EdgeNotTakenUp];
    backup_create: json::<BackupCreate>(), Body::Backup, NO_QUERY, [];
    explain_view: Body::None, json::<ExplainReport>(), EXPLAIN_QUERY,
        [ExplainUnknownHost, DeploymentNotFound, DeploymentNotSealed];
}

const _: () = assert!(fits_operations(), "SHAPES does not fit OPERATIONS");

const fn fits_operations() -> bool {
    let mut index = 0;
    while index < OPERATIONS.len() && index < SHAPES.len() {
        if !is_same(OPERATIONS[index].id, SHAPES[index].id) {
            return false;
        }
        index += 1;
    }
    OPERATIONS.len() == SHAPES.len()
}

const fn is_same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut index = 0;
    while index < left.len() && index < right.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    left.len() == right.len()
}
