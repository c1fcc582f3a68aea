//! `millrace check`: every mistake of config, pipelines and bots at once, offline; runs the `tests:` of pipelines and
//! golden conversations.

mod kind;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::bot::read_bot;
use super::output;
use super::up::on_cluster;
use super::{Context, Exit};
use crate::app::cases;
use crate::app::examples::Rehearsal;
use crate::app::golden::{Outcome, rehearse};
use crate::app::pipelines::{Pipelines, ports};
use crate::app::settings::Settings;
use crate::config::Problems;
use crate::domain::script::Rule;
use crate::pipeline::topology::Pipeline;

use kind::Kind;

/// Check files and say everything that is wrong with them.
///
/// What a file is, its content says: settings (.toml), a pipeline (`stage:`), a golden conversation (`steps:`), a bot
/// (`bot:`). Without files: the merged settings of this command line and the pipelines that they name.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace check                                       settings and pipelines as they would be used now
  millrace check config/production.toml shop.yaml
  millrace check pipelines/                            every file in a folder
  millrace check tests/conversations/*.yaml --json")]
pub struct CheckArgs {
    /// Files, or folders of them.
    files: Vec<PathBuf>,
    /// Play golden conversations on Apache Kafka, with each role in a process of its own.
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
    /// Play golden conversations on this database server; each makes a database there and removes it.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Runs the command. Exit code 0 = all is well, 1 = a test failed, 2 = a file has mistakes.
///
/// # Errors
/// When the output can't be written.
pub async fn run(args: CheckArgs, cx: &Context) -> Exit {
    let mut report = Report::default();
    if args.files.is_empty() {
        // The settings were read before this ran, so they are right.
        match Pipelines::load(&cx.settings.pipelines) {
            Ok(pipelines) => {
                for pipeline in pipelines.iter() {
                    report.cases(&format!("pipeline {}", pipeline.stage), pipeline).await;
                }
            }
            Err(problems) => report.mistakes("pipelines", problems),
        }
    }
    let (files, problems) = kind::expand(&args.files);
    report.problems.0.extend(problems.0);
    let mut conversations = Vec::new();
    for file in files {
        match kind::of(&file) {
            Ok(Kind::Conversation) => conversations.push(file),
            Ok(kind) => report.check(cx, kind, &file).await,
            Err(problems) => report.mistakes(&file.display().to_string(), problems),
        }
    }
    let mut settings = cx.settings.clone();
    on_cluster(&mut settings, args.kafka.as_deref(), args.database.as_deref());
    report.conversations(&conversations, settings).await?;
    report.print(cx)
}

/// What was found.
#[derive(Debug, Default)]
struct Report {
    checked: Vec<String>,
    problems: Problems,
    failed: Vec<String>,
    /// Rules that get in each other's way; no mistakes.
    collisions: Vec<String>,
}

impl Report {
    fn mistakes(&mut self, at: &str, problems: Problems) {
        self.checked.push(at.to_owned());
        self.problems.0.extend(problems.0);
    }

    async fn check(&mut self, cx: &Context, kind: Kind, path: &Path) {
        let at = path.display().to_string();
        let found = match kind {
            Kind::Settings => Settings::check_file(path).map(drop),
            Kind::Bot => read_bot(path).map(|spec| self.rules(cx, &at, &spec.scripts)),
            Kind::Pipeline(text) => match Pipeline::parse(&text) {
                Err(error) => {
                    let mut problems = Problems::default();
                    problems.add(&at, error.replace('\n', " "), "see schemas/pipeline.json for the form");
                    Err(problems)
                }
                Ok(pipeline) => {
                    let mut problems = Problems::default();
                    pipeline.validate(&at, ports(pipeline.stage), &mut problems);
                    let sound = problems.into_result();
                    if sound.is_ok() {
                        return self.cases(&at, &pipeline).await;
                    }
                    sound
                }
            },
            Kind::Conversation => Ok(()),
        };
        self.mistakes(&at, found.err().unwrap_or_default());
    }

    /// What a bot's rules say to each other: collisions are told, and are no mistakes.
    fn rules(&mut self, cx: &Context, at: &str, rules: &[Rule]) {
        match Rehearsal::new(&cx.settings, rules) {
            Ok(rehearsal) => {
                self.collisions.extend(rehearsal.told.collisions.iter().map(|what| format!("{at}: {what}")));
            }
            Err(error) => self.problems.add(at, error.to_string(), "see what the embedding model lacks"),
        }
    }

    async fn cases(&mut self, at: &str, pipeline: &Pipeline) {
        self.checked.push(at.to_owned());
        self.failed.extend(cases::run(pipeline).await.into_iter().map(|what| format!("{at}: {what}")));
    }

    /// Plays golden conversations, each on a system of its own between fake providers.
    async fn conversations(&mut self, files: &[PathBuf], settings: Settings) -> anyhow::Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let folder = tempfile::Builder::new().prefix("millrace-check").tempdir()?;
        let settings = Settings { data: folder.path().to_owned(), ..settings };
        for file in files {
            self.checked.push(file.display().to_string());
            match rehearse(&settings, file).await {
                Ok(()) => {}
                Err(Outcome::Failed(failure)) => self.failed.push(failure.to_string()),
                Err(Outcome::Broken(error)) => self.failed.push(format!("{}: {error:#}", file.display())),
            }
        }
        Ok(())
    }

    fn print(&self, cx: &Context) -> Exit {
        if cx.json {
            let problems: Vec<_> = self.problems.0.iter().map(ToString::to_string).collect();
            output::json(&json!({"checked": self.checked, "problems": problems, "failed": self.failed,
                "collisions": self.collisions}))?;
        } else {
            for problem in &self.problems.0 {
                output::line(&problem.to_string())?;
            }
            for collision in &self.collisions {
                output::line(&format!("collision in {collision}"))?;
            }
            for failed in &self.failed {
                output::line(failed)?;
            }
            let (files, mistakes) = (self.checked.len(), self.problems.0.len());
            output::line(&format!(
                "{files} checked, {mistakes} mistakes, {} tests failed",
                self.failed.len()
            ))?;
        }
        Ok(match (self.problems.0.is_empty(), self.failed.is_empty()) {
            (false, _) => ExitCode::from(2),
            (true, false) => ExitCode::FAILURE,
            (true, true) => ExitCode::SUCCESS,
        })
    }
}
