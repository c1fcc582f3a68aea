//! `millrace generate`: schemas, AsyncAPI, OpenAPI, config reference, shell completions.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use super::output;
use super::tenant::say;
use super::{Cli, Context, Exit};
use crate::app::generate::{Generated, files, stale, write};

/// Write the files that are made from the code, or check that they are current.
///
/// schemas/events/*.json, schemas/{config,bot,pipeline,asyncapi,openapi}.json, config/default.toml and
/// schemas/completions/.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace generate                write what differs
  millrace generate --check        change nothing; exit status 1 and the names of stale files if there are any
  source schemas/completions/millrace.bash")]
pub struct GenerateArgs {
    /// Change nothing: fail if a file is stale.
    #[arg(long)]
    check: bool,
    /// The root of the repository.
    #[arg(long, default_value = ".", value_name = "DIR")]
    root: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When a file can't be written.
pub fn run(args: &GenerateArgs, cx: &Context) -> Exit {
    let files = all();
    if args.check {
        let stale = stale(&args.root, &files);
        let code = if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        if cx.json {
            output::json(&json!({"stale": stale}))?;
        } else {
            for path in &stale {
                output::line(&format!("stale: {path}"))?;
            }
            if stale.is_empty() {
                output::line(&format!("{} generated files are current", files.len()))?;
            } else {
                output::line("run `millrace generate` and commit what it writes")?;
            }
        }
        return Ok(code);
    }
    let written = write(&args.root, &files)?;
    let text = match written.len() {
        0 => "nothing to do".to_owned(),
        n => format!("{n} files written:\n  {}", written.join("\n  ")),
    };
    say(cx, &json!({"written": written}), &text)?;
    Ok(ExitCode::SUCCESS)
}

/// Every generated file, completions included.
#[must_use]
pub fn all() -> Vec<Generated> {
    files(completions())
}

fn completions() -> Vec<Generated> {
    let shells = [(Shell::Bash, "millrace.bash"), (Shell::Zsh, "_millrace"), (Shell::Fish, "millrace.fish")];
    shells
        .into_iter()
        .map(|(shell, name)| {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "millrace", &mut text);
            let text = String::from_utf8_lossy(&text).into_owned();
            Generated { path: format!("schemas/completions/{name}"), text }
        })
        .collect()
}
