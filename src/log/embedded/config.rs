//! The settings of the embedded log.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problems;
use crate::domain::units::{Size, Span};

/// When an append waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyncMode {
    /// Appends that nothing in the log could bring back after a power cut wait for it; one sync serves all that arrived
    /// during the last one.
    #[default]
    Group,
    /// No append waits. Everything survives a crash of the process; a power cut may take the last seconds.
    Os,
}

impl SyncMode {
    /// The word in settings and benches.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Os => "os",
        }
    }
}

/// The embedded log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddedConfig {
    /// The folder. Empty = `log` in the data folder.
    pub folder: PathBuf,
    /// When an append waits for the disk: `group` (what a power cut must not take is synced before it is acknowledged) or
    /// `os` (nothing is).
    pub sync: SyncMode,
    /// The size of a segment file of the main sequence; it is taken on the disk when the segment is begun.
    pub segment: Size,
    /// The size of a segment file of a topic that is compacted or kept for longer than 8 days.
    pub keep_segment: Size,
    /// Memory for the newest records, for consumers that keep up.
    pub ring: Size,
    /// Memory for blocks and indexes that were read from older segments.
    pub cache: Size,
    /// The largest append.
    pub frame_max: Size,
    /// Bytes of appends that may wait for the disk at once; beyond them the log answers that it is busy.
    pub waiting_max: Size,
    /// How often old segments are removed, compacted and indexed on the disk.
    pub upkeep: Span,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            sync: SyncMode::Group,
            segment: Size::mib(64),
            keep_segment: Size::mib(8),
            ring: Size::mib(16),
            cache: Size::mib(16),
            frame_max: Size::mib(16),
            waiting_max: Size::mib(64),
            upkeep: Span::secs(30),
        }
    }
}

impl EmbeddedConfig {
    /// The same with the folder that an empty one stands for.
    #[must_use]
    pub fn under(mut self, data: &Path) -> Self {
        if self.folder.as_os_str().is_empty() {
            self.folder = data.join("log");
        }
        self
    }

    /// Adds what is wrong to `problems`.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        let mut between = |key: &str, size: Size, least: Size, most: Size| {
            if size < least || size > most {
                let what = format!("{size} is not between {least} and {most}");
                problems.add(format!("{at}.{key}"), what, "write a size such as 64 MiB");
            }
        };
        // Positions in a segment are 32 bits wide; far below that recovery of the last segment would become slow.
        between("segment", self.segment, Size::kib(4), Size::mib(1024));
        between("keep_segment", self.keep_segment, Size::kib(4), Size::mib(1024));
        between("ring", self.ring, Size::kib(4), Size::mib(4096));
        between("cache", self.cache, Size::mib(1), Size::mib(4096));
        between("frame_max", self.frame_max, Size::kib(4), Size::mib(256));
        between("waiting_max", self.waiting_max, self.frame_max, Size::mib(4096));
        if self.upkeep.get() < std::time::Duration::from_secs(1) {
            problems.add(format!("{at}.upkeep"), "less than a second", "write a time such as 30s");
        }
    }
}
