//! The names of all metrics, with what each means.
//!
//! Guarantee: a name here is part of the interface to dashboards and alarms; it is `millrace_<noun>_<unit>`, with
//! `_total` for counters.

use std::time::Duration;

use super::recorder;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Goes both ways.
    Gauge,
    /// Durations in seconds, in buckets.
    Histogram,
}

/// Declares the enum, its list and its table from one text.
macro_rules! metrics {
    ($($variant:ident, $kind:ident, $name:literal, $help:literal;)*) => {
        /// A metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Metric {
            $(#[doc = $help] $variant,)*
        }

        impl Metric {
            /// Every metric, in the order of the flow.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name on `/metrics`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }

            /// How it behaves.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }
        }
    };
}

metrics! {
    WebhookEvents, Counter, "millrace_webhook_events_total", "Events of webhooks that are durable and were answered with 200.";
    WebhookRefusals, Counter, "millrace_webhook_refusals_total", "Webhooks that were answered with anything but 200.";
    WebhookSeconds, Histogram, "millrace_webhook_duration_seconds", "From a webhook's first byte to its answer.";
    WebchatStreams, Gauge, "millrace_webchat_streams_count", "Open web-chat event streams.";
    DuplicateEvents, Counter, "millrace_duplicate_events_total", "Events that were seen before and dropped.";
    IgnoredEvents, Counter, "millrace_ignored_events_total", "Events of kinds that make no turn.";
    DroppedTurns, Counter, "millrace_dropped_turns_total", "Turns that end without a reply, by reason.";
    MatchedTurns, Counter, "millrace_matched_turns_total", "Turns by what the scripts made of them.";
    ModelCalls, Counter, "millrace_model_calls_total", "Calls of models by how they ended.";
    ModelSeconds, Histogram, "millrace_model_duration_seconds", "How long a model took to answer.";
    ModelTokens, Counter, "millrace_model_tokens_total", "Tokens read and written by models.";
    SettledParts, Counter, "millrace_settled_parts_total", "Parts of replies by how they ended.";
    ReplySeconds, Histogram, "millrace_reply_duration_seconds", "From the provider's time of a message to the reply's first sent part.";
    SendSeconds, Histogram, "millrace_send_duration_seconds", "How long a provider took to answer a send.";
    ThrottledSends, Counter, "millrace_throttled_sends_total", "Sends that a provider or a limit of ours put off.";
    AppendedRecords, Counter, "millrace_appended_records_total", "Records appended to the log.";
    AppendSeconds, Histogram, "millrace_append_duration_seconds", "How long an append took until it was durable.";
    FailedAppends, Counter, "millrace_failed_appends_total", "Appends that the log refused.";
    HandledRecords, Counter, "millrace_handled_records_total", "Records that a stage finished.";
    HandlerSeconds, Histogram, "millrace_handler_duration_seconds", "How long a stage took for one record, without waits for retries.";
    FailedTries, Counter, "millrace_failed_tries_total", "Tries of a record that failed, by class of failure.";
    DeadRecords, Counter, "millrace_dead_records_total", "Records that went to the dead letters.";
    HeldRecords, Gauge, "millrace_held_records_count", "Records that a stage has read and not finished.";
    HeldBytes, Gauge, "millrace_held_bytes_count", "Bytes of records that a stage has read and not finished.";
    LagRecords, Gauge, "millrace_lag_records_count", "Records between a group's committed offset and the end of a topic.";
    LagSeconds, Gauge, "millrace_lag_age_seconds", "Age of the oldest unfinished record of a group on a topic.";
    Rebalances, Counter, "millrace_rebalanced_partitions_total", "Partitions that changed hands.";
    Brakes, Counter, "millrace_brakes_total", "Times a group halted since too many records in a row failed as bugs.";
    Commits, Counter, "millrace_commits_total", "Commits of offsets by how they ended.";
    FetchedMedia, Counter, "millrace_fetched_media_total", "Files of people that were settled, by channel and state.";
    IndexedPassages, Counter, "millrace_indexed_passages_total", "Passages that this process analysed and indexed.";
    SnapshotOpens, Counter, "millrace_snapshot_opens_total", "Knowledge bases whose snapshot was asked for, by what came of it.";
    SnapshotWrites, Counter, "millrace_snapshot_writes_total", "Snapshots of knowledge bases that were written, by what came of it.";
    SnapshotDisk, Gauge, "millrace_snapshot_bytes_count", "Bytes of snapshots on the local disk.";
    JournalRows, Counter, "millrace_journal_rows_total", "Rows written to the timeline.";
    CacheLookups, Counter, "millrace_cache_lookups_total", "Lookups in caches, by hit or miss.";
    ApiCalls, Counter, "millrace_api_calls_total", "Calls of the admin API by operation and status.";
}

/// Names and values of one sample's labels.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Metric {
    pub(super) fn add(self, labels: Labels<'_>, n: u64) {
        recorder::counter(self, labels, |counter| counter.increment(n));
    }

    pub(super) fn set(self, labels: Labels<'_>, value: f64) {
        recorder::gauge(self, labels, |gauge| gauge.set(value));
    }

    pub(super) fn shift(self, labels: Labels<'_>, by: f64) {
        recorder::gauge(self, labels, |gauge| gauge.increment(by));
    }

    pub(super) fn observe(self, labels: Labels<'_>, took: Duration) {
        recorder::histogram(self, labels, |histogram| histogram.record(took.as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_house_rule() {
        let names: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len(), "a name is used twice");
        for metric in Metric::ALL {
            let name = metric.name();
            let suffix = match metric.kind() {
                Kind::Counter => name.ends_with("_total"),
                Kind::Gauge => name.ends_with("_count") || name.ends_with("_seconds"),
                Kind::Histogram => name.ends_with("_duration_seconds"),
            };
            assert!(name.starts_with("millrace_") && suffix, "{name}");
            assert!(metric.help().ends_with('.'), "{name} has no sentence of help");
        }
    }
}
