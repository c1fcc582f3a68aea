//! What tenants own, and the timeline: SQL on SQLite or PostgreSQL, one portable text for both.
//!
//! Guarantees: every query carries its tenant; secrets are sealed at rest; a change and its outbox row are one
//! transaction, so no cache keeps an old bot for good. The hot path of a turn makes no query on a cache hit.

mod directory;
mod error;
pub mod fake;

pub use directory::{Account, App, Directory, History, Line, Speaker};
pub use error::StoreError;
