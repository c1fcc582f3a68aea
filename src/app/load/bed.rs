//! What a load runs on: the whole system in this process, with bots that answer ten scripted words, and a fake Telegram.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::checker::{Checker, Watch};
use super::plan::{Plan, SECRET, WORDS};
use crate::app::fakes::Fakes;
use crate::app::parts::{Parts, Setup};
use crate::app::roles;
use crate::app::settings::Settings;
use crate::config::Secret;
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, TenantId};
use crate::domain::script::{ReplyText, Rule, Trigger};
use crate::domain::stage::StageName;
use crate::domain::time::SystemClock;
use crate::domain::units::Rate;
use crate::sim::journal::Observer;
use crate::store::{Connect, StoreError};

/// The tenant that the bots belong to.
pub(in crate::app) const TENANT: &str = "bench";

/// A running system.
#[derive(Debug)]
pub struct Bed {
    /// Where webhooks go.
    pub edge: SocketAddr,
    /// What reached the fake provider.
    pub checker: Arc<Checker>,
    parts: Parts,
    _fakes: Fakes,
    /// Goes with the bed.
    _folder: Option<TempDir>,
}

impl Bed {
    /// Starts everything: a folder of its own unless `settings.data` is to be kept, `bots` bots, every stage, the edge.
    /// `made` is told of each bot.
    ///
    /// # Errors
    /// Names the part that can't be had.
    pub async fn start(
        settings: Settings,
        keep: Option<&Path>,
        bots: u32,
        made: impl Fn(),
    ) -> anyhow::Result<Self> {
        let checker = Checker::new()?;
        Self::observed(settings, keep, bots, (made, Watch(Arc::clone(&checker))), checker).await
    }

    /// The same, with an observer of one's own for what reaches the provider.
    ///
    /// # Errors
    /// Names the part that can't be had.
    pub async fn observed(
        mut settings: Settings,
        keep: Option<&Path>,
        bots: u32,
        (made, observer): (impl Fn(), impl Observer),
        checker: Arc<Checker>,
    ) -> anyhow::Result<Self> {
        let folder = match keep {
            Some(folder) => {
                folder.clone_into(&mut settings.data);
                None
            }
            None => {
                let folder = tempfile::Builder::new().prefix("millrace-bench").tempdir_in(".")?;
                folder.path().clone_into(&mut settings.data);
                Some(folder)
            }
        };
        let fakes = Fakes::start(crate::sim::SimOptions::for_load, std::time::Duration::ZERO).await?;
        fakes.serve(&mut settings);
        settings.edge.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let parts = Parts::open(settings, Arc::new(SystemClock), Setup::Create).await?;
        make_bots(&parts, bots, made).await?;
        fakes.telegram.journal().observe(observer);
        for bot in 0..bots {
            fakes.telegram.register(&token(bot));
        }
        roles::work(&parts, &StageName::WORKERS)?;
        let edge = roles::edge(&parts).await?;
        Ok(Self { edge, checker, parts, _fakes: fakes, _folder: folder })
    }

    /// Waits until every stage owns its partitions.
    ///
    /// # Errors
    /// When that takes more than half a minute.
    pub async fn ready(&self) -> anyhow::Result<()> {
        roles::until_ready(&self.parts, std::time::Duration::from_secs(30)).await
    }

    /// Makes bots in a running system. `made` is told of each.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn make_bots(&self, bots: u32, made: impl Fn()) -> anyhow::Result<()> {
        make_bots(&self.parts, bots, made).await
    }

    /// Gives a bot a limit of its own.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn limit(&self, bot: u32, rate: Rate) -> anyhow::Result<()> {
        let mut spec = spec(bot);
        spec.limits.bot = Some(rate);
        self.parts.store.bot_apply(&TenantId::from(TENANT), &spec).await?;
        Ok(())
    }

    /// Stops everything in order.
    pub async fn stop(self) {
        self.parts.close().await;
    }
}

/// A bot's token.
pub(in crate::app) fn token(bot: u32) -> String {
    format!("{}:bench", Plan::bot_id(bot))
}

/// Makes bots that answer ten words.
pub(in crate::app) async fn make_bots(parts: &Parts, bots: u32, made: impl Fn()) -> anyhow::Result<()> {
    let tenant = TenantId::from(TENANT);
    match parts.store.tenant_create(&tenant, "Bench").await {
        Ok(_) | Err(StoreError::Taken { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    for bot in 0..bots {
        let spec = spec(bot);
        parts.store.bot_apply(&tenant, &spec).await?;
        let connect = Connect {
            bot: spec.bot,
            channel: ChannelKind::Telegram,
            account: AccountId::from(Plan::bot_id(bot).to_string()),
            app: None,
            token: Secret::new(token(bot)),
            secret: Some(Secret::new(SECRET.to_owned())),
            origins: Vec::new(),
        };
        parts.store.account_connect(&tenant, connect).await?;
        made();
    }
    Ok(())
}

/// Ten words and their replies.
fn spec(bot: u32) -> BotSpec {
    let rule = |n: u64| Rule {
        name: format!("word-{n}"),
        priority: 0,
        when: vec![Trigger::Any(vec![format!("w{n}")])],
        reply: vec![ReplyText::Plain(format!("r{n}"))],
    };
    BotSpec { scripts: (0..WORDS).map(rule).collect(), ..BotSpec::named(BotId::from(Plan::bot_name(bot))) }
}
