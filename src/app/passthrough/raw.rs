//! The bare way over the embedded log: a reader, appends, nothing between them.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Course;
use crate::log::{Log, Outgoing, TopicPartition};

/// Bytes that a reader may hold.
const PREFETCH: usize = 4 << 20;
/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn carry(log: &dyn Log, course: &Course, partitions: u32) -> anyhow::Result<Duration> {
    let mut reader = log.reader(PREFETCH).await?;
    for partition in 0..partitions {
        reader.assign(&TopicPartition::new(course.from.clone(), partition), 0).await?;
    }
    let (mut begun, mut carried) = (None, 0);
    while carried < course.records {
        let batch = reader.next(PATIENCE).await?;
        let batch = batch.with_context(|| format!("{} has fewer records than were written", course.from))?;
        begun.get_or_insert_with(Instant::now);
        carried += batch.records.len() as u64;
        let partition = Some(batch.partition.partition);
        let out = batch.records.into_iter().map(|record| Outgoing {
            topic: course.to.clone(),
            partition,
            key: record.key,
            value: record.value,
            headers: record.headers,
        });
        log.append(&out.collect::<Vec<_>>()).await?;
    }
    Ok(begun.map_or(Duration::ZERO, |begun| begun.elapsed()))
}
