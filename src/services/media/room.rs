//! Who may fetch now: a few in the process, fewer of one bot.
//!
//! Guarantee: a bot whose files come slowly waits for itself; it never holds more than its share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::ids::{BotId, TenantId};

/// The places there are.
#[derive(Debug)]
pub struct Room {
    all: Arc<Semaphore>,
    share: usize,
    /// A bot without a fetch under way has no entry that lives.
    bots: Mutex<HashMap<(TenantId, BotId), Weak<Semaphore>>>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
    /// Keeps the bot's entry alive.
    _bot: Arc<Semaphore>,
}

impl Room {
    /// So many places, so many of them for one bot.
    #[must_use]
    pub fn new(all: u32, share: u32) -> Self {
        let all = Arc::new(Semaphore::new(all as usize));
        Self { all, share: share as usize, bots: Mutex::default() }
    }

    /// Waits for a place. The bot's own comes first, so that who waits for it takes none of the others'.
    pub async fn enter(&self, tenant: &TenantId, bot: &BotId) -> Option<Place> {
        let own = self.of(tenant, bot);
        let permit = Arc::clone(&own).acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Place { _own: permit, _all: all, _bot: own })
    }

    fn of(&self, tenant: &TenantId, bot: &BotId) -> Arc<Semaphore> {
        let mut bots = self.bots.lock().unwrap_or_else(PoisonError::into_inner);
        bots.retain(|_, room| room.strong_count() > 0);
        let key = (tenant.clone(), bot.clone());
        if let Some(room) = bots.get(&key).and_then(Weak::upgrade) {
            return room;
        }
        let room = Arc::new(Semaphore::new(self.share));
        bots.insert(key, Arc::downgrade(&room));
        room
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_bot_has_its_share_and_no_more() {
        let room = Room::new(3, 2);
        let enter = |bot: &str| room.enter(&"acme".into(), &bot.into()).now_or_never().flatten();
        let (one, two) = (enter("slow"), enter("slow"));
        assert!(one.is_some() && two.is_some() && enter("slow").is_none());
        let other = enter("other");
        assert!(other.is_some(), "the third place is another's");
        assert!(enter("third").is_none(), "there are three");
        drop(one);
        assert!(enter("slow").is_some());
    }
}
