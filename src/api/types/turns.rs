//! One turn over the API: what was said, what was done about it, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PartLine;
use crate::domain::events::Searched;

data! {
    /// A turn with what became of it.
    TurnShow {
        /// The inbound event that everything began with.
        root: String,
        /// Whose conversation.
        conversation: String,
        /// What the person said; absent where no turn was made of the event.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<TurnEvent>,
        /// What was answered; absent where nothing was, or not yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<TurnEvent>,
        /// Why nobody was answered: the kind is the reason, the text says more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dropped: Option<TurnEvent>,
        /// What each stage did, in the order of the flow.
        hops: Vec<HopLine>,
        /// What was searched for it, with the scores and the fate of each candidate; absent where nothing was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        searched: Option<Searched>,
    }

    /// An event of a turn.
    TurnEvent {
        /// Its id.
        id: String,
        /// What sort of message it is, or how a reply came about.
        kind: String,
        /// The text.
        text: String,
        /// What became of each part of a reply.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<PartLine>,
        /// When it was written.
        at_ms: i64,
    }

    /// What a stage did with a turn.
    HopLine {
        /// Which stage.
        stage: String,
        /// When it was done.
        at_ms: i64,
        /// How long the stage itself took, in microseconds.
        took_us: u64,
        /// What is worth knowing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    }
}
