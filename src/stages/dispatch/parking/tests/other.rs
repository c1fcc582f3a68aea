//! The other lane of the partition: its owner writes into the same two topics, about other replies in the same chats.
//!
//! It is noise without sense or order, since nothing that it writes may matter.

use std::rc::Rc;

use super::super::*;
use super::world::{RECORDS, World};
use crate::domain::events::{Parked, ParkedKey, Settled, SettledStatus};

impl World {
    /// Whether an id is of this lane.
    pub(super) fn is_own(id: crate::domain::ids::EventId) -> bool {
        Self::root(id) < RECORDS
    }

    /// The other lane's owner appends a record to one of the topics.
    pub(super) fn other_lane(&mut self) {
        let lane = match self.scene.kind {
            Lane::Ready => Lane::Bulk,
            Lane::Bulk => Lane::Ready,
        };
        let (offset, chat) = (self.rng.u64(..RECORDS), self.rng.usize(..self.scene.chats.len()));
        let (id, of, epoch) = (Self::id(RECORDS + offset), 1 + offset as u32 % 3, self.rng.u64(1..=9));
        let part = self.rng.u32(..of);
        let verdict = Verdict {
            offset,
            id,
            part,
            of,
            status: SettledStatus::Sent,
            attempt: 1,
            provider_id: None,
            reason: None,
            place: None,
        };
        let settled = match self.rng.u32(..6) {
            0 => Settled::Sending { id, offset, part, of, epoch, lane },
            1 => Settled::Unsent { id, part, of, epoch, lane },
            2 => {
                let mut result = self.scene.result(&verdict, chat, epoch, self.tick);
                if let Settled::Result { lane: of_lane, .. } = &mut result {
                    *of_lane = lane;
                }
                result
            }
            3 => return self.parked.push((ParkedKey::Reply(id), None)),
            4 => {
                let marker = Parked::Epoch { epoch, lane };
                return self.parked.push((marker.key(), Some(Rc::new(marker))));
            }
            _ => {
                let put = Parked::Put {
                    id,
                    offset,
                    of,
                    attempt: 0,
                    epoch,
                    lane,
                    tenant: self.scene.tenant.clone(),
                    bot: self.scene.bots[Self::bot(chat)].clone(),
                    conversation: self.scene.chats[chat].clone(),
                    deadline: None,
                    reply: String::new(),
                };
                return self.parked.push((put.key(), Some(Rc::new(put))));
            }
        };
        self.ledger.push((Rc::new(settled), self.tick));
    }
}
