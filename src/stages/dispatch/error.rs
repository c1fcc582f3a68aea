//! Why a reply ends in the dead letters. The reason is a fixed word: operators filter by it.

use thiserror::Error;

use super::parking::DeadLetter;
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::BotId;

/// The bot sends nothing until its owner acts.
pub(super) const BOT_DISABLED: &str = "bot_disabled";
/// The provider refuses the account until its owner acts.
pub(super) const ACCOUNT_REFUSED: &str = "account_refused";
/// The bot or its account is gone.
pub(super) const NO_ACCOUNT: &str = "no_account";

/// A reply that was not sent, or not surely.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DispatchError {
    /// Its deadline passed while it waited.
    #[error("the reply's deadline passed before it could be sent")]
    Expired,
    /// A part may have been sent; two tries gave no clear answer.
    #[error("part {part} may have been sent: {reason}")]
    InDoubt {
        /// Which part.
        part: u32,
        /// What happened last.
        reason: String,
    },
    /// The provider refused a part for good.
    #[error("part {part} was refused: {reason}")]
    Rejected {
        /// Which part.
        part: u32,
        /// The provider's code and words.
        reason: String,
    },
    /// The bot sends nothing until its owner acts.
    #[error("bot `{bot}` is switched off: enable it")]
    BotDisabled {
        /// Which bot.
        bot: BotId,
    },
    /// The provider refuses the account until its owner acts.
    #[error("{0}: set that right, then connect the account again or enable the bot")]
    AccountRefused(String),
    /// The bot or its account is gone.
    #[error("{0}")]
    NoAccount(String),
    /// The message that it answers is older than the ledger, so nobody can tell whether it was sent.
    #[error("it answers a message that is older than the ledger, so it might have been sent before")]
    TooOld,
    /// Too many replies of the bot wait for a limit already.
    #[error("too many replies of the bot wait for a limit: {0}")]
    BacklogFull(String),
}

impl DispatchError {
    /// What the machine says of a reply that it gives up.
    pub(super) fn of(letter: &DeadLetter, bot: &BotId) -> Self {
        let (part, detail) = (letter.part, letter.detail.clone().unwrap_or_default());
        match letter.word {
            "expired" => Self::Expired,
            "in_doubt" => Self::InDoubt { part, reason: detail },
            BOT_DISABLED => Self::BotDisabled { bot: bot.clone() },
            ACCOUNT_REFUSED => Self::AccountRefused(detail),
            NO_ACCOUNT => Self::NoAccount(detail),
            "too_old" => Self::TooOld,
            "bot_backlog_full" => Self::BacklogFull(format!("bot `{bot}`")),
            _ => Self::Rejected { part, reason: detail },
        }
    }
}

impl Classify for DispatchError {
    fn class(&self) -> Class {
        match self {
            Self::Expired
            | Self::InDoubt { .. }
            | Self::Rejected { .. }
            | Self::BotDisabled { .. }
            | Self::AccountRefused(_)
            | Self::NoAccount(_)
            | Self::TooOld
            | Self::BacklogFull(_) => Class::Permanent,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::InDoubt { .. } | Self::Rejected { .. } => Origin::Upstream,
            Self::BotDisabled { .. }
            | Self::AccountRefused(_)
            | Self::NoAccount(_)
            | Self::BacklogFull(_) => Origin::Tenant,
            Self::Expired | Self::TooOld => Origin::Platform,
        }
    }

    fn reason(&self) -> Option<&'static str> {
        Some(match self {
            Self::Expired => "expired",
            Self::InDoubt { .. } => "in_doubt",
            Self::Rejected { .. } => "rejected",
            Self::BotDisabled { .. } => BOT_DISABLED,
            Self::AccountRefused(_) => ACCOUNT_REFUSED,
            Self::NoAccount(_) => NO_ACCOUNT,
            Self::TooOld => "too_old",
            Self::BacklogFull(_) => "bot_backlog_full",
        })
    }
}
