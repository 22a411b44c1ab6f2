//! Preview protection: who is shown a project's hosts.

use holm_api::{
    ProtectionCoverage, ProtectionModeName, ProtectionUpdate, ProtectionView, RefusalName,
};
use holm_site::guard::{
    Coverage, PasswordHash, Protection, ProtectionMode, RefusalForm, SigningKey,
};
use holm_types::{ErrorCode, Timestamp};

use super::expected::{Expected, Tagged, tag_of};
use super::{find, release};
use crate::authz::{Authorized, Manage, Read};
use crate::core::Core;
use crate::db::ProtectionRow;
use crate::error::ApiError;

/// A project's protection.
pub(crate) async fn view(
    core: &Core,
    _who: &Authorized<Read>,
    reference: String,
) -> Result<Tagged<ProtectionView>, ApiError> {
    let row = core
        .db
        .read(move |view| {
            let project = find::project(view, &reference)?;
            Ok::<_, ApiError>(view.protection(project.id)?)
        })
        .await?;
    Ok(tagged(row.as_ref()))
}

/// Changes a project's protection; returns when the edge goes by it.
pub(crate) async fn update(
    core: &Core,
    _who: &Authorized<Manage>,
    reference: String,
    mut update: ProtectionUpdate,
    expected: Expected,
) -> Result<Tagged<ProtectionView>, ApiError> {
    let password = match update.password.take() {
        Some(password) => Some(hash(core, password).await?),
        None => None,
    };
    let new_key = NewKey {
        key: make_key(core),
        made_at: core.now(),
    };
    let (row, version) = core
        .db
        .write(move |change| {
            let project = find::project(change, &reference)?;
            let before = change.protection(project.id)?;
            let what = format!("The settings of the protection of `{}`", project.name);
            expected.check(&tagged(before.as_ref()).entity_tag, &what)?;
            let row = changed(before, &update, password, new_key)?;
            change.put_protection(project.id, &row)?;
            Ok::<_, ApiError>((row, change.snapshot_version()?))
        })
        .await?;
    release::show(core, version).await?;
    Ok(tagged(Some(&row)))
}

/// A key, should one be needed.
struct NewKey {
    key: SigningKey,
    made_at: Timestamp,
}

fn make_key(core: &Core) -> SigningKey {
    let mut bytes = [0; 32];
    core.entropy.fill(&mut bytes);
    SigningKey::from_bytes(bytes)
}

/// Away from the threads that serve, a few at a time.
async fn hash(core: &Core, password: String) -> Result<PasswordHash, ApiError> {
    let mut salt = [0; 16];
    core.entropy.fill(&mut salt);
    let _turn = core.hashing.acquire().await;
    let hashed = tokio::task::spawn_blocking(move || PasswordHash::make(&password, &salt)).await;
    let hashed = hashed.map_err(|error| {
        ApiError::from_cause(ErrorCode::Internal, "The password was not hashed", &error)
    })?;
    hashed.map_err(|error| invalid("/password", error.to_string()))
}

fn invalid(pointer: &str, detail: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::RequestInvalid, "This cannot be a protection")
        .with_field(pointer, detail)
}

/// What comes of the old settings and the change.
fn changed(
    before: Option<ProtectionRow>,
    update: &ProtectionUpdate,
    password: Option<PasswordHash>,
    new_key: NewKey,
) -> Result<ProtectionRow, ApiError> {
    let mut row = before.unwrap_or_else(|| ProtectionRow {
        mode: ProtectionModeName::Public,
        covers: ProtectionCoverage::Previews,
        refusal: RefusalName::Unauthorized,
        signing_key: new_key.key.clone(),
        key_made_at: new_key.made_at,
        password: None,
    });
    row.mode = update.mode.unwrap_or(row.mode);
    row.covers = update.covers.unwrap_or(row.covers);
    row.refusal = update.refusal.unwrap_or(row.refusal);
    if update.rotate_key {
        row.signing_key = new_key.key;
        row.key_made_at = new_key.made_at;
    }
    let has_new_password = password.is_some();
    row.password = password.or(row.password);
    if row.mode == ProtectionModeName::Password {
        if row.password.is_none() {
            return Err(invalid("/password", "the mode `password` needs one"));
        }
        if row.refusal == RefusalName::NotFound {
            let why = "a host that asks for a password cannot look as if it did not exist";
            return Err(invalid("/refusal", why));
        }
    } else if has_new_password {
        return Err(invalid("/password", "only the mode `password` has one"));
    } else {
        row.password = None;
    }
    Ok(row)
}

/// The tag changes with the password too, which is not shown.
fn tagged(row: Option<&ProtectionRow>) -> Tagged<ProtectionView> {
    let view = shape(row);
    let password = row.and_then(|row| row.password.as_ref());
    let entity_tag = tag_of(&view, password.map_or("", PasswordHash::as_str));
    Tagged { view, entity_tag }
}

fn shape(row: Option<&ProtectionRow>) -> ProtectionView {
    ProtectionView {
        mode: row.map(|row| row.mode).unwrap_or_default(),
        covers: row.map(|row| row.covers).unwrap_or_default(),
        refusal: row.map(|row| row.refusal).unwrap_or_default(),
        key_made_at: row.map(|row| row.key_made_at),
    }
}

/// The protection as the edge goes by it. `None` for a public project.
pub(crate) fn read_protection(row: &ProtectionRow) -> Option<Protection> {
    let mode = match (row.mode, &row.password) {
        (ProtectionModeName::Public, _) => return None,
        (ProtectionModeName::Password, Some(password)) => {
            ProtectionMode::Password(password.clone())
        }
        // Without a password nobody comes in by one; the schema keeps this from happening.
        (ProtectionModeName::Signed | ProtectionModeName::Password, _) => ProtectionMode::Signed,
    };
    Some(Protection {
        mode,
        coverage: match row.covers {
            ProtectionCoverage::Previews => Coverage::Previews,
            ProtectionCoverage::All => Coverage::All,
        },
        refusal: match row.refusal {
            RefusalName::Unauthorized => RefusalForm::Unauthorized,
            RefusalName::NotFound => RefusalForm::NotFound,
        },
        signing_key: row.signing_key.clone(),
    })
}
