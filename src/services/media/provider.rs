//! The providers that files are fetched from.

use async_trait::async_trait;
use bytes::Bytes;

use super::meta::Meta;
use super::telegram::Telegram;
use super::{Bounds, Download, DownloadError};
use crate::domain::channel::ChannelKind;
use crate::domain::events::Attachment;
use crate::services::channel::{ChannelsConfig, Sender};
use crate::services::http::Http;

/// Telegram and Meta.
#[derive(Debug)]
pub struct Providers {
    telegram: Telegram,
    meta: Meta,
}

impl Providers {
    /// The providers that the settings name.
    #[must_use]
    pub fn new(config: &ChannelsConfig, http: &Http) -> Self {
        Self {
            telegram: Telegram::new(&config.telegram, http.clone()),
            meta: Meta::new(&config.meta, http.clone()),
        }
    }
}

#[async_trait]
impl Download for Providers {
    async fn download(
        &self,
        channel: ChannelKind,
        to: &Sender,
        file: &Attachment,
        bounds: Bounds,
    ) -> Result<Bytes, DownloadError> {
        match channel {
            ChannelKind::Telegram => self.telegram.download(to, file, bounds).await,
            ChannelKind::Whatsapp => self.meta.by_id(to, file, bounds).await,
            ChannelKind::Messenger | ChannelKind::Instagram => self.meta.by_address(file, bounds).await,
            ChannelKind::Webchat => {
                Err(DownloadError::Refused("files of web chat are not at a provider".to_owned()))
            }
        }
    }
}
