//! A turn that waits for a model or a database: `turn.parked.v1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{BotId, EventId, TenantId};
use crate::domain::time::Timestamp;

/// One record, keyed by the turn's id; a record without a value says that the turn waits no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParkedTurn {
    /// The turn's id.
    pub id: EventId,
    /// The offset of the turn's record: its place in the conversation.
    pub offset: u64,
    /// Whose.
    pub tenant: TenantId,
    /// Which bot's.
    pub bot: BotId,
    /// The key of the turn's record: the conversation.
    pub key: String,
    /// When it began to wait.
    pub since: Timestamp,
    /// The turn's record as it stood, byte for byte: as text, since a JSON value inside would be written anew.
    pub turn: String,
}

impl ParkedTurn {
    /// The topic's name.
    pub const TYPE: &'static str = "turn.parked.v1";
}
