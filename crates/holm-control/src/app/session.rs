//! Sessions: signing a browser in with a password or a token, and out.

use std::net::IpAddr;
use std::time::Duration;

use holm_api::SessionCreate;
use holm_types::{ErrorCode, SessionId, Timestamp, UserId};

use crate::authz::password::Match;
use crate::authz::secret::SecretKind;
use crate::authz::{Actor, Authorized, Grant, ShownBy, email, unknown_token};
use crate::core::Core;
use crate::db::{Change, DbError, SessionRow, TokenRow, Trail, UserRow};
use crate::error::ApiError;

/// How long a browser stays signed in, unless its token ends earlier.
const SESSION_TIME: Duration = Duration::from_hours(14 * 24);

/// A session as its browser gets it.
#[derive(Debug)]
pub(crate) struct Session {
    /// The secret, shown once.
    pub(crate) secret: String,
    /// How long it lasts.
    pub(crate) valid_for: Duration,
    pub(crate) expires_at: Timestamp,
}

/// Who has signed in, and with which session.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) user: UserRow,
    pub(crate) session: Session,
}

/// A session that is not kept yet.
#[derive(Debug)]
pub(super) struct NewSession {
    row: SessionRow,
    secret: String,
}

impl NewSession {
    /// For a user; of a token, with which it ends, or of a password.
    pub(super) fn new(core: &Core, user_id: UserId, token: Option<&TokenRow>) -> Self {
        let now = core.now();
        let end = now.plus(SESSION_TIME);
        let row = SessionRow {
            id: core.mint.mint::<SessionId>(),
            user_id,
            token_id: token.map(|token| token.id),
            created_at: now,
            expires_at: token.map_or(end, |token| end.min(token.expires_at)),
        };
        let secret = SecretKind::Session.make(core.entropy.as_ref());
        Self { row, secret }
    }

    /// Keeps it, and ends the user's oldest when there are too many.
    pub(super) fn keep(&self, change: &Change<'_>, sessions_max: u64) -> Result<(), DbError> {
        change.insert_session(&self.row, &SecretKind::Session.hash(&self.secret))?;
        change.keep_newest_sessions(self.row.user_id, sessions_max)
    }

    /// What the browser gets, once it is kept.
    pub(super) fn shown(self) -> Session {
        let ms = self.row.expires_at.unix_ms() - self.row.created_at.unix_ms();
        Session {
            secret: self.secret,
            valid_for: Duration::from_millis(u64::try_from(ms).unwrap_or(0)),
            expires_at: self.row.expires_at,
        }
    }
}

/// Signs in with an e-mail and its password. Whether the account is there is not told: neither by the
/// answer, nor by the time it takes, nor by how often one may try.
pub(crate) async fn create(
    core: &Core,
    ask: &SessionCreate,
    peer: IpAddr,
) -> Result<SignedIn, ApiError> {
    let email = email::normalize(&ask.email).unwrap_or_default();
    let attempt = core.sign_ins.begin(&email, peer, core.clock.as_ref())?;
    let (user, kept) = core
        .db
        .read(move |view| {
            let user = view.user_by_email(&email)?;
            let kept = user.as_ref().map(|user| view.password_hash(user.id));
            Ok::<_, DbError>((user, kept.transpose()?.flatten()))
        })
        .await?;
    let matched = core.passwords.compare(&ask.password, kept.clone()).await?;
    let user = user.filter(|_| matched != Match::No).ok_or_else(bad)?;
    core.sign_ins.succeeded(attempt);
    Trail::name_user(user.id);
    let fresh = match matched {
        Match::YesOutdated => Some(hash(core, &ask.password).await?),
        Match::Yes | Match::No => None,
    };
    let session = NewSession::new(core, user.id, None);
    let (user_id, sessions_max) = (user.id, core.config.limits.user_sessions_max);
    let session = core
        .db
        .write(move |change| {
            // The password may have been changed, or the member removed, just now.
            if change.password_hash(user_id)? != kept {
                return Err(bad());
            }
            if let Some(fresh) = &fresh {
                change.set_password_hash(user_id, fresh)?;
            }
            session.keep(change, sessions_max)?;
            Ok(session)
        })
        .await?;
    Ok(SignedIn {
        user,
        session: session.shown(),
    })
}

fn bad() -> ApiError {
    ApiError::new(
        ErrorCode::AuthBadCredentials,
        "This e-mail and password are not a member's",
    )
}

/// What to keep of a password.
pub(super) async fn hash(core: &Core, password: &str) -> Result<String, ApiError> {
    core.passwords.hash(password, core.entropy.as_ref()).await
}

/// Signs a browser in that has shown a token; the session ends with the token. `None` for a token
/// without a user, and for who has shown no token.
pub(crate) async fn sign_in<G: Grant>(
    core: &Core,
    who: &Authorized<G>,
) -> Result<Option<Session>, ApiError> {
    let (Some(user_id), ShownBy::Token(token_id)) = (who.actor().user_id(), who.actor().shown_by())
    else {
        return Ok(None);
    };
    let token = core.db.read(move |view| view.token(token_id)).await?;
    let token = token.ok_or_else(unknown_token)?;
    let session = NewSession::new(core, user_id, Some(&token));
    let sessions_max = core.config.limits.user_sessions_max;
    let session = core
        .db
        .write(move |change| {
            // It may have been revoked just now.
            change.token(token_id)?.ok_or_else(unknown_token)?;
            session.keep(change, sessions_max)?;
            Ok::<_, ApiError>(session)
        })
        .await?;
    Ok(Some(session.shown()))
}

/// Signs a browser out. A token stays.
pub(crate) async fn sign_out(core: &Core, actor: &Actor) -> Result<(), ApiError> {
    let ShownBy::Session(id) = actor.shown_by() else {
        return Ok(());
    };
    core.db
        .write(move |change| change.delete_session(id))
        .await?;
    Ok(())
}
