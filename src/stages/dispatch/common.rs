//! What the two lanes of a partition share. Each lane has its own machine, epoch and progress; what a provider allows a
//! bot it allows to both together.
//!
//! Guarantees:
//! 1. Both lanes take from the same limits, and bulk leaves room for replies ([`Ask::Bulk`](crate::limits::Ask::Bulk)).
//! 2. Bulk sends nothing before the replies' lane has read what earlier owners sent.
//! 3. In a chat where replies wait, bulk waits.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::events::Lane;
use crate::domain::ids::ConversationId;
use crate::limits::{Limits, LimitsConfig};

/// Shared by the lanes of a partition, for one assignment.
#[derive(Debug, Clone)]
pub(super) struct Common(Arc<State>);

#[derive(Debug)]
struct State {
    limits: Mutex<Limits>,
    replies: Mutex<Replies>,
}

/// The replies' lane, as the other one sees it.
#[derive(Debug, Default)]
struct Replies {
    /// It knows what was sent before.
    restored: bool,
    /// Where it has something to send: hashes of the conversations, since there may be very many. Should two ever meet,
    /// bulk is early or late in one chat.
    chats: HashSet<u64>,
    hasher: RandomState,
}

impl Common {
    fn new(limits: &LimitsConfig) -> Self {
        let limits = Mutex::new(Limits::new(limits.clone()));
        Self(Arc::new(State { limits, replies: Mutex::default() }))
    }

    /// The limits, for memory only.
    pub(super) fn limits(&self) -> MutexGuard<'_, Limits> {
        self.0.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What earlier owners sent is known to the limits.
    pub(super) fn restored(&self) {
        self.replies().restored = true;
    }

    pub(super) fn is_restored(&self) -> bool {
        self.replies().restored
    }

    /// Replies wait in a chat, or none do any more.
    pub(super) fn replies_wait(&self, chat: &ConversationId, wait: bool) {
        let mut replies = self.replies();
        let chat = replies.hasher.hash_one(chat);
        if wait {
            replies.chats.insert(chat);
        } else {
            replies.chats.remove(&chat);
        }
    }

    pub(super) fn do_replies_wait(&self, chat: &ConversationId) -> bool {
        let replies = self.replies();
        replies.chats.contains(&replies.hasher.hash_one(chat))
    }

    fn replies(&self) -> MutexGuard<'_, Replies> {
        self.0.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings the lanes of an assignment together: they are made one after the other.
#[derive(Debug, Default)]
pub(super) struct Pairs(Mutex<HashMap<u32, (Lane, Common)>>);

impl Pairs {
    /// For a lane of a partition that is made now. A lane that is made again belongs to a new assignment, and shares
    /// nothing with an earlier one.
    pub(super) fn join(&self, partition: u32, lane: Lane, limits: &LimitsConfig) -> Common {
        let mut pairs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match pairs.remove(&partition) {
            Some((first, common)) if first != lane => common,
            _ => {
                let common = Common::new(limits);
                pairs.insert(partition, (lane, common.clone()));
                common
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_of_one_assignment_share_and_those_of_the_next_begin_anew() {
        let (pairs, limits) = (Pairs::default(), LimitsConfig::default());
        let join = |lane| pairs.join(3, lane, &limits);
        let (ready, bulk) = (join(Lane::Ready), join(Lane::Bulk));
        assert!(Arc::ptr_eq(&ready.0, &bulk.0));
        let (next_ready, next_bulk) = (join(Lane::Ready), join(Lane::Bulk));
        assert!(!Arc::ptr_eq(&ready.0, &next_ready.0) && Arc::ptr_eq(&next_ready.0, &next_bulk.0));
        // One that is made alone waits for its other, and not for itself.
        let (alone, again) = (join(Lane::Ready), join(Lane::Ready));
        assert!(!Arc::ptr_eq(&alone.0, &again.0) && Arc::ptr_eq(&again.0, &join(Lane::Bulk).0));
        let elsewhere = pairs.join(4, Lane::Bulk, &limits);
        assert!(!Arc::ptr_eq(&elsewhere.0, &again.0));
    }
}
