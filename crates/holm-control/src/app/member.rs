//! Members: who belongs to the server, as what.

use holm_api::{MemberRole, MemberView};
use holm_types::{ErrorCode, UserId};

use super::ListAsk;
use crate::authz::{Authorized, Own};
use crate::core::Core;
use crate::db::{Change, UserRow};
use crate::error::ApiError;

/// The members, newest first.
pub(crate) async fn list(
    core: &Core,
    _who: &Authorized<Own>,
    ask: ListAsk<UserId>,
) -> Result<Vec<MemberView>, ApiError> {
    let rows = core
        .db
        .read(move |view| view.users(ask.before, ask.rows_max))
        .await?;
    Ok(rows.into_iter().map(shape).collect())
}

/// Changes a member's role. It counts from their next request on; a lesser owner's invitations end.
pub(crate) async fn update(
    core: &Core,
    _who: &Authorized<Own>,
    reference: &str,
    role: MemberRole,
) -> Result<MemberView, ApiError> {
    let id = read_id(reference)?;
    let row = core
        .db
        .write(move |change| {
            let mut row = change.user(id)?.ok_or_else(unknown)?;
            if row.role == MemberRole::Owner && role != MemberRole::Owner {
                hand_over(change, id)?;
            }
            if role < row.role {
                change.delete_invitations_by(id)?;
            }
            change.set_role(id, role)?;
            row.role = role;
            Ok::<_, ApiError>(row)
        })
        .await?;
    Ok(shape(row))
}

/// Removes a member, with their tokens, sessions and invitations.
pub(crate) async fn delete(
    core: &Core,
    _who: &Authorized<Own>,
    reference: &str,
) -> Result<(), ApiError> {
    let id = read_id(reference)?;
    core.db
        .write(move |change| {
            let row = change.user(id)?.ok_or_else(unknown)?;
            if row.role == MemberRole::Owner {
                hand_over(change, id)?;
            }
            Ok::<_, ApiError>(change.delete_user(id)?)
        })
        .await
}

/// Somebody else owns the server from now on, or nothing changes.
fn hand_over(change: &Change<'_>, from: UserId) -> Result<(), ApiError> {
    let other = change.other_owner(from)?.ok_or_else(|| {
        ApiError::new(
            ErrorCode::MemberLastOwner,
            "This member is the only owner of the server",
        )
    })?;
    if change.owner()? == Some(from) {
        change.set_owner(other)?;
    }
    Ok(())
}

fn read_id(reference: &str) -> Result<UserId, ApiError> {
    reference.parse().map_err(|_| unknown())
}

fn unknown() -> ApiError {
    ApiError::new(ErrorCode::MemberNotFound, "There is no such member")
}

/// Another member has the e-mail.
pub(super) fn email_taken() -> ApiError {
    ApiError::new(ErrorCode::MemberEmailTaken, "A member has this e-mail")
}

/// A member as the API shows them.
fn shape(row: UserRow) -> MemberView {
    MemberView {
        id: row.id,
        email: row.email,
        role: row.role,
        created_at: row.created_at,
    }
}
