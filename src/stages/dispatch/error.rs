//! Why a reply ends in the dead letters. The reason is a fixed word: operators filter by it.

use thiserror::Error;

use crate::domain::events::SettledStatus;
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::BotId;

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
    #[error("bot `{bot}` is switched off: connect it with a valid token, or enable it")]
    BotDisabled {
        /// Which bot.
        bot: BotId,
    },
    /// The bot or its account is gone.
    #[error("{0}")]
    NoAccount(String),
    /// The ledger already says that it was not sent; the dead letter was still owed when the last owner stopped.
    #[error("an earlier owner of the partition settled the reply as {}", .0.as_str())]
    Settled(SettledStatus),
}

impl Classify for DispatchError {
    fn class(&self) -> Class {
        match self {
            Self::Expired
            | Self::InDoubt { .. }
            | Self::Rejected { .. }
            | Self::BotDisabled { .. }
            | Self::NoAccount(_)
            | Self::Settled(_) => Class::Permanent,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::InDoubt { .. } | Self::Rejected { .. } => Origin::Upstream,
            Self::BotDisabled { .. } | Self::NoAccount(_) => Origin::Tenant,
            Self::Expired | Self::Settled(_) => Origin::Platform,
        }
    }

    fn reason(&self) -> Option<&'static str> {
        Some(match self {
            Self::Expired => "expired",
            Self::InDoubt { .. } => "in_doubt",
            Self::Rejected { .. } => "rejected",
            Self::BotDisabled { .. } => "bot_disabled",
            Self::NoAccount(_) => "no_account",
            Self::Settled(status) => status.as_str(),
        })
    }
}
