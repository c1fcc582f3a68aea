//! A partition whose records lie far apart in its segments: what is read has no hole, and nothing is passed over.

use std::sync::Arc;

use millrace::domain::units::Size;
use millrace::log::Log;
use millrace::log::embedded::{EmbeddedConfig, EmbeddedLog};

use super::support::{KEPT, PLAIN, clock, config, folder, read, record, topics};

/// More than a reader looks at in one go: each of these lies in a block of its own.
const RECORDS: usize = 200;

#[tokio::test]
async fn a_sparse_partition_is_read_whole() {
    for topic in [PLAIN, KEPT] {
        let folder = folder();
        // Some 130 blocks of 64 KiB in each segment.
        let (segment, ring) = (Size::mib(8), Size::kib(4));
        let config = EmbeddedConfig { segment, keep_segment: segment, ring, ..config(folder.path()) };
        let log = EmbeddedLog::open(config, Arc::new(clock())).unwrap();
        topics(&*log).await;
        let filler = "x".repeat(70 << 10);
        for number in 0..RECORDS {
            let name = number.to_string();
            log.append(&[record(topic, 0, &name, &name), record(topic, 1, &name, &filler)]).await.unwrap();
        }
        let records = read(&*log, topic, 0).await.unwrap();
        let found: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(&record.value)).collect();
        let written: Vec<_> = (0..RECORDS).map(|number| number.to_string()).collect();
        assert_eq!(found, written, "{topic}");
        log.close().await;
    }
}
