//! Sending to a provider: how a part is split, sent, and how the answer is judged.
//!
//! Guarantee: a [`SendOutcome`] says exactly what is known. `Unknown` is never turned into a success or a failure here:
//! dispatch decides by the bot's policy.

mod config;
pub mod fake;
mod files;
mod form;
mod graph;
mod messenger;
pub mod registration;
mod render;
mod split;
mod style;
mod telegram;
mod uploads;
mod whatsapp;

pub use config::{ChannelsConfig, MetaConfig, TelegramConfig, UploadsConfig};
pub use files::{FileAt, FileTrouble, Files, NoFiles};
pub use messenger::Messenger;
pub use telegram::{Telegram, TelegramUpdates, Update, UpdatesError, is_token as is_bot_token};
pub use whatsapp::Whatsapp;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::http::Http;
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Part, Signal};
use crate::domain::ids::AccountId;
use crate::domain::refusal::Refused;
use crate::domain::units::Size;

/// A sender for every provider, whose messages may hold files of the tenant's own. The web chat needs none: its messages
/// go through the log.
#[must_use]
pub fn senders(config: &ChannelsConfig, http: &Http, files: &Arc<dyn Files>) -> Vec<Arc<dyn Channel>> {
    struct Around<'a>(&'a Arc<dyn Files>, Arc<uploads::Uploads>, Size);
    impl Around<'_> {
        fn channel<C: files::Upload>(&self, channel: C) -> Arc<dyn Channel> {
            let Self(files, uploads, rate) = self;
            let (files, uploads) = (Arc::clone(files), Arc::clone(uploads));
            Arc::new(files::WithFiles { channel: Arc::new(channel), files, uploads, rate: *rate })
        }
    }
    let around = Around(files, Arc::new(uploads::Uploads::new(&config.uploads)), config.uploads.rate);
    vec![
        around.channel(Telegram::new(&config.telegram, http.clone())),
        around.channel(Whatsapp::new(&config.meta, http.clone())),
        around.channel(Messenger::new(ChannelKind::Messenger, &config.meta, http.clone())),
        around.channel(Messenger::new(ChannelKind::Instagram, &config.meta, http.clone())),
    ]
}

/// The request for a message that [`Channel::split`] gave, as JSON, for who looks at what becomes of hostile text; empty
/// where a provider takes the text as it is.
#[doc(hidden)]
#[must_use]
pub fn rendered(channel: ChannelKind, part: &Part) -> String {
    match channel {
        ChannelKind::Telegram => telegram::rendered(part),
        ChannelKind::Whatsapp => whatsapp::rendered(part),
        ChannelKind::Messenger | ChannelKind::Instagram | ChannelKind::Webchat => String::new(),
    }
}

/// Sends for one provider. One value serves all accounts.
#[async_trait]
pub trait Channel: Send + Sync + fmt::Debug + 'static {
    /// The provider.
    fn kind(&self) -> ChannelKind;

    /// Splits a part into messages that the provider takes, at word borders. Pure, and the same for the same part, so
    /// that a part number means the same after a restart.
    fn split(&self, part: &Part) -> Vec<Part>;

    /// Sends one message that [`Channel::split`] gave. Ends within `limit`. `opaque` is our id, for providers that give
    /// it back in receipts.
    async fn send(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        opaque: &str,
        limit: Duration,
    ) -> SendOutcome;

    /// Sends a sign of life. Ends within `limit`.
    async fn signal(&self, from: &Sender, to: &Target, signal: &Signal, limit: Duration) -> SendOutcome;
}

/// What a failure means for the whole account that a provider reports long after it took the message, or beside all messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// A person has to act before anything of that kind can be sent again: token, permission, policy, payment. With the code.
    Refused(Refused, i64),
    /// The number is reported or blocked by many: it has to rest for so long.
    Spam(Duration),
    /// The account has written to as many people as it may who did not write first. With the code.
    Limit(i64),
}

/// What the codes of a status, or of an error that is about no message, mean for the account.
#[must_use]
pub fn late(channel: ChannelKind, codes: &[i64]) -> Option<Late> {
    let table = match channel {
        ChannelKind::Whatsapp => graph::whatsapp,
        ChannelKind::Messenger | ChannelKind::Instagram => graph::messenger,
        ChannelKind::Telegram | ChannelKind::Webchat => return None,
    };
    let refused = |code: &i64| Some((graph::refuses(table, *code)?, *code));
    let spam = || codes.contains(&graph::SPAM).then_some(Late::Spam(graph::SPAM_RATE));
    let reached = || codes.contains(&graph::LIMIT).then_some(Late::Limit(graph::LIMIT));
    let worst = codes.iter().filter_map(refused).max_by_key(|(what, _)| *what);
    let worst = worst.map(|(what, code)| Late::Refused(what, code));
    worst.or_else(|| spam().or_else(reached).filter(|_| channel == ChannelKind::Whatsapp))
}

/// True where a refusal, in the words that a send gave, is about the template and not about who should get it.
///
/// It does not exist, is not approved, breaks a policy, rests for its quality, or is switched off.
#[must_use]
pub fn refuses_template(channel: ChannelKind, reason: &str) -> bool {
    channel == ChannelKind::Whatsapp && code_of(reason).is_some_and(|code| graph::TEMPLATE.contains(&code))
}

/// True where a refusal, in the words that a send gave, says that the account may write to no more people who did not write first.
#[must_use]
pub fn reaches_limit(channel: ChannelKind, reason: &str) -> bool {
    channel == ChannelKind::Whatsapp && code_of(reason) == Some(graph::LIMIT)
}

/// The code at the front of a refusal's words.
fn code_of(reason: &str) -> Option<i64> {
    reason.split_once(':').and_then(|(code, _)| code.parse().ok())
}

/// The account that speaks.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The provider's id of the account.
    pub account: AccountId,
    /// The provider's token.
    pub token: Secret,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The provider's chat id.
    pub chat: String,
    /// The forum topic in the chat.
    pub thread: Option<String>,
    /// True: a person wrote it, and more than a day after the one who reads it; Messenger and Instagram want to be told.
    pub human_agent: bool,
}

/// What is known after a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider took it.
    Sent {
        /// Its id of the message, where it gave one.
        provider_id: Option<String>,
    },
    /// It was certainly not sent; try again.
    Retry {
        /// After exactly this long, if the provider said so.
        after: Option<Duration>,
        /// What the pause is about.
        scope: Scope,
        /// The provider's words, for the log and the trace.
        reason: String,
    },
    /// It was certainly not sent and never will be.
    Rejected {
        /// What is closed by it.
        scope: Scope,
        /// The provider's code and words.
        reason: String,
    },
    /// The request was written and no clear answer came: it may have been sent.
    Unknown {
        /// What happened.
        reason: String,
    },
}

/// What a refusal or a pause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This message only.
    Message,
    /// The chat: blocked, left, not found, or too fast for it.
    Chat,
    /// The sender's number or page.
    Number,
    /// What has to be paid for, of the sender's account: templates.
    Templates,
    /// The bot: it is too fast; or its account, whose token was refused.
    Bot,
    /// The app that calls: every account behind it that this process serves.
    App,
    /// The business account: all of its numbers, and no other account of the same app.
    Business,
    /// The account, or the address that we call from: the answer was not in the provider's own words, so it came from
    /// what stands before it.
    Address,
}

impl Scope {
    /// What of the sender's account is refused by it, until a person acts; `None` = the account is not closed.
    #[must_use]
    pub const fn refuses(self) -> Option<Refused> {
        match self {
            Self::Bot => Some(Refused::All),
            Self::Templates => Some(Refused::Templates),
            Self::Message | Self::Chat | Self::Number | Self::App | Self::Business | Self::Address => None,
        }
    }
}
