//! The command line: one file per command, each a clap struct and a `run`.

pub mod api;
pub mod bench;
pub mod bot;
pub mod chat;
pub mod check;
pub mod edge;
pub mod generate;
pub mod inspect;
pub mod kb;
pub mod lag;
pub mod log;
pub mod migrate;
pub mod script;
pub mod sim;
pub mod tenant;
pub mod topics;
pub mod up;
pub mod work;

use std::process::ExitCode;

use crate::app::settings::Settings;

/// What every command gets.
#[derive(Debug)]
pub struct Context {
    /// The merged and validated settings.
    pub settings: Settings,
    /// Print JSON on stdout and nothing else there.
    pub json: bool,
}

/// Exit codes: 0 done, 1 failed, 2 bad usage or config.
pub type Exit = anyhow::Result<ExitCode>;
