//! Every role in one process.

use std::net::SocketAddr;
use std::sync::Arc;

use super::parts::{Parts, Setup};
use super::settings::Settings;
use super::{admin, campaigns, polling, roles};
use crate::domain::stage::StageName;
use crate::domain::time::Clock;

/// Everything, running.
#[derive(Debug)]
pub struct Up {
    /// What it stands on.
    pub parts: Parts,
    /// Where webhooks and web chat come in.
    pub edge: SocketAddr,
    /// Where the admin API listens.
    pub api: SocketAddr,
}

impl Up {
    /// Opens everything, makes what is missing, starts every role.
    ///
    /// # Errors
    /// Names the part that can't be had.
    pub async fn start(settings: Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let parts = Parts::open(settings, clock, Setup::Create).await?;
        roles::work(&parts, &StageName::WORKERS)?;
        let edge = roles::edge(&parts).await?;
        let api = admin::start(&parts, Some(edge)).await?;
        polling::start(&parts, edge);
        campaigns::start(&parts);
        Ok(Self { parts, edge, api })
    }
}
