//! The Kafka engine for the contract suite, on the broker of `MILLRACE_TEST_KAFKA`.

use std::sync::Arc;

use async_trait::async_trait;
use millrace::log::kafka::KafkaLog;
use millrace::log::{Log, TopicName};

use super::world::World;
use crate::kafka::support;

/// An installation of its own on the broker: every case has its own prefix.
struct Kafka(Arc<KafkaLog>);

/// A world on the broker.
pub(crate) async fn open() -> impl World {
    Kafka(support::connect(support::config()).await)
}

#[async_trait]
impl World for Kafka {
    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.0) as Arc<dyn Log>
    }

    fn name(&self, base: &str) -> String {
        base.to_owned()
    }

    /// Retention is the broker's, at its own time.
    async fn expire(&self, _topic: &TopicName) -> bool {
        false
    }

    /// So is compaction.
    async fn compact(&self, _topic: &TopicName) -> bool {
        false
    }
}
