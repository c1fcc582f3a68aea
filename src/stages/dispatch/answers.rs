//! Appends, look-ups and loads that are over: the machine hears of them in order.

use super::Dispatch;
use super::arena::Ix;
use super::job::Job;
use super::parking::Search;
use super::queues::State;
use super::send::Effect;
use crate::log::{LogError, Place, Position};
use crate::pipeline::PartitionCx;

impl Dispatch {
    /// Records of the ledger are durable.
    pub(super) fn settled(&mut self, cx: &mut PartitionCx<Effect>, answer: Result<Vec<Position>, LogError>) {
        match answer {
            Ok(positions) => {
                self.ledger.landed();
                for position in positions {
                    let now = self.now(cx);
                    self.machine.ledger_acked(position.offset, now);
                }
                self.obey(cx);
                self.drop_idle_chats();
            }
            Err(error) => cx.fail(error),
        }
    }

    /// Records of the parked topic are durable, and their replies are kept.
    pub(super) fn put(&mut self, cx: &mut PartitionCx<Effect>, answer: Result<Vec<Place>, LogError>) {
        match answer {
            Ok(places) => {
                self.parked.landed();
                places.into_iter().for_each(|place| self.machine.parked_acked(place));
                self.obey(cx);
                self.drop_idle_chats();
            }
            Err(error) => cx.fail(error),
        }
    }

    /// Dead letters are durable.
    pub(super) fn buried(&mut self, cx: &mut PartitionCx<Effect>, answer: Result<Vec<u64>, LogError>) {
        match answer {
            Ok(offsets) => {
                self.letters.landed();
                offsets.into_iter().for_each(|offset| self.machine.dead_lettered(offset));
                self.obey(cx);
            }
            Err(error) => cx.fail(error),
        }
    }

    /// The whole ledger was searched for ids that are older than what is known.
    pub(super) fn searched(&mut self, cx: &mut PartitionCx<Effect>, answer: Result<Search, LogError>) {
        match answer {
            Ok(search) => {
                let now = self.now(cx);
                self.machine.looked_up(&search, now);
                self.obey(cx);
            }
            Err(error) => cx.fail(error),
        }
    }

    /// A parked reply is at hand, for its turn.
    pub(super) fn loaded(&mut self, cx: &mut PartitionCx<Effect>, chat: Ix, job: Result<Box<Job>, LogError>) {
        match job {
            Ok(job) => {
                self.unload(chat);
                let Some(found) = self.queues.chat_mut(chat) else { return };
                found.loaded = Some(job.record.offset);
                if found.state == State::Loading {
                    self.queues.loaded(chat);
                }
                self.jobs.insert(job.record.offset, job);
            }
            Err(error) => cx.fail(error),
        }
    }
}
