//! The owner link: a page with a button, so that a link preview claims nothing, and what the button does.

use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, SET_COOKIE};

use super::html::{Text, page};
use super::{Visit, field, form, session_cookie};
use crate::app::instance::{self, SignedIn};
use crate::error::ApiError;

/// The page that the owner link opens.
pub(super) async fn ask(visit: Visit<'_>) -> Result<Response, ApiError> {
    let instance = instance::view(&visit.core).await?;
    if instance.is_claimed {
        let body = "<p>This server has an owner already. <a href=\"/\">Status</a></p>";
        return Ok(page(StatusCode::OK, "Already claimed", body));
    }
    let code = visit
        .query
        .as_deref()
        .and_then(|query| field(query, "code"));
    let Some(code) = code else {
        let body = "<p>Open the owner link that the server printed when it started.</p>";
        return Ok(page(StatusCode::OK, "The code is missing", body));
    };
    let body = format!(
        "<p>Whoever presses this button becomes the owner of this server.</p>\
         <form method=\"post\" action=\"/claim\">\
         <input type=\"hidden\" name=\"code\" value=\"{}\">\
         <button>Become the owner</button></form>",
        Text(code)
    );
    Ok(page(StatusCode::OK, "Claim this Holm", &body))
}

/// What the button does: claims, signs the browser in, shows a token once.
pub(super) async fn claim(mut visit: Visit<'_>) -> Result<Response, ApiError> {
    let form = form(&mut visit).await?;
    let code = field(&form, "code").unwrap_or_default();
    let claimed = instance::claim(&visit.core, code, visit.peer).await?;
    let body = format!(
        "<p>You are signed in here. To work from a terminal, run</p>\
         <pre>holm login --api {}</pre>\
         <p>and paste this token:</p><pre>{}</pre>\
         <p>It is valid for 90 days and is not shown again.</p>\
         <p><a href=\"/\">Status</a></p>",
        Text(&visit.core.config.control_origin),
        Text(&claimed.token)
    );
    let mut response = page(StatusCode::OK, "This Holm is yours", &body);
    set_session(
        &mut response,
        &claimed.session,
        visit.core.config.is_secure(),
    );
    Ok(response)
}

/// Signs the browser in.
pub(super) fn set_session(response: &mut Response, session: &SignedIn, is_secure: bool) {
    let cookie = session_cookie(&session.secret, session.valid_for.as_secs(), is_secure);
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}
