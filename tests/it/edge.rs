//! The edge over real sockets: what it says, and what is in the log when it says so.

mod ingest;
mod memory;
mod meta;
mod rig;
mod telegram;
mod webchat;
