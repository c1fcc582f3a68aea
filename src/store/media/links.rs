//! Links to files: who has one may read that file for a while.
//!
//! Guarantee: only this installation makes one, it opens one file, and it says nothing of whose it is.

use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::domain::ids::{EventId, TenantId};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::bots::json;
use crate::store::error::StoreError;
use crate::store::seal::Place;

/// Sealed for this use alone: nothing else that is sealed can be shown as a link.
const PLACE: Place<'static> = Place { tenant: "", column: "media.link", row: "" };

#[derive(Serialize, Deserialize)]
struct Link {
    tenant: TenantId,
    turn: EventId,
    n: u32,
    until: i64,
}

/// The same for files that bots send.
const OWN: Place<'static> = Place { tenant: "", column: "files.link", row: "" };

#[derive(Serialize, Deserialize)]
struct OwnLink {
    tenant: TenantId,
    hash: String,
    name: String,
    until: i64,
}

impl Store {
    /// A link to a file that a tenant's bot sends, with its name, that holds until then.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn file_link(
        &self,
        tenant: &TenantId,
        (hash, name): (&str, &str),
        until: Timestamp,
    ) -> Result<String, StoreError> {
        let (hash, name) = (hash.to_owned(), name.to_owned());
        let link = OwnLink { tenant: tenant.clone(), hash, name, until: until.millis() };
        self.sealer.seal(OWN, &Secret::new(json("files", &link)?))
    }

    /// The tenant, the hash and the name of the file that a link leads to; `None` for one that is too old or none of ours.
    #[must_use]
    pub fn file_linked(&self, link: &str) -> Option<(TenantId, String, String)> {
        let opened = self.sealer.open(OWN, link).ok()?;
        let link: OwnLink = serde_json::from_str(opened.expose()).ok()?;
        (self.now() < link.until).then_some((link.tenant, link.hash, link.name))
    }

    /// A link to a tenant's file that holds until then.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn media_link(
        &self,
        tenant: &TenantId,
        (turn, n): (EventId, u32),
        until: Timestamp,
    ) -> Result<String, StoreError> {
        let link = Link { tenant: tenant.clone(), turn, n, until: until.millis() };
        self.sealer.seal(PLACE, &Secret::new(json("media", &link)?))
    }

    /// The file that a link leads to; `None` for one that is too old or none of ours.
    #[must_use]
    pub fn media_linked(&self, link: &str) -> Option<(TenantId, (EventId, u32))> {
        let opened = self.sealer.open(PLACE, link).ok()?;
        let link: Link = serde_json::from_str(opened.expose()).ok()?;
        (self.now() < link.until).then_some((link.tenant, (link.turn, link.n)))
    }
}
