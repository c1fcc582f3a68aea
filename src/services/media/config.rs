//! How files that people send are fetched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problems;
use crate::domain::units::{Size, Span};

/// Files that people send. Which bots want them is said in the bot's file (`media`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// The largest file that is fetched; a larger one is `refused`. Telegram gives bots 20 MB at most, whatever stands
    /// here.
    pub max_size: Size,
    /// How long one fetch may take, its requests together.
    pub timeout: Span,
    /// Files that one process fetches at once: as many times `max_size` is the most memory that it takes for them.
    pub at_once: u32,
    /// Of these, files of one bot.
    pub at_once_per_bot: u32,
    /// Tries before a file is `failed`; somebody who asks for it starts anew.
    pub tries: u32,
    /// Types that are kept, by what the bytes are; one that ends in `*` stands for all that begin so. Everything else is
    /// `refused`.
    pub types: Vec<String>,
    /// How long a link to a file holds.
    pub link_ttl: Span,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            max_size: Size::mib(20),
            timeout: Span::secs(45),
            at_once: 8,
            at_once_per_bot: 2,
            tries: 5,
            types: [
                "image/*",
                "audio/*",
                "video/*",
                "text/plain",
                "application/pdf",
                "application/zip",
                "application/gzip",
                "application/rtf",
                "application/msword",
                "application/vnd.ms-*",
                "application/vnd.openxmlformats-officedocument.*",
                "application/vnd.oasis.opendocument.*",
            ]
            .map(str::to_owned)
            .to_vec(),
            link_ttl: Span::secs(15 * 60),
        }
    }
}

impl MediaConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        for (key, zero) in [
            ("at_once", self.at_once == 0),
            ("at_once_per_bot", self.at_once_per_bot == 0),
            ("tries", self.tries == 0),
            ("timeout", self.timeout.get().is_zero()),
            ("link_ttl", self.link_ttl.get().is_zero()),
        ] {
            if zero {
                problems.add(format!("{at}.{key}"), "is zero", "use at least 1, or leave it out");
            }
        }
        if self.max_size.bytes() < 1024 {
            problems.add(format!("{at}.max_size"), "lets no file through", "write for example 20 MiB");
        }
        if self.types.is_empty() {
            let remedy = "name some, or set `media: never` in the bots' files";
            problems.add(format!("{at}.types"), "lets no file through", remedy);
        }
    }
}
