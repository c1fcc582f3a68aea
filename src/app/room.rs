//! Whether the edge may take more webhooks: two things that an append can't feel.
//!
//! Guarantee: no is said only when the oldest webhook that nobody has read is older than half of what the topic keeps, or
//! when the log's disk is nearly full; never from less lag than that, and never because either could not be found out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::parts::{Parts, topics};
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::domain::topics::{Keep, WEBHOOK_RECEIVED};
use crate::edge::Probe;
use crate::log::lag::{Behind, behind};
use crate::log::{Log, TopicName};

/// How often the disk is looked at.
const EVERY: Duration = Duration::from_secs(5);
/// Looks at the disk for one at ingest, whose bound is in days and whose look takes a reader.
const DISK_LOOKS: u32 = 12;
/// The most that is asked to be free: a tenth of a large disk is days of webhooks, and no reason to send any away.
const MOST_FREE: u64 = 4 << 30;
/// How long the log may take to say how far ingest is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks until the process ends; the answer is the last look's.
pub fn watch(parts: &Parts) -> Probe {
    let (seen, room) = watch::channel(None);
    let (log, clock, stop) = (Arc::clone(&parts.log), Arc::clone(&parts.clock), parts.stop.clone());
    let disk = disk(parts);
    let half = topics(&parts.settings).into_iter().find(|topic| topic.name == WEBHOOK_RECEIVED);
    let half = half.and_then(|topic| match topic.keep {
        Keep::For(kept) => Some(kept / 2),
        Keep::Compact => None,
    });
    parts.tasks.spawn(async move {
        let mut late = None;
        for look in (0..DISK_LOOKS).cycle() {
            if let (0, Some(half)) = (look, half) {
                late = old(&*log, clock.now(), half).await;
            }
            let crowded = disk.as_ref().and_then(|(folder, least)| crowded(Room::of(folder), *least));
            let full = crowded.or_else(|| late.clone());
            seen.send_if_modified(|before| {
                if before.is_none() != full.is_none() {
                    match &full {
                        Some(why) => {
                            tracing::error!(why, "webhooks are answered with 503 until this is over")
                        }
                        None => tracing::info!("webhooks are taken again"),
                    }
                }
                *before = full;
                true
            });
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    });
    Arc::new(move || room.borrow().clone().map_or(Ok(()), Err))
}

/// Where the embedded log lies and how much of that disk has to be free, in percent.
fn disk(parts: &Parts) -> Option<(PathBuf, u8)> {
    let settings = &parts.settings;
    let looked_at = settings.kafka.brokers.is_empty() && settings.edge.free_disk > 0;
    looked_at.then(|| (settings.log.clone().under(&settings.data).folder, settings.edge.free_disk))
}

/// What may still be written to a disk, and all of it that is ours to fill; in bytes.
#[derive(Debug, Clone, Copy)]
struct Room {
    free: u64,
    whole: u64,
}

impl Room {
    /// None when the disk can't be asked.
    fn of(folder: &PathBuf) -> Option<Self> {
        let disk = rustix::fs::statvfs(folder).ok()?;
        let whole = disk.f_blocks.saturating_sub(disk.f_bfree).saturating_add(disk.f_bavail);
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some(Self { free: bytes(disk.f_bavail), whole: bytes(whole) })
    }
}

/// Why no more may be written, when less than `least` percent of it is free.
fn crowded(room: Option<Room>, least: u8) -> Option<String> {
    let asked = |whole: u64| (whole / 100 * u64::from(least)).min(MOST_FREE);
    let room = room.filter(|room| room.free < asked(room.whole))?;
    let mib = |bytes: u64| bytes >> 20;
    Some(format!(
        "only {} MiB of the log's disk are free and edge.free_disk asks for {least} %, here {} MiB: make room, or lower \
         it",
        mib(room.free),
        mib(asked(room.whole))
    ))
}

async fn old(log: &dyn Log, now: Timestamp, half: Duration) -> Option<String> {
    let group = StageName::Ingest.group();
    let topic = TopicName::from(WEBHOOK_RECEIVED);
    // A log that can't answer refuses appends by itself.
    let found = tokio::time::timeout(PATIENCE, behind(log, &group, &topic)).await.ok()?.ok()?;
    late(&found, now, half)
}

fn late(found: &[Behind], now: Timestamp, half: Duration) -> Option<String> {
    let oldest = found.iter().map(|one| one.seconds(now)).max().unwrap_or_default();
    (Duration::from_secs(oldest) > half).then(|| {
        format!(
            "the oldest webhook that ingest has not read is {oldest} s old, more than half of what {WEBHOOK_RECEIVED} \
             keeps: add processes of ingest"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_crowded_below_the_least_and_not_when_it_can_not_be_asked() {
        let disk = |free, whole| Some(Room { free, whole });
        assert_eq!(crowded(disk(100 << 20, 1000 << 20), 10), None);
        let why = crowded(disk(99 << 20, 1000 << 20), 10).unwrap();
        assert!(why.contains("only 99 MiB") && why.contains("10 %, here 100 MiB"), "{why}");
        assert_eq!(crowded(None, 10), None);
        let here = Room::of(&std::env::temp_dir()).unwrap();
        assert!(here.free <= here.whole && here.whole > 1 << 20, "{here:?}");
        assert!(Room::of(&PathBuf::from("/nowhere/at/all")).is_none());
    }

    #[test]
    fn no_more_than_four_gibibytes_of_a_large_disk_have_to_be_free() {
        let terabyte = |free| Some(Room { free, whole: 1 << 40 });
        assert_eq!(crowded(terabyte(4 << 30), 10), None);
        assert!(crowded(terabyte((4 << 30) - 1), 10).is_some());
    }

    #[test]
    fn webhooks_are_refused_past_half_of_what_is_kept_and_not_before() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let day = 86_400_000;
        let behind = |age: Option<i64>| Behind {
            partition: 0,
            committed: 0,
            end: 9,
            oldest: age.map(|age| Timestamp::from_millis(now.millis() - age)),
        };
        let half = Duration::from_secs(84 * 3600);
        assert_eq!(late(&[behind(None), behind(Some(3 * day))], now, half), None);
        assert!(late(&[behind(None), behind(Some(4 * day))], now, half).is_some());
    }
}
