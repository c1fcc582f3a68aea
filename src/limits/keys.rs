//! Under which keys a send is counted.
//!
//! A key is a hash of 64 bits: 16 bytes a key and its state, however long the names are. Should two keys ever meet, they
//! share a limit: stricter than asked, never looser.

use std::hash::BuildHasher;

use super::Ask;
use crate::domain::ids::{BotId, ConversationId};

/// A conversation's keys. Topics of one group share the group's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    pub(super) app: u64,
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
        let mut ends = id.match_indices('/').map(|(at, _)| at).skip(1);
        let mut upto = || &id[..ends.next().unwrap_or(id.len())];
        let (app, number, chat) = (upto(), upto(), upto());
        let key = |kind: u8, name: &str| hasher.hash_one((kind, name));
        Self {
            app: key(0, app),
            bot: key(1, bot.as_str()),
            number: key(2, number),
            chat: key(3, chat),
            group,
        }
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
