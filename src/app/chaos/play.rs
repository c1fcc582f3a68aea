//! Carries the plan's faults out, each when it is due.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::brokers::Brokers;
use super::faults::{Fault, POISONED};
use super::fleet::Fleet;
use super::plan::Plan;
use super::providers::Providers;
use crate::log::kafka::KafkaLog;
use crate::log::{Log, Outgoing, TopicName};

/// Who acts.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) plan: Arc<Plan>,
    pub(super) providers: Providers,
    pub(super) brokers: Brokers,
    pub(super) log: Arc<KafkaLog>,
    /// Records that nobody can read, once they are acknowledged.
    pub(super) poison: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Plays every fault, and returns when the last one is over.
///
/// # Errors
/// When a broker does not come back, or a provider can't be told.
pub(super) async fn play(cast: &Cast, fleet: &mut Fleet, begin: Instant) -> anyhow::Result<()> {
    let plan = Arc::clone(&cast.plan);
    // What ends later: (when, what).
    let mut ends: Vec<(Instant, Fault)> = Vec::new();
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    let mut number = 0;
    let mut faults = plan.faults.iter().peekable();
    loop {
        let next = faults.peek().map(|next| begin + Duration::from_millis(next.at_ms));
        let soonest = ends.iter().enumerate().min_by_key(|(_, (at, _))| *at);
        let soonest = soonest.map(|(n, (at, _))| (n, *at));
        match (next, soonest) {
            (None, None) => break,
            (next, Some((n, at))) if next.is_none_or(|next| at <= next) => {
                tokio::time::sleep_until(at).await;
                let (_, fault) = ends.swap_remove(n);
                end(cast, fleet, &fault);
            }
            (Some(at), _) => {
                tokio::time::sleep_until(at).await;
                let Some(scheduled) = faults.next() else { break };
                let lasts = begin_fault(cast, fleet, &scheduled.fault, &mut number, &mut tasks)?;
                ends.extend(lasts.map(|span| (at + span, scheduled.fault.clone())));
            }
            // Not reached: without a next one, the soonest end is taken above.
            (None, Some(_)) => break,
        }
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// Starts one; gives how long it lasts, where it has an end of its own.
fn begin_fault(
    cast: &Cast,
    fleet: &mut Fleet,
    fault: &Fault,
    number: &mut u32,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Option<Duration>> {
    tracing::info!(?fault, "chaos");
    match *fault {
        Fault::Kill { role } => fleet.kill(role),
        Fault::KillBroker { partition } => {
            let (brokers, partition) = (cast.brokers.clone(), partition % super::world::PARTITIONS);
            tasks.spawn(async move { brokers.kill_leader(partition).await });
        }
        Fault::Pause { role, for_ms } => {
            fleet.pause(role);
            return Ok(Some(Duration::from_millis(for_ms)));
        }
        Fault::Join { stage } => fleet.join(stage),
        Fault::Leave { stage } => fleet.leave(stage),
        Fault::Provider { bot, chat, mischief, for_ms } => {
            let chat = chat.map(|chat| &cast.plan.chats[chat]);
            cast.providers.misbehave(&cast.plan.bots[bot], chat, mischief)?;
            return Ok(for_ms.map(Duration::from_millis));
        }
        Fault::Poison { topic } => {
            *number += 1;
            let bytes = format!("poison {number}: neither JSON nor an envelope").into_bytes();
            let (log, poison) = (Arc::clone(&cast.log), Arc::clone(&cast.poison));
            let topic = TopicName::from(POISONED[topic]);
            tasks.spawn(async move {
                append(&log, topic, bytes.clone()).await;
                poison.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
                Ok(())
            });
        }
    }
    Ok(None)
}

fn end(cast: &Cast, fleet: &Fleet, fault: &Fault) {
    tracing::info!(?fault, "chaos: over");
    match *fault {
        Fault::Pause { role, .. } => fleet.resume(role),
        Fault::Provider { bot, chat, .. } => {
            cast.providers.behave(&cast.plan.bots[bot], chat.map(|chat| &cast.plan.chats[chat]));
        }
        Fault::Kill { .. }
        | Fault::KillBroker { .. }
        | Fault::Join { .. }
        | Fault::Leave { .. }
        | Fault::Poison { .. } => {}
    }
}

/// Appends until it is acknowledged; a broker may be down.
async fn append(log: &KafkaLog, topic: TopicName, bytes: Vec<u8>) {
    let bytes = Bytes::from(bytes);
    let record = Outgoing { topic, partition: None, key: bytes.clone(), value: bytes, headers: Vec::new() };
    while log.append(std::slice::from_ref(&record)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
