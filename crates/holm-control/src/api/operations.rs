//! Which handler carries out which operation. An operation of `holm_api::OPERATIONS` without a handler,
//! a handler for another permission than the operation's policy says, or a handler without an operation
//! does not compile.

use axum::response::Response;
use futures_util::future::BoxFuture;
use holm_api::{OPERATIONS, Operation, Permission, Policy};

use super::{
    Call, alias, audit, deployment, explain, guard, instance, member, project, session, storage,
    token, variable,
};
use crate::authz::{Actor, Authorized, Deploy, Identity, Manage, Own, Read};
use crate::error::ApiError;

/// What a handler gives.
pub(super) type Answer<'a> = BoxFuture<'a, Result<Response, ApiError>>;

type Open = for<'a> fn(&'a mut Call) -> Answer<'a>;
type Gated<G> = for<'a> fn(&'a mut Call, Authorized<G>) -> Answer<'a>;

/// A handler and what must be shown to reach it.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Nothing.
    Public(Open),
    /// The owner code, which the handler itself checks against the database.
    OwnerCode(Open),
    /// A password or an invitation in the body, which the handler itself checks.
    Proof(Open),
    /// [`Permission::Read`].
    Read(Gated<Read>),
    /// [`Permission::Deploy`].
    Deploy(Gated<Deploy>),
    /// [`Permission::Manage`].
    Manage(Gated<Manage>),
    /// [`Permission::Own`].
    Own(Gated<Own>),
    /// [`Permission::Identity`].
    Identity(Gated<Identity>),
}

impl Handler {
    /// Whether the handler must be told who asks.
    pub(super) const fn needs_actor(self) -> bool {
        !matches!(self, Self::Public(_) | Self::OwnerCode(_) | Self::Proof(_))
    }

    /// Whether the handler reads a body from anybody, signed in or not.
    pub(super) const fn has_open_body(self) -> bool {
        matches!(self, Self::OwnerCode(_) | Self::Proof(_))
    }

    /// Runs the handler as this actor, if it may do this to what the call is about. Nothing is done
    /// before the answer is awaited.
    pub(super) fn run(self, call: &mut Call, actor: Option<Actor>) -> Result<Answer<'_>, ApiError> {
        let known = || {
            actor.ok_or_else(|| {
                ApiError::new(holm_types::ErrorCode::AuthRequired, "Nobody is signed in")
            })
        };
        let target = call.target.clone();
        Ok(match self {
            Self::Public(handle) | Self::OwnerCode(handle) | Self::Proof(handle) => handle(call),
            Self::Read(handle) => handle(call, Authorized::ask_on(known()?, &target)?),
            Self::Deploy(handle) => handle(call, Authorized::ask_on(known()?, &target)?),
            Self::Manage(handle) => handle(call, Authorized::ask_on(known()?, &target)?),
            Self::Own(handle) => handle(call, Authorized::ask_on(known()?, &target)?),
            Self::Identity(handle) => handle(call, Authorized::ask_on(known()?, &target)?),
        })
    }

    const fn fits(self, policy: Policy) -> bool {
        matches!(
            (self, policy),
            (Self::Public(_), Policy::Public)
                | (Self::OwnerCode(_), Policy::OwnerCode)
                | (Self::Proof(_), Policy::Proof)
                | (Self::Read(_), Policy::Needs(Permission::Read))
                | (Self::Deploy(_), Policy::Needs(Permission::Deploy))
                | (Self::Manage(_), Policy::Needs(Permission::Manage))
                | (Self::Own(_), Policy::Needs(Permission::Own))
                | (Self::Identity(_), Policy::Needs(Permission::Identity))
        )
    }
}

macro_rules! handlers {
    ($($module:ident::$id:ident $kind:ident;)*) => {
        const HANDLERS: &[(&str, Handler)] =
            &[$((stringify!($id), handlers!(@ $kind $module::$id))),*];
    };
    (@ Public $handle:path) => { Handler::Public(|call| Box::pin($handle(call))) };
    (@ OwnerCode $handle:path) => { Handler::OwnerCode(|call| Box::pin($handle(call))) };
    (@ Proof $handle:path) => { Handler::Proof(|call| Box::pin($handle(call))) };
    (@ $kind:ident $handle:path) => { Handler::$kind(|call, who| Box::pin($handle(call, who))) };
}

// In the order of `OPERATIONS`.
handlers! {
    instance::openapi_view Public;
    instance::instance_view Public;
    instance::instance_claim OwnerCode;
    session::session_create Proof;
    session::session_delete Read;
    session::me_view Read;
    session::me_update Identity;
    token::token_list Identity;
    token::token_create Identity;
    token::token_delete Read;
    member::member_list Own;
    member::member_update Own;
    member::member_delete Own;
    member::invitation_list Own;
    member::invitation_create Own;
    member::invitation_delete Own;
    session::invitation_accept Proof;
    audit::audit_list Own;
    project::project_list Read;
    project::project_create Manage;
    project::project_view Read;
    project::project_update Manage;
    project::project_delete Manage;
    variable::variable_list Read;
    variable::variable_set Manage;
    variable::variable_delete Manage;
    alias::alias_list Read;
    project::project_rollback Deploy;
    guard::protection_view Read;
    guard::protection_update Manage;
    guard::access_rules_view Read;
    guard::access_rules_update Manage;
    guard::project_share Deploy;
    deployment::deployment_list Read;
    deployment::deployment_create Deploy;
    deployment::deployment_view Read;
    deployment::blob_upload Deploy;
    deployment::deployment_commit Deploy;
    deployment::deployment_cancel Deploy;
    deployment::deployment_promote Deploy;
    deployment::deployment_redeploy Deploy;
    deployment::deployment_pin Deploy;
    deployment::deployment_unpin Deploy;
    deployment::deployment_variables Read;
    deployment::deployment_delete Deploy;
    deployment::deployment_events Read;
    instance::limit_list Read;
    storage::storage_view Read;
    storage::storage_collect Manage;
    storage::backup_create Own;
    explain::explain_view Read;
}

const _: () = assert!(
    every_operation_has_its_handler(),
    "HANDLERS does not fit holm_api::OPERATIONS"
);

const fn every_operation_has_its_handler() -> bool {
    let mut index = 0;
    while index < OPERATIONS.len() && index < HANDLERS.len() {
        let (id, handler) = HANDLERS[index];
        let operation = &OPERATIONS[index];
        if !is_same(id, operation.id) || !handler.fits(operation.policy) {
            return false;
        }
        index += 1;
    }
    OPERATIONS.len() == HANDLERS.len()
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

/// Every operation with its handler.
pub(super) fn all() -> impl Iterator<Item = (&'static Operation, Handler)> {
    OPERATIONS
        .iter()
        .zip(HANDLERS.iter().map(|(_, handler)| *handler))
}
