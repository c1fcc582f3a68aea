//! Reads the topics of a run into its history, again and again, each time from where it stopped.
//!
//! Guarantee: reads by position and joins no group, so it changes nothing. It knows the formats of the topics and nothing
//! of the stages.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::bail;
use serde::Deserialize;

use super::history::{ChatKey, DeadLetter, ParkedKind, ParkedRecord, PartResult, Reply, ReplyBody, Topics};
use crate::domain::envelope::Envelope;
use crate::domain::events::{ChatKind, Lane, Parked, ParkedKey, ReplyReady, Settled};
use crate::domain::ids::EventId;
use crate::domain::topics::{
    DEAD_LETTER, REPLY_BULK, REPLY_PARKED, REPLY_READY, REPLY_SETTLED, TURN_DROPPED, TURN_GROUNDED,
    TURN_OPENED, TURN_ROUTED, WEBHOOK_RECEIVED,
};
use crate::log::{Log, Record, TopicName, TopicPartition};

/// What is read, in flow order: an event's trace ends at the last that has it.
const READ: [&str; 10] = [
    WEBHOOK_RECEIVED,
    TURN_OPENED,
    TURN_ROUTED,
    TURN_GROUNDED,
    REPLY_READY,
    REPLY_BULK,
    REPLY_PARKED,
    REPLY_SETTLED,
    TURN_DROPPED,
    DEAD_LETTER,
];
/// Bytes that the reader may hold.
const PREFETCH: usize = 16 << 20;
/// A topic that gives nothing for so long can't be read to its end.
const STALLED: Duration = Duration::from_secs(15);

/// Reads topics.
#[derive(Debug, Default)]
pub(super) struct Reading {
    next: HashMap<TopicPartition, u64>,
}

impl Reading {
    /// Reads everything that was appended since the last time.
    ///
    /// # Errors
    /// When a topic can't be read to its end. What was read stays; the next call goes on behind it.
    pub(super) async fn catch_up(&mut self, log: &dyn Log, topics: &mut Topics) -> anyhow::Result<()> {
        let mut ends = HashMap::new();
        let mut reader = log.reader(PREFETCH).await?;
        for topic in READ {
            for number in 0..log.partitions(&TopicName::from(topic)).await? {
                let partition = TopicPartition::new(topic, number);
                let end = log.range(&partition).await?.end;
                let next = *self.next.entry(partition.clone()).or_default();
                if next < end {
                    reader.assign(&partition, next).await?;
                    ends.insert(partition, (topic, end));
                }
            }
        }
        while !ends.is_empty() {
            let Some(batch) = reader.next(STALLED).await? else { bail!("nothing more comes of {ends:?}") };
            let Some((topic, end)) = ends.get(&batch.partition).copied() else { continue };
            let next = self.next.entry(batch.partition.clone()).or_default();
            for record in batch.records {
                *next = record.offset + 1;
                topics.take(topic, batch.partition.partition, &record);
            }
            if *next >= end {
                ends.remove(&batch.partition);
            }
        }
        Ok(())
    }
}

/// What every envelope has.
#[derive(Deserialize)]
struct Attributes {
    rootid: EventId,
}

impl Topics {
    fn take(&mut self, topic: &'static str, partition: u32, record: &Record) {
        let at = record.at.millis();
        let root = || serde_json::from_slice::<Attributes>(&record.value).ok().map(|found| found.rootid);
        match topic {
            REPLY_SETTLED => self.take_settled(partition, at, record),
            REPLY_PARKED => self.take_parked(partition, at, record),
            REPLY_READY => {
                let reply = reply(record);
                if let Some(body) = &reply.body {
                    self.passed(body.root, topic);
                }
                self.replies.entry(partition).or_default().push(reply);
            }
            REPLY_BULK => self.bulk_replies.entry(partition).or_default().push(reply(record)),
            DEAD_LETTER => self.take_dead(at, record),
            TURN_DROPPED => {
                if let Some(root) = root() {
                    let text = String::from_utf8_lossy(&record.value).into_owned();
                    self.dropped.entry(root).or_insert(text);
                }
            }
            _ => {
                let Some(root) = root() else { return };
                if topic == WEBHOOK_RECEIVED {
                    self.received.entry(root).or_insert((partition, record.offset));
                }
                self.passed(root, topic);
            }
        }
    }

    /// An event was seen in a topic.
    fn passed(&mut self, root: EventId, topic: &'static str) {
        let place = |topic| READ.iter().position(|known| *known == topic);
        let last = self.trace.entry(root).or_insert(topic);
        if place(topic) > place(*last) {
            *last = topic;
        }
    }

    fn take_settled(&mut self, partition: u32, at: i64, record: &Record) {
        let Ok(Settled::Result { id, part, of, status, attempt, epoch, root, lane, .. }) =
            serde_json::from_slice(&record.value)
        else {
            return;
        };
        let result = PartResult { at, id, root, part, of, status, attempt, epoch };
        if lane == Lane::Bulk {
            self.bulk.insert(id, status);
            self.bulk_results.push(result);
            return;
        }
        self.passed(root, REPLY_SETTLED);
        self.results.entry(partition).or_default().push(result);
    }

    fn take_parked(&mut self, partition: u32, at: i64, record: &Record) {
        let kind = if record.value.is_empty() {
            let key = std::str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok());
            let Some(ParkedKey::Reply(id)) = key else { return };
            ParkedKind::Delete(id)
        } else {
            match serde_json::from_slice(&record.value) {
                Ok(Parked::Put { id, .. }) => ParkedKind::Put(id),
                Ok(Parked::Epoch { epoch, lane: Lane::Ready }) => ParkedKind::Epoch(epoch),
                Ok(Parked::Epoch { .. } | Parked::Limit { .. }) | Err(_) => return,
            }
        };
        self.parked.entry(partition).or_default().push(ParkedRecord { at, kind });
    }

    fn take_dead(&mut self, at: i64, record: &Record) {
        let header = |name: &str| {
            let found = record.headers.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
        };
        let root = serde_json::from_slice::<Attributes>(&record.value).ok().map(|found| found.rootid);
        let reply = Envelope::<ReplyReady>::decode(&record.value).ok().map(|reply| reply.id);
        self.dead.push(DeadLetter {
            at,
            root,
            reply,
            topic: header("millrace-topic"),
            partition: header("millrace-partition").parse().unwrap_or_default(),
            offset: header("millrace-offset").parse().unwrap_or_default(),
            reason: header("millrace-reason"),
            bytes: if root.is_none() { record.value.to_vec() } else { Vec::new() },
        });
    }
}

/// A record of one of the lanes.
fn reply(record: &Record) -> Reply {
    let body = Envelope::<ReplyReady>::decode(&record.value).ok().map(|reply| ReplyBody {
        id: reply.id,
        root: reply.rootid,
        chat: ChatKey {
            channel: reply.data.channel,
            account: reply.data.account.as_str().to_owned(),
            chat: reply.data.chat.clone(),
        },
        group: reply.data.chat_kind == ChatKind::Group,
        texts: reply.data.parts.iter().map(|part| part.text.clone()).collect(),
    });
    Reply { offset: record.offset, body }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::channel::ChannelKind;
    use crate::domain::time::Timestamp;

    fn record(offset: u64, key: &str, value: &str) -> Record {
        let (key, value) = (Bytes::copy_from_slice(key.as_bytes()), Bytes::copy_from_slice(value.as_bytes()));
        Record { offset, at: Timestamp::from_millis(9), key, value, headers: Vec::new() }
    }

    #[test]
    fn parked_records_are_put_and_taken_back() {
        let id = EventId::root(ChannelKind::Telegram, "1", "2");
        let put = format!(
            r#"{{"type":"put","id":"{id}","offset":1,"of":1,"attempt":0,"epoch":3,"lane":"ready","tenant":"t","bot":"b","conversation":"c","reply":"{{}}"}}"#
        );
        let mut topics = Topics::default();
        topics.take(
            REPLY_PARKED,
            0,
            &record(0, "epoch:ready:3", r#"{"type":"epoch","epoch":3,"lane":"ready"}"#),
        );
        topics.take(REPLY_PARKED, 0, &record(1, &id.to_string(), &put));
        assert!(topics.parked_now().contains(&id));
        topics.take(REPLY_PARKED, 0, &record(2, &id.to_string(), ""));
        assert!(topics.parked_now().is_empty());
        assert_eq!(topics.parked[&0][0].kind, ParkedKind::Epoch(3));
    }

    #[test]
    fn what_nobody_can_read_is_kept_by_its_bytes() {
        let mut topics = Topics::default();
        topics.take(REPLY_READY, 1, &record(4, "k", "garbage"));
        assert_eq!(topics.replies[&1], [Reply { offset: 4, body: None }]);
        let mut letter = record(0, "k", "garbage");
        letter.headers = vec![
            ("millrace-topic".into(), Bytes::from_static(b"reply.ready.v1")),
            ("millrace-partition".into(), Bytes::from_static(b"1")),
            ("millrace-offset".into(), Bytes::from_static(b"4")),
        ];
        topics.take(DEAD_LETTER, 0, &letter);
        let dead = &topics.dead[0];
        assert_eq!((dead.topic.as_str(), dead.partition, dead.offset), ("reply.ready.v1", 1, 4));
        assert_eq!(dead.bytes, b"garbage");
    }
}
