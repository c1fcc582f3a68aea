//! `millrace edge`: webhooks and web chat, as a process of its own.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::output::{json, line};
use super::work::needs_kafka;
use super::{Context, Exit};
use crate::app::parts::{Parts, Setup};
use crate::app::roles;

/// Serve webhooks and web chat.
///
/// Any number of edges may run behind a proxy. Topics and database have to be there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace edge --config config/production.toml
  millrace edge --set edge.listen=0.0.0.0:8080 --set kafka.brokers=kafka:9092")]
pub struct EdgeArgs {}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// When a part can't be had.
pub async fn run(_: EdgeArgs, cx: &Context) -> Exit {
    needs_kafka(cx, "edge")?;
    let parts = Parts::open(cx.settings.clone(), Arc::clone(&cx.clock), Setup::Check).await?;
    let address = roles::edge(&parts).await?;
    if cx.json {
        json(&json!({"edge": format!("http://{address}")}))?;
    } else {
        line(&format!("webhooks and web chat at http://{address}"))?;
    }
    roles::until_signal(parts).await?;
    Ok(ExitCode::SUCCESS)
}
