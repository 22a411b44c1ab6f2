//! Handlers of tokens.

use axum::response::Response;
use holm_api::TokenCreate;

use super::list::Asked;
use super::{Call, respond};
use crate::app;
use crate::authz::{Authorized, Identity, Read};
use crate::error::ApiError;

pub(super) async fn token_list(
    call: &mut Call,
    who: Authorized<Identity>,
) -> Result<Response, ApiError> {
    let asked = Asked::read(call)?;
    let tokens = app::token_list(&call.core, &who, asked.rows()).await?;
    asked.answer(call, tokens, |token| token.id)
}

pub(super) async fn token_create(
    call: &mut Call,
    who: Authorized<Identity>,
) -> Result<Response, ApiError> {
    let ask: TokenCreate = call.json().await?;
    respond::secret_json(201, &app::token_create(&call.core, &who, ask).await?)
}

pub(super) async fn token_delete(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    app::token_delete(&call.core, &who, &call.path("token")?).await?;
    Ok(respond::empty())
}
