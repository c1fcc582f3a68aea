//! What a bench made on a cluster goes with it. A folder goes with its owner; topics on brokers would stay, and each run
//! would be slower than the one before it.

use std::sync::Arc;

use crate::app::parts::topics;
use crate::app::settings::Settings;
use crate::domain::time::SystemClock;
use crate::log::kafka::KafkaLog;
use crate::log::{Log as _, LogError, TopicName};

/// Removes all topics of an installation, with all that is in them. On the embedded log there is nothing to do. What can't be
/// removed is said on stderr: the bench's figures stand.
pub async fn remove_all(settings: &Settings) {
    let names: Vec<_> = topics(settings).iter().map(|spec| TopicName::from(spec.name.as_str())).collect();
    remove(settings, &names).await;
}

/// The same for topics of one's own.
pub async fn remove(settings: &Settings, names: &[TopicName]) {
    if settings.kafka.brokers.is_empty() {
        return;
    }
    if let Err(error) = try_to(settings, names).await {
        let prefix = &settings.kafka.prefix;
        tracing::warn!(%error, prefix, "topics of this bench stay behind: remove those with this prefix");
    }
}

async fn try_to(settings: &Settings, names: &[TopicName]) -> Result<(), LogError> {
    let log = KafkaLog::connect(settings.kafka.clone(), Arc::new(SystemClock)).await?;
    let removed = log.remove_topics(names).await;
    log.close().await;
    removed
}
