//! How much a partition may hold, and for how long.

use std::time::Duration;

use crate::domain::topics::ANSWERABLE;

/// Bounds of one partition's machine. Each has a defined answer where it is reached.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// A reply whose bot or chat waits longer is parked at once.
    pub(crate) long_wait: Duration,
    /// A reply that is longer in memory is parked: repeated short waits would otherwise hold the watermark.
    pub(crate) age: Duration,
    /// Replies in memory; a further one is parked.
    pub(crate) memory: usize,
    /// The same for one bot, so that one can't fill the memory of all.
    pub(crate) bot_memory: u32,
    /// The same in bytes.
    pub(crate) bot_memory_bytes: u64,
    /// Parked replies of one bot; a further one goes to the dead letters.
    pub(crate) bot_parked: u32,
    /// The same in bytes.
    pub(crate) bot_parked_bytes: u64,
    /// Ids of finished replies in one of two generations; an older id is looked up in the ledger.
    pub(crate) remembered: usize,
    /// Ledger records behind which a half sent parked reply may hold a restore; beyond, its RESULTs are copied forward.
    pub(crate) hold: u64,
    /// How long a call of a provider may take. Nothing is sent whose call could outlive the lease.
    pub(crate) call: Duration,
    /// How long a status is waited for when a call had no clear answer and the bot's policy is to reconcile.
    pub(crate) receipt: Duration,
    /// A reply to an older message can't be checked against the ledger any more and goes to the dead letters.
    pub(crate) ledger: Duration,
    /// How far a provider's clock may be ahead of ours.
    pub(crate) skew: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            long_wait: Duration::from_secs(2),
            age: Duration::from_secs(5),
            memory: 4096,
            // What a limited bot would wait for is parked by prediction; this bounds the others.
            bot_memory: 1024,
            bot_memory_bytes: 1 << 20,
            bot_parked: 100_000,
            bot_parked_bytes: 256 << 20,
            // Minutes at full load, 1 MB; what an earlier owner had not finished is at most the tracker's span.
            remembered: 1 << 16,
            // Four times the tracker's span: a restore reads it in a fraction of a second.
            hold: 1 << 16,
            call: Duration::from_secs(8),
            receipt: Duration::from_secs(15),
            ledger: ANSWERABLE,
            skew: Duration::from_secs(60),
        }
    }
}
