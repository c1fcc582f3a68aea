//! Bots that have more to send than their replies are worth: no model is asked for one more.
//!
//! Guarantee: what is not known, or was told too long ago, keeps no model from being asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::ids::{BotId, TenantId};
use crate::domain::time::Timestamp;

/// Bots that are remembered; of further ones nothing is known.
const MAX: usize = 10_000;

/// When each bot will have sent what it has, as dispatch said last.
#[derive(Debug, Default)]
pub struct Backlogs(Mutex<HashMap<(TenantId, BotId), Timestamp>>);

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
            until.retain(|_, until| *until > at);
            if until.len() >= MAX {
                return;
            }
        }
        until.insert(key, at.plus(Duration::from_secs(seconds)));
    }

    /// The moment before which a further reply of the bot is not sent, if it has a backlog.
    pub(super) fn until(&self, tenant: &TenantId, bot: &BotId) -> Option<Timestamp> {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_empty() {
            return None;
        }
        until.get(&(tenant.clone(), bot.clone())).copied()
    }
}
