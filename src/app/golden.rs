//! Golden conversations: what a person says and what must come back, as a file that a non-programmer reads.
//!
//! Guarantee: a conversation passes only when every reply that reached the provider was expected, in order; a failure
//! names the file, the line, what was expected and what was seen.

pub mod file;
pub mod providers;
pub mod wanted;

mod play;
mod rehearsal;
mod webchat;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

pub use self::file::{Conversation, WantedCampaign};
pub use self::play::{Failure, play};
pub use self::providers::Providers;
pub use self::rehearsal::{Outcome, rehearse};

use crate::domain::channel::ChannelKind;
use crate::sim::Fault;
use crate::store::MediaItem;

/// A person in a chat: `telegram:42`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Speaker {
    /// Through which provider.
    pub channel: ChannelKind,
    /// The provider's id of the chat.
    pub chat: String,
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.channel, self.chat)
    }
}

impl std::str::FromStr for Speaker {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (channel, chat) = text
            .split_once(':')
            .filter(|(_, chat)| !chat.is_empty())
            .ok_or_else(|| format!("`{text}` is no chat: write CHANNEL:CHAT, for example telegram:42"))?;
        Ok(Self { channel: channel.parse()?, chat: chat.to_owned() })
    }
}

/// Something that the provider saw in a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The method: `sendMessage`, `messages`, `sendChatAction`.
    pub call: String,
    /// The request.
    pub body: Value,
    /// The message that the person got; absent for signals and for sends that the provider refused.
    pub reply: Option<Reply>,
}

/// A message as the person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The text without its list of sources.
    pub text: String,
    /// Titles of buttons, list rows or keys.
    pub buttons: Vec<String>,
    /// Titles or names of the documents that it names as its sources.
    pub cites: Vec<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(reply) = &self.reply else { return write!(f, "{} {}", self.call, self.body) };
        write!(f, "{:?}", reply.text)?;
        if !reply.buttons.is_empty() {
            write!(f, ", buttons: [{}]", reply.buttons.join(", "))?;
        }
        if !reply.cites.is_empty() {
            write!(f, ", cites: [{}]", reply.cites.join(", "))?;
        }
        Ok(())
    }
}

/// Which fake a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FakeKind {
    /// The Bot API.
    Telegram,
    /// The Graph API.
    Meta,
    /// The model server.
    Model,
}

/// The stage that a conversation is played on: the system under test between fake providers.
#[async_trait]
pub trait Stageplay: Send {
    /// A person writes.
    async fn say(&mut self, from: &Speaker, text: &str) -> anyhow::Result<()>;

    /// A person presses a button that they were shown; an error lists those that there are.
    async fn press(&mut self, from: &Speaker, title: &str) -> anyhow::Result<()>;

    /// A raw item of the provider comes in: a Telegram update, a `WhatsApp` message, a messaging entry.
    async fn payload(&mut self, from: &Speaker, item: &Value) -> anyhow::Result<()>;

    /// A person sends a file, with a few words or without.
    async fn file(&mut self, from: &Speaker, file: &Path, words: Option<&str>) -> anyhow::Result<()>;

    /// A person of the business writes in a chat; inside, why that is refused.
    async fn staff(&mut self, to: &Speaker, text: &str) -> anyhow::Result<Result<(), String>>;

    /// Many are told something on the channel of a chat; it is over when all of them have an outcome.
    async fn campaign(&mut self, on: &Speaker, campaign: &WantedCampaign) -> anyhow::Result<()>;

    /// The system ends and starts again.
    async fn restart(&mut self) -> anyhow::Result<()>;

    /// The system's and the fakes' clocks move forward.
    async fn advance(&mut self, span: Duration) -> anyhow::Result<()>;

    /// A fake gets rules; `None` = every fake that knows the method.
    async fn script(&mut self, on: Option<FakeKind>, rules: Vec<Fault>) -> anyhow::Result<()>;

    /// The files that came in this chat, as far as each is.
    async fn media(&mut self, of: &Speaker) -> anyhow::Result<Vec<MediaItem>>;

    /// The next thing that the provider saw in this chat; `None` when nothing came within that time. Each is given once.
    async fn next(&mut self, to: &Speaker, within: Duration) -> anyhow::Result<Option<Seen>>;
}

#[cfg(test)]
mod tests;
