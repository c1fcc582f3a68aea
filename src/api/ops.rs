//! What the API and the commands can do, each operation one method over the store.
//!
//! Guarantee: a method gets the tenant it works for and passes it to every query; who may call it was decided before
//! (`table.rs`), so a method never looks at a token.

mod accounts;
mod bots;
mod campaigns;
mod contacts;
mod content;
mod files;
mod knowledge;
mod lag;
mod letters;
mod media;
mod modes;
mod registration;
mod say;
mod talks;
mod tenants;
mod turns;

pub use campaigns::{
    CampaignAgain, CampaignCreate, CampaignCreated, CampaignList, CampaignResult, CampaignResults,
    CampaignShow,
};
pub(in crate::api) use knowledge::BaseFile;
pub use lag::measure_lag;
pub use letters::DeadLetters;
pub(in crate::api) use media::File as MediaFile;
pub use modes::{ModeChange, ModeShow};
pub use registration::{
    BusinessTrouble, Register, Registration, RegistrationState, Registrations, TemplateTrouble,
};
pub use say::{Said, Say};

use std::sync::Arc;
use std::time::Duration;

use super::error::ApiError;
use super::types::Health;
use crate::api::config::ApiConfig;
use crate::domain::ids::{BotId, CampaignId, TenantId};
use crate::domain::modes::Modes;
use crate::domain::stage::StageName;
use crate::domain::units::Size;
use crate::limits::LimitsConfig;
use crate::log::{Log, TopicName};
use crate::services::channel::registration::Registrar;
use crate::services::media::{Handing, MediaConfig};
use crate::services::objects::Objects;
use crate::store::Store;

/// Which topics a stage's group reads: what lag is measured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReads {
    /// The stage.
    pub stage: StageName,
    /// What it reads.
    pub topics: Vec<TopicName>,
}

/// The operations over one installation.
#[derive(Debug)]
pub struct Operations {
    store: Arc<Store>,
    public_url: String,
    log: Option<(Arc<dyn Log>, Vec<GroupReads>)>,
    letters: Option<Arc<dyn DeadLetters>>,
    registrar: Option<Registrar>,
    modes: Option<Arc<Modes>>,
    objects: Option<Objects>,
    limits: LimitsConfig,
    link_ttl: Duration,
    handing: Handing,
}

impl Operations {
    /// Operations over a store. `public_url` is where providers reach the edge: webhook addresses begin with it.
    #[must_use]
    pub fn new(store: Arc<Store>, public_url: &str) -> Self {
        Self {
            store,
            public_url: public_url.trim_end_matches('/').to_owned(),
            log: None,
            letters: None,
            registrar: None,
            modes: None,
            objects: None,
            limits: LimitsConfig::default(),
            link_ttl: MediaConfig::default().link_ttl.get(),
            handing: Handing::new(ApiConfig::default().downloads),
        }
    }

    /// The same with a log, so that lag can be told.
    #[must_use]
    pub fn with_log(self, log: Arc<dyn Log>, reads: Vec<GroupReads>) -> Self {
        Self { log: Some((log, reads)), ..self }
    }

    /// The same with a way to the providers, so that they can be told where to post.
    #[must_use]
    pub fn with_registrar(self, registrar: Registrar) -> Self {
        Self { registrar: Some(registrar), ..self }
    }

    /// The same with an object store, so that files can be taken.
    #[must_use]
    pub fn with_objects(self, objects: Objects) -> Self {
        Self { objects: Some(objects), ..self }
    }

    /// The same with what the channels allow, where that is not the default.
    #[must_use]
    pub fn with_limits(self, limits: LimitsConfig) -> Self {
        Self { limits, ..self }
    }

    /// The same with links to files that hold this long.
    #[must_use]
    pub fn with_link_ttl(self, link_ttl: Duration) -> Self {
        Self { link_ttl, ..self }
    }

    /// The same with so much memory for files on their way to people.
    #[must_use]
    pub fn with_downloads(self, memory: Size) -> Self {
        Self { handing: Handing::new(memory), ..self }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Who owns a bot.
    pub(super) async fn owner(&self, bot: &BotId) -> Result<Option<TenantId>, ApiError> {
        Ok(self.store.bot_owner(bot).await?)
    }

    /// Who owns a campaign.
    pub(super) async fn campaign_owner(&self, id: &CampaignId) -> Result<Option<TenantId>, ApiError> {
        Ok(self.store.campaign_owner(id).await?)
    }

    /// Who answers and what it reaches.
    pub(super) async fn health(&self) -> Result<Health, ApiError> {
        Ok(Health {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store: self.store.ping().await.is_ok(),
            log: self.log.is_some(),
        })
    }
}
