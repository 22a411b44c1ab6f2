//! Invitations: bound to an e-mail, used once, for a while.

use std::net::IpAddr;

use holm_api::{InvitationAccept, InvitationCreate, InvitationCreated, InvitationView};
use holm_types::{ErrorCode, InvitationId, UserId};

use super::ListAsk;
use super::member::email_taken;
use super::session::{NewSession, SignedIn, hash};
use crate::authz::secret::SecretKind;
use crate::authz::{Authorized, Own, email, forbidden, password};
use crate::core::Core;
use crate::db::{Change, InvitationRow, Trail, UserRow};
use crate::error::ApiError;
use crate::guard;

/// Invites somebody. An earlier invitation of the same e-mail stops working.
pub(crate) async fn create(
    core: &Core,
    who: &Authorized<Own>,
    ask: InvitationCreate,
) -> Result<InvitationCreated, ApiError> {
    if ask.role > who.actor().role() {
        return Err(forbidden());
    }
    let now = core.now();
    let row = InvitationRow {
        id: core.mint.mint::<InvitationId>(),
        email: email::read(&ask.email)?,
        role: ask.role,
        invited_by: who.actor().user_id(),
        created_at: now,
        expires_at: now.plus(core.config.limits.invitation_time_max),
    };
    let secret = SecretKind::Invitation.make(core.entropy.as_ref());
    let hash = SecretKind::Invitation.hash(&secret);
    let (invitation, members_max) = (shape(row.clone()), core.config.limits.members_max);
    core.db
        .write(move |change| {
            if change.user_by_email(&row.email)?.is_some() {
                return Err(email_taken());
            }
            check_room(change, members_max)?;
            Ok(change.insert_invitation(&row, &hash)?)
        })
        .await?;
    let url = format!("{}/join?code={secret}", core.config.control_origin);
    Ok(InvitationCreated {
        invitation,
        secret,
        url,
    })
}

fn check_room(change: &Change<'_>, members_max: u64) -> Result<(), ApiError> {
    let count = change.user_count()? + change.invitation_count()?;
    if count < members_max {
        return Ok(());
    }
    let external = format!("This server may have {members_max} members and invitations");
    Err(ApiError::new(ErrorCode::MemberLimit, external).with_limit(
        members_max,
        count + 1,
        "control.members_max",
    ))
}

/// The open invitations, newest first.
pub(crate) async fn list(
    core: &Core,
    _who: &Authorized<Own>,
    ask: ListAsk<InvitationId>,
) -> Result<Vec<InvitationView>, ApiError> {
    let now = core.now();
    let rows = core
        .db
        .read(move |view| view.invitations(now, ask.before, ask.rows_max))
        .await?;
    Ok(rows.into_iter().map(shape).collect())
}

/// Withdraws an invitation.
pub(crate) async fn delete(
    core: &Core,
    _who: &Authorized<Own>,
    reference: &str,
) -> Result<(), ApiError> {
    let unknown = || ApiError::new(ErrorCode::InvitationNotFound, "There is no such invitation");
    let id: InvitationId = reference.parse().map_err(|_| unknown())?;
    if core
        .db
        .write(move |change| change.delete_invitation(id))
        .await?
    {
        Ok(())
    } else {
        Err(unknown())
    }
}

/// Makes whoever shows the secret, and knows the e-mail that it was sent to, a member, and signs them
/// in. The secret cannot be guessed, so attempts are limited only for the hashing that they cost.
pub(crate) async fn accept(
    core: &Core,
    ask: &InvitationAccept,
    peer: IpAddr,
) -> Result<SignedIn, ApiError> {
    let secret_hash = SecretKind::Invitation.hash(&ask.secret);
    let email = email::normalize(&ask.email).unwrap_or_default();
    guard::check(
        core.sign_ins.take_address(peer, core.clock.as_ref()),
        "control.address_sign_ins_max",
    )?;
    let now = core.now();
    let looked = core
        .db
        .read(move |view| view.invitation_by_hash(&secret_hash))
        .await?;
    looked
        .filter(|row| row.email == email && row.expires_at > now)
        .ok_or_else(invalid)?;
    password::check(&ask.password, &email)?;
    let password_hash = hash(core, &ask.password).await?;
    let user_id: UserId = core.mint.mint();
    let session = NewSession::new(core, user_id, None);
    let sessions_max = core.config.limits.user_sessions_max;
    Trail::name_user(user_id);
    let (user, session) = core
        .db
        .write(move |change| {
            // It may have been used or withdrawn just now.
            let row = change
                .invitation_by_hash(&secret_hash)?
                .ok_or_else(invalid)?;
            let user = UserRow {
                id: user_id,
                email: Some(row.email),
                role: row.role,
                created_at: now,
            };
            if change.user_by_email(&email)?.is_some() {
                return Err(email_taken());
            }
            change.insert_user(&user, &password_hash)?;
            change.delete_invitation(row.id)?;
            session.keep(change, sessions_max)?;
            Ok::<_, ApiError>((user, session))
        })
        .await?;
    Ok(SignedIn {
        user,
        session: session.shown(),
    })
}

/// Used, expired, withdrawn, never made, or somebody else's: nobody can tell which.
fn invalid() -> ApiError {
    ApiError::new(
        ErrorCode::InvitationInvalid,
        "This invitation is not, or no longer, valid for this e-mail",
    )
}

fn shape(row: InvitationRow) -> InvitationView {
    InvitationView {
        id: row.id,
        email: row.email,
        role: row.role,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}
