//! The server itself: what it is, and how it gets its owner.

use std::net::IpAddr;
use std::time::Duration;

use holm_api::{ClaimRequest, InstanceView};
use holm_telemetry::event::ServerClaimed;
use holm_types::{ErrorCode, UserId};

use super::session::{NewSession, Session, hash};
use super::token::new_token;
use crate::authz::secret::SecretKind;
use crate::authz::{email, password};
use crate::core::Core;
use crate::db::{Change, DbError, Trail, View};
use crate::error::ApiError;

/// How long the token lasts that a claim gives.
const CLAIM_TOKEN_TIME: Duration = Duration::from_hours(90 * 24);

/// The server as anyone may see it.
pub(crate) async fn view(core: &Core) -> Result<InstanceView, ApiError> {
    let owner = core.db.read(|view| view.owner()).await?;
    Ok(InstanceView {
        name: "holm".to_owned(),
        version: core.config.version.to_owned(),
        is_claimed: owner.is_some(),
        base_domain: core.config.base_domain.clone(),
    })
}

/// What a claim gives: both are shown once.
#[derive(Debug)]
pub(crate) struct Claimed {
    /// For `holm login`.
    pub(crate) token: String,
    /// For the browser's cookie.
    pub(crate) session: Session,
}

/// Makes whoever shows the valid code the owner, with an e-mail and a password if they bring them.
pub(crate) async fn claim(
    core: &Core,
    ask: &ClaimRequest,
    peer: IpAddr,
) -> Result<Claimed, ApiError> {
    let code_hash = SecretKind::OwnerCode.hash(&ask.code);
    core.db
        .read(move |view| check_claim(view, &code_hash))
        .await?;
    // Only for who has the code: hashing a password is work.
    let identity = read_identity(core, ask).await?;
    let now = core.now();
    let user_id: UserId = core.mint.mint();
    let (token, token_secret) =
        new_token(core, Some(user_id), "owner link", Some(CLAIM_TOKEN_TIME));
    let session = NewSession::new(core, user_id, Some(&token));
    let token_hash = SecretKind::Token.hash(&token_secret);
    let sessions_max = core.config.limits.user_sessions_max;
    Trail::name_user(user_id);
    let session = core
        .db
        .write(move |change| {
            check_claim(change, &code_hash)?;
            change.claim(user_id, now)?;
            if let Some((email, password_hash)) = &identity {
                change.set_email(user_id, email)?;
                change.set_password_hash(user_id, password_hash)?;
            }
            change.insert_token(&token, &token_hash)?;
            session.keep(change, sessions_max)?;
            Ok::<_, ApiError>(session)
        })
        .await?;
    ServerClaimed { peer }.emit();
    Ok(Claimed {
        token: token_secret,
        session: session.shown(),
    })
}

/// Refuses a code that is not the valid one, and any when there is an owner.
fn check_claim(view: &View<'_>, code_hash: &[u8; 32]) -> Result<(), ApiError> {
    if view.owner()?.is_some() {
        return Err(ApiError::new(
            ErrorCode::ClaimDone,
            "This server has an owner already",
        ));
    }
    if !view.is_owner_code(code_hash)? {
        return Err(ApiError::new(
            ErrorCode::ClaimInvalid,
            "This owner link is not, or no longer, valid",
        ));
    }
    Ok(())
}

/// The e-mail and the hash of the password, when there are both.
async fn read_identity(
    core: &Core,
    ask: &ClaimRequest,
) -> Result<Option<(String, String)>, ApiError> {
    match (&ask.email, &ask.password) {
        (None, None) => Ok(None),
        (Some(email), Some(password)) => {
            let email = email::read(email)?;
            password::check(password, &email)?;
            Ok(Some((email, hash(core, password).await?)))
        }
        (Some(_), None) | (None, Some(_)) => Err(ApiError::new(
            ErrorCode::RequestInvalid,
            "An e-mail and a password are set together",
        )
        .with_field("", "`email` and `password`, or neither")),
    }
}

/// A new code for the owner link, the only valid one from now on. `None` once there is an owner.
pub(crate) fn new_owner_code(core: &Core) -> Result<Option<String>, DbError> {
    let code = SecretKind::OwnerCode.make(core.entropy.as_ref());
    let hash = SecretKind::OwnerCode.hash(&code);
    core.db.write_blocking(move |change| {
        if change.owner()?.is_some() {
            return Ok(None);
        }
        change.set_owner_code(&hash)?;
        Ok(Some(code))
    })
}

/// A token for whoever runs the server: of the owner if there is one, else of nobody.
pub(crate) fn new_local_token(
    core: &Core,
    name: &str,
    valid_for: Duration,
) -> Result<String, DbError> {
    let (mut token, secret) = new_token(core, None, name, Some(valid_for));
    let hash = SecretKind::Token.hash(&secret);
    core.db.write_blocking(move |change: &Change<'_>| {
        token.user_id = change.owner()?;
        change.insert_token(&token, &hash)
    })?;
    Ok(secret)
}
