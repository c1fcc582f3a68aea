//! How a failure is judged: by the code that knows, once, where the error is made.
//!
//! Only `runtime/retry.rs` acts on a class. An error enum implements [`Classify`] in its own file with a match that
//! lists every variant.

use std::time::Duration;

/// What may be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A timeout, a 5xx, a lost connection: the lane waits and tries again; each try spends the retry budget.
    Transient {
        /// What the other side asked for, if it did.
        retry_after: Option<Duration>,
    },
    /// Our limiter or a 429: the lane waits for as long as it is told; the wait is free until the deadline.
    Throttled {
        /// How long to wait; `None` = the stage's own backoff.
        retry_after: Option<Duration>,
    },
    /// A bad payload, a 4xx, a deleted bot: to the dead letters at once.
    Permanent,
    /// A panic, an event of ours that can't be read, a broken invariant: to the dead letters, and the brake counts it.
    Bug,
}

impl Class {
    /// A transient failure without advice.
    pub const TRANSIENT: Self = Self::Transient { retry_after: None };

    /// The label in metrics and dead letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient { .. } => "transient",
            Self::Throttled { .. } => "throttled",
            Self::Permanent => "permanent",
            Self::Bug => "bug",
        }
    }
}

/// Whose failure it is, so that the right people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The tenant's settings, scripts or keys.
    Tenant,
    /// A provider or a model.
    Upstream,
    /// Ours.
    Platform,
}

impl Origin {
    /// The label in metrics and dead letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Upstream => "upstream",
            Self::Platform => "platform",
        }
    }
}

/// An error that knows its own verdict.
pub trait Classify: std::error::Error + Send + Sync + 'static {
    /// What may be done.
    fn class(&self) -> Class;

    /// Whose it is.
    fn origin(&self) -> Origin;

    /// A fixed word for the dead letter that says more than the class does.
    fn reason(&self) -> Option<&'static str> {
        None
    }
}
