//! Signing a browser in with a token, and out.

use axum::response::Response;
use holm_types::ErrorCode;
use http::StatusCode;
use http::header::{HeaderValue, LOCATION, SET_COOKIE};

use super::claim::set_session;
use super::html::page;
use super::{Visit, field, form, session_cookie};
use crate::app::instance;
use crate::authz::{self, Authorized, Read, Shown};
use crate::core::Core;
use crate::error::ApiError;

/// Signs in with a token that was pasted.
pub(super) async fn sign_in(mut visit: Visit<'_>) -> Result<Response, ApiError> {
    let form = form(&mut visit).await?;
    let token = field(&form, "token").unwrap_or_default();
    let shown = Shown::token(token);
    let actor = authz::identify(&visit.core, shown, visit.peer).await?;
    let actor =
        actor.ok_or_else(|| ApiError::new(ErrorCode::AuthRequired, "Nobody is signed in"))?;
    let who = Authorized::<Read>::ask(actor)?;
    let Some(session) = instance::sign_in(&visit.core, &who).await? else {
        return Err(nobodys_token(&visit.core).await?);
    };
    let mut response = to_status();
    set_session(&mut response, &session, visit.core.config.is_secure());
    Ok(response)
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
        instance::sign_out(&visit.core, actor).await?;
    }
    let mut response = to_status();
    if let Ok(value) = HeaderValue::from_str(&session_cookie("", 0, visit.core.config.is_secure()))
    {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    Ok(response)
}

fn to_status() -> Response {
    let mut response = page(
        StatusCode::SEE_OTHER,
        "Holm",
        "<p><a href=\"/\">Status</a></p>",
    );
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static("/"));
    response
}
