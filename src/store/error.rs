//! What can go wrong with the store.

use thiserror::Error;

use crate::domain::failure::{Class, Classify, Origin};

/// A failed call of the store. Internal text is for logs; the API maps it to a closed list of codes.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database can't be reached or is busy.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A row that should be there is not.
    #[error("{what} `{name}` does not exist")]
    Missing {
        /// `tenant`, `bot`, `app`, ...
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The name is taken, or the account belongs to another bot.
    #[error("{what} `{name}` exists already{hint}")]
    Taken {
        /// `tenant`, `bot`, `account`, ...
        what: &'static str,
        /// Its name.
        name: String,
        /// What to do; empty or begins with `: `.
        hint: String,
    },
    /// A value that the store refuses.
    #[error("{0}")]
    Invalid(String),
    /// A sealed secret that the key does not open.
    #[error("a secret of {0} can't be opened: it was sealed with another key; set store.key to that one")]
    Sealed(String),
    /// The database is not at the version that this program needs.
    #[error("{0}")]
    Schema(String),
    /// The database holds the positions of another log.
    #[error(
        "the database holds the journal's positions of log `{known}`, but this is log `{found}`: start with the log that \
         belongs to it, or let the journal read this one from its beginning with `millrace migrate --adopt-log`"
    )]
    OtherLog {
        /// The log in the database.
        known: String,
        /// The log that was opened.
        found: String,
    },
    /// A statement that the database refuses.
    #[error("the database refuses a statement: {0}")]
    Refused(String),
    /// A row that this program can't read.
    #[error("a row of {table} can't be read: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// Why.
        reason: String,
    },
}

impl Classify for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::Unavailable(_) => Class::TRANSIENT,
            Self::Missing { .. }
            | Self::Taken { .. }
            | Self::Invalid(_)
            | Self::Sealed(_)
            | Self::Schema(_)
            | Self::OtherLog { .. } => Class::Permanent,
            Self::Refused(_) | Self::Corrupt { .. } => Class::Bug,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Unavailable(_)
            | Self::Sealed(_)
            | Self::Schema(_)
            | Self::OtherLog { .. }
            | Self::Refused(_)
            | Self::Corrupt { .. } => Origin::Platform,
            Self::Missing { .. } | Self::Taken { .. } | Self::Invalid(_) => Origin::Tenant,
        }
    }
}
