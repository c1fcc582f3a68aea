//! Raw files that nobody needs any more.
//!
//! Guarantee: a file goes only when nothing of its tenant has it at that moment. What is left behind is only room, so a
//! failure is said and is nobody's.

use crate::domain::ids::TenantId;
use crate::services::objects::{ContentHash, Objects};
use crate::store::Store;

/// Deletes a tenant's raw file when nothing has it any more; true when it is gone.
pub async fn drop_unused(store: &Store, objects: &Objects, tenant: &TenantId, hash: &str) -> bool {
    try_drop_unused(store, objects, tenant, hash).await.unwrap_or(false)
}

/// The same for whoever tries again.
///
/// # Errors
/// When that can't be found out or done now; it is said here.
pub(super) async fn try_drop_unused(
    store: &Store,
    objects: &Objects,
    tenant: &TenantId,
    hash: &str,
) -> Result<bool, String> {
    let dropped = drop_if_unused(store, objects, tenant, hash).await;
    if let Err(error) = &dropped {
        tracing::warn!(error, %tenant, hash, "a file that nobody needs could not be deleted");
    }
    dropped
}

async fn drop_if_unused(
    store: &Store,
    objects: &Objects,
    tenant: &TenantId,
    hash: &str,
) -> Result<bool, String> {
    if store.base_file_used(tenant, hash).await.map_err(|error| error.to_string())? {
        return Ok(false);
    }
    let known: ContentHash = hash.parse()?;
    objects.delete(tenant, known).await.map_err(|error| error.to_string())?;
    Ok(true)
}
