//! Who asks, and what they may change about themselves.

use std::net::IpAddr;

use holm_api::{MeUpdate, MeView};
use holm_types::{ErrorCode, UserId};

use super::member::email_taken;
use super::session::hash;
use super::token::shown_scopes;
use crate::authz::password::{self, Match};
use crate::authz::{Actor, Authorized, Identity, ShownBy, email, forbidden};
use crate::core::Core;
use crate::error::ApiError;

/// Who asks.
pub(crate) async fn view(core: &Core, actor: &Actor) -> Result<MeView, ApiError> {
    let scopes = actor.scopes().clone();
    let scopes = core
        .db
        .read(move |view| shown_scopes(view, &scopes))
        .await?;
    Ok(MeView {
        user_id: actor.user_id().map(|id| id.to_string()),
        email: actor.email().map(str::to_owned),
        role: actor.role().to_string(),
        authenticated_by: match actor.shown_by() {
            ShownBy::Token(_) => "token",
            ShownBy::Session(_) => "session",
        }
        .to_owned(),
        token_id: actor.token_id(),
        scopes,
    })
}

/// Changes one's own e-mail or password. A new password ends all other sessions.
pub(crate) async fn update(
    core: &Core,
    who: &Authorized<Identity>,
    ask: MeUpdate,
    peer: IpAddr,
) -> Result<MeView, ApiError> {
    let actor = who.actor();
    let Some(user_id) = actor.user_id() else {
        // The server's own token is nobody.
        return Err(forbidden());
    };
    let email = ask.email.as_deref().map(email::read).transpose()?;
    let kept = prove(core, user_id, ask.current_password, peer).await?;
    let hashed = match &ask.password {
        Some(password) => {
            let email = email.as_deref().or(actor.email()).unwrap_or_default();
            password::check(password, email)?;
            Some(hash(core, password).await?)
        }
        None => None,
    };
    let session = match actor.shown_by() {
        ShownBy::Session(id) => Some(id),
        ShownBy::Token(_) => None,
    };
    let new_email = email.clone();
    core.db
        .write(move |change| {
            if change.password_hash(user_id)? != kept {
                return Err(wrong());
            }
            if let Some(email) = &new_email {
                if change
                    .user_by_email(email)?
                    .is_some_and(|user| user.id != user_id)
                {
                    return Err(email_taken());
                }
                change.set_email(user_id, email)?;
            }
            if let Some(hashed) = &hashed {
                change.set_password_hash(user_id, hashed)?;
                change.delete_sessions_of(user_id, session)?;
            }
            Ok(())
        })
        .await?;
    let mut view = view(core, actor).await?;
    view.email = email.or(view.email);
    Ok(view)
}

/// Whoever has a password shows it, so that a browser left open or a stolen token is not enough to take
/// the account over. Answers what is kept of it.
async fn prove(
    core: &Core,
    user_id: UserId,
    current: Option<String>,
    peer: IpAddr,
) -> Result<Option<String>, ApiError> {
    let kept = core
        .db
        .read(move |view| view.password_hash(user_id))
        .await?;
    if kept.is_none() {
        return Ok(None);
    }
    let account = user_id.to_string();
    let attempt = core.sign_ins.begin(&account, peer, core.clock.as_ref())?;
    let current = current.unwrap_or_default();
    if core.passwords.compare(&current, kept.clone()).await? == Match::No {
        return Err(wrong());
    }
    core.sign_ins.succeeded(attempt);
    Ok(kept)
}

fn wrong() -> ApiError {
    ApiError::new(
        ErrorCode::AuthBadCredentials,
        "`current_password` is not your password",
    )
    .with_field("/current_password", "your present password")
}
