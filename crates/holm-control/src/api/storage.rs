//! Handlers of what is stored.

use axum::response::Response;
use holm_api::{BACKUP_MEDIA_TYPE, BackupCreate, StorageCollect};

use super::{Call, respond};
use crate::app::storage as app;
use crate::authz::{Authorized, Manage, Own, Read};
use crate::error::ApiError;

pub(super) async fn storage_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    respond::json(200, &app::view(&call.core, &who).await?)
}

pub(super) async fn storage_collect(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let ask: StorageCollect = call.json().await?;
    respond::json(200, &app::collect(&call.core, &who, &ask).await?)
}

pub(super) async fn backup_create(
    call: &mut Call,
    who: Authorized<Own>,
) -> Result<Response, ApiError> {
    let ask: BackupCreate = call.json().await?;
    let pieces = crate::app::backup::create(&call.core, &who, &ask).await?;
    Ok(respond::stream(BACKUP_MEDIA_TYPE, pieces))
}
