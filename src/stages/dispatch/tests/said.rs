//! Replies as tests say them, and who sends them.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::channel::ChannelKind;
use crate::limits::LimitsConfig;
use crate::services::channel::Channel;
use crate::services::channel::fake::FakeChannel;
use crate::stages::dispatch::{DispatchConfig, DispatchDeps, DispatchFactory};
use crate::store::Directory;
use crate::store::fake::FakeDirectory;

/// A reply as a test says it.
#[derive(Debug, Clone)]
pub(super) struct Say {
    pub(super) bot: &'static str,
    pub(super) channel: ChannelKind,
    pub(super) chat: String,
    pub(super) texts: Vec<String>,
    pub(super) ttl: Option<Duration>,
    pub(super) runid: Option<String>,
    /// Replies with the same number have the same id.
    pub(super) root: Option<u64>,
}

pub(super) fn say(bot: &'static str, chat: impl ToString, texts: &[&str]) -> Say {
    Say {
        bot,
        channel: ChannelKind::Telegram,
        chat: chat.to_string(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        ttl: None,
        runid: None,
        root: None,
    }
}

/// A process of its own.
pub(super) fn factory(
    directory: &Arc<FakeDirectory>,
    channels: [&Arc<FakeChannel>; 2],
    config: &DispatchConfig,
    limits: &LimitsConfig,
) -> DispatchFactory {
    let directory: Arc<dyn Directory> = Arc::<FakeDirectory>::clone(directory);
    let channels = channels.map(|channel| Arc::<FakeChannel>::clone(channel) as Arc<dyn Channel>).to_vec();
    let scratch = std::env::temp_dir().join("millrace-dispatch-tests");
    let (limits, config) = (limits.clone(), config.clone());
    let deps = DispatchDeps { directory, channels, limits, config, scratch, let_go: || () };
    DispatchFactory::new(deps)
}
