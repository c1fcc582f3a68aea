//! `bot.backlog.v1`: that a bot has more to send than it can in time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::event::Event;

/// How long a further reply of the bot would wait for its turn, as of the envelope's `time`.
///
/// Written when that passes the bot's `reply_ttl`, at most once a second and at least every 10 s while it does, and once
/// with 0 when it is over. The newest is kept; one that was not repeated in time is nobody's word any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BotBacklog {
    /// In seconds.
    pub seconds: u64,
}

impl BotBacklog {
    /// The longest time between two records of a bot while it has too much to send.
    pub const REPEAT: Duration = Duration::from_secs(10);
}

impl Event for BotBacklog {
    const TYPE: &'static str = "bot.backlog.v1";
}
