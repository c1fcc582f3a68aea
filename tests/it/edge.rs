//! The edge over real sockets: what it says, and what is in the log when it says so.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "helpers of tests, in a binary of tests")]

mod browser;
mod driven;
mod ingest;
mod memory;
mod meta;
mod rig;
mod telegram;
mod uploads;
mod webchat;
