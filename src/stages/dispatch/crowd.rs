//! Chats whose parked replies wait since the restore: known by number until their turn comes.
//!
//! Guarantee: of so many chats only those that are being sent to cost more than a number, and in their line they take
//! turns with the chats that something came for since.

use super::Dispatch;
use super::arena::Ix;
use super::parking::Crowd;
use super::queues::LineKey;
use super::send::Effect;
use crate::domain::events::Lane;
use crate::domain::ids::ConversationId;
use crate::pipeline::PartitionCx;

impl Dispatch {
    /// The chats of an account that a restore found.
    pub(super) fn crowd(&mut self, cx: &PartitionCx<Effect>, crowd: Crowd) {
        let Crowd { account, bot, chats } = crowd;
        let Some((tenant, channel, account)) = account.account() else {
            return tracing::error!(%account, "an account that nobody can speak for");
        };
        if self.lane == Lane::Ready {
            let names = chats.iter().filter_map(|chat| self.machine.name(*chat));
            names.for_each(|name| self.common.replies_wait(&name, true));
        }
        let now = self.moment(cx);
        let line = self.queues.line(LineKey { tenant, bot, channel, account }, now);
        self.queues.crowd(line, chats);
    }

    /// The chat of a line whose head is to be tried.
    pub(super) fn next_chat(&mut self, line: Ix) -> Option<Ix> {
        while let Some(waiting) = self.queues.of_crowd(line) {
            let Some(conversation) = self.machine.name(waiting) else { continue };
            // Something came for it since, and it has its place by that.
            if self.queues.find(&conversation).is_some() {
                continue;
            }
            if self.machine.is_empty(&conversation) {
                self.gone(&conversation);
                continue;
            }
            return Some(self.queues.come_forward(conversation, line));
        }
        self.queues.first(line)
    }

    /// The machine has forgotten a chat; what is still queued forgets itself when its turn comes.
    pub(super) fn gone(&self, conversation: &ConversationId) {
        if self.lane == Lane::Ready && self.queues.find(conversation).is_none() {
            self.common.replies_wait(conversation, false);
        }
    }
}
