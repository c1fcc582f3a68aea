//! How far every stage is behind.

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::types::{Lag, LagLine, PartitionLag};
use crate::log::{Log, LogError, TopicName, TopicPartition};

impl Operations {
    pub(in crate::api) async fn lag(&self) -> Result<Lag, ApiError> {
        let Some((log, groups)) = &self.log else {
            let message = "no log is open here: ask the process that runs the stages, or `millrace lag`";
            return Err(ApiError::new(ErrorCode::Unavailable, message));
        };
        let mut lag = Vec::new();
        for group in groups {
            for topic in &group.topics {
                let partitions = behind(log.as_ref(), &group.stage.group(), topic).await.map_err(refused)?;
                lag.push(LagLine {
                    stage: group.stage.to_string(),
                    topic: topic.to_string(),
                    records: partitions.iter().map(|p| p.end - p.committed).sum(),
                    partitions,
                });
            }
        }
        Ok(Lag { lag })
    }
}

/// The partitions that are behind. What was never committed counts from the first kept record.
async fn behind(log: &dyn Log, group: &str, topic: &TopicName) -> Result<Vec<PartitionLag>, LogError> {
    let committed = log.committed(group, topic).await?;
    let mut behind = Vec::new();
    for (partition, committed) in (0u32..).zip(committed) {
        let range = log.range(&TopicPartition { topic: topic.clone(), partition }).await?;
        let committed = committed.map_or(range.start, |found| found.offset.max(range.start));
        if range.end > committed {
            behind.push(PartitionLag { partition, committed, end: range.end });
        }
    }
    Ok(behind)
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error away")]
fn refused(error: LogError) -> ApiError {
    tracing::warn!(%error, "lag could not be read");
    ApiError::new(ErrorCode::Unavailable, "the log is not available: try again")
}
