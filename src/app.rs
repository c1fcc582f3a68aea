//! The only place that names concrete types: settings, wiring, roles, shutdown.

pub mod generate;
pub mod settings;
