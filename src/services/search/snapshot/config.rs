//! How snapshots are kept and written.
//!
//! Guarantee: the local disk has a bound that at least one knowledge base fits into.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problems;
use crate::domain::units::{Size, Span};

/// Snapshots of knowledge bases: what one process indexed, the others open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShelfConfig {
    /// False: every process indexes what it is asked for by itself.
    pub enabled: bool,
    /// Where they lie on this machine, checked each time they are opened; empty = `snapshots` in the data folder.
    pub folder: PathBuf,
    /// What they may take there; what was longest unused goes, never what is in use.
    pub disk: Size,
    /// Smaller knowledge bases are indexed by whoever is asked: that takes less than a fetch.
    pub least_passages: u64,
    /// A knowledge base is written after it did not change for so long; one that changes all the time, after 30 times that.
    pub quiet: Span,
}

impl Default for ShelfConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            folder: PathBuf::new(),
            disk: Size::mib(4096),
            least_passages: 50,
            quiet: Span::secs(10),
        }
    }
}

impl ShelfConfig {
    /// Adds what is wrong with these settings. `at` names the section.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if self.disk < Size::mib(16) {
            let what = format!("{} hold hardly one knowledge base", self.disk);
            problems.add(format!("{at}.disk"), what, "use 16 MiB or more, or set enabled = false");
        }
        if self.least_passages == 0 {
            let what = "0 would write knowledge bases that hold nothing";
            problems.add(format!("{at}.least_passages"), what, "use 1 or more");
        }
        if self.quiet < Span::secs(1) || self.quiet > Span::secs(3600) {
            problems.add(format!("{at}.quiet"), format!("{} can't be", self.quiet), "use 1s to 1h");
        }
    }

    /// The folder, `snapshots` in the data folder where none is named.
    #[must_use]
    pub fn place(&self, data: &Path) -> PathBuf {
        if self.folder.as_os_str().is_empty() { data.join("snapshots") } else { self.folder.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_is_named() {
        let wrong = |change: fn(&mut ShelfConfig)| {
            let (mut config, mut problems) = (ShelfConfig::default(), Problems::default());
            change(&mut config);
            config.validate("search.snapshots", &mut problems);
            problems.0.into_iter().map(|problem| problem.at).collect::<Vec<_>>()
        };
        assert_eq!(wrong(|_| {}), Vec::<String>::new());
        assert_eq!(wrong(|config| config.least_passages = 1), Vec::<String>::new());
        assert_eq!(wrong(|config| config.least_passages = 0), ["search.snapshots.least_passages"]);
        assert_eq!(wrong(|config| config.quiet = Span::secs(0)), ["search.snapshots.quiet"]);
        assert_eq!(wrong(|config| config.disk = Size::mib(1)), ["search.snapshots.disk"]);
    }
}
