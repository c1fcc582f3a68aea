//! `millrace api`: the admin API as a process of its own.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::tenant::say;
use super::{Context, Exit};
use crate::app::parts::{Parts, Setup};
use crate::app::{admin, campaigns, roles};

/// Serve the admin API, and send campaigns.
///
/// Topics and database have to be there: `millrace topics apply` and `millrace migrate` make them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace api --config config/production.toml
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8081/v1/health")]
pub struct ApiArgs {}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// When a part can't be had.
pub async fn run(_: ApiArgs, cx: &Context) -> Exit {
    let parts = Parts::open(cx.settings.clone(), Arc::clone(&cx.clock), Setup::Check).await?;
    let address = admin::start(&parts, None).await?;
    campaigns::start(&parts);
    if let Some(address) = cx.settings.probe.listen {
        roles::probe(&parts, address).await?;
    }
    say(
        cx,
        &json!({"api": format!("http://{address}")}),
        &format!("the admin API answers at http://{address}"),
    )?;
    roles::until_signal(parts).await?;
    Ok(ExitCode::SUCCESS)
}
