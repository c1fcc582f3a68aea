//! The embedded engine in a folder of its own, with a clock that the case moves.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millrace::domain::time::{ManualClock, Timestamp};
use millrace::domain::units::Size;
use millrace::log::embedded::{EmbeddedConfig, EmbeddedLog};
use millrace::log::{Log, TopicName};

use super::world::World;

pub(crate) struct Embedded {
    log: Arc<EmbeddedLog>,
    clock: ManualClock,
    _folder: tempfile::TempDir,
}

/// A new log with small segments, so that every case crosses their borders.
pub(crate) async fn open() -> Embedded {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let config = EmbeddedConfig {
        folder: folder.path().join("log"),
        segment: Size::kib(16),
        keep_segment: Size::kib(8),
        ring: Size::kib(16),
        ..EmbeddedConfig::default()
    };
    let log = EmbeddedLog::open(config, Arc::new(clock.clone())).unwrap();
    Embedded { log, clock, _folder: folder }
}

#[async_trait]
impl World for Embedded {
    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.log) as Arc<dyn Log>
    }

    fn name(&self, base: &str) -> String {
        base.to_owned()
    }

    async fn expire(&self, _topic: &TopicName) -> bool {
        self.clock.advance(Duration::from_secs(40 * 86_400));
        self.log.upkeep().await.unwrap();
        true
    }

    async fn compact(&self, _topic: &TopicName) -> bool {
        self.log.upkeep().await.unwrap();
        true
    }
}
