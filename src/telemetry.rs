//! What operators see: logs, metrics, one function per notable happening.
//!
//! Guarantees: a metric's name stands in one enum ([`Metric`]) and nowhere else; labels are bounded (channel, stage,
//! status, topic: never a tenant's text); no secret and no text of a person passes through here above debug level.
//! Code elsewhere calls the functions of happenings by name: `telemetry::duplicate_dropped(stage, 1)`.

mod config;
mod happening;
mod logging;
mod metric;
mod recorder;

pub use config::{LogFormat, TelemetryConfig};
pub use happening::*;
pub use logging::{LoggingError, init_logging};
pub use metric::{Kind, Metric};
pub use recorder::{install, render};
