//! Accepting an invitation in a browser: a page that asks for the e-mail and a password, and what its
//! button does.

use axum::response::Response;
use holm_api::InvitationAccept;
use http::StatusCode;

use super::html::{Text, page};
use super::{Visit, decoded, field, form, set_session, to_status};
use crate::app::invitation;
use crate::error::ApiError;

/// The page that an invitation's link opens. It looks nothing up, so that a link preview tells nobody
/// anything.
pub(super) fn ask(visit: &Visit<'_>) -> Response {
    let query = visit.query.as_deref();
    let Some(code) = query.and_then(|query| field(query, "code")) else {
        let body = "<p>Open the whole link of the invitation.</p>";
        return page(StatusCode::OK, "The code is missing", body);
    };
    let body = format!(
        "<p>Choose a password of 12 characters or more.</p>\
         <form method=\"post\" action=\"/join\">\
         <input type=\"hidden\" name=\"code\" value=\"{}\">\
         <p><label>The e-mail that was invited<br>\
         <input type=\"email\" name=\"email\" autocomplete=\"username\" required></label></p>\
         <p><label>Password<br><input type=\"password\" name=\"password\" minlength=\"12\" \
         autocomplete=\"new-password\" required></label></p>\
         <button>Join</button></form>",
        Text(code)
    );
    page(StatusCode::OK, "Join this Holm", &body)
}

/// What the button does: makes a member, and signs the browser in.
pub(super) async fn join(mut visit: Visit<'_>) -> Result<Response, ApiError> {
    let form = form(&mut visit).await?;
    let ask = InvitationAccept {
        secret: decoded(&form, "code").unwrap_or_default(),
        email: decoded(&form, "email").unwrap_or_default(),
        password: decoded(&form, "password").unwrap_or_default(),
    };
    let signed_in = invitation::accept(&visit.core, &ask, visit.peer).await?;
    let mut response = to_status();
    set_session(
        &mut response,
        &signed_in.session,
        visit.core.config.is_secure(),
    );
    Ok(response)
}
