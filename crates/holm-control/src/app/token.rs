//! API tokens.

use std::time::Duration;

use holm_api::{TokenCreate, TokenCreated, TokenView};
use holm_types::{ErrorCode, TokenId};

use super::ListAsk;
use super::instance::new_token;
use crate::authz::secret::SecretKind;
use crate::authz::{Authorized, Own};
use crate::core::Core;
use crate::db::TokenRow;
use crate::error::ApiError;

const NAME_LENGTH_MAX: usize = 100;
const SECONDS_MIN: u64 = 60;
const SECONDS_MAX: u64 = 31_536_000;

/// Makes a token; its secret is shown here only.
pub(crate) async fn create(
    core: &Core,
    who: &Authorized<Own>,
    ask: TokenCreate,
) -> Result<TokenCreated, ApiError> {
    check(&ask)?;
    let valid_for = Duration::from_secs(ask.expires_in_seconds);
    let (row, secret) = new_token(core, who.actor().user_id(), &ask.name, valid_for);
    let hash = SecretKind::Token.hash(&secret);
    let token = shape(row.clone());
    core.db
        .write(move |change| change.insert_token(&row, &hash))
        .await?;
    Ok(TokenCreated { token, secret })
}

/// The tokens that still work, newest first.
pub(crate) async fn list(
    core: &Core,
    _who: &Authorized<Own>,
    ask: ListAsk<TokenId>,
) -> Result<Vec<TokenView>, ApiError> {
    let now = core.now();
    let rows = core
        .db
        .read(move |view| view.tokens(now, ask.before, ask.rows_max))
        .await?;
    Ok(rows.into_iter().map(shape).collect())
}

/// Revokes a token; it is refused from the next request on.
pub(crate) async fn delete(
    core: &Core,
    _who: &Authorized<Own>,
    reference: &str,
) -> Result<(), ApiError> {
    let unknown = || ApiError::new(ErrorCode::TokenNotFound, "There is no such token");
    let id: TokenId = reference.parse().map_err(|_| unknown())?;
    if core.db.write(move |change| change.delete_token(id)).await? {
        Ok(())
    } else {
        Err(unknown())
    }
}

fn check(ask: &TokenCreate) -> Result<(), ApiError> {
    let invalid = || ApiError::new(ErrorCode::RequestInvalid, "The token cannot be made");
    let length = ask.name.chars().count();
    if length == 0 || length > NAME_LENGTH_MAX || ask.name.chars().any(char::is_control) {
        let detail = format!("1 to {NAME_LENGTH_MAX} characters, no control characters");
        return Err(invalid().with_field("/name", detail));
    }
    if !(SECONDS_MIN..=SECONDS_MAX).contains(&ask.expires_in_seconds) {
        let detail = format!("{SECONDS_MIN} to {SECONDS_MAX} seconds");
        return Err(invalid().with_field("/expires_in_seconds", detail));
    }
    Ok(())
}

fn shape(row: TokenRow) -> TokenView {
    TokenView {
        id: row.id,
        name: row.name,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}
