//! `millrace up`: every role in one process.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::output::{json, line};
use super::{Context, Exit};
use crate::app::demo::Demo;
use crate::app::roles;
use crate::app::settings::Settings;
use crate::app::up::Up;

/// How long the stages may take to own their partitions.
const READY: Duration = Duration::from_secs(60);

/// Run every role in this process.
///
/// On the log and the database in the data folder, or on a cluster's parts. Topics and tables that are missing are made.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace up --demo                                   three bots, fake providers, a visitor on each channel
  millrace up                                          the log and the database in ./data
  millrace up --kafka 127.0.0.1:9092 --database postgres://millrace@127.0.0.1/millrace")]
pub struct UpArgs {
    /// Add a tenant with three bots, fake providers and visitors, and print what they say. Uses a folder of its own
    /// unless --data is given.
    #[arg(long)]
    pub demo: bool,
    /// Run on Apache Kafka instead of the folder.
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
    /// Run on this database instead of SQLite.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// When a part can't be had.
pub async fn run(args: UpArgs, cx: &Context) -> Exit {
    let mut settings = cx.settings.clone();
    on_cluster(&mut settings, args.kafka.as_deref(), args.database.as_deref());
    if args.demo {
        let demo = Demo::start(settings).await?;
        return demo.run().await.map(|()| ExitCode::SUCCESS);
    }
    let up = Up::start(settings, Arc::clone(&cx.clock)).await?;
    roles::until_ready(&up.parts, READY).await?;
    let (edge, api) = (format!("http://{}", up.edge), format!("http://{}", up.api));
    if cx.json {
        json(&json!({"edge": edge, "api": api}))?;
    } else {
        line(&format!("webhooks and web chat at {edge}, admin API at {api}; Ctrl-C ends"))?;
    }
    roles::until_signal(up.parts).await?;
    Ok(ExitCode::SUCCESS)
}

/// Puts the cluster's parts into the settings.
pub fn on_cluster(settings: &mut Settings, kafka: Option<&str>, database: Option<&str>) {
    if let Some(kafka) = kafka {
        kafka.clone_into(&mut settings.kafka.brokers);
    }
    if let Some(database) = database {
        settings.store.url = database.into();
    }
}
