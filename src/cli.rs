//! The command line: one file per command, each a clap struct and a `run`.
//!
//! Guarantees: exit code 0 = done, 1 = failed, 2 = bad usage or config; with `--json` stdout holds JSON and nothing else;
//! logs and progress go to stderr; colour only on a terminal.

pub mod api;
pub mod bench;
pub mod bot;
pub mod campaign;
pub mod chaos;
pub mod chat;
pub mod check;
pub mod client;
pub mod contact;
pub mod conversation;
pub mod dlq;
pub mod edge;
pub mod generate;
pub mod inspect;
pub mod kb;
pub mod lag;
pub mod log;
pub mod migrate;
pub mod models;
pub mod output;
pub mod parse;
pub mod script;
pub mod sim;
pub mod tenant;
pub mod topics;
pub mod up;
pub mod watch;
pub mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use clap::{ArgAction, Parser, Subcommand};

use crate::app::settings::{Flags, Settings};
use crate::config::Problems;
use crate::domain::time::{Clock, ShiftedClock, SystemClock};
use crate::domain::units::Span;
use crate::telemetry::{self, TelemetryConfig};

/// What every command gets.
#[derive(Debug)]
pub struct Context {
    /// The merged and validated settings.
    pub settings: Settings,
    /// Print JSON on stdout and nothing else there.
    pub json: bool,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

/// Exit codes: 0 done, 1 failed, 2 bad usage or config.
pub type Exit = anyhow::Result<ExitCode>;

/// Run chatbots for many tenants as a stream processor.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, max_term_width = 110)]
#[command(after_help = "\
Examples:
  millrace up --demo                                   everything in one process, with three bots to talk to
  millrace tenant create acme
  millrace bot apply shop.yaml --tenant acme
  millrace chat shop
  millrace check                                       every mistake of config, pipelines and bots at once

Settings: defaults, then each --config in order, then MILLRACE__SECTION__KEY, then flags. config/default.toml has every key.
Exit status: 0 done, 1 failed, 2 bad usage or config.")]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Args)]
struct Globals {
    /// A TOML file with settings; later ones win over earlier ones.
    #[arg(long, global = true, value_name = "FILE", action = ArgAction::Append)]
    config: Vec<PathBuf>,
    /// The folder with the log, the database and admin.json.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// One setting: --set log.sync=os
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE", action = ArgAction::Append)]
    set: Vec<String>,
    /// Print JSON on stdout and nothing else there.
    #[arg(long, global = true)]
    json: bool,
    /// What is logged on stderr: error, warn, info, debug, trace, or a list with modules.
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<String>,
    /// Runs the clock ahead of the machine's, for rehearsals.
    #[arg(long, global = true, hide = true, value_name = "SPAN")]
    clock_ahead: Option<Span>,
}

/// Every command, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
enum Command {
    Up(up::UpArgs),
    Tenant(tenant::TenantArgs),
    Bot(bot::BotArgs),
    Script(script::ScriptArgs),
    Kb(kb::KbArgs),
    Campaign(campaign::CampaignArgs),
    Chat(chat::ChatArgs),
    Conversation(conversation::ConversationArgs),
    Contact(contact::ContactArgs),
    Check(check::CheckArgs),
    Inspect(inspect::InspectArgs),
    Edge(edge::EdgeArgs),
    Work(work::WorkArgs),
    Api(api::ApiArgs),
    Migrate(migrate::Migrate),
    Models(models::ModelsArgs),
    Topics(topics::TopicsArgs),
    Lag(lag::LagArgs),
    Watch(watch::WatchArgs),
    Dlq(dlq::DlqArgs),
    Log(log::LogArgs),
    Parse(parse::ParseArgs),
    Sim(sim::Args),
    Generate(generate::GenerateArgs),
    Bench(bench::BenchArgs),
    Chaos(chaos::ChaosArgs),
}

impl Command {
    async fn run(self, cx: &Context) -> Exit {
        match self {
            Self::Up(args) => up::run(args, cx).await,
            Self::Tenant(args) => tenant::run(args, cx).await,
            Self::Bot(args) => bot::run(args, cx).await,
            Self::Script(args) => script::run(args, cx).await,
            Self::Kb(args) => kb::run(args, cx).await,
            Self::Campaign(args) => campaign::run(args, cx).await,
            Self::Chat(args) => chat::run(args, cx).await,
            Self::Conversation(args) => conversation::run(args, cx).await,
            Self::Contact(args) => contact::run(args, cx).await,
            Self::Check(args) => check::run(args, cx).await,
            Self::Inspect(args) => inspect::run(cx, &args),
            Self::Edge(args) => edge::run(args, cx).await,
            Self::Work(args) => work::run(args, cx).await,
            Self::Api(args) => api::run(args, cx).await,
            Self::Migrate(args) => args.run(cx).await,
            Self::Models(args) => models::run(args, cx).await,
            Self::Topics(args) => topics::run(args, cx).await,
            Self::Lag(args) => lag::run(args, cx).await,
            Self::Watch(args) => watch::run(args, cx).await,
            Self::Dlq(args) => dlq::run(args, cx).await,
            Self::Log(args) => log::run(cx, &args),
            Self::Parse(args) => parse::run(&args),
            Self::Sim(args) => sim::run(args, cx).await,
            Self::Generate(args) => generate::run(&args, cx),
            Self::Bench(args) => bench::run(cx, &args).await,
            Self::Chaos(args) => chaos::run(args, cx).await,
        }
    }

    /// False for commands that look at files alone: a mistake in the settings is none of theirs.
    const fn needs_settings(&self) -> bool {
        !matches!(self, Self::Inspect(_) | Self::Generate(_) | Self::Sim(_))
    }

    /// True for what runs until it is told to end: it logs as configured. Others log warnings only, unless told.
    const fn is_role(&self) -> bool {
        // The demo prints a conversation; lines between it would only be in the way.
        matches!(
            self,
            Self::Up(up::UpArgs { demo: false, .. })
                | Self::Edge(_)
                | Self::Work(_)
                | Self::Api(_)
                | Self::Sim(_)
        )
    }
}

/// Bad usage that clap could not see: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Reads the command line, runs the command, says what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => complain(&error),
    }
}

impl Cli {
    fn run(self) -> Exit {
        let Self { globals, command } = self;
        if let Command::Parse(args) = &command {
            return parse::run(args);
        }
        let settings = if command.needs_settings() { globals.settings()? } else { Settings::default() };
        let log = match &globals.log {
            Some(log) => log.clone(),
            None if command.is_role() => settings.telemetry.log.clone(),
            None => "warn".to_owned(),
        };
        telemetry::init_logging(&TelemetryConfig { log, ..settings.telemetry.clone() })
            .map_err(|error| Usage(format!("--log: {error}")))?;
        telemetry::install();
        let clock: Arc<dyn Clock> = match globals.clock_ahead {
            None => Arc::new(SystemClock),
            Some(span) => {
                let ahead = ShiftedClock::default();
                ahead.advance(span.get());
                Arc::new(ahead)
            }
        };
        let context = Context { settings, json: globals.json, clock };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(command.run(&context))
    }
}

impl Globals {
    fn settings(&self) -> Result<Settings, Problems> {
        let own = |flag, key, value: &Option<String>| value.clone().map(|value| (flag, key, value));
        Settings::load(&Flags {
            files: self.config.clone(),
            assignments: self.set.clone(),
            own: [own("--data", "data", &self.data), own("--log", "telemetry.log", &self.log)]
                .into_iter()
                .flatten()
                .collect(),
        })
    }
}

/// Says what went wrong on stderr, each mistake on its own line, and which exit code that is.
fn complain(error: &anyhow::Error) -> ExitCode {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    if let Some(problems) = error.downcast_ref::<Problems>() {
        for problem in &problems.0 {
            anstream::eprintln!("{red}error{red:#}: {problem}");
        }
        return ExitCode::from(2);
    }
    // A closed pipe is the reader's decision, not a failure worth words.
    if error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    }) {
        return ExitCode::FAILURE;
    }
    anstream::eprintln!("{red}error{red:#}: {error:#}");
    if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself_with_examples() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} does not say what it does");
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(examples.contains(&format!("millrace {name}")), "{name} has no example");
        }
    }
}
