//! Handlers of signing in and out, and of who is signed in.

use axum::response::Response;
use holm_api::{InvitationAccept, MeUpdate, SessionCreate, SessionView};
use http::header::{HeaderValue, SET_COOKIE};

use super::{Call, respond};
use crate::app::session::{self as app, SignedIn};
use crate::app::{invitation, me};
use crate::authz::{Authorized, Identity, Read};
use crate::core::Core;
use crate::error::ApiError;

pub(super) async fn session_create(call: &mut Call) -> Result<Response, ApiError> {
    let ask: SessionCreate = call.json().await?;
    let signed_in = app::create(&call.core, &ask, call.peer).await?;
    shown(&call.core, &signed_in)
}

pub(super) async fn session_delete(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    app::sign_out(&call.core, who.actor()).await?;
    let mut response = respond::empty();
    set_cookie(&call.core, &mut response, "", 0);
    Ok(response)
}

pub(super) async fn invitation_accept(call: &mut Call) -> Result<Response, ApiError> {
    let ask: InvitationAccept = call.json().await?;
    let signed_in = invitation::accept(&call.core, &ask, call.peer).await?;
    shown(&call.core, &signed_in)
}

pub(super) async fn me_view(call: &mut Call, who: Authorized<Read>) -> Result<Response, ApiError> {
    respond::json(200, &me::view(&call.core, who.actor()).await?)
}

pub(super) async fn me_update(
    call: &mut Call,
    who: Authorized<Identity>,
) -> Result<Response, ApiError> {
    let ask: MeUpdate = call.json().await?;
    respond::json(200, &me::update(&call.core, &who, ask, call.peer).await?)
}

fn shown(core: &Core, signed_in: &SignedIn) -> Result<Response, ApiError> {
    let view = SessionView {
        user_id: signed_in.user.id,
        role: signed_in.user.role,
        expires_at: signed_in.session.expires_at,
    };
    let mut response = respond::secret_json(201, &view)?;
    let seconds = signed_in.session.valid_for.as_secs();
    set_cookie(core, &mut response, &signed_in.session.secret, seconds);
    Ok(response)
}

fn set_cookie(core: &Core, response: &mut Response, secret: &str, seconds: u64) {
    let cookie = crate::pages::session_cookie(secret, seconds, core.config.is_secure());
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}
