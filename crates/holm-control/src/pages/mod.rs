//! The pages of the control listener until there is a console: status, claim, sign-in. Plain HTML
//! from the server, no scripts; whatever a person or a site wrote is escaped.

mod claim;
mod html;
mod join;
mod sign_in;
mod status;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{get, post};
use holm_types::{ErrorCode, RequestId};
use http::StatusCode;
use http::header::{HeaderValue, LOCATION, SET_COOKIE};

use crate::api::Peer;
use crate::app::session::Session;
use crate::audit::{self, Recording};
use crate::authz::{self, Actor, Shown, session_cookie_name};
use crate::body::RequestBody;
use crate::core::Core;
use crate::error::ApiError;

/// The pages' part of the router.
pub(crate) fn router(core: &Arc<Core>) -> Router {
    let at = |show: Show| {
        let core = Arc::clone(core);
        move |request: Request| answer(Arc::clone(&core), show, request)
    };
    Router::new()
        .route("/", get(at(Show::Status)))
        .route("/claim", get(at(Show::Claim)).post(at(Show::ClaimNow)))
        .route("/join", get(at(Show::Join)).post(at(Show::JoinNow)))
        .route("/login", post(at(Show::SignIn)))
        .route("/logout", post(at(Show::SignOut)))
}

/// Which page.
#[derive(Clone, Copy, Debug)]
enum Show {
    Status,
    Claim,
    ClaimNow,
    SignIn,
    SignOut,
    Join,
    JoinNow,
}

impl Show {
    /// Whether a body is read, from anybody.
    const fn has_form(self) -> bool {
        matches!(self, Self::ClaimNow | Self::SignIn | Self::JoinNow)
    }

    /// The operation that this is another way to, for the audit log. `None` for what only shows.
    const fn operation(self) -> Option<&'static str> {
        match self {
            Self::Status | Self::Claim | Self::Join => None,
            Self::ClaimNow => Some("instance_claim"),
            Self::SignIn => Some("session_create"),
            Self::SignOut => Some("session_delete"),
            Self::JoinNow => Some("invitation_accept"),
        }
    }
}

/// What a page is given.
struct Visit<'b> {
    core: Arc<Core>,
    actor: Option<Actor>,
    query: Option<String>,
    peer: IpAddr,
    body: &'b mut RequestBody,
}

async fn answer(core: Arc<Core>, show: Show, request: Request) -> Response {
    let request_id = request.extensions().get::<RequestId>().copied();
    let request_id = request_id.unwrap_or(RequestId::from_u64(0));
    let recorded = tokio::spawn(record(core, show, request, request_id));
    let outcome = recorded.await.unwrap_or_else(|ended| {
        let external = "The page ended early";
        Err(ApiError::from_cause(ErrorCode::Internal, external, &ended))
    });
    outcome.unwrap_or_else(|error| html::error(&error, request_id))
}

/// Carries out a visit in a task of its own and writes it down in the audit log, if it changes something.
async fn record(
    core: Arc<Core>,
    show: Show,
    request: Request,
    request_id: RequestId,
) -> Result<Response, ApiError> {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let operation = show.operation().and_then(audit::operation);
    let recording = peer.zip(operation).and_then(|(peer, operation)| {
        audit::begin(&core, operation, request.uri().path(), peer, request_id)
    });
    let carried_out = carry_out(Arc::clone(&core), show, request, recording.clone());
    let Some(recording) = recording else {
        return carried_out.await;
    };
    let outcome = recording.follow(carried_out).await;
    let code = outcome.as_ref().err().map(|error| error.code);
    recording.end(&core, code).await;
    outcome
}

async fn carry_out(
    core: Arc<Core>,
    show: Show,
    request: Request,
    recording: Option<Recording>,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let peer = parts
        .extensions
        .get::<Peer>()
        .map(|peer| peer.0)
        .ok_or_else(|| ApiError::new(ErrorCode::Internal, "The connection has no peer"))?;
    // Pages know people by their cookie only; a token belongs to the API.
    let shown = match Shown::in_headers(&parts.headers, core.config.is_secure()) {
        session @ Shown::Session(_) => session,
        _ => Shown::Nothing,
    };
    let limits = &core.config.limits;
    let mut body = RequestBody::new(&parts, body, limits.body_idle_max);
    let visited = async {
        if show.has_form() {
            body.load(limits).await?;
        }
        let _room = core.admit()?;
        let found = authz::identify(&core, shown, peer, None).await?;
        if let (Some(recording), Some(actor)) = (&recording, &found.actor) {
            recording.name(actor, &found.target);
        }
        let visit = Visit {
            query: parts.uri.query().map(str::to_owned),
            body: &mut body,
            core: Arc::clone(&core),
            actor: found.actor,
            peer,
        };
        visit.show(show).await
    };
    let outcome = tokio::time::timeout(limits.request_time_max, visited).await;
    body.forget(limits);
    outcome.unwrap_or_else(|_| {
        Err(ApiError::new(
            ErrorCode::RequestTimeout,
            "The request took too long",
        ))
    })
}

impl Visit<'_> {
    async fn show(self, show: Show) -> Result<Response, ApiError> {
        match show {
            Show::Status => status::show(self).await,
            Show::Claim => claim::ask(self).await,
            Show::ClaimNow => claim::claim(self).await,
            Show::SignIn => sign_in::sign_in(self).await,
            Show::SignOut => sign_in::sign_out(self).await,
            Show::Join => Ok(join::ask(&self)),
            Show::JoinNow => join::join(self).await,
        }
    }
}

/// One field of a form or query as it is. Our own secrets need no decoding.
fn field<'f>(form: &'f str, name: &str) -> Option<&'f str> {
    form.split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// One field of a form as it was typed (`application/x-www-form-urlencoded`).
fn decoded(form: &str, name: &str) -> Option<String> {
    let spaced = field(form, name)?.replace('+', " ");
    let text = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    text.ok().map(std::borrow::Cow::into_owned)
}

/// Signs the browser in.
fn set_session(response: &mut Response, session: &Session, is_secure: bool) {
    let cookie = session_cookie(&session.secret, session.valid_for.as_secs(), is_secure);
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}

/// Leads back to the status page.
fn to_status() -> Response {
    let body = "<p><a href=\"/\">Status</a></p>";
    let mut response = html::page(StatusCode::SEE_OTHER, "Holm", body);
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static("/"));
    response
}

/// The body of a form, as text.
async fn form(visit: &mut Visit<'_>) -> Result<String, ApiError> {
    let bytes_max = visit.core.config.limits.body_bytes_max;
    let bytes = visit
        .body
        .whole(bytes_max, "control.body_bytes_max")
        .await?;
    String::from_utf8(bytes.to_vec())
        .map_err(|_| ApiError::new(ErrorCode::RequestInvalid, "The form cannot be read"))
}

/// `Set-Cookie` for a session; an empty secret ends it. Over TLS it is a `__Host-` cookie (decision
/// D10.6).
pub(crate) fn session_cookie(secret: &str, seconds: u64, is_secure: bool) -> String {
    let name = session_cookie_name(is_secure);
    let secure = if is_secure { " Secure;" } else { "" };
    format!("{name}={secret}; Path=/;{secure} HttpOnly; SameSite=Strict; Max-Age={seconds}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_tls_the_cookie_is_guarded() {
        assert_eq!(
            session_cookie("s", 9, true),
            "__Host-holm_session=s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=9"
        );
        assert_eq!(
            session_cookie("", 0, false),
            "holm_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        assert_eq!(field("code=abc", "code"), Some("abc"));
        assert_eq!(field("x=1&code=abc&y", "code"), Some("abc"));
        assert_eq!(field("xcode=abc", "code"), None);
        assert_eq!(field("", "code"), None);
    }

    #[test]
    fn what_was_typed_is_read_back() {
        let form = "email=ada%40example.org&password=a+b%2Bc%25%C3%A9&bad=%FF";
        assert_eq!(decoded(form, "email").as_deref(), Some("ada@example.org"));
        assert_eq!(decoded(form, "password").as_deref(), Some("a b+c%\u{e9}"));
        assert_eq!(decoded(form, "bad"), None);
    }
}
