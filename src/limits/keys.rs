//! Under which keys a send is counted.
//!
//! A key is a hash of 64 bits: 16 bytes a key and its state, however long the names are. Should two keys ever meet, they
//! share a limit: stricter than asked, never looser.

use std::hash::BuildHasher;

use super::Ask;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{BotId, ConversationId};

/// A conversation's keys. Topics of one group share the group's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    pub(super) bot: u64,
    pub(super) number: u64,
    pub(super) chat: u64,
    pub(super) group: bool,
}

impl Keys {
    pub(super) fn new(
        hasher: &impl BuildHasher,
        bot: &BotId,
        conversation: &ConversationId,
        group: bool,
    ) -> Self {
        // `tenant/channel/account/chat[/thread]`, each part without a bare `/`.
        let id = conversation.as_str();
        let mut ends = id.match_indices('/').map(|(at, _)| at).skip(2);
        let mut upto = || &id[..ends.next().unwrap_or(id.len())];
        let (number, chat) = (upto(), upto());
        let key = |kind: u8, name: &str| hasher.hash_one((kind, name));
        Self { bot: key(1, bot.as_str()), number: key(2, number), chat: key(3, chat), group }
    }
}

/// What an account stands behind together with others, by name. Nothing of it is counted: a provider's "wait" tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wider {
    /// The app that calls in the account's name: `tenant/app`; `None` where the channel has none, or it is not known.
    pub app: Option<String>,
    /// The business account that the number belongs to: `tenant/business`; `None` likewise.
    pub business: Option<String>,
}

/// One of the scopes that are wider than an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wide {
    /// The app.
    App,
    /// The business account.
    Business,
    /// The address from which this process calls the provider.
    Address,
}

impl Wide {
    pub(super) fn key(self, hasher: &impl BuildHasher, name: &str) -> u64 {
        let kind: u8 = match self {
            Self::App => 0,
            Self::Business => 4,
            Self::Address => 5,
        };
        hasher.hash_one((kind, name))
    }
}

/// An account's keys in the scopes that are wider than it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct WideKeys {
    pub(super) app: Option<u64>,
    pub(super) business: Option<u64>,
    pub(super) address: Option<u64>,
}

impl WideKeys {
    pub(super) fn new(hasher: &impl BuildHasher, channel: ChannelKind, wider: &Wider) -> Self {
        let key = |wide: Wide, name: Option<&str>| name.map(|name| wide.key(hasher, name));
        Self {
            app: key(Wide::App, wider.app.as_deref()),
            business: key(Wide::Business, wider.business.as_deref()),
            address: key(Wide::Address, channel.provider()),
        }
    }

    /// Those that there are.
    pub(super) fn all(&self) -> impl Iterator<Item = u64> {
        [self.app, self.business, self.address].into_iter().flatten()
    }
}

/// What a rate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything that the bot sends.
    Bot,
    /// Everything that one number hears and says.
    Number,
    /// Everything that one page sends.
    Page,
    /// One chat of any kind.
    Chat,
    /// One chat with one person.
    Private,
    /// One group.
    Group,
    /// One account and one recipient.
    Pair,
}

impl Scope {
    /// True when it limits all chats of an account together.
    pub(super) const fn shared(self) -> bool {
        matches!(self, Self::Bot | Self::Number | Self::Page)
    }

    pub(super) const fn key(self, keys: &Keys) -> u64 {
        match self {
            Self::Bot => keys.bot,
            Self::Number | Self::Page => keys.number,
            Self::Chat | Self::Private | Self::Group | Self::Pair => keys.chat,
        }
    }

    /// True when it counts such a send.
    pub(super) const fn counts(self, ask: Ask, group: bool) -> bool {
        match self {
            Self::Bot | Self::Number | Self::Page => true,
            _ if matches!(ask, Ask::Signal) => false,
            Self::Private => !group,
            Self::Group => group,
            Self::Chat | Self::Pair => true,
        }
    }
}
