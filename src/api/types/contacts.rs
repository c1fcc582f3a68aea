//! What goes over the API about people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

data! {
    /// What was removed of a person, and when the rest is forgotten.
    ContactErased {
        /// Whose contact.
        bot: String,
        /// The person, as they were named.
        contact: String,
        /// Their private conversations.
        conversations: Vec<String>,
        /// Rows that were removed, by table.
        rows: Vec<ErasedRows>,
        /// Files that nobody else has and that were removed from the object store.
        files: u64,
        /// The topics that may still hold something of them.
        topics: Vec<TopicForgets>,
    }

    /// Rows of one table.
    ErasedRows {
        /// The table.
        table: String,
        /// How many.
        rows: u64,
    }

    /// When a topic forgets.
    TopicForgets {
        /// The topic.
        topic: String,
        /// How long its records are kept at least; null where the newest of each key stays.
        kept_ms: Option<u64>,
        /// When everything that stands in it now is past that; null where it is not a matter of time.
        forgotten_at_ms: Option<i64>,
        /// What forgets it, where that is not a matter of time.
        note: Option<String>,
    }
}
