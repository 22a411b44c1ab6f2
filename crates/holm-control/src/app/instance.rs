//! The server itself: what it is, and how it gets its owner.

use std::net::IpAddr;
use std::time::Duration;

use holm_api::{InstanceView, MeView};
use holm_telemetry::event::ServerClaimed;
use holm_types::{ErrorCode, SessionId, TokenId, UserId};

use crate::authz::secret::SecretKind;
use crate::authz::{Actor, Authorized, Grant, ShownBy, unknown_token};
use crate::core::Core;
use crate::db::{Change, DbError, SessionRow, TokenRow};
use crate::error::ApiError;

/// How long the token lasts that a claim gives.
const CLAIM_TOKEN_TIME: Duration = Duration::from_hours(90 * 24);

/// How long a browser stays signed in, unless its token ends earlier.
const SESSION_TIME: Duration = Duration::from_hours(14 * 24);

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
    pub(crate) session: SignedIn,
}

/// A session as its browser gets it.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// The secret, shown once.
    pub(crate) secret: String,
    /// How long it lasts.
    pub(crate) valid_for: Duration,
}

/// Makes whoever shows the valid code the owner.
pub(crate) async fn claim(core: &Core, code: &str, peer: IpAddr) -> Result<Claimed, ApiError> {
    let now = core.now();
    let user_id: UserId = core.mint.mint();
    let code_hash = SecretKind::OwnerCode.hash(code);
    let (token, token_secret) = new_token(core, Some(user_id), "owner link", CLAIM_TOKEN_TIME);
    let (session, session_secret) = new_session(core, user_id, &token);
    let token_hash = SecretKind::Token.hash(&token_secret);
    let session_hash = SecretKind::Session.hash(&session_secret);
    let valid_for = valid_for(&session);
    core.db
        .write(move |change| {
            if change.owner()?.is_some() {
                return Err(ApiError::new(
                    ErrorCode::ClaimDone,
                    "This server has an owner already",
                ));
            }
            if !change.claim(&code_hash, user_id, now)? {
                return Err(ApiError::new(
                    ErrorCode::ClaimInvalid,
                    "This owner link is not, or no longer, valid",
                ));
            }
            change.insert_token(&token, &token_hash)?;
            change.insert_session(&session, &session_hash)?;
            Ok(())
        })
        .await?;
    ServerClaimed { peer }.emit();
    Ok(Claimed {
        token: token_secret,
        session: SignedIn {
            secret: session_secret,
            valid_for,
        },
    })
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
    let (mut token, secret) = new_token(core, None, name, valid_for);
    let hash = SecretKind::Token.hash(&secret);
    core.db.write_blocking(move |change: &Change<'_>| {
        token.user_id = change.owner()?;
        change.insert_token(&token, &hash)
    })?;
    Ok(secret)
}

/// Signs a browser in that has shown a token; the session ends with the token. `None` for a token
/// without a user, and for who has shown no token.
pub(crate) async fn sign_in<G: Grant>(
    core: &Core,
    who: &Authorized<G>,
) -> Result<Option<SignedIn>, ApiError> {
    let (Some(user_id), ShownBy::Token(token_id)) = (who.actor().user_id(), who.actor().shown_by())
    else {
        return Ok(None);
    };
    let token = core.db.read(move |view| view.token(token_id)).await?;
    let token = token.ok_or_else(unknown_token)?;
    let (session, secret) = new_session(core, user_id, &token);
    let hash = SecretKind::Session.hash(&secret);
    let valid_for = valid_for(&session);
    core.db
        .write(move |change| {
            // It may have been revoked just now.
            change.token(token_id)?.ok_or_else(unknown_token)?;
            Ok::<_, ApiError>(change.insert_session(&session, &hash)?)
        })
        .await?;
    Ok(Some(SignedIn { secret, valid_for }))
}

/// Signs a browser out.
pub(crate) async fn sign_out(core: &Core, actor: &Actor) -> Result<(), ApiError> {
    let ShownBy::Session(id) = actor.shown_by() else {
        return Ok(());
    };
    core.db
        .write(move |change| change.delete_session(id))
        .await?;
    Ok(())
}

/// Who asks.
pub(crate) fn me<G: Grant>(who: &Authorized<G>) -> MeView {
    MeView {
        user_id: who.actor().user_id().map(|id| id.to_string()),
        role: "owner".to_owned(),
        authenticated_by: match who.actor().shown_by() {
            ShownBy::Token(_) => "token",
            ShownBy::Session(_) => "session",
        }
        .to_owned(),
    }
}

/// A token row and its secret, not kept yet.
pub(super) fn new_token(
    core: &Core,
    user_id: Option<UserId>,
    name: &str,
    valid_for: Duration,
) -> (TokenRow, String) {
    let now = core.now();
    let row = TokenRow {
        id: core.mint.mint::<TokenId>(),
        user_id,
        name: name.to_owned(),
        created_at: now,
        expires_at: now.plus(valid_for),
    };
    (row, SecretKind::Token.make(core.entropy.as_ref()))
}

fn new_session(core: &Core, user_id: UserId, token: &TokenRow) -> (SessionRow, String) {
    let now = core.now();
    let row = SessionRow {
        id: core.mint.mint::<SessionId>(),
        user_id,
        token_id: token.id,
        created_at: now,
        expires_at: now.plus(SESSION_TIME).min(token.expires_at),
    };
    (row, SecretKind::Session.make(core.entropy.as_ref()))
}

fn valid_for(session: &SessionRow) -> Duration {
    let ms = session.expires_at.unix_ms() - session.created_at.unix_ms();
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
