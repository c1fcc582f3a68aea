//! Who may send next: chats in the order of their replies, accounts in turn, waits by timer. Pure: no clock, no I/O.
//!
//! A *line* is a bot's account: what shares its limits waits together. A chat (a conversation) stands in its line while
//! its first reply may be tried. Every step costs at most the logarithm of the number of waits.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::arena::{Arena, Ix};
use super::job::Job;
use super::signals::Waiting;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, ConversationId, TenantId};
use crate::domain::time::Timestamp;
use crate::limits::{Keys, Limits, Plan};

/// A line without work is kept this long, so that a talking bot is not looked up with every reply.
const IDLE: Duration = Duration::from_secs(60);
/// Calls under way that a new line may have.
const FIRST_WINDOW: u32 = 16;
/// Calls under way that a line may have at least, however many go unanswered.
const LEAST_WINDOW: u32 = 4;
/// Signals that wait in a line; they are worth little, so the oldest goes.
const MAX_SIGNALS: usize = 64;

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LineKey {
    pub(super) tenant: TenantId,
    pub(super) bot: BotId,
    pub(super) channel: ChannelKind,
    pub(super) account: AccountId,
}

/// A bot's account.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) key: LineKey,
    /// Its limits, and the version of the bot that they come from; `None` until the bot is looked up.
    pub(super) plan: Option<(Plan, i64)>,
    /// The look-up is under way.
    pub(super) looking: bool,
    /// Failures in a row that concern the account.
    pub(super) failures: u32,
    pub(super) signals: VecDeque<Waiting>,
    ready: VecDeque<Ix>,
    chats: u32,
    in_flight: u32,
    window: u32,
    waiting: Option<Instant>,
    in_ring: bool,
    used: Instant,
}

impl Line {
    fn may_go(&self) -> bool {
        self.waiting.is_none()
            && !self.looking
            && self.in_flight < self.window
            && !(self.ready.is_empty() && self.signals.is_empty())
    }
}

/// A conversation with replies to send.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) line: Ix,
    pub(super) keys: Keys,
    conversation: ConversationId,
    queue: VecDeque<Box<Job>>,
    state: State,
    /// It stands in its line's `ready`, once, whatever its state.
    listed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its first reply may be tried.
    Ready,
    /// Not before.
    Waiting(Instant),
    /// Its first reply is out: in a call, or until its RESULT is acknowledged.
    Out,
}

/// What a timer is for. A chat's or a line's that has found something else to wait for is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wake {
    Chat(Ix),
    Line(Ix),
    Sweep,
    Forget,
}

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
        let line = self.lines.insert(Line {
            key: key.clone(),
            plan: None,
            looking: false,
            failures: 0,
            signals: VecDeque::new(),
            ready: VecDeque::new(),
            chats: 0,
            in_flight: 0,
            window: FIRST_WINDOW.min(self.max_window),
            waiting: None,
            in_ring: false,
            used: Instant::now(),
        });
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

    /// A call of a line is over. Unanswered calls lower the number that may be under way, answered ones raise it.
    pub(super) fn called(&mut self, ix: Ix, answered: bool) {
        if let Some(line) = self.lines.get_mut(ix) {
            line.in_flight = line.in_flight.saturating_sub(1);
            let most = self.max_window;
            line.window = if answered { line.window + 1 } else { line.window / 2 }
                .max(LEAST_WINDOW.min(most))
                .min(most);
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
        let idle = |line: &Line| {
            line.chats == 0
                && line.in_flight == 0
                && !line.looking
                && line.signals.is_empty()
                && now.saturating_duration_since(line.used) > IDLE
        };
        let idle: Vec<Ix> = self.lines.iter().filter(|(_, line)| idle(line)).map(|(ix, _)| ix).collect();
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
