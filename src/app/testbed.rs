//! The whole system in one process, in a folder of its own: what golden conversations and benches run on.
//!
//! Guarantee: nothing of it outlives it (the folder is removed; topics on Kafka carry a prefix of their own), and it is
//! built of the very parts and roles that `up` is built of.

mod processes;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use processes::Processes;

use super::parts::{Parts, Setup};
use super::settings::Settings;
use super::{ports, roles};
use crate::config::Secret;
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, TenantId};
use crate::domain::stage::StageName;
use crate::domain::time::Clock;
use crate::services::http::Http;
use crate::store::{
    Connect, DatabaseUrl, Engine, Store, StoreError, drop_scratch_database, scratch_database,
};

/// How long the stages may take to be ready.
const READY: Duration = Duration::from_secs(60);

/// A running system.
#[derive(Debug)]
pub struct Testbed {
    parts: Option<Parts>,
    /// On Kafka every role is a process of its own, and `parts` only looks after bots.
    processes: Option<Processes>,
    /// How far ahead the clocks of the processes are.
    ahead: Duration,
    /// The database server as it was given, and this testbed's database on it.
    server: DatabaseUrl,
    database: String,
    settings: Settings,
    clock: Arc<dyn Clock>,
    edge: SocketAddr,
    tenant: TenantId,
    _folder: Scratch,
}

impl Testbed {
    /// Starts every role on free ports. Of `settings` everything holds but where things are kept and served.
    ///
    /// # Errors
    /// What can't be had and what to do.
    pub async fn start(mut settings: Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let name = format!("testbed-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let folder = Scratch::make(settings.data.join(&name))?;
        settings.data.clone_from(&folder.path);
        // A restart must be found where the webhooks go.
        settings.edge.listen = ports::reserve().await?;
        settings.edge.public_url = String::new();
        settings.net.allow_private = true;
        if !settings.kafka.brokers.is_empty() {
            settings.kafka.prefix = format!("{}{name}.", settings.kafka.prefix);
            // Many small topics for one conversation would only cost time.
            settings.topics.conversations.get_or_insert(4);
            settings.topics.replies.get_or_insert(4);
            settings.topics.shards.get_or_insert(1);
        }
        let (server, database) = (settings.store.url.clone(), name.replace('-', "_"));
        settings.store.url = scratch_database(&server, &database).await?;
        if settings.store.url.engine() == Some(Engine::Postgres) && settings.store.key.is_none() {
            settings.store.key = Some(random_key()?);
        }
        let parts = Parts::open(settings.clone(), Arc::clone(&clock), Setup::Create).await?;
        let tenant = TenantId::from(name);
        parts.store.tenant_create(&tenant, "").await?;
        let edge = settings.edge.listen;
        let processes = if settings.kafka.brokers.is_empty() {
            open_roles(&parts).await?;
            None
        } else {
            Some(Processes::start(&settings, &parts.http, Duration::ZERO, READY).await?)
        };
        let ahead = Duration::ZERO;
        let parts = Some(parts);
        Ok(Self { parts, processes, ahead, server, database, settings, clock, edge, tenant, _folder: folder })
    }

    /// Ends everything in order and starts it again on the same folder and port.
    ///
    /// # Errors
    /// What can't be had again.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        if let Some(processes) = self.processes.take() {
            processes.stop(READY).await?;
            let http = &self.parts()?.http;
            self.processes = Some(Processes::start(&self.settings, http, self.ahead, READY).await?);
            return Ok(());
        }
        if let Some(parts) = self.parts.take() {
            parts.close().await;
        }
        let parts = Parts::open(self.settings.clone(), Arc::clone(&self.clock), Setup::Create).await?;
        open_roles(&parts).await?;
        self.parts = Some(parts);
        Ok(())
    }

    /// The clock that was given has moved: processes, which have clocks of their own, start again with theirs ahead.
    ///
    /// # Errors
    /// As [`Testbed::restart`].
    pub async fn moved(&mut self, span: Duration) -> anyhow::Result<()> {
        self.ahead += span;
        if self.processes.is_some() { self.restart().await } else { Ok(()) }
    }

    /// Ends everything in order.
    pub async fn stop(mut self) {
        if let Some(processes) = self.processes.take()
            && let Err(error) = processes.stop(READY).await
        {
            tracing::warn!(%error, "a role of the testbed");
        }
        if let Some(parts) = self.parts.take() {
            parts.close().await;
        }
        if let Err(error) = drop_scratch_database(&self.server, &self.database).await {
            tracing::warn!(%error, database = self.database, "the testbed's database stays behind");
        }
    }

    /// Where webhooks and web chat go.
    #[must_use]
    pub const fn edge(&self) -> SocketAddr {
        self.edge
    }

    /// The tenant that owns everything here.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The parts of the running system.
    ///
    /// # Errors
    /// After a restart that failed.
    pub fn parts(&self) -> anyhow::Result<&Parts> {
        self.parts.as_ref().context("the system is not running: its last restart failed")
    }

    /// The HTTP client.
    ///
    /// # Errors
    /// As [`Testbed::parts`].
    pub fn http(&self) -> anyhow::Result<&Http> {
        Ok(&self.parts()?.http)
    }

    /// Stores a bot, or a new version of it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn apply(&self, spec: &BotSpec) -> anyhow::Result<()> {
        self.store()?.bot_apply(&self.tenant, spec).await?;
        Ok(())
    }

    /// Connects a bot to an account whose token and secret are given; the app is for Meta's channels.
    ///
    /// # Errors
    /// When the account is another bot's.
    pub async fn connect(&self, bot: &BotId, account: &TestAccount<'_>) -> anyhow::Result<()> {
        let connect = Connect {
            bot: bot.clone(),
            channel: account.channel,
            account: AccountId::from(account.id),
            app: account.app.map(str::to_owned),
            token: Secret::new(account.token.to_owned()),
            secret: account.secret.map(|secret| Secret::new(secret.to_owned())),
            origins: Vec::new(),
        };
        self.store()?.account_connect(&self.tenant, connect).await?;
        Ok(())
    }

    /// Stores a Meta app.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn app(&self, name: &str, secret: &str, verify_token: &str) -> Result<(), anyhow::Error> {
        let (secret, verify) = (Secret::new(secret.to_owned()), Secret::new(verify_token.to_owned()));
        let stored: Result<_, StoreError> =
            self.store()?.app_put(&self.tenant, name, secret, Some(verify)).await;
        stored?;
        Ok(())
    }

    fn store(&self) -> anyhow::Result<&Store> {
        Ok(&self.parts()?.store)
    }
}

/// An account for a test.
#[derive(Debug, Clone, Copy)]
pub struct TestAccount<'a> {
    /// The provider.
    pub channel: ChannelKind,
    /// The provider's id.
    pub id: &'a str,
    /// The Meta app.
    pub app: Option<&'a str>,
    /// The provider's token.
    pub token: &'a str,
    /// What the provider shows; `None` = a random one.
    pub secret: Option<&'a str>,
}

/// Starts the stages and the edge, and waits until every stage has its partitions.
async fn open_roles(parts: &Parts) -> anyhow::Result<()> {
    roles::work(parts, &StageName::WORKERS)?;
    roles::edge(parts).await?;
    roles::until_ready(parts, READY).await
}

/// A sealing key for this testbed alone.
fn random_key() -> anyhow::Result<Secret> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("no random bytes for a sealing key")?;
    Ok(Secret::new(data_encoding::HEXLOWER.encode(&bytes)))
}

/// A folder that goes with its owner.
#[derive(Debug)]
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn make(path: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&path)
            .with_context(|| format!("can't make the folder {}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path) {
        tracing::warn!(path = %path.display(), %error, "a test's folder can't be removed: remove it by hand");
    }
}
