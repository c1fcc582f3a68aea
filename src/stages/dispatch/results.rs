//! RESULTs on their way into the ledger: many chats' together, one append under way at a time.
//!
//! Guarantee: a reply goes on only when the append that holds its RESULT is acknowledged. While the log can't take any,
//! nothing goes on and nothing is lost.

use bytes::Bytes;

use super::arena::Ix;
use super::job::Job;
use super::send::Effect;
use crate::domain::events::{Lane, Settled, SettledStatus};
use crate::domain::time::Timestamp;
use crate::pipeline::{Emission, PartitionCx};

/// The output's name.
pub(super) const PORT: &str = "settled";
/// RESULTs in one append: far below any engine's bound on a batch, enough to make a sync cheap.
const MOST: usize = 1024;

/// A reply whose RESULT is on its way.
#[derive(Debug)]
pub(super) struct Settling {
    pub(super) chat: Ix,
    pub(super) job: Box<Job>,
    /// The first part without a RESULT when this one is acknowledged.
    pub(super) next: u32,
    records: Vec<Emission>,
}

/// RESULTs of a partition.
#[derive(Debug, Default)]
pub(super) struct Results {
    queued: Vec<Settling>,
    appending: Vec<Settling>,
}

/// What became of one part.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) status: SettledStatus,
    pub(super) provider_id: Option<String>,
    pub(super) reason: Option<String>,
    /// What becomes of the parts behind it; `None` = they are still to be sent.
    pub(super) rest: Option<SettledStatus>,
}

impl Results {
    /// Queues the RESULT of a reply's part, and of those behind it where nothing more is sent.
    pub(super) fn push(
        &mut self,
        chat: Ix,
        job: Box<Job>,
        outcome: Outcome,
        at: Timestamp,
        place: (u32, u64),
    ) {
        let (part, of) = (job.next, job.of());
        let Outcome { status, provider_id, reason, rest } = outcome;
        let mut records = vec![record(&job, part, status, provider_id, reason, at, place)];
        let mut next = part + 1;
        if let Some(status) = rest {
            records.extend((next..of).map(|part| record(&job, part, status, None, None, at, place)));
            next = of;
        }
        self.queued.push(Settling { chat, job, next, records });
    }

    /// Begins an append if none is under way.
    pub(super) fn flush(&mut self, cx: &mut PartitionCx<Effect>) {
        if self.queued.is_empty() || !self.appending.is_empty() {
            return;
        }
        let taken = self.queued.len().min(MOST);
        self.appending.extend(self.queued.drain(..taken));
        let records = self.appending.iter().flat_map(|settling| settling.records.iter().cloned()).collect();
        let append = cx.append(records);
        cx.spawn(async move { Effect::Settled(append.await) });
    }

    /// The append is acknowledged: these replies go on.
    pub(super) fn appended(&mut self) -> Vec<Settling> {
        std::mem::take(&mut self.appending)
    }
}

fn record(
    job: &Job,
    part: u32,
    status: SettledStatus,
    provider_id: Option<String>,
    reason: Option<String>,
    at: Timestamp,
    (partition, epoch): (u32, u64),
) -> Emission {
    let reply = &job.reply;
    let settled = Settled::Result {
        id: reply.id,
        part,
        of: job.of(),
        status,
        provider_id,
        reason,
        attempt: if part == job.next { job.tries } else { 0 },
        epoch,
        lane: Lane::Ready,
        tenant: reply.tenant.clone(),
        bot: reply.bot.clone(),
        conversation: reply.conversation.clone(),
        root: reply.rootid,
        at,
        offset: Some(job.offset),
    };
    let value = match serde_json::to_vec(&settled) {
        Ok(value) => Bytes::from(value),
        Err(error) => unreachable!("a RESULT did not serialise: {error}"),
    };
    let key = Bytes::copy_from_slice(reply.bot.as_str().as_bytes());
    Emission { port: PORT, key, partition: Some(partition), value }
}
