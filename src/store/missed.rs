//! Questions that found nothing, on their way to the database.
//!
//! Guarantee: who notes one never waits; beyond the bound the report misses some, and says nothing wrong.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Store;
use crate::domain::ids::{BotId, TenantId};

/// Questions that wait.
const MOST: usize = 1_000;
/// How long they gather.
const EVERY: Duration = Duration::from_secs(1);

type Gathered = HashMap<(TenantId, BotId), Vec<String>>;

/// See the module.
#[derive(Debug)]
pub(super) struct Missed {
    waiting: Mutex<Gathered>,
}

impl Missed {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default() }
    }

    /// Notes a question.
    pub(super) fn note(&self, tenant: &TenantId, bot: &BotId, question: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.values().map(Vec::len).sum::<usize>() < MOST {
            waiting.entry((tenant.clone(), bot.clone())).or_default().push(question.to_owned());
        }
    }

    fn take(&self) -> Gathered {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes what was noted, once a second and once more at the end.
    pub(super) async fn write(&self, store: &Store, stop: CancellationToken) {
        loop {
            let last = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            for ((tenant, bot), questions) in self.take() {
                if let Err(error) = store.question_missed(&tenant, &bot, &questions).await {
                    tracing::warn!(%error, %tenant, %bot, "questions that found nothing are missing in the report");
                }
            }
            if last {
                return;
            }
        }
    }
}
