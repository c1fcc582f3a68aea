//! One function per notable happening: it counts, and logs where an operator wants a line.
//!
//! In the order of the flow. Arguments that become labels are bounded by their type or are words of ours.

use std::fmt::Display;
use std::time::Duration;

use super::metric::Metric;
use crate::domain::channel::ChannelKind;
use crate::domain::events::SettledStatus;
use crate::domain::failure::{Class, Origin};
use crate::domain::ids::{AccountId, BotId};
use crate::domain::refusal::Refused;
use crate::domain::stage::StageName;

/// A webhook was answered with 200: its events are durable.
pub fn webhook_accepted(channel: ChannelKind, events: usize, took: Duration) {
    let labels = [("channel", channel.as_str())];
    Metric::WebhookEvents.add(&labels, events as u64);
    Metric::WebhookSeconds.observe(&labels, took);
}

/// A webhook was answered with anything else. `reason` is a word of ours: `signature`, `unknown_bot`, `log_full`.
pub fn webhook_refused(channel: ChannelKind, status: u16, reason: &'static str) {
    let code = status.to_string();
    Metric::WebhookRefusals.add(&[("channel", channel.as_str()), ("status", &code), ("reason", reason)], 1);
    tracing::debug!(%channel, status, reason, "webhook refused");
}

/// A web-chat event stream opened (`true`) or closed.
pub fn webchat_stream(opened: bool) {
    Metric::WebchatStreams.shift(&[], if opened { 1.0 } else { -1.0 });
}

/// Events that were seen before were dropped.
pub fn duplicate_dropped(stage: StageName, events: u64) {
    Metric::DuplicateEvents.add(&[("stage", stage.as_str())], events);
}

/// An event of a kind that makes no turn. `raw_kind` is the provider's word: logged, never a label.
pub fn ignored(channel: ChannelKind, raw_kind: &str) {
    Metric::IgnoredEvents.add(&[("channel", channel.as_str())], 1);
    tracing::debug!(%channel, raw_kind, "event ignored");
}

/// A turn ends without a reply. `reason` is the fixed word of `turn.dropped.v1`.
pub fn turn_dropped(stage: StageName, reason: &str) {
    Metric::DroppedTurns.add(&[("stage", stage.as_str()), ("reason", reason)], 1);
}

/// A file of a person is settled: `stored`, `expired`, `refused` or `failed`.
pub fn media_fetched(channel: ChannelKind, state: &str) {
    Metric::FetchedMedia.add(&[("channel", channel.as_str()), ("state", state)], 1);
}

/// What the scripts made of a turn: `hit`, `routed` or `none`.
pub fn turn_matched(outcome: &'static str) {
    Metric::MatchedTurns.add(&[("outcome", outcome)], 1);
}

/// A model was called. `provider` is a key of the `models` section; `outcome` is `ok` or the name of the failure.
pub fn model_called(provider: &str, outcome: &'static str, took: Duration, tokens: (u64, u64)) {
    Metric::ModelCalls.add(&[("provider", provider), ("outcome", outcome)], 1);
    Metric::ModelSeconds.observe(&[("provider", provider)], took);
    Metric::ModelTokens.add(&[("provider", provider), ("direction", "read")], tokens.0);
    Metric::ModelTokens.add(&[("provider", provider), ("direction", "written")], tokens.1);
}

/// A part of a reply is settled for good.
pub fn reply_settled(channel: ChannelKind, status: SettledStatus) {
    Metric::SettledParts.add(&[("channel", channel.as_str()), ("status", status.as_str())], 1);
}

/// The first part of a reply was sent this long after the provider's time of the message.
pub fn reply_sent(channel: ChannelKind, since_root: Duration) {
    Metric::ReplySeconds.observe(&[("channel", channel.as_str())], since_root);
}

/// A provider answered a send, in whatever way.
pub fn send_answered(channel: ChannelKind, took: Duration) {
    Metric::SendSeconds.observe(&[("channel", channel.as_str())], took);
}

/// A send was put off. `by` is `provider` or the limit of ours: `bot`, `chat`, `group`, `number`, `pair`.
pub fn send_throttled(channel: ChannelKind, by: &'static str) {
    Metric::ThrottledSends.add(&[("channel", channel.as_str()), ("by", by)], 1);
}

/// A provider refuses an account of a bot: nothing is sent by it, or no template, until its owner acts.
pub fn account_refused(bot: &BotId, channel: ChannelKind, account: &AccountId, what: Refused, reason: &str) {
    tracing::warn!(
        %bot, %channel, %account, refused = what.as_str(), reason,
        "the provider refuses the account: set right what it says, then `millrace bot connect`, `register` or `enable`"
    );
}

/// Records are as durable as their topic asks.
pub fn appended(topic: &str, records: usize, took: Duration) {
    let labels = [("topic", topic)];
    Metric::AppendedRecords.add(&labels, records as u64);
    Metric::AppendSeconds.observe(&labels, took);
}

/// The log refused an append.
pub fn append_failed(topic: &str, error: &dyn Display) {
    Metric::FailedAppends.add(&[("topic", topic)], 1);
    tracing::warn!(topic, %error, "append failed");
}

/// A stage finished records; `took` is the handler's own time for one of them.
pub fn handled(stage: StageName, records: usize, took: Duration) {
    let labels = [("stage", stage.as_str())];
    Metric::HandledRecords.add(&labels, records as u64);
    Metric::HandlerSeconds.observe(&labels, took);
}

/// A try of a record failed; its class says whether there is another.
pub fn try_failed(stage: StageName, class: Class) {
    Metric::FailedTries.add(&[("stage", stage.as_str()), ("class", class.as_str())], 1);
}

/// A record went to the dead letters, acknowledged.
pub fn dead_lettered(stage: StageName, class: Class, origin: Origin, error: &dyn Display) {
    let labels = [("stage", stage.as_str()), ("class", class.as_str()), ("origin", origin.as_str())];
    Metric::DeadRecords.add(&labels, 1);
    match class {
        Class::Bug => tracing::error!(%stage, %error, "dead letter: see `millrace dlq show`"),
        Class::Transient { .. } | Class::Throttled { .. } | Class::Permanent => {
            tracing::warn!(%stage, class = class.as_str(), origin = origin.as_str(), %error, "dead letter");
        }
    }
}

/// How much a stage holds in memory now.
pub fn held(stage: StageName, records: usize, bytes: usize) {
    let labels = [("stage", stage.as_str())];
    Metric::HeldRecords.set(&labels, records as f64);
    Metric::HeldBytes.set(&labels, bytes as f64);
}

/// How far a group is behind on a topic, over all partitions.
pub fn lag(stage: StageName, topic: &str, records: u64, oldest: Duration) {
    let labels = [("stage", stage.as_str()), ("topic", topic)];
    Metric::LagRecords.set(&labels, records as f64);
    Metric::LagSeconds.set(&labels, oldest.as_secs_f64());
}

/// Partitions changed hands. `change` is `assigned`, `revoked` or `lost`.
pub fn rebalanced(stage: StageName, change: &'static str, partitions: usize) {
    Metric::Rebalances.add(&[("stage", stage.as_str()), ("change", change)], partitions as u64);
    tracing::info!(%stage, change, partitions, "rebalance");
}

/// A group halts with its offsets kept: too many records in a row failed as bugs.
pub fn brake_pulled(stage: StageName, in_a_row: u64) {
    Metric::Brakes.add(&[("stage", stage.as_str())], 1);
    tracing::error!(
        %stage,
        in_a_row,
        "brake: the stage halts and keeps its offsets; look at the dead letters, then start it again"
    );
}

/// A commit of offsets ended.
pub fn committed(stage: StageName, ok: bool) {
    let outcome = if ok { "ok" } else { "failed" };
    Metric::Commits.add(&[("stage", stage.as_str()), ("outcome", outcome)], 1);
}

/// Rows were written to the timeline.
pub fn journaled(rows: usize) {
    Metric::JournalRows.add(&[], rows as u64);
}

/// A cache was asked. `cache` is a word of ours: `bots`, `accounts`, `apps`.
pub fn cache_asked(cache: &'static str, hit: bool) {
    Metric::CacheLookups.add(&[("cache", cache), ("outcome", if hit { "hit" } else { "miss" })], 1);
}

/// The admin API answered.
pub fn api_called(operation: &'static str, status: u16) {
    let code = status.to_string();
    Metric::ApiCalls.add(&[("operation", operation), ("status", &code)], 1);
}

/// Passages were analysed and indexed.
pub fn passages_indexed(passages: u64) {
    Metric::IndexedPassages.add(&[], passages);
}

/// The snapshot of a knowledge base was asked for. `outcome` is a word of ours: `fetched`, `local`, `none`, `damaged`.
pub fn snapshot_opened(outcome: &'static str) {
    Metric::SnapshotOpens.add(&[("outcome", outcome)], 1);
}

/// A snapshot of a knowledge base was written, or not. `outcome` is a word of ours: `written`, `outdone`, `failed`.
pub fn snapshot_written(outcome: &'static str) {
    Metric::SnapshotWrites.add(&[("outcome", outcome)], 1);
}

/// What snapshots take on the local disk now.
pub fn snapshot_disk(bytes: u64) {
    Metric::SnapshotDisk.set(&[], bytes as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::render;

    #[test]
    fn every_happening_leaves_its_mark() {
        webhook_accepted(ChannelKind::Telegram, 2, Duration::from_millis(1));
        webhook_refused(ChannelKind::Whatsapp, 401, "signature");
        duplicate_dropped(StageName::Ingest, 4);
        turn_dropped(StageName::Match, "no_reply");
        reply_settled(ChannelKind::Webchat, SettledStatus::InDoubt);
        dead_lettered(StageName::Answer, Class::Permanent, Origin::Tenant, &"bad key");
        lag(StageName::Journal, "reply.settled.v1", 7, Duration::from_secs(3));
        let text = render();
        for sample in [
            "millrace_webhook_refusals_total{channel=\"whatsapp\",status=\"401\",reason=\"signature\"} 1",
            "millrace_settled_parts_total{channel=\"webchat\",status=\"in_doubt\"} 1",
            "millrace_dropped_turns_total{stage=\"match\",reason=\"no_reply\"} 1",
            "millrace_lag_records_count{stage=\"journal\",topic=\"reply.settled.v1\"} 7",
        ] {
            assert!(text.contains(sample), "{sample} not in\n{text}");
        }
    }
}
