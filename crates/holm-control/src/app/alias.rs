//! Aliases: looking. They are moved by `release`.

use holm_api::AliasView;
use holm_types::AliasId;

use super::{ListAsk, find};
use crate::authz::{Authorized, Read};
use crate::config::ControlConfig;
use crate::core::Core;
use crate::db::{AliasKind, ListedAlias};
use crate::error::ApiError;

/// A project's aliases, newest first.
pub(crate) async fn list(
    core: &Core,
    _who: &Authorized<Read>,
    project: String,
    ask: ListAsk<AliasId>,
) -> Result<Vec<AliasView>, ApiError> {
    let rows = core
        .db
        .read(move |view| {
            let project = find::project(view, &project)?;
            Ok::<_, ApiError>(view.aliases_of(project.id, ask.before, ask.rows_max)?)
        })
        .await?;
    let shape = |listed| shape(&core.config, listed);
    Ok(rows.into_iter().map(shape).collect())
}

fn shape(config: &ControlConfig, listed: ListedAlias) -> AliasView {
    AliasView {
        id: listed.id,
        kind: match listed.row.kind {
            AliasKind::Production => holm_api::AliasKind::Production,
            AliasKind::Branch => holm_api::AliasKind::Branch,
        },
        url: config.url(&listed.row.label),
        branch: listed.row.branch,
        deployment_id: listed.row.deployment_id,
        moved_at: listed.moved_at,
    }
}
