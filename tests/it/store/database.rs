//! A fresh database for a test.

use std::path::Path;
use std::sync::Arc;

use millrace::config::Secret;
use millrace::domain::bot::{BotSpec, Document};
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::{BotId, TenantId};
use millrace::domain::time::{ManualClock, Timestamp};
use millrace::store::{Connect, Store, StoreConfig};

/// A database, open, with a clock that stands still.
pub(crate) struct Database {
    pub(crate) store: Arc<Store>,
    pub(crate) config: StoreConfig,
    pub(crate) clock: ManualClock,
    folder: tempfile::TempDir,
    address: String,
}

impl Database {
    pub(crate) async fn sqlite() -> Self {
        Self::open(StoreConfig::default(), String::new()).await
    }

    #[cfg(feature = "db-tests")]
    pub(crate) async fn postgres() -> Self {
        let address = super::postgres::fresh().await;
        let config = StoreConfig {
            url: address.as_str().into(),
            key: Some(Secret::new("5a".repeat(32))),
            ..StoreConfig::default()
        };
        Self::open(config, address).await
    }

    async fn open(config: StoreConfig, address: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
        let store = Store::open_migrated(&config, folder.path(), Arc::new(clock.clone())).await.unwrap();
        Self { store, config, clock, folder, address }
    }

    /// Opens the same database once more, as another process would.
    pub(crate) async fn again(&self) -> Arc<Store> {
        Store::open(&self.config, self.folder.path(), Arc::new(self.clock.clone())).await.unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database's address, for a look past the store.
    pub(crate) fn url(&self) -> String {
        match self.config.url.file(self.folder.path()) {
            Some(file) => format!("sqlite://{}", file.display()),
            None => self.address.clone(),
        }
    }

    /// Makes a tenant.
    pub(crate) async fn tenant(&self, id: &str) -> TenantId {
        let id = TenantId::from(id);
        self.store.tenant_create(&id, "").await.unwrap();
        id
    }
}

/// A bot's content.
pub(crate) fn spec(bot: &str, persona: &str) -> BotSpec {
    let json = serde_json::json!({
        "bot": bot,
        "name": "Shop",
        "persona": persona,
        "scripts": [{"name": "hi", "when": [{"exact": "hi"}], "reply": ["Hello"]}],
    });
    serde_json::from_value(json).unwrap()
}

pub(crate) fn document(name: &str, text: &str) -> Document {
    Document::text(name, text)
}

pub(crate) fn bot(id: &str) -> BotId {
    BotId::from(id)
}

/// A wish to connect, with a token of its own.
pub(crate) fn connect(bot: &BotId, channel: ChannelKind, account: &str) -> Connect {
    Connect {
        bot: bot.clone(),
        channel,
        account: account.into(),
        app: None,
        token: Secret::new(format!("{account}:token")),
        secret: None,
        origins: Vec::new(),
    }
}
