//! `millrace inspect`: what the edge and ingest would make of a raw webhook body. Sends nothing, needs no config.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

pub use report::{Attached, Event, Report, inspect};

use super::{Context, Exit};
use crate::domain::channel::ChannelKind;

/// Show what Millrace would make of raw webhook bodies.
///
/// No config, signature, store or duplicate filter takes part. A file that can't be read makes the exit status 2; a body
/// that makes no sense doesn't.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millrace inspect telegram update.json\n  \
    millrace inspect whatsapp captured/*.json --json | jq '.events[].kind'")]
pub struct InspectArgs {
    /// telegram, whatsapp, messenger or instagram.
    #[arg(value_parser = channel)]
    pub channel: ChannelKind,
    /// Files with one body each, as the provider posted it.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

fn channel(name: &str) -> Result<ChannelKind, String> {
    match name.parse()? {
        ChannelKind::Webchat => {
            Err("web chat has no webhook: use telegram, whatsapp, messenger or instagram".to_owned())
        }
        channel => Ok(channel),
    }
}

/// Prints one report per file, in the order given.
///
/// # Errors
/// When the output can't be written.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what the command is for")]
pub fn run(context: &Context, args: &InspectArgs) -> Exit {
    let mut code = ExitCode::SUCCESS;
    for path in &args.files {
        match std::fs::read(path) {
            Ok(body) => {
                let report = inspect(args.channel, &path.to_string_lossy(), &body);
                if context.json {
                    anstream::println!("{}", serde_json::to_string(&report)?);
                } else {
                    anstream::print!("{report}");
                }
            }
            Err(error) => {
                anstream::eprintln!(
                    "{} can't be read: {error}; name a file with a webhook body",
                    path.display()
                );
                code = ExitCode::from(2);
            }
        }
    }
    Ok(code)
}
