//! What `bench retrieve` prints: the names that others' scripts read.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Mode;
use crate::cli::{Context, output};

/// The result; what was not measured is null.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) bench: &'static str,
    pub(super) engine: &'static str,
    pub(super) sync: Option<&'static str>,
    pub(super) cores: usize,
    pub(super) version: &'static str,
    pub(super) collection: String,
    pub(super) mode: Option<Mode>,
    pub(super) docs: usize,
    pub(super) chunks: usize,
    pub(super) queries: usize,
    pub(super) languages: BTreeMap<String, usize>,
    pub(super) model: Option<String>,
    pub(super) weight: Option<BTreeMap<String, f32>>,
    pub(super) ndcg_at_10: Option<f64>,
    pub(super) recall_at_10: Option<f64>,
    pub(super) recall_at_100: Option<f64>,
    pub(super) accuracy: Option<f64>,
    pub(super) oos_auroc: Option<f64>,
    pub(super) oos_kept_at_90: Option<f64>,
    pub(super) threshold: Option<f32>,
    pub(super) margin: Option<f32>,
    pub(super) abstained_own: Option<f64>,
    pub(super) abstained_foreign: Option<f64>,
    pub(super) encode_p50_ms: Option<f64>,
    pub(super) encode_p99_ms: Option<f64>,
    pub(super) search_p50_ms: Option<f64>,
    pub(super) search_p99_ms: Option<f64>,
    pub(super) total_p50_ms: Option<f64>,
    pub(super) total_p99_ms: Option<f64>,
    pub(super) scan_raw_ms: Option<f64>,
    pub(super) queries_per_s_core: Option<f64>,
    pub(super) index_chunks_per_s: Option<f64>,
    pub(super) embed_chunks_per_s: Option<f64>,
    pub(super) searchable_ms: Option<f64>,
    pub(super) rss_mb: f64,
    pub(super) private_mb: f64,
    pub(super) disk_mb: Disk,
    pub(super) synthetic: bool,
}

/// In MB.
#[derive(Debug, Default, Serialize)]
pub(super) struct Disk {
    pub(super) text: Option<f64>,
    pub(super) vectors: Option<f64>,
    pub(super) store: Option<f64>,
}

/// Prints it as JSON or as a table.
pub(super) fn print(context: &Context, report: &Report) -> anyhow::Result<()> {
    if context.json {
        return output::json(report);
    }
    let serde_json::Value::Object(fields) = serde_json::to_value(report)? else { return Ok(()) };
    let rows: Vec<[String; 2]> = fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value.as_f64() {
            Some(number) if value.is_f64() => [name, format!("{number:.4}")],
            _ => [name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)],
        })
        .collect();
    output::table(["retrieve", ""], &rows)
}
