//! Whose turn it is: accounts in turn, the chats of an account in turn, waits by timer. Pure: no clock, no I/O.
//!
//! A *line* is a bot's account: what shares its limits waits together. A chat (a conversation) stands in its line while
//! its head may be tried; which reply that is, the [machine](super::parking) knows. Every step costs at most the
//! logarithm of the number of waits.

mod line;
#[cfg(test)]
mod tests;

pub(super) use line::{LineKey, State, Voice, Wake};

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::arena::{Arena, Ix};
use super::signals::Waiting;
use crate::domain::ids::ConversationId;
use line::{Chat, Line};

/// Signals that wait in a line; they are worth little, so the oldest goes.
const MAX_SIGNALS: usize = 64;

/// All lines and chats of a partition. Moments are those of the limits.
#[derive(Debug)]
pub(super) struct Queues {
    lines: Arena<Line>,
    chats: Arena<Chat>,
    line_of: HashMap<LineKey, Ix>,
    chat_of: HashMap<ConversationId, Ix>,
    /// Lines that may go: those that take a call of the process, and before them those that don't.
    rings: [VecDeque<Ix>; 2],
    timers: BinaryHeap<Reverse<(Duration, Wake)>>,
    max_window: u32,
}

impl Queues {
    pub(super) fn new(max_window: u32) -> Self {
        Self {
            lines: Arena::default(),
            chats: Arena::default(),
            line_of: HashMap::new(),
            chat_of: HashMap::new(),
            rings: Default::default(),
            timers: BinaryHeap::new(),
            max_window: max_window.max(1),
        }
    }

    /// The line of an account, made when it is new.
    pub(super) fn line(&mut self, key: LineKey, now: Duration) -> Ix {
        if let Some(line) = self.line_of.get(&key) {
            return *line;
        }
        let line = self.lines.insert(Line::new(key.clone(), self.max_window, now));
        self.line_of.insert(key, line);
        line
    }

    /// All lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().map(|(_, line)| line)
    }

    pub(super) fn get(&self, line: Ix) -> Option<&Line> {
        self.lines.get(line)
    }

    pub(super) fn get_mut(&mut self, line: Ix) -> Option<&mut Line> {
        self.lines.get_mut(line)
    }

    /// Where a chat is, if it is here.
    pub(super) fn find(&self, conversation: &ConversationId) -> Option<Ix> {
        self.chat_of.get(conversation).copied()
    }

    pub(super) fn chat(&self, chat: Ix) -> Option<&Chat> {
        self.chats.get(chat)
    }

    pub(super) fn chat_mut(&mut self, chat: Ix) -> Option<&mut Chat> {
        self.chats.get_mut(chat)
    }

    /// A chat of a line that has something to send.
    pub(super) fn add(&mut self, conversation: ConversationId, line: Ix) -> Ix {
        if let Some(line) = self.lines.get_mut(line) {
            line.chats += 1;
        }
        let chat = self.chats.insert(Chat::new(conversation.clone(), line));
        self.chat_of.insert(conversation, chat);
        chat
    }

    /// A chat has nothing to send any more.
    pub(super) fn remove(&mut self, ix: Ix) {
        self.unlist(ix);
        if let Some(chat) = self.chats.remove(ix) {
            self.chat_of.remove(&chat.conversation);
            if let Some(line) = self.lines.get_mut(chat.line) {
                line.chats -= 1;
            }
        }
    }

    /// A chat's head is to be tried when it is its turn.
    pub(super) fn ready(&mut self, ix: Ix) {
        let Some(chat) = self.chats.get_mut(ix) else { return };
        chat.state = State::Ready;
        let line = chat.line;
        if !std::mem::replace(&mut chat.listed, true)
            && let Some(found) = self.lines.get_mut(line)
        {
            found.ready.push_back(ix);
        }
        self.rouse(line);
    }

    /// Chats of a line that wait since the restore, by their numbers in the machine.
    pub(super) fn crowd(&mut self, line: Ix, chats: Vec<Ix>) {
        if let Some(found) = self.lines.get_mut(line) {
            found.crowd.extend(chats);
            self.rouse(line);
        }
    }

    /// The next of them, when it is its turn: every second time, while other chats wait that were not begun with.
    pub(super) fn of_crowd(&mut self, line: Ix) -> Option<Ix> {
        let line = self.lines.get_mut(line).filter(|line| !line.crowd.is_empty())?;
        if let Some(first) = line.ready.front() {
            let begun = self.chats.get(*first).is_some_and(|chat| chat.loaded.is_some());
            let turn = line.crowds_turn && !begun;
            line.crowds_turn = !turn;
            if !turn {
                return None;
            }
        }
        let next = line.crowd.pop_front();
        if line.crowd.is_empty() {
            line.crowd = VecDeque::new();
        }
        next
    }

    /// One of them is the first of its line.
    pub(super) fn come_forward(&mut self, conversation: ConversationId, line: Ix) -> Ix {
        let ix = self.add(conversation, line);
        if let Some(chat) = self.chats.get_mut(ix) {
            (chat.state, chat.listed) = (State::Ready, true);
        }
        if let Some(line) = self.lines.get_mut(line) {
            line.ready.push_front(ix);
        }
        ix
    }

    /// A chat's head is being loaded.
    pub(super) fn load(&mut self, ix: Ix) {
        self.aside(ix, State::Loading);
        if let Some(line) = self.chats.get(ix).and_then(|chat| self.lines.get_mut(chat.line)) {
            line.loading += 1;
        }
    }

    /// A chat's head is at hand. It goes before all others of its line: else each of them would be loaded before the
    /// first is sent.
    pub(super) fn loaded(&mut self, ix: Ix) {
        let Some(chat) = self.chats.get_mut(ix) else { return };
        chat.state = State::Ready;
        let line = chat.line;
        if let Some(found) = self.lines.get_mut(line) {
            found.loading = found.loading.saturating_sub(1);
            if !std::mem::replace(&mut chat.listed, true) {
                found.ready.push_front(ix);
            }
        }
        self.rouse(line);
    }

    /// A chat stands aside until it is [ready](Self::ready) again.
    pub(super) fn aside(&mut self, ix: Ix, state: State) {
        if let Some(chat) = self.chats.get_mut(ix) {
            chat.state = state;
            self.unlist(ix);
        }
    }

    /// A chat is not tried before `at`.
    pub(super) fn rest(&mut self, ix: Ix, at: Duration) {
        self.aside(ix, State::Waiting(at));
        if let Some(chat) = self.chats.get_mut(ix)
            && chat.timer.replace(at) != Some(at)
        {
            self.at(at, Wake::Chat(ix));
        }
    }

    /// A chat's head goes out, with one of the process's calls where it takes one.
    pub(super) fn begin(&mut self, ix: Ix, slot: Option<OwnedSemaphorePermit>, now: Duration) {
        self.aside(ix, State::Begun);
        let Some(chat) = self.chats.get_mut(ix) else { return };
        (chat.slot, chat.begun) = (slot, now);
        let line = chat.line;
        self.call(line, now);
    }

    /// A head that was to go out may not after all.
    pub(super) fn undo(&mut self, ix: Ix) {
        let Some(chat) = self.chats.get_mut(ix) else { return };
        chat.slot = None;
        let line = chat.line;
        self.called(line, true);
    }

    /// Adds a signal to a line.
    pub(super) fn push_signal(&mut self, line: Ix, signal: Waiting) {
        if let Some(found) = self.lines.get_mut(line) {
            if found.signals.len() >= MAX_SIGNALS {
                found.signals.pop_front();
            }
            found.signals.push_back(signal);
            self.rouse(line);
        }
    }

    /// The line whose turn it is. After its step it is [roused](Self::rouse), behind all others.
    pub(super) fn turn(&mut self) -> Option<Ix> {
        for ring in &mut self.rings {
            while let Some(ix) = ring.pop_front() {
                if let Some(line) = self.lines.get_mut(ix) {
                    line.in_ring = false;
                    if line.may_go() {
                        return Some(ix);
                    }
                }
            }
        }
        None
    }

    /// Gives a line a turn, if it has something to do and may do it.
    pub(super) fn rouse(&mut self, ix: Ix) {
        if let Some(line) = self.lines.get_mut(ix)
            && line.may_go()
            && !line.in_ring
        {
            line.in_ring = true;
            self.rings[line.ring()].push_back(ix);
        }
    }

    /// The line's turn is not over: nothing can be sent by anybody now.
    pub(super) fn keep_turn(&mut self, ix: Ix) {
        if let Some(line) = self.lines.get_mut(ix)
            && !line.in_ring
        {
            line.in_ring = true;
            self.rings[line.ring()].push_front(ix);
        }
    }

    /// The chat of a line whose head is to be tried; it stays where it is.
    pub(super) fn first(&mut self, line: Ix) -> Option<Ix> {
        let line = self.lines.get_mut(line)?;
        while let Some(ix) = line.ready.front().copied() {
            if self.chats.get(ix).is_some_and(|chat| chat.state == State::Ready) {
                return Some(ix);
            }
            line.ready.pop_front();
            if let Some(chat) = self.chats.get_mut(ix) {
                chat.listed = false;
            }
        }
        None
    }

    /// A line does nothing before `at`.
    pub(super) fn rest_line(&mut self, ix: Ix, at: Duration) {
        if let Some(line) = self.lines.get_mut(ix)
            && line.waiting.is_none_or(|waiting| waiting < at)
        {
            line.waiting = Some(at);
            self.at(at, Wake::Line(ix));
        }
    }

    /// A call of a line begins.
    pub(super) fn call(&mut self, ix: Ix, now: Duration) {
        if let Some(line) = self.lines.get_mut(ix) {
            line.in_flight += 1;
            line.used = now;
        }
    }

    /// A call of a line is over.
    pub(super) fn called(&mut self, ix: Ix, answered: bool) {
        if let Some(line) = self.lines.get_mut(ix) {
            line.called(answered, self.max_window);
            self.rouse(ix);
        }
    }

    /// Sets a timer.
    pub(super) fn at(&mut self, at: Duration, wake: Wake) {
        self.timers.push(Reverse((at, wake)));
    }

    /// The next timer that has run out. What it was for is ready when this returns.
    pub(super) fn due(&mut self, now: Duration) -> Option<Wake> {
        while let Some(Reverse((at, wake))) = self.timers.peek().copied() {
            if at > now {
                return None;
            }
            self.timers.pop();
            if let Wake::Chat(ix) = wake
                && let Some(chat) = self.chats.get_mut(ix)
            {
                chat.timer.take_if(|timer| *timer == at);
            }
            match wake {
                Wake::Chat(ix) if self.chats.get(ix).is_some_and(|chat| chat.state == State::Waiting(at)) => {
                    self.ready(ix);
                }
                Wake::Line(ix) => {
                    if let Some(line) = self.lines.get_mut(ix).filter(|line| line.waiting == Some(at)) {
                        line.waiting = None;
                        self.rouse(ix);
                    }
                }
                Wake::Chat(_) => {}
                Wake::Sweep | Wake::Park | Wake::Forget | Wake::Lease => return Some(wake),
            }
        }
        None
    }

    pub(super) fn next_wake(&self) -> Option<Duration> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Drops lines that nobody has used for a while.
    pub(super) fn drop_idle(&mut self, now: Duration) {
        let idle: Vec<Ix> =
            self.lines.iter().filter(|(_, line)| line.is_idle(now)).map(|(ix, _)| ix).collect();
        for ix in idle {
            if let Some(line) = self.lines.remove(ix) {
                self.line_of.remove(&line.key);
            }
        }
    }

    /// Lines and chats, for tests.
    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.lines.len(), self.chats.len())
    }

    /// A chat that stands first in its line and is not to be tried makes room, so that it comes back as the last.
    fn unlist(&mut self, ix: Ix) {
        let Some(line) = self.chats.get(ix).and_then(|chat| self.lines.get_mut(chat.line)) else { return };
        // Removed chats are still in the list, and nobody stands behind one of them.
        while line.ready.pop_front_if(|first| self.chats.get(*first).is_none()).is_some() {}
        if line.ready.front() == Some(&ix)
            && let Some(chat) = self.chats.get_mut(ix)
        {
            line.ready.pop_front();
            chat.listed = false;
        }
    }
}
