//! Points at which a test ends the process: one for each row of the table of what a crash may interrupt; and records that
//! do harm to who reads them.
//!
//! Guarantee: without the feature `failpoints` nothing of it is compiled in. With it a process ends, as `kill -9` would end
//! it, the n-th time it passes the point that `MILLRACE_FAILPOINT=point:n` names, and at no other. A record does harm
//! where `MILLRACE_POISON=word` is set and it holds `word-panic-STAGE` or `word-abort-STAGE`: each time that stage takes it.

/// A point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failpoint {
    /// The edge has read a webhook and appended nothing.
    EdgeRead,
    /// The webhook is durable; the provider has no answer yet.
    EdgeAppended,
    /// A stage's outputs are durable, its offsets not finished.
    StageAppended,
    /// What ingest made of webhooks is about to be appended.
    Ingesting,
    /// It is durable, and the webhooks' offsets are not finished.
    Ingested,
    /// A SENDING mark is durable, and its request is not written.
    Marked,
    /// An UNSENT is durable: the provider certainly did not take what was marked.
    Unmarked,
    /// A reply is about to be sent.
    Sending,
    /// The provider has answered, and no RESULT is durable.
    Sent,
    /// A RESULT is durable, and nothing has come of it yet.
    Settled,
    /// A reply that is given up is a dead letter, and no RESULT says so.
    Buried,
    /// A PUT of a reply is about to be appended.
    Parking,
    /// The PUT is durable, its offset not finished.
    Parked,
    /// The RESULT of a parked reply is durable, its DEL about to be appended.
    Unparking,
    /// The DEL is durable, and nothing has come of it yet.
    Unparked,
    /// A PUT of a turn is about to be appended.
    TurnParking,
    /// The PUT is durable, its offset not finished.
    TurnParked,
    /// What came of a parked turn is durable, its DEL about to be appended.
    TurnUnparking,
    /// The DEL is durable, and nothing has come of it yet.
    TurnUnparked,
    /// A new owner of a dispatch partition has committed its epoch, and no marker says so.
    Claiming,
    /// The marker is durable, and nothing of what earlier owners left is read.
    Claimed,
    /// What they left is read, and what they left in doubt is not settled.
    Restoring,
    /// A part in doubt is a dead letter, and no RESULT says so.
    DoubtBuried,
    /// Nothing is in doubt any more, and nothing is sent yet.
    Restored,
    /// The journal's transaction is written and not committed.
    Journaling,
    /// It is committed, and no offset is finished.
    Journaled,
}

impl Failpoint {
    /// Its name in the variable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdgeRead => "edge_read",
            Self::EdgeAppended => "edge_appended",
            Self::StageAppended => "stage_appended",
            Self::Ingesting => "ingesting",
            Self::Ingested => "ingested",
            Self::Marked => "marked",
            Self::Unmarked => "unmarked",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Settled => "settled",
            Self::Buried => "buried",
            Self::Parking => "parking",
            Self::Parked => "parked",
            Self::Unparking => "unparking",
            Self::Unparked => "unparked",
            Self::TurnParking => "turn_parking",
            Self::TurnParked => "turn_parked",
            Self::TurnUnparking => "turn_unparking",
            Self::TurnUnparked => "turn_unparked",
            Self::Claiming => "claiming",
            Self::Claimed => "claimed",
            Self::Restoring => "restoring",
            Self::DoubtBuried => "doubt_buried",
            Self::Restored => "restored",
            Self::Journaling => "journaling",
            Self::Journaled => "journaled",
        }
    }
}

/// The process passes a point.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) const fn pass(_: Failpoint) {}

/// The process passes a point, and may end here.
#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, reason = "a test's word to its own process is no setting")]
pub(crate) fn pass(point: Failpoint) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WHERE: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let wanted = std::env::var("MILLRACE_FAILPOINT").ok()?;
        let (name, times) = wanted.rsplit_once(':')?;
        Some((name.to_owned(), times.parse().ok()?))
    });
    static PASSED: AtomicU32 = AtomicU32::new(0);
    if let Some((name, times)) = &*WHERE
        && *name == point.as_str()
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *times
    {
        std::process::abort();
    }
}

/// A stage takes a record, which may do it harm.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) const fn taste(_: crate::domain::stage::StageName, _: &[u8]) {}

/// A stage takes a record, which may do it harm.
///
/// # Panics
/// When the record says so.
#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, reason = "a test's word to its own process is no setting")]
#[expect(clippy::panic, reason = "what a stage of its own would do, on a record that a test made for it")]
pub(crate) fn taste(stage: crate::domain::stage::StageName, record: &[u8]) {
    use std::sync::LazyLock;

    static WORD: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("MILLRACE_POISON").ok());
    let Some(word) = &*WORD else { return };
    let holds = |harm: &str| {
        let marker = format!("{word}-{harm}-{stage}");
        record.windows(marker.len()).any(|window| window == marker.as_bytes())
    };
    if holds("abort") {
        std::process::abort();
    }
    if holds("panic") {
        panic!("a record that panics {stage}");
    }
}
