//! The owner link: a page with a button, so that a link preview claims nothing, and what the button does.

use axum::response::Response;
use holm_api::ClaimRequest;
use http::StatusCode;

use super::html::{Text, page};
use super::{Visit, decoded, field, form, set_session};
use crate::app::instance;
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
         <p>To sign in later with an e-mail and a password, choose them now; both can be set later.</p>\
         <p><label>E-mail<br><input type=\"email\" name=\"email\" autocomplete=\"username\">\
         </label></p><p><label>Password, 12 characters or more<br>\
         <input type=\"password\" name=\"password\" autocomplete=\"new-password\"></label></p>\
         <button>Become the owner</button></form>",
        Text(code)
    );
    Ok(page(StatusCode::OK, "Claim this Holm", &body))
}

/// What the button does: claims, signs the browser in, shows a token once.
pub(super) async fn claim(mut visit: Visit<'_>) -> Result<Response, ApiError> {
    let form = form(&mut visit).await?;
    let typed = |name| decoded(&form, name).filter(|text| !text.is_empty());
    let ask = ClaimRequest {
        code: typed("code").unwrap_or_default(),
        email: typed("email"),
        password: typed("password"),
    };
    let claimed = instance::claim(&visit.core, &ask, visit.peer).await?;
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
