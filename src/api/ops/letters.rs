//! Dead letters: found, shown and driven again by the process that has the log open.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::table::Call;
use crate::api::types::{LetterList, LetterShow, RedriveAsk, RedriveProgress, RedriveStarted};

/// Whoever reads dead letters and drives them again. One redrive runs at a time, and the last one's outcome is kept.
#[async_trait]
pub trait DeadLetters: fmt::Debug + Send + Sync {
    /// The newest `limit` that the filters mean; whatever is about writing is passed over.
    ///
    /// # Errors
    /// When a filter can't be read or the log can't.
    async fn list(&self, ask: RedriveAsk, limit: u32) -> Result<LetterList, ApiError>;

    /// The one at a position.
    ///
    /// # Errors
    /// When none stands there, or the log can't be read.
    async fn show(&self, position: &str) -> Result<LetterShow, ApiError>;

    /// Begins a redrive, which goes on without its caller.
    ///
    /// # Errors
    /// When the request can't be what is meant, or one runs already.
    fn redrive(&self, ask: RedriveAsk) -> Result<RedriveStarted, ApiError>;

    /// How far it is, with what became of letters from the `after`th on.
    ///
    /// # Errors
    /// When there is no such redrive, or a later one took its place.
    fn progress(&self, redrive: &str, after: u64) -> Result<RedriveProgress, ApiError>;

    /// Has it end behind the batch that is being written.
    ///
    /// # Errors
    /// As [`DeadLetters::progress`].
    fn stop(&self, redrive: &str) -> Result<RedriveProgress, ApiError>;
}

impl Operations {
    /// The same with dead letters.
    #[must_use]
    pub fn with_dead_letters(self, letters: Arc<dyn DeadLetters>) -> Self {
        Self { letters: Some(letters), ..self }
    }

    fn letters(&self) -> Result<&Arc<dyn DeadLetters>, ApiError> {
        self.letters.as_ref().ok_or_else(|| {
            let message = "no log is open here: ask the process that runs the stages, or `millrace dlq`";
            ApiError::new(ErrorCode::Unavailable, message)
        })
    }

    pub(in crate::api) async fn letter_list(&self, call: &Call<()>) -> Result<LetterList, ApiError> {
        let named = |name: &str| call.query.get(name).cloned();
        let ask = RedriveAsk {
            stage: named("stage"),
            bot: named("bot"),
            tenant: named("tenant"),
            reason: named("reason"),
            since: named("since"),
            until: named("until"),
            ..RedriveAsk::default()
        };
        self.letters()?.list(ask, call.limit()?).await
    }

    pub(in crate::api) async fn letter_show(&self, position: &str) -> Result<LetterShow, ApiError> {
        self.letters()?.show(position).await
    }

    pub(in crate::api) fn redrive_start(&self, ask: RedriveAsk) -> Result<RedriveStarted, ApiError> {
        self.letters()?.redrive(ask)
    }

    pub(in crate::api) fn redrive_show(&self, call: &Call<()>) -> Result<RedriveProgress, ApiError> {
        let after = match call.query.get("after") {
            None => 0,
            Some(text) => text.parse().map_err(|_| {
                ApiError::new(ErrorCode::BadRequest, format!("after `{text}` is not a number: use `next`"))
            })?,
        };
        self.letters()?.progress(call.name("redrive"), after)
    }

    pub(in crate::api) fn redrive_stop(&self, redrive: &str) -> Result<RedriveProgress, ApiError> {
        self.letters()?.stop(redrive)
    }
}
