//! The table of operations. The router, the OpenAPI document, the authorization gate and the tests
//! that call everything as everybody are made from it.

/// The HTTP method of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or acts.
    Post,
    /// Stores under a known name.
    Put,
    /// Changes some fields.
    Patch,
    /// Ends.
    Delete,
}

impl Method {
    /// In lower case, as in OpenAPI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// What an actor must be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// See projects, deployments, tokens.
    Read,
    /// Deploy, promote, roll back.
    Deploy,
    /// Make and delete projects, change settings.
    Manage,
    /// Make and revoke tokens.
    Own,
}

impl Permission {
    /// The word for documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Manage => "manage",
            Self::Own => "own",
        }
    }
}

/// Who may call an operation. There is no operation without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Anyone who reaches the listener.
    Public,
    /// Whoever shows the one-time owner code.
    OwnerCode,
    /// An actor with this permission.
    Needs(Permission),
}

/// One operation of the API.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Noun, then verb: the function, the OpenAPI operation id, the audit action.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path under `/v1`, with `{project}`, `{deployment}`, `{token}`.
    pub path: &'static str,
    /// Who may.
    pub policy: Policy,
    /// What for, as a sentence.
    pub summary: &'static str,
    /// The status of success.
    pub success: u16,
}

macro_rules! operations {
    ($($id:ident $method:ident $path:literal $policy:expr, $success:literal $summary:literal;)*) => {
        /// Every operation.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            id: stringify!($id), method: Method::$method, path: $path, policy: $policy,
            summary: $summary, success: $success,
        }),*];
    };
}

operations! {
    openapi_view Get "/openapi.json" Policy::Public, 200 "This document.";
    instance_view Get "/instance" Policy::Public, 200 "What this server is.";
    instance_claim Post "/claim" Policy::OwnerCode, 201 "Become the owner with the one-time code.";
    me_view Get "/me" Policy::Needs(Permission::Read), 200 "Who asks.";
    token_list Get "/tokens" Policy::Needs(Permission::Own), 200 "The tokens, newest first.";
    token_create Post "/tokens" Policy::Needs(Permission::Own), 201 "Make a token.";
    token_delete Delete "/tokens/{token}" Policy::Needs(Permission::Own), 204 "Revoke a token.";
    project_list Get "/projects" Policy::Needs(Permission::Read), 200 "The projects, newest first.";
    project_create Post "/projects" Policy::Needs(Permission::Manage), 201 "Make a project.";
    project_view Get "/projects/{project}" Policy::Needs(Permission::Read), 200 "One project.";
    project_update Patch "/projects/{project}" Policy::Needs(Permission::Manage), 200 "Change a project's settings.";
    project_delete Delete "/projects/{project}" Policy::Needs(Permission::Manage), 204 "Delete a project and all its deployments.";
    project_rollback Post "/projects/{project}/rollback" Policy::Needs(Permission::Deploy), 200 "Point production at the deployment it pointed at before.";
    deployment_list Get "/projects/{project}/deployments" Policy::Needs(Permission::Read), 200 "A project's deployments, newest first.";
    deployment_create Post "/projects/{project}/deployments" Policy::Needs(Permission::Deploy), 201 "Announce a deployment's files; the answer lists the missing blobs.";
    deployment_view Get "/projects/{project}/deployments/{deployment}" Policy::Needs(Permission::Read), 200 "One deployment.";
    blob_upload Put "/projects/{project}/deployments/{deployment}/blobs" Policy::Needs(Permission::Deploy), 200 "Store missing blobs, durably.";
    deployment_commit Post "/projects/{project}/deployments/{deployment}/commit" Policy::Needs(Permission::Deploy), 200 "Store the rest, seal, release; returns when it is served.";
    deployment_cancel Post "/projects/{project}/deployments/{deployment}/cancel" Policy::Needs(Permission::Deploy), 200 "Give up an unfinished deployment.";
    deployment_promote Post "/projects/{project}/deployments/{deployment}/promote" Policy::Needs(Permission::Deploy), 200 "Point production at this deployment.";
    deployment_delete Delete "/projects/{project}/deployments/{deployment}" Policy::Needs(Permission::Deploy), 204 "Delete a deployment; its URL answers 410.";
    deployment_events Get "/projects/{project}/deployments/{deployment}/events" Policy::Needs(Permission::Read), 200 "What happens to a deployment, as a stream of events until it has ended.";
    explain_view Get "/explain" Policy::Needs(Permission::Read), 200 "Why a URL answers as it does: `?url=` and optionally `&deployment=`.";
}
