//! How far every stage is behind.

use super::{GroupReads, Operations};
use crate::api::error::{ApiError, ErrorCode};
use crate::api::types::{Lag, LagLine, PartitionLag};
use crate::domain::time::{Clock, SystemClock, Timestamp};
use crate::log::lag::{Behind, behind};
use crate::log::{Log, LogError, TopicName};

impl Operations {
    pub(in crate::api) async fn lag(&self) -> Result<Lag, ApiError> {
        let Some((log, groups)) = &self.log else {
            let message = "no log is open here: ask the process that runs the stages, or `millrace lag`";
            return Err(ApiError::new(ErrorCode::Unavailable, message));
        };
        measure_lag(log.as_ref(), groups).await.map_err(refused)
    }
}

/// How far each group is behind, in the order given; of partitions, only those that are behind.
///
/// # Errors
/// When the log can't be reached or a topic is missing.
pub async fn measure_lag(log: &dyn Log, groups: &[GroupReads]) -> Result<Lag, LogError> {
    let now = SystemClock.now();
    let mut lag = Vec::new();
    for reads in groups {
        for topic in &reads.topics {
            let mut partitions = behind(log, &reads.stage.group(), topic).await?;
            partitions.retain(|one| one.records() > 0);
            lag.push(line(reads, topic, &partitions, now));
        }
    }
    Ok(Lag { lag })
}

fn line(reads: &GroupReads, topic: &TopicName, behind: &[Behind], now: Timestamp) -> LagLine {
    let partition = |one: &Behind| PartitionLag {
        partition: one.partition,
        committed: one.committed,
        end: one.end,
        records: one.records(),
        seconds: one.seconds(now),
    };
    LagLine {
        stage: reads.stage.to_string(),
        group: reads.stage.group(),
        topic: topic.to_string(),
        records: behind.iter().map(Behind::records).sum(),
        seconds: behind.iter().map(|one| one.seconds(now)).max().unwrap_or_default(),
        partitions: behind.iter().map(partition).collect(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error away")]
fn refused(error: LogError) -> ApiError {
    tracing::warn!(%error, "lag could not be read");
    ApiError::new(ErrorCode::Unavailable, "the log is not available: try again")
}
