//! `millrace work STAGE[,STAGE]`: stages, each as a member of its consumer group.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::output::{json, line};
use super::{Context, Exit, Usage};
use crate::app::parts::{Parts, Setup};
use crate::app::roles;
use crate::domain::stage::StageName;

/// Run stages.
///
/// More processes of a stage share its partitions. Topics and database have to be there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace work ingest,match --config config/production.toml
  millrace work answer --set kafka.brokers=kafka:9092
  millrace work dispatch --probe 0.0.0.0:8082          with /healthz, /readyz and /metrics")]
pub struct WorkArgs {
    /// ingest, match, retrieve, answer, dispatch, journal, index.
    #[arg(required = true, value_delimiter = ',', value_name = "STAGE")]
    stages: Vec<StageName>,
    /// Where `/healthz`, `/readyz` and `/metrics` are served; absent = where the setting `probe.listen` says.
    #[arg(long, value_name = "HOST:PORT")]
    probe: Option<std::net::SocketAddr>,
}

/// Works until SIGINT or SIGTERM.
///
/// # Errors
/// When a part can't be had.
pub async fn run(args: WorkArgs, cx: &Context) -> Exit {
    needs_kafka(cx, "work")?;
    let mut stages = args.stages;
    stages.sort_unstable();
    stages.dedup();
    let parts = Parts::open(cx.settings.clone(), Arc::clone(&cx.clock), Setup::Check).await?;
    roles::work(&parts, &stages)?;
    let probe = match args.probe.or(cx.settings.probe.listen) {
        Some(address) => Some(roles::probe(&parts, address).await?),
        None => None,
    };
    let names: Vec<&str> = stages.iter().map(|stage| stage.as_str()).collect();
    if cx.json {
        json(&json!({"stages": names, "probe": probe.map(|address| format!("http://{address}"))}))?;
    } else {
        line(&format!("working on {}", names.join(", ")))?;
    }
    roles::until_signal(parts).await?;
    Ok(ExitCode::SUCCESS)
}

/// Roles in processes of their own meet on Kafka: the embedded log belongs to one process.
///
/// # Errors
/// When no broker is named.
pub fn needs_kafka(cx: &Context, role: &str) -> Result<(), Usage> {
    if cx.settings.kafka.brokers.is_empty() {
        return Err(Usage(format!(
            "`millrace {role}` is one role of many, and the log in a folder belongs to one process: name the brokers with \
             --set kafka.brokers=HOST:PORT, or run everything in one process with `millrace up`"
        )));
    }
    Ok(())
}
