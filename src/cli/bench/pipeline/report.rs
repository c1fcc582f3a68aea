//! What `bench pipeline` prints.

use serde::Serialize;

use crate::app::load::{self, Load};
use crate::cli::output;

/// The result; times in milliseconds where the name says so.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    bench: &'static str,
    engine: &'static str,
    sync: &'static str,
    cores: usize,
    version: &'static str,
    rate: u32,
    bots: u32,
    chats: u32,
    payload: usize,
    sent: u64,
    achieved_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    /// Of the whole process: system, generator and fake provider.
    cpu_us_per_message: f64,
    /// Of generator and fake provider.
    bench_cpu_us_per_message: f64,
    rss_mb: f64,
    /// Of all runs.
    lost: u64,
    duplicates: u64,
    reordered: u64,
    /// Webhooks that were not taken at the first try.
    refused: u64,
    /// The p99 of each run, in the order in which they were made.
    runs_p99_ms: Vec<f64>,
}

impl Report {
    /// The run with the median p99; what went wrong is added up over all. `None` without runs.
    pub(super) fn of(
        runs: Vec<(load::Report, f64)>,
        load: Load,
        engine: &'static str,
        sync: &'static str,
    ) -> Option<Self> {
        let runs_p99_ms = runs.iter().map(|(run, _)| round(run.p99_ms)).collect();
        let sum = |of: fn(&load::Report) -> u64| runs.iter().map(|(run, _)| of(run)).sum();
        let (lost, duplicates) = (sum(|run| run.lost), sum(|run| run.duplicates));
        let (reordered, refused) = (sum(|run| run.reordered), sum(|run| run.refused));
        let mut sorted: Vec<_> = runs.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.p99_ms.total_cmp(&b.p99_ms));
        let (run, bench_cpu) = sorted.get(sorted.len().saturating_sub(1) / 2)?;
        Some(Self {
            bench: "pipeline",
            engine,
            sync,
            cores: cores(),
            version: env!("CARGO_PKG_VERSION"),
            rate: load.rate,
            bots: load.bots,
            chats: load.chats,
            payload: load.payload,
            sent: run.sent,
            achieved_per_s: round(run.achieved_per_s),
            p50_ms: round(run.p50_ms),
            p99_ms: round(run.p99_ms),
            p999_ms: round(run.p999_ms),
            cpu_us_per_message: round(run.cpu_us_per_message),
            bench_cpu_us_per_message: round(*bench_cpu),
            rss_mb: round(run.rss_mb),
            lost,
            duplicates,
            reordered,
            refused,
            runs_p99_ms,
        })
    }

    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return output::json(self);
        }
        output::line(&format!(
            "{} ({}), {} cores, {} bots, {} chats, {} B: {} messages at {}/s",
            self.engine, self.sync, self.cores, self.bots, self.chats, self.payload, self.sent, self.rate
        ))?;
        let number = |n: u64| n.to_string();
        let measure = |n: f64, unit: &str| format!("{n} {unit}");
        output::table(
            ["what", "median run"],
            &[
                ["reached".to_owned(), measure(self.achieved_per_s, "/s")],
                ["p50".to_owned(), measure(self.p50_ms, "ms")],
                ["p99".to_owned(), measure(self.p99_ms, "ms")],
                ["p99.9".to_owned(), measure(self.p999_ms, "ms")],
                ["CPU a message".to_owned(), measure(self.cpu_us_per_message, "us")],
                ["of it, bench".to_owned(), measure(self.bench_cpu_us_per_message, "us")],
                ["memory".to_owned(), measure(self.rss_mb, "MB")],
                ["lost".to_owned(), number(self.lost)],
                ["duplicates".to_owned(), number(self.duplicates)],
                ["reordered".to_owned(), number(self.reordered)],
                ["refused once".to_owned(), number(self.refused)],
            ],
        )
    }
}

/// Cores that this process may use.
pub(in crate::cli::bench) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Two decimals: more is noise.
pub(in crate::cli::bench) fn round(n: f64) -> f64 {
    (n * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(p99_ms: f64, lost: u64) -> (load::Report, f64) {
        let report = load::Report {
            sent: 10,
            achieved_per_s: 1.0,
            p50_ms: 1.0,
            p99_ms,
            p999_ms: 9.0,
            cpu_us_per_message: 5.0,
            rss_mb: 1.0,
            lost,
            duplicates: 0,
            reordered: 0,
            refused: 0,
        };
        (report, 2.0)
    }

    #[test]
    fn the_median_run_is_shown_and_losses_are_added_up() {
        let load = Load { rate: 1, seconds: 10, warmup: 0, bots: 1, chats: 1, payload: 1, seed: 1 };
        let report = Report::of(vec![run(9.0, 1), run(1.0, 0), run(4.0, 2)], load, "embedded", "group").unwrap();
        assert_eq!((report.p99_ms, report.lost), (4.0, 3));
        assert_eq!(report.runs_p99_ms, [9.0, 1.0, 4.0]);
        assert!(Report::of(Vec::new(), load, "embedded", "group").is_none());
    }
}
