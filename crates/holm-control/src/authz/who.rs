//! From what a request shows to an actor.

use std::net::IpAddr;

use holm_api::MemberRole;
use holm_types::{ErrorCode, ProjectId, Timestamp};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use super::secret::{SecretKind, TOKEN_PREFIX};
use super::{Actor, Scopes, ShownBy, Target};
use crate::core::Core;
use crate::db::{DbError, View};
use crate::error::ApiError;

/// The name of a signed-in browser's cookie. Over TLS browsers themselves keep anybody else, such as a
/// page on a subdomain, from setting a cookie of this name (RFC 6265bis, section 4.1.3.2); they take
/// no such cookie over plain HTTP.
pub(crate) const fn session_cookie_name(is_secure: bool) -> &'static str {
    if is_secure {
        "__Host-holm_session"
    } else {
        "holm_session"
    }
}

/// What a request shows. The secret itself is hashed at once and kept nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing.
    Nothing,
    /// Something that cannot be a token of ours.
    Garbage,
    /// A bearer token, as its hash.
    Token([u8; 32]),
    /// A session cookie, as its hash.
    Session([u8; 32]),
}

impl Shown {
    /// Reads the header fields. A bearer token comes before a cookie.
    pub(crate) fn in_headers(headers: &HeaderMap, is_secure: bool) -> Self {
        if let Some(value) = headers.get(AUTHORIZATION) {
            return value.to_str().map_or(Self::Garbage, Self::bearer);
        }
        let cookies = headers.get_all(COOKIE).into_iter();
        cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == session_cookie_name(is_secure))
            .map_or(Self::Nothing, |(_, secret)| {
                Self::Session(SecretKind::Session.hash(secret))
            })
    }

    /// Reads a token that was not sent as a header field.
    pub(crate) fn token(secret: &str) -> Self {
        if secret.starts_with(TOKEN_PREFIX) && secret.len() < 200 {
            Self::Token(SecretKind::Token.hash(secret))
        } else {
            Self::Garbage
        }
    }

    fn bearer(value: &str) -> Self {
        match value.split_once(' ') {
            Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => {
                Self::token(secret.trim())
            }
            _ => Self::Garbage,
        }
    }
}

/// What a look at the database tells about a request.
#[derive(Debug)]
pub(crate) struct Identified {
    /// `None` is nobody.
    pub(crate) actor: Option<Actor>,
    /// What it is about.
    pub(crate) target: Target,
}

/// Who shows this, from this address, and which project it names. An error says what is wrong with it.
///
/// Before the server has an owner it listens to its own machine only.
pub(crate) async fn identify(
    core: &Core,
    shown: Shown,
    peer: IpAddr,
    project: Option<String>,
) -> Result<Identified, ApiError> {
    let now = core.now();
    let (is_claimed, found, target) = core
        .db
        .read(move |view| {
            let found = find(view, shown, now)?;
            Ok::<_, DbError>((view.owner()?.is_some(), found, look_up(view, project)?))
        })
        .await?;
    if !is_claimed && !peer.to_canonical().is_loopback() {
        return Err(ApiError::new(
            ErrorCode::ClaimRequired,
            "This server has no owner yet and listens to its own machine only",
        ));
    }
    match (shown, found) {
        (_, Some(found)) => {
            if let ShownBy::Token(id) = found.actor.shown_by {
                core.token_uses.note(core, id, found.last_used_at, now);
            }
            let actor = Some(found.actor);
            Ok(Identified { actor, target })
        }
        // A cookie that has expired is what every browser shows one day: the same as none.
        (Shown::Nothing | Shown::Session(_), None) => Ok(Identified {
            actor: None,
            target,
        }),
        (Shown::Garbage | Shown::Token(_), None) => Err(unknown_token()),
    }
}

/// What was shown is no token that works.
pub(crate) fn unknown_token() -> ApiError {
    ApiError::new(
        ErrorCode::AuthUnknownToken,
        "This token is unknown, revoked or expired",
    )
}

fn look_up(view: &View<'_>, project: Option<String>) -> Result<Target, DbError> {
    let Some(reference) = project else {
        return Ok(Target::Server);
    };
    let found = match reference.parse::<ProjectId>() {
        Ok(id) => view.project(id)?,
        Err(_) => view.project_by_name(&reference)?,
    };
    Ok(Target::Project {
        id: found.map(|project| project.id),
        reference,
    })
}

/// An actor, and when its token was last used.
struct Found {
    actor: Actor,
    last_used_at: Option<Timestamp>,
}

fn find(view: &View<'_>, shown: Shown, now: Timestamp) -> Result<Option<Found>, DbError> {
    match shown {
        Shown::Nothing | Shown::Garbage => Ok(None),
        Shown::Token(hash) => by_token(view, &hash, now),
        Shown::Session(hash) => by_session(view, &hash, now),
    }
}

fn by_token(view: &View<'_>, hash: &[u8; 32], now: Timestamp) -> Result<Option<Found>, DbError> {
    let Some(token) = view.token_by_hash(hash)?.filter(|it| it.expires_at > now) else {
        return Ok(None);
    };
    let user = match token.user_id {
        Some(id) => match view.user(id)? {
            Some(user) => Some(user),
            None => return Ok(None),
        },
        None => None,
    };
    Ok(Some(Found {
        actor: Actor {
            user_id: token.user_id,
            // The server's own token is its operator's.
            role: user.as_ref().map_or(MemberRole::Owner, |user| user.role),
            email: user.and_then(|user| user.email),
            shown_by: ShownBy::Token(token.id),
            token_id: Some(token.id),
            scopes: token.scopes,
        },
        last_used_at: token.last_used_at,
    }))
}

fn by_session(view: &View<'_>, hash: &[u8; 32], now: Timestamp) -> Result<Option<Found>, DbError> {
    let Some(session) = view.session_by_hash(hash)?.filter(|it| it.expires_at > now) else {
        return Ok(None);
    };
    let Some(user) = view.user(session.user_id)? else {
        return Ok(None);
    };
    let scopes = match session.token_id {
        // It has no more than the token that it was signed in with.
        Some(id) => match view.token(id)? {
            Some(token) => token.scopes,
            None => return Ok(None),
        },
        None => Scopes::everything(),
    };
    Ok(Some(Found {
        actor: Actor {
            user_id: Some(user.id),
            role: user.role,
            email: user.email,
            shown_by: ShownBy::Session(session.id),
            token_id: session.token_id,
            scopes,
        },
        last_used_at: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &'static str, value: &str) -> Shown {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        Shown::in_headers(&headers, false)
    }

    #[test]
    fn over_tls_only_the_name_that_browsers_guard_counts() {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", "holm_session=planted".parse().unwrap());
        assert_eq!(Shown::in_headers(&headers, true), Shown::Nothing);
        headers.append("cookie", "__Host-holm_session=s".parse().unwrap());
        let session = |secret: &str| Shown::Session(SecretKind::Session.hash(secret));
        assert_eq!(Shown::in_headers(&headers, true), session("s"));
        assert_eq!(Shown::in_headers(&headers, false), session("planted"));
    }

    #[test]
    fn reads_what_is_shown() {
        let token = Shown::Token(SecretKind::Token.hash("holm_x"));
        assert_eq!(shown("authorization", "Bearer holm_x"), token);
        assert_eq!(shown("authorization", "bearer  holm_x"), token);
        assert_eq!(shown("authorization", "Basic holm_x"), Shown::Garbage);
        assert_eq!(shown("authorization", "Bearer other"), Shown::Garbage);
        let session = Shown::Session(SecretKind::Session.hash("s"));
        assert_eq!(shown("cookie", "a=b; holm_session=s"), session);
        assert_eq!(shown("cookie", "xholm_session=s"), Shown::Nothing);
        assert_eq!(Shown::in_headers(&HeaderMap::new(), false), Shown::Nothing);
    }
}
