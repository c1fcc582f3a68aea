//! Log lines: to stderr, filtered by the settings, in colour on a terminal and as JSON elsewhere.

use std::io::IsTerminal;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use super::config::{LogFormat, TelemetryConfig};

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LoggingError {
    /// The filter can't be read.
    #[error("telemetry.log `{0}` is not a log filter: write a level such as `info`")]
    Filter(String),
}

/// Begins to write log lines to stderr. A second call in one process changes nothing.
///
/// # Errors
/// When the filter can't be read.
pub fn init_logging(config: &TelemetryConfig) -> Result<(), LoggingError> {
    let filter =
        EnvFilter::builder().parse(&config.log).map_err(|_| LoggingError::Filter(config.log.clone()))?;
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr)
        .with_ansi(terminal);
    let pretty = match config.format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let installed =
        if pretty { lines.try_init() } else { lines.json().flatten_event(true).with_ansi(false).try_init() };
    if installed.is_err() {
        tracing::debug!("logging was set up before; the first set-up stays");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_set_up_is_no_error() {
        let config = TelemetryConfig { log: "off".into(), format: LogFormat::Json };
        init_logging(&config).unwrap();
        init_logging(&config).unwrap();
        let bad = TelemetryConfig { log: "a=b=c=d".into(), ..config };
        assert!(init_logging(&bad).unwrap_err().to_string().contains("a=b=c=d"));
    }
}
