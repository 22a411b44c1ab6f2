//! Signing a browser in, with a password or a token, and out.

use std::net::IpAddr;

use axum::response::Response;
use holm_api::SessionCreate;
use holm_types::ErrorCode;
use http::header::{HeaderValue, SET_COOKIE};

use super::{Visit, decoded, form, session_cookie, set_session, to_status};
use crate::app::instance;
use crate::app::session::{self, Session};
use crate::authz::{self, Authorized, Read, Shown};
use crate::core::Core;
use crate::db::Trail;
use crate::error::ApiError;

/// Signs in with an e-mail and its password, or with a token that was pasted.
pub(super) async fn sign_in(mut visit: Visit<'_>) -> Result<Response, ApiError> {
    let form = form(&mut visit).await?;
    let session = if let Some(email) = decoded(&form, "email") {
        let password = decoded(&form, "password").unwrap_or_default();
        let ask = SessionCreate { email, password };
        let signed_in = session::create(&visit.core, &ask, visit.peer).await?;
        signed_in.session
    } else {
        let token = decoded(&form, "token").unwrap_or_default();
        with_token(&visit.core, visit.peer, &token).await?
    };
    let mut response = to_status();
    set_session(&mut response, &session, visit.core.config.is_secure());
    Ok(response)
}

async fn with_token(core: &Core, peer: IpAddr, token: &str) -> Result<Session, ApiError> {
    let found = authz::identify(core, Shown::token(token), peer, None).await?;
    let actor = found
        .actor
        .ok_or_else(|| ApiError::new(ErrorCode::AuthRequired, "Nobody is signed in"))?;
    if let Some(user_id) = actor.user_id() {
        Trail::name_user(user_id);
    }
    let who = Authorized::<Read>::ask(actor)?;
    match session::sign_in(core, &who).await? {
        Some(session) => Ok(session),
        None => Err(nobodys_token(core).await?),
    }
}

/// Why a good token signs nobody in: it was made before there was an owner, and there may be one now.
async fn nobodys_token(core: &Core) -> Result<ApiError, ApiError> {
    let about = instance::view(core).await?;
    Ok(if about.is_claimed {
        ApiError::new(
            ErrorCode::AuthForbidden,
            "This token was made before the server had an owner and signs nobody in; \
             use one of the owner's",
        )
    } else {
        ApiError::new(ErrorCode::ClaimRequired, "This server has no owner yet")
    })
}

/// Signs out.
pub(super) async fn sign_out(visit: Visit<'_>) -> Result<Response, ApiError> {
    if let Some(actor) = &visit.actor {
        session::sign_out(&visit.core, actor).await?;
    }
    let mut response = to_status();
    if let Ok(value) = HeaderValue::from_str(&session_cookie("", 0, visit.core.config.is_secure()))
    {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    Ok(response)
}
