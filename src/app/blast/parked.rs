//! A new owner of a partition with many parked replies: how soon it sends the first, and what the others take in memory.
//!
//! Guarantee: the replies stand in the parked topic as dispatch would have written them, and the time counts from the moment
//! at which the stage begins to join its group until the provider has the first message. Memory is what is resident in the
//! whole process, by how much more than before the stage began, both times without what the allocator keeps of memory that
//! was let go: so it holds beside the partition's state all that a running dispatcher needs, and nothing of what wrote the
//! replies.

use std::time::{Duration, Instant};

use super::{BATCH, Blast, Range};
use crate::app::load::rss_bytes;
use crate::app::memory;
use crate::app::settings::Settings;
use crate::domain::events::{Lane, Parked};
use crate::domain::time::{Clock, SystemClock};
use crate::domain::topics::REPLY_PARKED;
use crate::domain::units::Size;
use crate::log::{Outgoing, TopicName};

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// From joining the group to the first message at the provider.
    pub first: Duration,
    /// Resident memory that came with the stage and the replies, when the first of them was sent.
    pub bytes: u64,
}

/// Parks `replies` in one partition of one bot and starts dispatch. `done` is told how many are written.
///
/// # Errors
/// When the system can't be started or nothing arrives.
pub async fn run(
    mut settings: Settings,
    (replies, payload, seed): (u64, usize, u64),
    done: impl Fn(u64),
) -> anyhow::Result<Found> {
    settings.topics.replies = Some(1);
    // It has a bound of its own, whatever is parked.
    settings.log.cache = Size::mib(1);
    settings.dispatch.parked_per_bot = u32::MAX;
    settings.dispatch.parked_bytes_per_bot = Size::mib(1 << 20);
    let chats = u32::try_from(replies.div_ceil(10)).unwrap_or(u32::MAX).max(1);
    let range = Range::idle(settings, Blast { bots: 1, chats, payload, seed }).await?;
    let (topic, now) = (TopicName::from(REPLY_PARKED), SystemClock.now());
    for first in (0..replies).step_by(BATCH) {
        let batch: Vec<_> = (first..replies.min(first + BATCH as u64))
            .map(|n| put(&topic, n, range.envelope(n, now)))
            .collect::<Result<_, _>>()?;
        done(batch.len() as u64);
        range.parts.log.append(&batch).await?;
    }
    memory::give_back();
    let (before, until) = (rss_bytes(), range.arrived.expect(1));
    let begun = Instant::now();
    range.start().await?;
    range.arrived.until(until).await?;
    let first = begun.elapsed();
    memory::give_back();
    let bytes = rss_bytes().saturating_sub(before);
    range.close().await;
    Ok(Found { first, bytes })
}

fn put(
    topic: &TopicName,
    n: u64,
    reply: crate::domain::envelope::Envelope<crate::domain::events::ReplyReady>,
) -> anyhow::Result<Outgoing> {
    let value = String::from_utf8(reply.encode().to_vec())?;
    let put = Parked::Put {
        id: reply.id,
        offset: n,
        of: 1,
        attempt: 0,
        epoch: 0,
        lane: Lane::Ready,
        tenant: reply.tenant,
        bot: reply.bot,
        conversation: reply.conversation,
        deadline: None,
        reply: value,
    };
    Ok(Outgoing {
        topic: topic.clone(),
        partition: Some(0),
        key: put.key().to_string().into(),
        value: serde_json::to_vec(&put)?.into(),
        headers: Vec::new(),
    })
}
