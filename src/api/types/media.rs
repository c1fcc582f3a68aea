//! Files of people over the API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

data! {
    /// A file that a person sent.
    MediaLine {
        /// Its id in the conversation: the message's id, a dot, and which of its attachments it is, from 0.
        media: String,
        /// `image`, `voice`, `audio`, `video`, `video_note`, `animation`, `document`, `sticker`.
        kind: String,
        /// `pending`, `stored`, `expired` (the provider has it no more), `refused`, `failed` (asking for it starts another
        /// try), or `not_fetched` where nothing was noted of it: the bot's `media` is `never`, or it came this very moment.
        state: String,
        /// Why it is not stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What its bytes are, once it is stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime: Option<String>,
        /// Its size, once it is stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// The name that its sender gave it: a label, never a path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    }

    /// A file that bots send.
    FileUpload {
        /// Its bytes in base64.
        content: String,
    }

    /// A file was kept.
    FileUploaded {
        /// The hash of its content: what a bot's file names as `hash`.
        hash: String,
        /// What its bytes are.
        mime: String,
        /// Its size.
        bytes: u64,
    }

    /// A file with a way to its bytes.
    MediaShow {
        /// The file.
        media: MediaLine,
        /// A path of this API that gives its bytes to whoever has it; absent until it is stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// Until when the path holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at_ms: Option<i64>,
    }
}
