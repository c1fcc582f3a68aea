//! Every topic: its name, key, partitions and how long it is kept. The table of `ARCHITECTURE.md` as code.
//!
//! Guarantee: a topic that is not in [`catalog`] is written by nobody. Counts never change in place: a role refuses to
//! start when the cluster's differ, and names the topic.

use std::time::Duration;

/// Webhooks as they came, one record per event. Key: channel/account/chat.
pub const WEBHOOK_RECEIVED: &str = "webhook.received.v1";
/// What a person said, normalised. Key: conversation.
pub const TURN_OPENED: &str = "turn.opened.v1";
/// Turns of bots with knowledge or a model, after match. Key: conversation.
pub const TURN_ROUTED: &str = "turn.routed.v1";
/// The same with passages. Key: conversation.
pub const TURN_GROUNDED: &str = "turn.grounded.v1";
/// Turns that end without a reply, with the reason. Key: conversation.
pub const TURN_DROPPED: &str = "turn.dropped.v1";
/// Turns that wait for a model. Key: event id; partition of its `turn.grounded`.
pub const TURN_PARKED: &str = "turn.parked.v1";
/// Replies to send. Key: bot.
pub const REPLY_READY: &str = "reply.ready.v1";
/// Campaign messages to send. Key: bot.
pub const REPLY_BULK: &str = "reply.bulk.v1";
/// What a provider says of a part later. Key: bot.
pub const RECEIPT_RECEIVED: &str = "receipt.received.v1";
/// Operators' commands to the owner of a bot. Key: bot.
pub const DISPATCH_CONTROL: &str = "dispatch.control.v1";
/// The ledger: what became of each part. Partition of its reply.
pub const REPLY_SETTLED: &str = "reply.settled.v1";
/// Replies that wait for a limit. Key: event id; partition of its reply.
pub const REPLY_PARKED: &str = "reply.parked.v1";
/// Typing, read marks, callback answers. Key: bot.
pub const SIGNAL_READY: &str = "signal.ready.v1";
/// What web-chat pages show. Key: conversation.
pub const WEBCHAT_OUT: &str = "webchat.out.v1";
/// Media to fetch. Key: conversation.
pub const MEDIA_WANTED: &str = "media.wanted.v1";
/// Campaigns. Key: campaign; partition by bot.
pub const CAMPAIGN_CHANGED: &str = "campaign.changed.v1";
/// Bot or human. Key: conversation; partition by bot.
pub const CONVERSATION_MODE: &str = "conversation.mode.v1";
/// Documents to read. Key: document; partition by knowledge base.
pub const DOCUMENT_SUBMITTED: &str = "document.submitted.v1";
/// Documents as they stand. Key: document; partition by knowledge base.
pub const DOCUMENT_CHANGED: &str = "document.changed.v1";
/// Which bot changed to which version; never the content. Key: bot.
pub const BOT_CHANGED: &str = "bot.changed.v1";
/// Seconds of outbound backlog of a bot. Key: bot.
pub const BOT_BACKLOG: &str = "bot.backlog.v1";
/// Records that could not be processed: original key, value and headers, and why. Key: as the original.
pub const DEAD_LETTER: &str = "dead.letter.v1";

/// A reply to an older message is given up: the ledger, which is kept a day longer, could not tell whether it was sent.
pub const ANSWERABLE: Duration = Duration::from_secs(7 * 86_400);

/// How long records stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// At least this long.
    For(Duration),
    /// The newest of each key, for ever; an empty value deletes the key.
    Compact,
}

/// How many partitions each family of topics has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// P: topics keyed by conversation.
    pub conversations: u32,
    /// R: topics keyed by bot.
    pub replies: u32,
    /// S: topics keyed by knowledge base; a search shard is a partition.
    pub shards: u32,
}

impl Counts {
    /// The counts of the embedded log.
    pub const EMBEDDED: Self = Self { conversations: 8, replies: 8, shards: 8 };
    /// The counts on Kafka.
    pub const KAFKA: Self = Self { conversations: 48, replies: 24, shards: 8 };
}

/// One topic as an engine has to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// The name, before the installation's prefix.
    pub name: String,
    /// The number of partitions.
    pub partitions: u32,
    /// How long records stay.
    pub keep: Keep,
    /// The largest record, in bytes.
    pub max_bytes: usize,
    /// True where nothing else in the log could bring the record back after a power cut: an append to it on the
    /// embedded log waits for the disk.
    pub synced: bool,
}

/// The usual largest record: a turn's text is cut at 64 KiB, a reply at 256 KiB, and JSON escapes may double either.
const MAX_BYTES: usize = 1 << 20;
/// A webhook item may be 3 MB; JSON escapes on top of that stay below this.
const MAX_WEBHOOK_BYTES: usize = 8 << 20;

/// Every topic of the installation.
#[must_use]
pub fn catalog(counts: Counts) -> Vec<TopicSpec> {
    const DAY: Duration = Duration::from_secs(86_400);
    const HOUR: Duration = Duration::from_secs(3_600);
    let Counts { conversations: p, replies: r, shards: s } = counts;
    let topic = |name: &str, partitions, keep| TopicSpec {
        name: name.to_owned(),
        partitions,
        keep,
        max_bytes: match name {
            // A parked record holds another one as text.
            WEBHOOK_RECEIVED | DEAD_LETTER | TURN_PARKED | REPLY_PARKED => MAX_WEBHOOK_BYTES,
            _ => MAX_BYTES,
        },
        synced: matches!(name, WEBHOOK_RECEIVED | REPLY_SETTLED | REPLY_BULK | DISPATCH_CONTROL),
    };
    vec![
        topic(WEBHOOK_RECEIVED, p, Keep::For(7 * DAY)),
        topic(TURN_OPENED, p, Keep::For(7 * DAY)),
        topic(TURN_ROUTED, p, Keep::For(7 * DAY)),
        topic(TURN_GROUNDED, p, Keep::For(7 * DAY)),
        topic(TURN_DROPPED, p, Keep::For(7 * DAY)),
        topic(TURN_PARKED, p, Keep::Compact),
        topic(REPLY_READY, r, Keep::For(7 * DAY)),
        topic(REPLY_BULK, r, Keep::For(7 * DAY)),
        topic(RECEIPT_RECEIVED, r, Keep::For(7 * DAY)),
        topic(DISPATCH_CONTROL, r, Keep::For(7 * DAY)),
        topic(REPLY_SETTLED, r, Keep::For(ANSWERABLE + DAY)),
        topic(REPLY_PARKED, r, Keep::Compact),
        topic(SIGNAL_READY, r, Keep::For(HOUR)),
        topic(WEBCHAT_OUT, p, Keep::For(DAY)),
        topic(MEDIA_WANTED, p, Keep::For(7 * DAY)),
        topic(CAMPAIGN_CHANGED, r, Keep::Compact),
        topic(CONVERSATION_MODE, r, Keep::Compact),
        topic(DOCUMENT_SUBMITTED, s, Keep::For(30 * DAY)),
        topic(DOCUMENT_CHANGED, s, Keep::Compact),
        topic(BOT_CHANGED, 1, Keep::Compact),
        topic(BOT_BACKLOG, 1, Keep::Compact),
        topic(DEAD_LETTER, p, Keep::For(30 * DAY)),
    ]
}

/// True for a topic whose records say something of a person: what they wrote, what was answered, or their chat's id.
#[must_use]
pub fn holds_people(topic: &str) -> bool {
    !matches!(
        topic,
        DISPATCH_CONTROL
            | CAMPAIGN_CHANGED
            | DOCUMENT_SUBMITTED
            | DOCUMENT_CHANGED
            | BOT_CHANGED
            | BOT_BACKLOG
    )
}

/// Kafka's default partitioner for keyed records (murmur2, as in its Java client), so that any client puts a key where
/// we do, on both engines.
#[must_use]
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h: u32 = 0x9747_b28c ^ u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    for (i, byte) in rest.iter().enumerate() {
        h ^= u32::from(*byte) << (8 * i);
    }
    if !rest.is_empty() {
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_land_where_the_java_client_puts_them() {
        // The pairs of Kafka's own UtilsTest.testMurmur2.
        let pairs: [(&[u8], i32); 4] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in pairs {
            assert_eq!(murmur2(key).cast_signed(), hash, "{key:?}");
        }
    }

    #[test]
    fn names_are_unique_and_versioned() {
        let topics = catalog(Counts::EMBEDDED);
        let names: std::collections::BTreeSet<_> = topics.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names.len(), topics.len());
        assert!(names.iter().all(|name| name.ends_with(".v1")));
    }
}
