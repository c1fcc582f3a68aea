//! The process that is measured: the product's edge on one port, the bare handler on another, one log.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::child::{Orders, answer};
use super::traffic::{APP, Traffic};
use crate::app::leftovers;
use crate::app::load::cpu_time;
use crate::app::load::plan::{Plan, SECRET};
use crate::app::parts::{Parts, Setup};
use crate::app::roles;
use crate::app::settings::Settings;
use crate::config::Secret;
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{BotId, TenantId};
use crate::domain::time::{Clock, SystemClock};
use crate::domain::topics::WEBHOOK_RECEIVED;
use crate::log::{Log, TopicName, TopicPartition};

/// Where both listen.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Addresses {
    /// The bare handler.
    pub raw: SocketAddr,
    /// The edge.
    pub edge: SocketAddr,
}

/// What the server has used and kept until now.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Look {
    /// User and system time of the process, in microseconds.
    pub cpu_us: u64,
    /// Records in the webhooks' topic.
    pub records: u64,
}

/// Serves until there are no more orders; each is answered with a [`Look`].
///
/// # Errors
/// When a part can't be had.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut orders = Orders::from_stdin()?;
    let Some(traffic) = orders.next::<Traffic>().await? else { return Ok(()) };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let parts = Parts::open(settings.clone(), Arc::clone(&clock), Setup::Create).await?;
    make_bots(&parts, &traffic).await?;
    let edge = roles::edge(&parts).await?;
    let raw = bare(&parts).await?;
    answer(&Addresses { raw, edge })?;
    while orders.next::<()>().await?.is_some() {
        let cpu_us = u64::try_from(cpu_time().as_micros())?;
        answer(&Look { cpu_us, records: records(&*parts.log).await? })?;
    }
    parts.close().await;
    leftovers::remove_all(settings).await;
    Ok(())
}

async fn make_bots(parts: &Parts, traffic: &Traffic) -> anyhow::Result<()> {
    let tenant = TenantId::from("bench");
    parts.store.tenant_create(&tenant, "Bench").await?;
    if traffic.channel == ChannelKind::Whatsapp {
        parts.store.app_put(&tenant, APP, Secret::new(SECRET.to_owned()), None).await?;
    }
    for bot in 0..traffic.bots.max(1) {
        let spec = BotSpec::named(BotId::from(Plan::bot_name(bot)));
        parts.store.bot_apply(&tenant, &spec).await?;
        parts.store.account_connect(&tenant, traffic.account(bot)).await?;
    }
    Ok(())
}

/// Serves the bare handler with the edge's own settings.
async fn bare(parts: &Parts) -> anyhow::Result<SocketAddr> {
    let config = &parts.settings.edge;
    let listener = roles::listen("the bare handler", SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let (address, stop) = (listener.local_addr()?, parts.stop.clone());
    let max_body = usize::try_from(config.max_body.bytes())?;
    let router = crate::edge::bare_router(Arc::clone(&parts.log), max_body);
    let served = crate::edge::serve(listener, router, config.connections, stop);
    parts.tasks.spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the bare handler can't serve any more");
        }
    });
    Ok(address)
}

async fn records(log: &dyn Log) -> anyhow::Result<u64> {
    let topic = TopicName::from(WEBHOOK_RECEIVED);
    let mut records = 0;
    for partition in 0..log.partitions(&topic).await? {
        records += log.range(&TopicPartition::new(topic.clone(), partition)).await?.end;
    }
    Ok(records)
}
