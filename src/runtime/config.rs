//! Bounds of the consumer loop.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problems;
use crate::domain::units::{Size, Span};

/// The `runtime` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// The most bytes of records in memory for each partition; beyond it the partition is left unread.
    pub partition_bytes: Size,
    /// The most bytes of records in memory in the whole process; one stage has at most half of it, and a partition that
    /// holds nothing takes a batch whatever the others have.
    pub process_bytes: Size,
    /// How long a partition that is taken away may finish what is in flight, at most a third of the rebalance timeout.
    pub revoke_timeout: Span,
    /// Dead letters of our own making in a row (undecodable records, panics) after which a group stops, its offsets
    /// kept: by then something is wrong with the program, not with the records.
    pub brake: u32,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            partition_bytes: Size::mib(16),
            process_bytes: Size::mib(256),
            revoke_timeout: Span::secs(10),
            brake: 50,
        }
    }
}

impl RuntimeConfig {
    /// Adds every mistake of the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if self.partition_bytes < Size::mib(8) {
            problems.add(
                format!("{at}.partition_bytes"),
                "is less than one record may be",
                "use at least 8 MiB",
            );
        }
        if self.process_bytes < self.partition_bytes {
            problems.add(
                format!("{at}.process_bytes"),
                "is less than partition_bytes",
                "raise it above that",
            );
        }
        if self.brake == 0 {
            problems.add(
                format!("{at}.brake"),
                "is 0, so the first bad record stops the group",
                "use at least 1",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_each_mistake_is_named() {
        let mut problems = Problems::default();
        RuntimeConfig::default().validate("runtime", &mut problems);
        assert_eq!(problems.0.len(), 0);
        let wrong = RuntimeConfig {
            partition_bytes: Size::kib(1),
            process_bytes: Size::kib(0),
            brake: 0,
            ..Default::default()
        };
        wrong.validate("runtime", &mut problems);
        assert_eq!(problems.0.len(), 3);
    }
}
