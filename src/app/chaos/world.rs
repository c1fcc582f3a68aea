//! What a run stands on: topics with few partitions, a database, a dozen bots, and the settings of every role.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::plan::{self, Brain, Plan, PlannedBot};
use super::providers::Providers;
use crate::app::fakes::MODEL;
use crate::app::parts::{Parts, Setup};
use crate::app::settings::Settings;
use crate::config::Secret;
use crate::domain::bot::{BotSpec, Document, Groups, ModelChoice};
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, TenantId};
use crate::domain::script::{ReplyText, Rule, Trigger};
use crate::domain::time::SystemClock;
use crate::sim::meta::App;
use crate::store::Connect;

/// What Telegram shows with every webhook.
pub(super) const SECRET: &str = "chaos-secret";
/// The Meta app of every number, and its secret.
pub(super) const APP: &str = "chaos-app";
pub(super) const APP_SECRET: &str = "chaos-app-secret";
pub(super) const TENANT: &str = "chaos";
/// Partitions of every family of topics: few, so that each holds several bots and moves often.
pub(super) const PARTITIONS: u32 = 4;

/// The settings of every role. Of `settings` everything holds but where things are kept and served.
///
/// # Errors
/// When no random bytes can be had.
pub(super) fn settings(
    mut settings: Settings,
    folder: &Path,
    edge: SocketAddr,
    providers: &Providers,
) -> anyhow::Result<Settings> {
    folder.clone_into(&mut settings.data);
    settings.kafka.prefix = "chaos.".to_owned();
    settings.topics.conversations = Some(PARTITIONS);
    settings.topics.replies = Some(PARTITIONS);
    settings.topics.shards = Some(1);
    settings.edge.listen = edge;
    settings.edge.public_url = String::new();
    let mut key = [0; 32];
    getrandom::fill(&mut key).context("no random bytes for a sealing key")?;
    settings.store.key = Some(Secret::new(data_encoding::HEXLOWER.encode(&key)));
    providers.fakes.serve(&mut settings);
    Ok(settings)
}

/// Makes topics, database and bots.
///
/// # Errors
/// Names the part that can't be had.
pub(super) async fn make(settings: &Settings, plan: &Plan, providers: &Providers) -> anyhow::Result<()> {
    let parts = Parts::open(settings.clone(), Arc::new(SystemClock), Setup::Create).await?;
    let tenant = TenantId::from(TENANT);
    parts.store.tenant_create(&tenant, "Chaos").await?;
    parts.store.app_put(&tenant, APP, Secret::new(APP_SECRET.to_owned()), None).await?;
    for bot in &plan.bots {
        parts.store.bot_apply(&tenant, &spec(bot, plan.words())).await?;
        let (app, token) = match bot.channel {
            ChannelKind::Telegram => (None, format!("{}:chaos", bot.account)),
            _ => (Some(APP.to_owned()), "chaos-token".to_owned()),
        };
        if bot.channel == ChannelKind::Telegram {
            providers.fakes.telegram.register(&token);
        }
        let connect = Connect {
            bot: BotId::from(bot.name.as_str()),
            channel: bot.channel,
            account: AccountId::from(bot.account.as_str()),
            app,
            token: Secret::new(token),
            secret: Some(Secret::new(SECRET.to_owned())),
            origins: Vec::new(),
        };
        parts.store.account_connect(&tenant, connect).await?;
    }
    receipts(settings.edge.listen, plan, providers);
    parts.close().await;
    Ok(())
}

/// The receipts of the number whose bot reconciles come back to the edge as webhooks of their own.
fn receipts(edge: SocketAddr, plan: &Plan, providers: &Providers) {
    providers.fakes.meta.add_app(App {
        app: APP.to_owned(),
        secret: APP_SECRET.to_owned(),
        verify_token: String::new(),
        url: format!("http://{edge}/webhooks/meta/{APP}"),
        objects: HashSet::new(),
        accounts: HashSet::from([plan.bots[plan::RECONCILING_BOT].account.clone()]),
    });
}

/// A rule for every message of a chat, so that each reply tells which message it answers.
fn spec(bot: &PlannedBot, words: u32) -> BotSpec {
    let rule = |seq: u32| Rule {
        name: format!("word-{seq}"),
        priority: 0,
        when: vec![Trigger::Any(vec![format!("word{seq}")])],
        reply: plan::parts(seq).into_iter().map(ReplyText::Plain).collect(),
    };
    let mut spec = BotSpec {
        scripts: (0..words).map(rule).collect(),
        on_unknown: bot.on_unknown,
        // Nobody is mentioned, and the limits of a group are to be seen.
        groups: Groups::All,
        ..BotSpec::named(BotId::from(bot.name.as_str()))
    };
    match bot.brain {
        Brain::Scripts => {}
        Brain::Model => {
            spec.model = Some(ModelChoice {
                provider: MODEL.to_owned(),
                model: "chaos".to_owned(),
                max_tokens: 256,
                history: 2,
                wait: crate::domain::units::Span::default(),
            });
        }
        Brain::Documents => {
            spec.documents = vec![Document {
                title: "Prices".into(),
                ..Document::text("prices.md", "A bicycle costs 12 EUR a day.")
            }]
        }
    }
    spec
}
