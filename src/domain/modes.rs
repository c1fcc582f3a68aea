//! Which conversations people answer, and since when: what `conversation.mode.v1` says, in memory.
//!
//! Guarantee: an older epoch never replaces a newer one, whatever the order in which they are read. A conversation that
//! nobody took over takes no room. At the bound those go that a bot has had back for longest; a reply that waited all
//! that time is then sent.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::events::{ConversationMode, Mode};
use super::ids::ConversationId;
use super::time::Timestamp;

/// Conversations that are remembered; each takes about 150 bytes.
const MAX: usize = 1_000_000;

/// How a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Of the last change.
    pub epoch: u64,
    /// Until when people answer; `None` = the bot does.
    pub human_until: Option<Timestamp>,
}

impl Standing {
    /// True while people answer.
    #[must_use]
    pub fn is_human(&self, now: Timestamp) -> bool {
        self.human_until.is_some_and(|until| now < until)
    }

    /// True when a bot's reply that was begun in `epoch` must not be sent: people answer now, or did since. A reply
    /// without an epoch answers nothing that was said, so only the present counts.
    #[must_use]
    pub fn overtakes(&self, epoch: Option<u64>, now: Timestamp) -> bool {
        self.is_human(now) || epoch.is_some_and(|epoch| epoch < self.epoch)
    }
}

/// The standings of one reader.
#[derive(Debug, Default)]
pub struct ModeTable(HashMap<ConversationId, Standing>);

impl ModeTable {
    /// Takes a change in.
    pub fn note(&mut self, conversation: &ConversationId, change: &ConversationMode) {
        self.note_within(conversation, change, MAX);
    }

    fn note_within(&mut self, conversation: &ConversationId, change: &ConversationMode, max: usize) {
        let human_until = match change.mode {
            Mode::Human => change.until,
            Mode::Bot => None,
        };
        let standing = Standing { epoch: change.epoch, human_until };
        match self.0.get_mut(conversation) {
            Some(known) if known.epoch >= standing.epoch => {}
            Some(known) => *known = standing,
            None => {
                if self.0.len() >= max {
                    self.make_room(max);
                }
                self.0.insert(conversation.clone(), standing);
            }
        }
    }

    /// How a conversation stands; `None` = nobody ever took it over.
    #[must_use]
    pub fn get(&self, conversation: &ConversationId) -> Option<Standing> {
        if self.0.is_empty() { None } else { self.0.get(conversation).copied() }
    }

    /// An eighth goes at once, so that the next changes find room.
    fn make_room(&mut self, max: usize) {
        let mut ends: Vec<u64> = self.0.values().map(end).collect();
        let nth = (max / 8).min(ends.len().saturating_sub(1));
        let (_, last, _) = ends.select_nth_unstable(nth);
        let last = *last;
        self.0.retain(|_, standing| end(standing) > last);
    }
}

/// When the bot had the conversation back, or will have it.
fn end(standing: &Standing) -> u64 {
    let until = standing.human_until.and_then(|until| u64::try_from(until.millis()).ok());
    until.unwrap_or(standing.epoch)
}

/// The same for the stages of a process.
#[derive(Debug, Default)]
pub struct Modes(RwLock<ModeTable>);

impl Modes {
    /// Takes a change in.
    pub fn note(&self, conversation: &ConversationId, change: &ConversationMode) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).note(conversation, change);
    }

    /// How a conversation stands; `None` = nobody ever took it over.
    #[must_use]
    pub fn get(&self, conversation: &ConversationId) -> Option<Standing> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(conversation)
    }

    /// True when a bot must not answer a turn that was opened in `epoch`.
    #[must_use]
    pub fn overtakes(&self, conversation: &ConversationId, epoch: Option<u64>, now: Timestamp) -> bool {
        self.get(conversation).is_some_and(|standing| standing.overtakes(epoch, now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::events::TakenBy;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn human(epoch: u64, until: i64) -> ConversationMode {
        ConversationMode { mode: Mode::Human, epoch, until: Some(at(until)), by: TakenBy::Echo }
    }

    fn bot(epoch: u64) -> ConversationMode {
        ConversationMode { mode: Mode::Bot, epoch, until: None, by: TakenBy::Api }
    }

    #[test]
    fn people_have_a_conversation_until_their_time_is_over_or_it_is_given_back() {
        let (mut table, id) = (ModeTable::default(), ConversationId::from("t/messenger/1/2"));
        assert_eq!(table.get(&id), None);
        table.note(&id, &human(100, 1_000));
        let taken = table.get(&id).unwrap();
        assert!(taken.overtakes(Some(100), at(999)) && taken.overtakes(None, at(999)));
        assert!(!taken.overtakes(Some(100), at(1_000)), "their time is over");
        assert!(taken.overtakes(Some(99), at(1_000)), "begun before they took over");
        assert!(!taken.overtakes(None, at(1_000)));
        table.note(&id, &bot(200));
        let back = table.get(&id).unwrap();
        assert!(!back.is_human(at(300)) && back.overtakes(Some(100), at(300)));
        assert!(!back.overtakes(Some(200), at(300)));
    }

    #[test]
    fn an_older_change_that_is_read_late_changes_nothing() {
        let (modes, id) = (Modes::default(), ConversationId::from("c"));
        modes.note(&id, &bot(200));
        modes.note(&id, &human(100, 1_000_000));
        assert_eq!(modes.get(&id), Some(Standing { epoch: 200, human_until: None }));
        assert!(!modes.overtakes(&id, Some(200), at(0)));
    }

    #[test]
    fn at_the_bound_the_longest_given_back_go_first() {
        let mut table = ModeTable::default();
        for n in 0..16_u64 {
            let id = ConversationId::from(format!("c{n}"));
            let until = at(0).plus(Duration::from_secs(1_000_000 - n)).millis();
            table.note_within(&id, &if n < 8 { bot(n + 1) } else { human(n, until) }, 16);
        }
        table.note_within(&ConversationId::from("new"), &human(99, 5_000_000), 16);
        assert_eq!(table.get(&ConversationId::from("c0")), None);
        assert!(table.get(&ConversationId::from("c15")).is_some());
        assert!(table.get(&ConversationId::from("new")).is_some());
    }
}
