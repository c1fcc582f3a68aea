//! Bots that have more to send than their replies are worth: no model is asked for one more.
//!
//! Guarantee: what is not known, or was told too long ago, keeps no model from being asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::events::BotBacklog;
use crate::domain::ids::{BotId, TenantId};
use crate::domain::time::Timestamp;

/// Bots that are remembered; of further ones nothing is known.
const MAX: usize = 10_000;

/// What was not repeated for so long is not true any more: who said it is gone, and its successor need not say it again.
const TRUST: Duration = Duration::from_secs(2 * BotBacklog::REPEAT.as_secs());

/// When each bot will have sent what it has, as dispatch said last.
#[derive(Debug, Default)]
pub struct Backlogs(Mutex<HashMap<(TenantId, BotId), Told>>);

#[derive(Debug, Clone, Copy)]
struct Told {
    at: Timestamp,
    until: Timestamp,
}

impl Backlogs {
    /// Dispatch said so at `at`; 0 = the bot is within its limit again.
    pub fn note(&self, tenant: &TenantId, bot: &BotId, at: Timestamp, seconds: u64) {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.clone(), bot.clone());
        if seconds == 0 {
            until.remove(&key);
            return;
        }
        if until.len() >= MAX && !until.contains_key(&key) {
            until.retain(|_, told| told.until > at && at.since(told.at) <= TRUST);
            if until.len() >= MAX {
                return;
            }
        }
        until.insert(key, Told { at, until: at.plus(Duration::from_secs(seconds)) });
    }

    /// The moment before which a further reply of the bot is not sent, if it has a backlog.
    pub(super) fn until(&self, tenant: &TenantId, bot: &BotId, now: Timestamp) -> Option<Timestamp> {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_empty() {
            return None;
        }
        let told = until.get(&(tenant.clone(), bot.clone()))?;
        (now.since(told.at) <= TRUST).then_some(told.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_nobody_repeats_is_trusted_for_two_intervals() {
        let (backlogs, tenant, bot) = (Backlogs::default(), TenantId::from("t"), BotId::from("b"));
        let at = |seconds: u64| Timestamp::from_millis(1_000_000).plus(Duration::from_secs(seconds));
        let until = |seconds| backlogs.until(&tenant, &bot, at(seconds));
        backlogs.note(&tenant, &bot, at(0), 3600);
        assert_eq!((until(20), until(21)), (Some(at(3600)), None));
        backlogs.note(&tenant, &bot, at(25), 3600);
        assert_eq!(until(30), Some(at(3625)));
        backlogs.note(&tenant, &bot, at(31), 0);
        assert_eq!(until(31), None);
    }
}
