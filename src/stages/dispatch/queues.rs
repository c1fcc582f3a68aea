//! Who may send next: chats in the order of their replies, accounts in turn, waits by timer. Pure: no clock, no I/O.
//!
//! A *line* is a bot's account: what shares its limits waits together. A chat (a conversation) stands in its line while
//! its first reply may be tried. Every step costs at most the logarithm of the number of waits.

mod line;

pub(super) use line::{LineKey, Wake};

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use tokio::time::Instant;

use super::arena::{Arena, Ix};
use super::job::Job;
use super::signals::Waiting;
use crate::domain::ids::ConversationId;
use crate::domain::time::Timestamp;
use crate::limits::Limits;
use line::{Chat, Line, State};

/// Signals that wait in a line; they are worth little, so the oldest goes.
const MAX_SIGNALS: usize = 64;

/// All lines and chats of a partition.
#[derive(Debug)]
pub(super) struct Queues {
    lines: Arena<Line>,
    chats: Arena<Chat>,
    line_of: HashMap<LineKey, Ix>,
    chat_of: HashMap<ConversationId, Ix>,
    ring: VecDeque<Ix>,
    timers: BinaryHeap<Reverse<(Instant, Wake)>>,
    max_window: u32,
}

impl Queues {
    pub(super) fn new(max_window: u32) -> Self {
        Self {
            lines: Arena::default(),
            chats: Arena::default(),
            line_of: HashMap::new(),
            chat_of: HashMap::new(),
            ring: VecDeque::new(),
            timers: BinaryHeap::new(),
            max_window: max_window.max(1),
        }
    }

    /// Adds a reply behind the others of its chat. Replies come in the order of their offsets.
    pub(super) fn push(&mut self, job: Box<Job>, limits: &Limits) {
        if let Some(chat) = self.chat_of.get(&job.reply.conversation).and_then(|ix| self.chats.get_mut(*ix)) {
            return chat.queue.push_back(job);
        }
        let data = &job.reply.data;
        let key = LineKey {
            tenant: job.reply.tenant.clone(),
            bot: job.reply.bot.clone(),
            channel: data.channel,
            account: data.account.clone(),
        };
        let line = self.line(key);
        let conversation = job.reply.conversation.clone();
        let keys = limits.keys(&job.reply.bot, &conversation, job.is_group());
        let chat = Chat {
            line,
            keys,
            conversation: conversation.clone(),
            queue: VecDeque::from([job]),
            state: State::Ready,
            listed: false,
        };
        let chat = self.chats.insert(chat);
        self.chat_of.insert(conversation, chat);
        if let Some(line) = self.lines.get_mut(line) {
            line.chats += 1;
        }
        self.ready(chat);
    }

    /// The line of an account, made when it is new.
    pub(super) fn line(&mut self, key: LineKey) -> Ix {
        if let Some(line) = self.line_of.get(&key) {
            return *line;
        }
        let line = self.lines.insert(Line::new(key.clone(), self.max_window, Instant::now()));
        self.line_of.insert(key, line);
        line
    }

    pub(super) fn get(&self, line: Ix) -> Option<&Line> {
        self.lines.get(line)
    }

    pub(super) fn get_mut(&mut self, line: Ix) -> Option<&mut Line> {
        self.lines.get_mut(line)
    }

    pub(super) fn chat(&self, chat: Ix) -> Option<&Chat> {
        self.chats.get(chat)
    }

    /// True when replies to the conversation are here.
    pub(super) fn has(&self, conversation: &ConversationId) -> bool {
        self.chat_of.contains_key(conversation)
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
        while let Some(ix) = self.ring.pop_front() {
            if let Some(line) = self.lines.get_mut(ix) {
                line.in_ring = false;
                if line.may_go() {
                    return Some(ix);
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
            self.ring.push_back(ix);
        }
    }

    /// The line's turn is not over: nothing can be sent by anybody now.
    pub(super) fn keep_turn(&mut self, ix: Ix) {
        if let Some(line) = self.lines.get_mut(ix)
            && !line.in_ring
        {
            line.in_ring = true;
            self.ring.push_front(ix);
        }
    }

    /// The chat of a line whose first reply is to be tried, and that reply; it stays where it is.
    pub(super) fn first(&mut self, line: Ix) -> Option<(Ix, &Job)> {
        let line = self.lines.get_mut(line)?;
        while let Some(ix) = line.ready.front().copied() {
            let ready =
                self.chats.get(ix).filter(|chat| chat.state == State::Ready && !chat.queue.is_empty());
            if ready.is_some() {
                return self.chats.get(ix).and_then(|chat| Some((ix, &**chat.queue.front()?)));
            }
            line.ready.pop_front();
            if let Some(chat) = self.chats.get_mut(ix) {
                chat.listed = false;
            }
        }
        None
    }

    /// Takes a chat's first reply out. The chat stands still until it is [given back](Self::again) or
    /// [over](Self::over).
    pub(super) fn begin(&mut self, ix: Ix) -> Option<Box<Job>> {
        let chat = self.chats.get_mut(ix).filter(|chat| chat.state != State::Out)?;
        let job = chat.queue.pop_front()?;
        chat.state = State::Out;
        self.unlist(ix);
        Some(job)
    }

    /// A reply that is not done goes back to the head of its chat.
    pub(super) fn again(&mut self, ix: Ix, job: Box<Job>, not_before: Option<Instant>) {
        let Some(chat) = self.chats.get_mut(ix) else { return };
        chat.queue.push_front(job);
        match not_before {
            Some(at) => self.rest(ix, at),
            None => self.ready(ix),
        }
    }

    /// A chat's first reply is done: the next one's turn.
    pub(super) fn over(&mut self, ix: Ix) {
        let Some(chat) = self.chats.get(ix) else { return };
        if !chat.queue.is_empty() {
            return self.ready(ix);
        }
        if let Some(chat) = self.chats.remove(ix) {
            self.chat_of.remove(&chat.conversation);
            if let Some(line) = self.lines.get_mut(chat.line) {
                line.chats -= 1;
            }
        }
    }

    /// A chat is not tried before `at`.
    pub(super) fn rest(&mut self, ix: Ix, at: Instant) {
        if let Some(chat) = self.chats.get_mut(ix) {
            chat.state = State::Waiting(at);
            self.unlist(ix);
            self.at(at, Wake::Chat(ix));
        }
    }

    /// A line does nothing before `at`.
    pub(super) fn rest_line(&mut self, ix: Ix, at: Instant) {
        if let Some(line) = self.lines.get_mut(ix)
            && line.waiting.is_none_or(|waiting| waiting < at)
        {
            line.waiting = Some(at);
            self.at(at, Wake::Line(ix));
        }
    }

    /// A call of a line begins.
    pub(super) fn call(&mut self, ix: Ix, now: Instant) {
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
    pub(super) fn at(&mut self, at: Instant, wake: Wake) {
        self.timers.push(Reverse((at, wake)));
    }

    /// The next timer that has run out. What it was for is ready when this returns.
    pub(super) fn due(&mut self, now: Instant) -> Option<Wake> {
        while let Some(Reverse((at, wake))) = self.timers.peek().copied() {
            if at > now {
                return None;
            }
            self.timers.pop();
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
                Wake::Sweep | Wake::Forget => return Some(wake),
            }
        }
        None
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Chats whose first reply is late and not out.
    pub(super) fn overdue(&self, now: Timestamp) -> Vec<Ix> {
        let late =
            |chat: &Chat| chat.state != State::Out && chat.queue.front().is_some_and(|job| job.is_late(now));
        self.chats.iter().filter(|(_, chat)| late(chat)).map(|(ix, _)| ix).collect()
    }

    /// Drops lines that nobody has used for a while.
    pub(super) fn drop_idle(&mut self, now: Instant) {
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
        if let Some(chat) = self.chats.get_mut(ix)
            && let Some(line) = self.lines.get_mut(chat.line)
            && line.ready.front() == Some(&ix)
        {
            line.ready.pop_front();
            chat.listed = false;
        }
    }

    fn ready(&mut self, ix: Ix) {
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
}
