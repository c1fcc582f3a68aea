//! A stage's failure: any error that knows its own verdict.

use std::fmt;

use crate::domain::failure::{Class, Classify, Origin};

/// What a stage fails with. `?` makes one of any error that is [`Classify`]; there is no other way, so nobody can
/// forget to judge.
#[derive(Debug)]
pub struct StageError {
    /// What may be done.
    pub class: Class,
    /// Whose it is.
    pub origin: Origin,
    /// A word for the dead letter that says more than the class, for example `bot_disabled`.
    pub reason: Option<&'static str>,
    /// How often the record was tried.
    pub attempts: u32,
    /// The error itself, its sources kept.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.source, f)?;
        let mut next = self.source.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

impl<E: Classify> From<E> for StageError {
    fn from(error: E) -> Self {
        Self {
            class: error.class(),
            origin: error.origin(),
            reason: error.reason(),
            attempts: 1,
            source: Box::new(error),
        }
    }
}
