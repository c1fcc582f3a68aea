//! The consumer loop: one for every stage, on either engine.
//!
//! Guarantees, each with the file that keeps it and a test of its name:
//! 1. An offset is finished only after its effect is durable: outputs, dead letter or ledger entry acknowledged ([`actor`]).
//! 2. A committed offset never passes an unfinished record ([`tracker`]).
//! 3. Records of one key are handled one after the other ([`lanes`]); different keys at the same time, at most `lanes` in a
//!    process, all its partitions together, of which bots take turns ([`room`]); and of one bot at most its share, where
//!    the pipeline names one ([`shares`]).
//! 4. A failure is tried again by its class only, with full jitter, within the record's budget; then it is a dead letter
//!    with the original untouched ([`retry`], [`dead`](crate::pipeline::dead)).
//! 5. A panic costs one record, never the loop, and a record that ends the process is found out after a few restarts
//!    (`careful`); too many dead letters of our own making in a row stop the group with
//!    its offsets kept ([`brake`]).
//! 6. Everything is bounded: offsets between the first unfinished and the newest, bytes, lanes, queues, waits. At a bound
//!    the partition is left unread; nothing is dropped.
//! 7. A partition that is given back finishes what is in flight, commits, and only then goes; one that comes back is built
//!    fresh ([`worker`]).

pub mod actor;
pub mod brake;
mod careful;
pub mod config;
pub mod delayed;
pub mod health;
pub mod lanes;
pub mod metadata;
pub mod open;
pub mod progress;
pub mod retry;
pub mod room;
pub mod shares;
pub mod tracker;
pub mod transform;
pub mod worker;

pub use careful::Turns;
pub use config::RuntimeConfig;
pub use health::Health;
pub use worker::{Worker, WorkerSpec};
