//! The `telemetry` section of the settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::config::Problems;

/// What is logged, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Which lines are written to stderr: a level (`error`, `warn`, `info`, `debug`, `trace`) or a list with modules,
    /// for example `info,millrace::runtime=debug`. Texts of people appear at `debug` only.
    pub log: String,
    /// How a line looks: `auto` is `pretty` on a terminal and `json` elsewhere.
    pub format: LogFormat,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log: "info".to_owned(), format: LogFormat::Auto }
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `pretty` on a terminal, `json` elsewhere.
    #[default]
    Auto,
    /// For people, in colour on a terminal.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl TelemetryConfig {
    /// Reports what can't work.
    pub fn validate(&self, at: &str, problems: &mut Problems) {
        if let Err(error) = EnvFilter::builder().parse(&self.log) {
            problems.add(
                format!("{at}.log"),
                format!("`{}` is not a log filter: {error}", self.log),
                "write a level such as `info`, or `info,millrace::runtime=debug`",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_reported_with_its_key() {
        let mut problems = Problems::default();
        TelemetryConfig { log: "info,=,=".into(), ..TelemetryConfig::default() }
            .validate("telemetry", &mut problems);
        assert!(problems.to_string().starts_with("telemetry.log: "), "{problems}");
        let mut none = Problems::default();
        TelemetryConfig::default().validate("telemetry", &mut none);
        assert_eq!(none, Problems::default());
    }
}
