//! API tokens.

use std::time::Duration;

use holm_api::{MemberRole, Permission, TokenCreate, TokenCreated, TokenView};
use holm_types::{ErrorCode, ProjectId, Timestamp, TokenId, UserId};

use super::{ListAsk, find};
use crate::authz::secret::SecretKind;
use crate::authz::{Actor, Authorized, Identity, Read, Scope, Scopes, ShownBy, forbidden};
use crate::core::Core;
use crate::db::{DbError, NEVER, TokenRow, View};
use crate::error::ApiError;

const NAME_LENGTH_MAX: usize = 100;
const SCOPES_MAX: usize = 100;
const SECONDS_MIN: u64 = 60;
const SECONDS_MAX: u64 = 31_536_000;

/// Makes a token; its secret is shown here only.
pub(crate) async fn create(
    core: &Core,
    who: &Authorized<Identity>,
    ask: TokenCreate,
) -> Result<TokenCreated, ApiError> {
    check(&ask)?;
    if ask.never_expires && who.actor().role() != MemberRole::Owner {
        return Err(forbidden());
    }
    let (mut row, secret) = new_token(core, who.actor().user_id(), &ask.name, life(&ask));
    let hash = SecretKind::Token.hash(&secret);
    let tokens_max = core.config.limits.user_tokens_max;
    let row = core
        .db
        .write(move |change| {
            let count = change.token_count(row.user_id)?;
            // Those of nobody are the server's own, one a start.
            if row.user_id.is_some() && count >= tokens_max {
                return Err(too_many(tokens_max, count));
            }
            row.scopes = read_scopes(change, &ask.scopes)?;
            change.insert_token(&row, &hash)?;
            Ok(row)
        })
        .await?;
    let token = core.db.read(move |view| shape(view, row)).await?;
    Ok(TokenCreated { token, secret })
}

/// The tokens that still work, newest first: one's own, to an owner everybody's.
pub(crate) async fn list(
    core: &Core,
    who: &Authorized<Identity>,
    ask: ListAsk<TokenId>,
) -> Result<Vec<TokenView>, ApiError> {
    let now = core.now();
    let is_for_all = who.actor().permits(Permission::Own, None);
    let of = who.actor().user_id().filter(|_| !is_for_all);
    core.db
        .read(move |view| {
            let rows = view.tokens(now, of, ask.before, ask.rows_max)?;
            let shapes = rows.into_iter().map(|row| shape(view, row));
            Ok::<_, ApiError>(shapes.collect::<Result<_, DbError>>()?)
        })
        .await
}

/// Revokes a token; it is refused from the next request on. Any token may revoke itself. One that is
/// not the caller's does not exist for them.
pub(crate) async fn delete(
    core: &Core,
    who: &Authorized<Read>,
    reference: &str,
) -> Result<(), ApiError> {
    let unknown = || ApiError::new(ErrorCode::TokenNotFound, "There is no such token");
    let id: TokenId = reference.parse().map_err(|_| unknown())?;
    let actor = who.actor().clone();
    core.db
        .write(move |change| {
            let row = change.token(id)?.ok_or_else(unknown)?;
            match may_revoke(&actor, &row) {
                Revoking::Allowed => {}
                Revoking::Forbidden => return Err(forbidden()),
                Revoking::Unseen => return Err(unknown()),
            }
            change.delete_token(id)?;
            Ok(())
        })
        .await
}

/// Whether an actor may revoke a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Revoking {
    Allowed,
    Forbidden,
    Unseen,
}

fn may_revoke(actor: &Actor, token: &TokenRow) -> Revoking {
    let is_itself = actor.shown_by() == ShownBy::Token(token.id);
    let is_own = actor.user_id().is_some() && actor.user_id() == token.user_id;
    if is_itself
        || actor.permits(Permission::Own, None)
        || (is_own && actor.permits(Permission::Identity, None))
    {
        Revoking::Allowed
    } else if is_own {
        Revoking::Forbidden
    } else {
        Revoking::Unseen
    }
}

fn check(ask: &TokenCreate) -> Result<(), ApiError> {
    let invalid = || ApiError::new(ErrorCode::RequestInvalid, "The token cannot be made");
    let length = ask.name.chars().count();
    if length == 0 || length > NAME_LENGTH_MAX || ask.name.chars().any(char::is_control) {
        let detail = format!("1 to {NAME_LENGTH_MAX} characters, no control characters");
        return Err(invalid().with_field("/name", detail));
    }
    match (ask.expires_in_seconds, ask.never_expires) {
        (None, true) => {}
        (Some(seconds), false) if (SECONDS_MIN..=SECONDS_MAX).contains(&seconds) => {}
        (None | Some(_), _) => {
            let detail =
                format!("{SECONDS_MIN} to {SECONDS_MAX} seconds, or `never_expires` in its place");
            return Err(invalid().with_field("/expires_in_seconds", detail));
        }
    }
    if ask.scopes.is_empty() || ask.scopes.len() > SCOPES_MAX {
        let detail = format!("1 to {SCOPES_MAX} scopes");
        return Err(invalid().with_field("/scopes", detail));
    }
    Ok(())
}

fn too_many(tokens_max: u64, count: u64) -> ApiError {
    let external = format!("A user may have {tokens_max} tokens");
    ApiError::new(ErrorCode::TokenLimit, external).with_limit(
        tokens_max,
        count + 1,
        "control.user_tokens_max",
    )
}

/// `None` is for ever.
fn life(ask: &TokenCreate) -> Option<Duration> {
    ask.expires_in_seconds.map(Duration::from_secs)
}

/// Reads scopes as a person writes them; the projects that they name must be there.
fn read_scopes(view: &View<'_>, texts: &[String]) -> Result<Scopes, ApiError> {
    let mut scopes = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let (place, verb) = Scope::split(text).ok_or_else(|| {
            ApiError::new(ErrorCode::RequestInvalid, "The token cannot be made").with_field(
                format!("/scopes/{index}"),
                "`project:verb` with a project's name or id or `*`, and `read`, `deploy`, `manage` or `*`",
            )
        })?;
        let project: Option<ProjectId> = place
            .map(|reference| find::project(view, reference))
            .transpose()?
            .map(|project| project.id);
        scopes.push(Scope::new(project, verb));
    }
    Ok(Scopes::new(scopes))
}

/// Scopes as a person reads them: with names of projects, or ids of those that are gone.
pub(super) fn shown_scopes(view: &View<'_>, scopes: &Scopes) -> Result<Vec<String>, DbError> {
    scopes
        .iter()
        .map(|scope| match scope.project() {
            Some(id) => Ok(match view.project(id)? {
                Some(project) => format!("{}:{}", project.name, scope.verb_str()),
                None => scope.to_string(),
            }),
            None => Ok(scope.to_string()),
        })
        .collect()
}

/// A token row and its secret, not kept yet; it may do all that its user may. `None` lasts for ever.
pub(super) fn new_token(
    core: &Core,
    user_id: Option<UserId>,
    name: &str,
    valid_for: Option<Duration>,
) -> (TokenRow, String) {
    let now = core.now();
    let row = TokenRow {
        id: core.mint.mint::<TokenId>(),
        user_id,
        name: name.to_owned(),
        created_at: now,
        expires_at: valid_for.map_or(NEVER, |valid_for| now.plus(valid_for)),
        scopes: Scopes::everything(),
        last_used_at: None,
    };
    (row, SecretKind::Token.make(core.entropy.as_ref()))
}

fn shape(view: &View<'_>, row: TokenRow) -> Result<TokenView, DbError> {
    let expires_at: Option<Timestamp> = Some(row.expires_at).filter(|at| *at != NEVER);
    Ok(TokenView {
        id: row.id,
        name: row.name,
        created_at: row.created_at,
        expires_at,
        user_id: row.user_id,
        scopes: shown_scopes(view, &row.scopes)?,
        last_used_at: row.last_used_at,
    })
}
