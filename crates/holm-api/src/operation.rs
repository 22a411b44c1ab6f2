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
    /// Look after members, everybody's tokens, the server.
    Own,
    /// Act for oneself: one's own tokens, e-mail and password. A token has it only with `*:*`.
    Identity,
}

impl Permission {
    /// The word for documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Manage => "manage",
            Self::Own => "own",
            Self::Identity => "identity",
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
    /// Whoever shows in the body what the handler itself checks: a password, an invitation.
    Proof,
    /// An actor with this permission: for the project where the path names one, else for the server.
    Needs(Permission),
}

/// One operation of the API.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Noun, then verb: the function, the OpenAPI operation id, the audit action.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path under `/v1`, with `{project}`, `{deployment}`, `{token}` and so on.
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
    session_create Post "/session" Policy::Proof, 201 "Sign in with an e-mail and its password; the answer sets a cookie.";
    session_delete Delete "/session" Policy::Needs(Permission::Read), 204 "Sign out: end the session of the cookie that is shown.";
    me_view Get "/me" Policy::Needs(Permission::Read), 200 "Who asks.";
    me_update Patch "/me" Policy::Needs(Permission::Identity), 200 "Change one's own e-mail or password.";
    token_list Get "/tokens" Policy::Needs(Permission::Identity), 200 "The tokens, newest first: one's own, to an owner everybody's.";
    token_create Post "/tokens" Policy::Needs(Permission::Identity), 201 "Make a token.";
    token_delete Delete "/tokens/{token}" Policy::Needs(Permission::Read), 204 "Revoke a token: the one that is shown, one's own, or as an owner anybody's.";
    member_list Get "/members" Policy::Needs(Permission::Own), 200 "The members, newest first.";
    member_update Patch "/members/{member}" Policy::Needs(Permission::Own), 200 "Change a member's role.";
    member_delete Delete "/members/{member}" Policy::Needs(Permission::Own), 204 "Remove a member, with their tokens and sessions.";
    invitation_list Get "/invitations" Policy::Needs(Permission::Own), 200 "The open invitations, newest first.";
    invitation_create Post "/invitations" Policy::Needs(Permission::Own), 201 "Invite somebody by e-mail; the answer has the link to send.";
    invitation_delete Delete "/invitations/{invitation}" Policy::Needs(Permission::Own), 204 "Withdraw an invitation.";
    invitation_accept Post "/invitations/accept" Policy::Proof, 201 "Become a member with an invitation; signs in.";
    audit_list Get "/audit" Policy::Needs(Permission::Own), 200 "Who changed what, newest first.";
    project_list Get "/projects" Policy::Needs(Permission::Read), 200 "The projects, newest first.";
    project_create Post "/projects" Policy::Needs(Permission::Manage), 201 "Make a project.";
    project_view Get "/projects/{project}" Policy::Needs(Permission::Read), 200 "One project.";
    project_update Patch "/projects/{project}" Policy::Needs(Permission::Manage), 200 "Change a project's settings.";
    project_delete Delete "/projects/{project}" Policy::Needs(Permission::Manage), 204 "Delete a project and all its deployments.";
    variable_list Get "/projects/{project}/variables" Policy::Needs(Permission::Read), 200 "A project's variables, by name; values of secrets are never shown.";
    variable_set Post "/projects/{project}/variables" Policy::Needs(Permission::Manage), 200 "Set variables, all of them or none; deployments made from now on have them.";
    variable_delete Delete "/projects/{project}/variables/{variable}" Policy::Needs(Permission::Manage), 204 "Delete a variable, from one environment with `?environment=`, else from both.";
    alias_list Get "/projects/{project}/aliases" Policy::Needs(Permission::Read), 200 "The production and branch aliases of a project, newest first.";
    project_rollback Post "/projects/{project}/rollback" Policy::Needs(Permission::Deploy), 200 "Point production at the deployment it pointed at before.";
    protection_view Get "/projects/{project}/protection" Policy::Needs(Permission::Read), 200 "Who is shown a project's hosts.";
    protection_update Patch "/projects/{project}/protection" Policy::Needs(Permission::Manage), 200 "Protect a project's hosts, or open them; returns when it is served.";
    access_rules_view Get "/projects/{project}/access-rules" Policy::Needs(Permission::Read), 200 "Whom a project's hosts refuse and slow down.";
    access_rules_update Put "/projects/{project}/access-rules" Policy::Needs(Permission::Manage), 200 "Replace a project's access rules; returns when they are served.";
    project_share Post "/projects/{project}/share" Policy::Needs(Permission::Deploy), 200 "A link to a host of a project that opens it for three hours if it is protected.";
    deployment_list Get "/projects/{project}/deployments" Policy::Needs(Permission::Read), 200 "A project's deployments, newest first.";
    deployment_create Post "/projects/{project}/deployments" Policy::Needs(Permission::Deploy), 201 "Announce a deployment's files; the answer lists the missing blobs.";
    deployment_view Get "/projects/{project}/deployments/{deployment}" Policy::Needs(Permission::Read), 200 "One deployment.";
    blob_upload Put "/projects/{project}/deployments/{deployment}/blobs" Policy::Needs(Permission::Deploy), 200 "Store missing blobs, durably.";
    deployment_commit Post "/projects/{project}/deployments/{deployment}/commit" Policy::Needs(Permission::Deploy), 200 "Store the rest, seal, release; returns when it is served.";
    deployment_cancel Post "/projects/{project}/deployments/{deployment}/cancel" Policy::Needs(Permission::Deploy), 200 "Give up an unfinished deployment.";
    deployment_promote Post "/projects/{project}/deployments/{deployment}/promote" Policy::Needs(Permission::Deploy), 200 "Point production at this deployment.";
    deployment_redeploy Post "/projects/{project}/deployments/{deployment}/redeploy" Policy::Needs(Permission::Deploy), 201 "Make a new deployment from this one's files, with the present variables.";
    deployment_pin Post "/projects/{project}/deployments/{deployment}/pin" Policy::Needs(Permission::Deploy), 200 "Keep this deployment whatever retention says.";
    deployment_unpin Post "/projects/{project}/deployments/{deployment}/unpin" Policy::Needs(Permission::Deploy), 200 "Leave this deployment to retention again.";
    deployment_variables Get "/projects/{project}/deployments/{deployment}/variables" Policy::Needs(Permission::Read), 200 "The variables that a deployment was made with; values of secrets are never shown.";
    deployment_delete Delete "/projects/{project}/deployments/{deployment}" Policy::Needs(Permission::Deploy), 204 "Delete a deployment; its URL answers 410.";
    deployment_events Get "/projects/{project}/deployments/{deployment}/events" Policy::Needs(Permission::Read), 200 "What happens to a deployment, as a stream of events until it has ended.";
    limit_list Get "/limits" Policy::Needs(Permission::Read), 200 "Every maximum of this server: what holds, the default, and the setting.";
    storage_view Get "/storage" Policy::Needs(Permission::Read), 200 "How full the blob store is, and what the last collection did.";
    storage_collect Post "/storage/collect" Policy::Needs(Permission::Manage), 200 "Remove the blobs that nobody wants, now; `dry_run` only looks.";
    backup_create Post "/backup" Policy::Needs(Permission::Own), 200 "Everything in one file, while serving.";
    explain_view Get "/explain" Policy::Needs(Permission::Read), 200 "Why a URL answers as it does: `?url=` and optionally `&deployment=`.";
}
