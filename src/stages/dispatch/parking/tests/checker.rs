//! Judges what the provider showed and what is durable: order, repeats, loss, what is left behind.

use super::super::*;
use super::world::{HOLD, World};

impl World {
    /// The provider shows a part.
    pub(super) fn deliver(&mut self, head: &Head) {
        let root = Self::root(head.id);
        let (key, rec) = ((root, head.part), self.scene.lane[root as usize]);
        if self.seen.insert(key) {
            if self.first.get(&rec.chat).is_some_and(|first| *first > key) {
                self.bad("order");
            }
            if self.over.contains(&root) {
                self.bad("sent_after_the_end");
            }
            if head.part >= rec.of {
                self.bad("foreign_part");
            }
            self.first.insert(rec.chat, key);
        } else if self.is_never_twice(rec.chat) {
            self.bad("dup_drop");
        } else if self.last.get(&rec.chat) != Some(&key) {
            self.bad("nonadjacent_dup");
        } else if self.by_unknown.get(&key).is_some_and(|left| *left > 0) {
            // One for each unknown outcome.
            *self.by_unknown.entry(key).or_default() -= 1;
            self.count("dup_unknown");
        } else if self.by_crash.remove(&key) {
            // One for each chat and crash.
            self.count("dup_crash");
        } else {
            self.bad("dup");
        }
        self.last.insert(rec.chat, key);
        // An earlier RESULT, maybe a zombie's, says nothing of this delivery.
        self.sent[root as usize] &= !(1 << head.part);
        self.count("delivered");
    }

    pub(super) fn was_seen(&self, key: (u64, u32)) -> bool {
        self.seen.contains(&key)
    }

    /// A finished root is settled, or has a PUT without a DEL. A finished duplicate then has a durable root, or a tracked
    /// one, which is lower.
    pub(super) fn check_commit(&mut self) {
        let tracker = &self.owner.tracker;
        let lost = self.scene.lane.iter().any(|rec| {
            rec.offset == rec.root
                && tracker.is_done(rec.offset)
                && !self.is_settled(rec.root)
                && !self.live.contains(&rec.root)
        });
        if lost {
            self.bad("watermark");
        }
    }

    /// Every part of every reply was delivered, or is known not to be; nothing is left behind.
    pub(super) fn check_end(&mut self, again: bool) {
        let lost = self
            .scene
            .lane
            .iter()
            .filter(|rec| rec.offset == rec.root && !self.never.contains(&rec.chat))
            .any(|rec| {
                (0..rec.of).any(|part| {
                    let key = (rec.root, part);
                    !self.seen.contains(&key) && !self.unsent.contains(&key)
                })
            });
        if lost {
            self.bad("lost");
        }
        let open = self.owner.machine.open_ids();
        if again
            && self.live.iter().any(|root| self.is_settled(*root) && !open.contains_key(&Self::id(*root)))
        {
            self.bad("garbage");
        }
        // `low` follows the ledger's end.
        if self.lag > HOLD + 4 * 15 {
            self.bad("lag");
        }
    }
}
