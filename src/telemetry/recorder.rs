//! Where samples go: one Prometheus recorder for the process, made at first use.
//!
//! Guarantee: samples of histograms are folded into buckets every two seconds, so memory stays bounded also where
//! nobody reads `/metrics`.

use std::cell::RefCell;
use std::sync::LazyLock;
use std::thread::LocalKey;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use smol_str::SmolStr;

use super::metric::{Kind, Labels, Metric};

/// From a tenth of a millisecond (one inline stage) to a minute (a model's budget).
const BUCKETS: [f64; 18] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0, 60.0,
];

/// Folding 5,000 samples a second every two seconds keeps about 80 kB of raw samples per histogram.
const FOLD: Duration = Duration::from_secs(2);

static RECORDER: LazyLock<PrometheusRecorder> = LazyLock::new(|| {
    let builder = PrometheusBuilder::new();
    // Refused only for an empty list of buckets.
    let builder = builder.set_buckets(&BUCKETS).unwrap_or_default();
    let recorder = builder.build_recorder();
    for metric in Metric::ALL {
        let name = metric.name().into();
        let help = metric.help().into();
        match metric.kind() {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram => recorder.describe_histogram(name, Some(Unit::Seconds), help),
        }
    }
    fold_for_ever(recorder.handle());
    recorder
});

/// Makes the recorder now rather than at the first sample, so that `/metrics` knows the descriptions from the start.
pub fn install() {
    LazyLock::force(&RECORDER);
}

/// The text of `/metrics`.
#[must_use]
pub fn render() -> String {
    RECORDER.handle().render()
}

/// Hands a counter to `act`.
pub(super) fn counter(metric: Metric, labels: Labels<'_>, act: impl FnOnce(&Counter)) {
    used(&COUNTERS, metric, labels, |key| RECORDER.register_counter(key, &META), act);
}

/// Hands a gauge to `act`.
pub(super) fn gauge(metric: Metric, labels: Labels<'_>, act: impl FnOnce(&Gauge)) {
    used(&GAUGES, metric, labels, |key| RECORDER.register_gauge(key, &META), act);
}

/// Hands a histogram to `act`.
pub(super) fn histogram(metric: Metric, labels: Labels<'_>, act: impl FnOnce(&Histogram)) {
    used(&HISTOGRAMS, metric, labels, |key| RECORDER.register_histogram(key, &META), act);
}

/// What a thread has used, by metric: the values of its labels, and the handle.
type Used<H> = RefCell<Vec<Vec<(Box<[SmolStr]>, H)>>>;

thread_local! {
    static COUNTERS: Used<Counter> = const { RefCell::new(Vec::new()) };
    static GAUGES: Used<Gauge> = const { RefCell::new(Vec::new()) };
    static HISTOGRAMS: Used<Histogram> = const { RefCell::new(Vec::new()) };
}

/// Handles that a thread keeps of one metric. Labels take few values; what is beyond is looked up each time.
const MOST_USED: usize = 64;

/// A sample compares a few short texts. To look its key up would make the key first: three allocations and a lock, some
/// fifteen times in a message's life.
fn used<H>(
    of: &'static LocalKey<Used<H>>,
    metric: Metric,
    labels: Labels<'_>,
    make: impl FnOnce(&Key) -> H,
    act: impl FnOnce(&H),
) {
    of.with_borrow_mut(|used| {
        let index = metric as usize;
        if used.len() <= index {
            used.resize_with(index + 1, Vec::new);
        }
        let used = &mut used[index];
        let is_it =
            |(values, _): &&(Box<[SmolStr]>, H)| values.iter().eq(labels.iter().map(|(_, value)| value));
        if let Some((_, handle)) = used.iter().find(is_it) {
            return act(handle);
        }
        let handle = make(&key(metric, labels));
        act(&handle);
        if used.len() < MOST_USED {
            used.push((labels.iter().map(|(_, value)| SmolStr::new(value)).collect(), handle));
        }
    });
}

static META: Metadata<'static> = Metadata::new("millrace", Level::INFO, None);

fn key(metric: Metric, labels: Labels<'_>) -> Key {
    let labels: Vec<Label> =
        labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(metric.name(), labels)
}

/// A thread rather than a task: samples also come from programs that have no runtime, such as a test.
fn fold_for_ever(handle: PrometheusHandle) {
    let folding = std::thread::Builder::new().name("millrace-metrics".into()).spawn(move || {
        loop {
            std::thread::park_timeout(FOLD);
            handle.run_upkeep();
        }
    });
    if let Err(error) = folding {
        tracing::warn!(%error, "no thread for metrics: histograms are folded only when /metrics is read");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered() {
        install();
        Metric::Brakes.add(&[("stage", "test-render")], 3);
        Metric::SendSeconds.observe(&[("channel", "test-render")], Duration::from_millis(3));
        let text = render();
        assert!(text.contains("millrace_brakes_total{stage=\"test-render\"} 3"), "{text}");
        assert!(text.contains("# HELP millrace_brakes_total Times a group"), "{text}");
        let bucket = "millrace_send_duration_seconds_bucket{channel=\"test-render\",le=\"0.005\"} 1";
        assert!(text.contains(bucket), "{text}");
    }
}
