//! What tenants own, and the timeline: SQL on SQLite or PostgreSQL, one portable text for both.
//!
//! Guarantees: every query carries its tenant; secrets are sealed at rest; a change and its outbox row are one
//! transaction, so no cache keeps an old bot for good. The hot path of a turn makes no query on a cache hit.

mod accounts;
mod apps;
mod bots;
mod business;
mod cache;
mod cached;
mod campaigns;
mod config;
mod contacts;
mod db;
mod directory;
mod documents;
mod erase;
mod error;
pub mod fake;
mod identities;
mod journal;
mod keys;
mod knowledge;
mod media;
mod missed;
mod outbox;
mod refusals;
mod rests;
mod schema;
mod scratch;
mod scripts;
mod seal;
mod templates;
mod tenants;
mod timeline;
mod tokens;

use std::path::Path;
use std::sync::Arc;

use crate::domain::time::{Clock, Timestamp};

pub use accounts::{AccountInfo, Connect, Connected};
pub use apps::AppInfo;
pub use bots::{BotInfo, VersionInfo};
pub use cached::CachedDirectory;
pub use campaigns::{Counts, Due, Leaving, NewCampaign, NewRecipient, RecipientLine, Settled};
pub use config::{CacheConfig, DatabaseUrl, Engine, StoreConfig};
pub use directory::{Account, App, Directory, History, Line, Speaker};
pub use documents::DocumentInfo;
pub use erase::Erased;
pub use error::StoreError;
pub use journal::{
    Advance, ClosedRow, ConsentRow, ConversationRow, JournalError, JournalRow, JournalWriter, LogRange,
    MessageRow, Moved, PartRow, ReceiptRow, watermark_id,
};
pub use knowledge::{
    BaseDocument, BaseInfo, BasePage, BaseSnapshot, BaseSource, DueSnapshot, GIVEN_UP, KnowledgeUse,
    MissedQuestion, Quota, Reading, SOURCE_LEASE, Submission, Submitted, Waiting, given_up_reason,
};
pub use media::{Fetched, MediaItem, Upload, UploadKey, VisitorFile};
pub use outbox::Change;
pub use schema::{SchemaStatus, migrate, schema_status};
pub use scratch::{drop_scratch_database, scratch_database};
pub use tenants::Tenant;
pub use timeline::{Conversation, Cursor, Direction, Message, MessagePart};
pub use tokens::{ApiToken, Caller, NewToken};

use db::Db;
use seal::Sealer;

/// An open database with the installation's key. Shared by everything in a process.
#[derive(Debug)]
pub struct Store {
    db: Db,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    /// Rung after each change, so that the outbox of this process is looked at at once.
    bell: tokio::sync::Notify,
    config: StoreConfig,
}

impl Store {
    /// Opens the database. SQLite is migrated; PostgreSQL is only checked, since many processes share it.
    ///
    /// # Errors
    /// When it can't be reached, needs `millrace migrate`, or was sealed with another key.
    pub async fn open(
        config: &StoreConfig,
        data: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let db = Db::open(config, data).await?;
        match db.engine {
            Engine::Sqlite => drop(schema::apply(&db).await?),
            Engine::Postgres => schema::check(&db).await?,
        }
        Self::with_key(db, config, data, clock).await
    }

    /// Opens the database and migrates it, whichever it is.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_migrated(
        config: &StoreConfig,
        data: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let db = Db::open(config, data).await?;
        schema::apply(&db).await?;
        Self::with_key(db, config, data, clock).await
    }

    async fn with_key(
        db: Db,
        config: &StoreConfig,
        data: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let sealer = keys::sealer(&db, config, data).await?;
        let bell = tokio::sync::Notify::new();
        Ok(Arc::new(Self { db, sealer, clock, bell, config: config.clone() }))
    }

    /// Which database it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.db.engine
    }

    /// A query that touches nothing: for readiness.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(self.db.read()).await?;
        Ok(())
    }

    /// Closes the connections; later calls fail as unavailable.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// The present, by the clock of the process.
    #[must_use]
    pub fn now_at(&self) -> Timestamp {
        self.clock.now()
    }

    fn now(&self) -> i64 {
        self.clock.now().millis()
    }
}
