//! `millrace parse`: reads one file from stdin and says on stdout what is in it, confined.
//!
//! Guarantee: limits are taken before the first byte is looked at; nothing but one JSON object comes out. Other commands
//! and roles start it for every file that somebody else made.

use std::io::{Read, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::Exit;
use crate::services::parse;

/// Read a file from stdin within limits and print what is in it as JSON.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace parse --kind pdf < prices.pdf
  millrace parse --kind text/html < page.html")]
pub struct ParseArgs {
    /// What the file is said to be: a media type, or what follows the last dot of its name. Its bytes decide where they can.
    #[arg(long, default_value = "", hide_default_value = true)]
    kind: String,
}

/// Runs the command, without settings and without a runtime: this process is to have as little as it can.
///
/// # Errors
/// When the limits can't be taken or stdout is closed.
pub fn run(args: &ParseArgs) -> Exit {
    parse::confine().context("the limits of a reader can't be taken")?;
    parse::watch();
    let mut file = Vec::new();
    // One byte more than a file may have, so that the parent's own check is not the only one.
    let most = parse::MAX_INPUT as u64 + 1;
    std::io::stdin().lock().take(most).read_to_end(&mut file)?;
    let answer = if file.len() > parse::MAX_INPUT {
        parse::Answer::Unreadable(format!("the file is larger than {} MB", parse::MAX_INPUT >> 20))
    } else {
        parse::read(&args.kind, &file)
    };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &answer)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
