//! The admin API: the same operations as the commands, the only other door to the data.

mod config;

pub use config::ApiConfig;
