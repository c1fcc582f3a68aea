//! Raw files that nobody needs any more.
//!
//! Guarantee: a file goes only when nothing of its tenant has it at that moment. What is left behind is only room, so a
//! failure is said and is nobody's.

use crate::domain::ids::TenantId;
use crate::services::objects::{ContentHash, Objects};
use crate::store::Store;

/// Deletes a tenant's raw file when nothing has it any more.
pub async fn drop_unused(store: &Store, objects: &Objects, tenant: &TenantId, hash: &str) {
    if let Err(error) = drop_if_unused(store, objects, tenant, hash).await {
        tracing::warn!(error, %tenant, hash, "a file that nobody needs could not be deleted");
    }
}

async fn drop_if_unused(
    store: &Store,
    objects: &Objects,
    tenant: &TenantId,
    hash: &str,
) -> Result<(), String> {
    if store.base_file_used(tenant, hash).await.map_err(|error| error.to_string())? {
        return Ok(());
    }
    let known: ContentHash = hash.parse()?;
    objects.delete(tenant, known).await.map_err(|error| error.to_string())
}
