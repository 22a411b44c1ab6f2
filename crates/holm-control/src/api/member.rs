//! Handlers of members and invitations.

use axum::response::Response;
use holm_api::{InvitationCreate, MemberUpdate};

use super::list::Asked;
use super::{Call, respond};
use crate::app::{invitation, member};
use crate::authz::{Authorized, Own};
use crate::error::ApiError;

pub(super) async fn member_list(
    call: &mut Call,
    who: Authorized<Own>,
) -> Result<Response, ApiError> {
    let asked = Asked::read(call)?;
    let members = member::list(&call.core, &who, asked.rows()).await?;
    asked.answer(call, members, |member| member.id)
}

pub(super) async fn member_update(
    call: &mut Call,
    who: Authorized<Own>,
) -> Result<Response, ApiError> {
    let reference = call.path("member")?;
    let ask: MemberUpdate = call.json().await?;
    respond::json(
        200,
        &member::update(&call.core, &who, &reference, ask.role).await?,
    )
}

pub(super) async fn member_delete(
    call: &mut Call,
    who: Authorized<Own>,
) -> Result<Response, ApiError> {
    member::delete(&call.core, &who, &call.path("member")?).await?;
    Ok(respond::empty())
}

pub(super) async fn invitation_list(
    call: &mut Call,
    who: Authorized<Own>,
) -> Result<Response, ApiError> {
    let asked = Asked::read(call)?;
    let invitations = invitation::list(&call.core, &who, asked.rows()).await?;
    asked.answer(call, invitations, |invitation| invitation.id)
}

pub(super) async fn invitation_create(
    call: &mut Call,
    who: Authorized<Own>,
) -> Result<Response, ApiError> {
    let ask: InvitationCreate = call.json().await?;
    respond::secret_json(201, &invitation::create(&call.core, &who, ask).await?)
}

pub(super) async fn invitation_delete(
    call: &mut Call,
    who: Authorized<Own>,
) -> Result<Response, ApiError> {
    invitation::delete(&call.core, &who, &call.path("invitation")?).await?;
    Ok(respond::empty())
}
