//! `millrace migrate`: brings the database to the version that this program needs.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{Context, Exit};
use crate::domain::time::SystemClock;
use crate::store::{self, Engine, Store};

/// Bring the database to the version that this program needs.
///
/// SQLite is migrated by every command that opens it; PostgreSQL only by this one and by `up`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  millrace migrate --check          say what is pending; exit status 1 if anything is\n  \
    millrace migrate                  apply it\n  \
    millrace migrate --adopt-log      forget the journal's positions: the next log is read from its beginning"
)]
pub struct Migrate {
    /// Change nothing: say what is pending, and fail if anything is.
    #[arg(long)]
    check: bool,
    /// Forget how far the journal has read, so that the database takes another log. The timeline stays; records that it
    /// holds already change nothing when they are read again. Stop the journal first.
    #[arg(long, conflicts_with = "check")]
    adopt_log: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    engine: Engine,
    /// The version before.
    from: i64,
    /// The version now.
    to: i64,
    /// What was applied; with `--check`, what is pending.
    migrations: Vec<String>,
    /// The logs whose positions were forgotten.
    forgotten: Vec<String>,
}

impl Migrate {
    /// Runs the command.
    ///
    /// # Errors
    /// When the database can't be reached, or is newer than this program.
    pub async fn run(self, cx: &Context) -> Exit {
        let (config, data) = (&cx.settings.store, cx.settings.data.as_path());
        let status = if self.check {
            store::schema_status(config, data).await
        } else {
            store::migrate(config, data).await
        }
        .context("store.url")?;
        let mut forgotten = Vec::new();
        if self.adopt_log {
            let store = Store::open(config, data, Arc::new(SystemClock)).await?;
            forgotten = store.forget_logs().await?;
            store.close().await;
        }
        let pending = self.check && !status.pending.is_empty();
        let report = Report {
            engine: status.engine,
            from: status.current,
            to: if self.check { status.current } else { status.newest },
            migrations: status.pending,
            forgotten,
        };
        report.print(self.check, cx.json)?;
        Ok(if pending { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl Report {
    fn print(&self, check: bool, json: bool) -> anyhow::Result<()> {
        if json {
            anstream::println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        match (self.migrations.is_empty(), check) {
            (true, _) => anstream::println!("{} is at version {}, nothing to do", self.engine, self.to),
            (false, true) => {
                anstream::println!("{} is at version {}, pending:", self.engine, self.from);
            }
            (false, false) => {
                anstream::println!("{} went from version {} to {}:", self.engine, self.from, self.to);
            }
        }
        for name in &self.migrations {
            anstream::println!("  {name}");
        }
        for log in &self.forgotten {
            anstream::println!("forgot the positions of log {log}");
        }
        Ok(())
    }
}
