//! The log: what stages stand on. Three small traits, two engines.
//!
//! Guarantees, the same on both engines and checked by one contract suite (`tests/it/log_contract.rs`):
//! 1. When [`Log::append`] returns, the records are as durable as their topics ask, all of them or none (on Kafka:
//!    each of them, and an error may leave some behind, which ids make safe).
//! 2. Records of one partition are read in the order in which they were appended, with rising offsets.
//! 3. Within a group a partition has at most one owner that the engine knows of; a new owner starts at what was committed.
//! 4. Nothing is skipped in silence: a hole, a damaged record or an offset out of range is an error that names it.

pub mod embedded;
pub mod kafka;
pub mod lag;
mod lease;
mod payloads;
mod scan;
mod types;

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::time::Timestamp;
pub use crate::domain::topics::{Keep, TopicSpec};
pub use lease::Lease;
pub use payloads::{Payloads, Place};
pub use scan::Scan;
pub use types::{
    Batch, Committed, LogError, Outgoing, Position, Progress, Record, Subscription, TopicName, TopicPartition,
};

/// A log: append, look up, open groups and readers. Shared by everything in a process.
#[async_trait]
pub trait Log: Send + Sync + fmt::Debug + 'static {
    /// Appends the records; positions come back in the order given. Concurrent appends of one caller may be
    /// reordered: who needs order waits for one before starting the next.
    ///
    /// # Errors
    /// See [`LogError`]. After an error the caller appends again or gives up; it never assumes that nothing was written.
    async fn append(&self, batch: &[Outgoing]) -> Result<Vec<Position>, LogError>;

    /// Creates what is missing.
    ///
    /// # Errors
    /// Names the topic whose partitions differ from the specification: counts never change in place.
    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError>;

    /// Like [`Log::ensure_topics`], but creates nothing.
    ///
    /// # Errors
    /// Names the topics that are missing or differ, all of them.
    async fn check_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError>;

    /// Joins a consumer group. Records may wait for `gather` to come together, which spares a wake-up (on Kafka a fetch)
    /// per record; zero = each at once.
    ///
    /// # Errors
    /// When a topic doesn't exist, has not as many partitions as the one that it goes with, or the engine can't be reached.
    async fn join(
        &self,
        group: &str,
        reads: &Subscription,
        gather: Duration,
    ) -> Result<Box<dyn Group>, LogError>;

    /// A reader of positions without a group. `prefetch` bounds what it holds in memory, in bytes.
    ///
    /// # Errors
    /// When the engine can't be reached.
    async fn reader(&self, prefetch: usize) -> Result<Box<dyn Reader>, LogError>;

    /// The number of partitions of a topic.
    ///
    /// # Errors
    /// When the topic doesn't exist.
    async fn partitions(&self, topic: &TopicName) -> Result<u32, LogError>;

    /// First kept offset and the offset of the next record.
    ///
    /// # Errors
    /// When the partition doesn't exist.
    async fn range(&self, partition: &TopicPartition) -> Result<Range<u64>, LogError>;

    /// The offset of the first record at or after `at`; the end where there is none.
    ///
    /// # Errors
    /// When the partition doesn't exist.
    async fn offset_at(&self, partition: &TopicPartition, at: Timestamp) -> Result<u64, LogError>;

    /// What the group has committed, per partition of the topic (index = partition).
    ///
    /// # Errors
    /// When the topic doesn't exist.
    async fn committed(&self, group: &str, topic: &TopicName) -> Result<Vec<Option<Committed>>, LogError>;

    /// A name made when the log was created: the journal refuses to write another log's positions into its database.
    fn log_id(&self) -> &str;

    /// Ends what the log runs in the background; what was appended is flushed. Later calls answer [`LogError::Closed`].
    async fn close(&self);
}

/// What becomes of a commit.
pub type CommitAnswer = futures_util::future::BoxFuture<'static, Result<(), LogError>>;

/// One member of a consumer group. Used by one task.
#[async_trait]
pub trait Group: Send + fmt::Debug {
    /// The next thing that happened. Waits at most `wait`, then answers [`Signal::Idle`]. Must be called often, also
    /// while all partitions are held: rebalances come through here.
    ///
    /// # Errors
    /// The group can't go on; the caller reconnects or stops. Never about a single record.
    async fn next(&mut self, wait: Duration) -> Result<Signal, LogError>;

    /// Begins to fetch an assigned partition at `from`. Nothing is read of it before; called once per assignment, after
    /// its state is restored.
    ///
    /// # Errors
    /// When the partition is not assigned to this member now.
    fn start(&mut self, partition: &TopicPartition, from: u64) -> Result<(), LogError>;

    /// Flow control: while held, a partition's records stay in the engine. Its prefetch is kept.
    fn hold(&mut self, partition: &TopicPartition, held: bool);

    /// Commits, without waiting; at most one commit is in flight, a later one replaces what has not been sent.
    /// Partitions that this member doesn't own any more are left out.
    ///
    /// # Errors
    /// When the group is gone.
    fn commit(&mut self, upto: &[Progress]) -> Result<(), LogError>;

    /// Commits, and gives the answer to who waits for it: for a claim, and for a partition that is given back. The answer
    /// comes within bounded time, whether or not anybody asks for it, and the member goes on meanwhile.
    ///
    /// # Errors
    /// In the answer, when the commit was refused. [`LogError::Fenced`] names a partition that this member doesn't own any
    /// more; the others are committed.
    fn commit_told(&mut self, upto: &[Progress]) -> CommitAnswer;

    /// The same, and waits: for who has nothing else to do.
    ///
    /// # Errors
    /// See [`Group::commit_told`].
    async fn commit_now(&mut self, upto: &[Progress]) -> Result<(), LogError> {
        self.commit_told(upto).await
    }

    /// Gives revoked partitions back, after the caller has drained and committed them. The engine releases them only
    /// if no newer rebalance has changed the matter (`id` is that of the [`Signal::Revoked`]).
    fn release(&mut self, id: u64);

    /// Until when nobody else can own what this member owns. Renewed by every commit that the engine takes.
    fn lease(&self) -> Lease;

    /// How long whoever had a partition before may still hold a lease on it after this member was given it. Zero where the
    /// engine waits for the old owner's session to end; not so for static members (KIP-345), whose partitions a new process
    /// of the same name gets at once.
    fn overlap(&self) -> Duration;

    /// Leaves the group; its partitions go to others at once.
    async fn leave(self: Box<Self>);
}

/// What a member of a group is told.
#[derive(Debug)]
pub enum Signal {
    /// Records of one partition, in order.
    Records(Batch),
    /// These partitions are now this member's, with what the group has committed of each. Restore, then
    /// [`Group::start`].
    Assigned(Vec<(TopicPartition, Option<Committed>)>),
    /// These are to be given back: stop, finish, commit, then [`Group::release`] with `id`. Go on calling `next`.
    Revoked {
        /// Which rebalance.
        id: u64,
        /// Which partitions.
        partitions: Vec<TopicPartition>,
    },
    /// These are gone already: another member may own them. No commit; drop their state at once.
    Lost(Vec<TopicPartition>),
    /// Nothing happened in time.
    Idle,
}

/// Reads from positions that its owner chooses: replay, restore, tail. Used by one task.
#[async_trait]
pub trait Reader: Send + fmt::Debug {
    /// Reads `partition` from `from` on; again = a seek.
    ///
    /// # Errors
    /// When the partition doesn't exist or `from` is before its first kept offset (the error names it).
    async fn assign(&mut self, partition: &TopicPartition, from: u64) -> Result<(), LogError>;

    /// The next records of any assigned partition; an empty batch list after `wait` without any.
    ///
    /// # Errors
    /// When a position can't be read.
    async fn next(&mut self, wait: Duration) -> Result<Option<Batch>, LogError>;
}
