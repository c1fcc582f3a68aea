//! The fake providers of a process: for the demo, golden conversations and load.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::settings::Settings;
use crate::config::Secret;
use crate::services::http::{Http, NetConfig};
use crate::services::model::{ModelEntry, ModelKind};
use crate::sim::meta::MetaSim;
use crate::sim::model::{ModelSim, ModelTraits};
use crate::sim::telegram::TelegramSim;
use crate::sim::{SimOptions, bind};

/// The name under which bots find the fake model.
pub const MODEL: &str = "demo";

/// Telegram, Meta and a model, each on a free port of loopback; they end when the last clone goes.
#[derive(Debug, Clone)]
pub struct Fakes {
    /// The Bot API.
    pub telegram: TelegramSim,
    /// The Graph API.
    pub meta: MetaSim,
    /// OpenAI's and Anthropic's shapes.
    pub model: ModelSim,
}

impl Fakes {
    /// Starts them. `thinks` is how long the model takes.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(shape: impl Fn(SimOptions) -> SimOptions, thinks: Duration) -> anyhow::Result<Self> {
        let http = Http::new(NetConfig { allow_private: true, ..NetConfig::default() })?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = || shape(SimOptions::new(&http));
        let traits = ModelTraits { latency: thinks, per_minute: None };
        Ok(Self {
            telegram: TelegramSim::start(bind(any).await?, options())?,
            meta: MetaSim::start(bind(any).await?, options())?,
            model: ModelSim::start(bind(any).await?, options(), traits)?,
        })
    }

    /// Points a process's settings at them.
    pub fn serve(&self, settings: &mut Settings) {
        settings.net.allow_private = true;
        settings.channels.telegram.api_url = self.telegram.url();
        settings.channels.telegram.hosts.clear();
        settings.channels.meta.graph_url = self.meta.url();
        settings.channels.meta.hosts.clear();
        let key = Secret::new("fake-key".to_owned());
        let entry =
            ModelEntry { kind: ModelKind::Openai, base_url: self.model.url(), key, ..ModelEntry::default() };
        settings.models.0.insert(MODEL.to_owned(), entry);
        // Nobody writes to a person here: a disk that is nearly full is no reason to send a rehearsal away.
        settings.edge.free_disk = 0;
    }
}
