//! What stands in the queues: a bot's account and a conversation.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, ConversationId, TenantId};
use crate::limits::{Keys, Plan};
use crate::stages::dispatch::arena::Ix;
use crate::stages::dispatch::job::Job;
use crate::stages::dispatch::signals::Waiting;

/// A line without work is kept this long, so that a talking bot is not looked up with every reply.
const IDLE: Duration = Duration::from_secs(60);
/// Calls under way that a new line may have.
const FIRST_WINDOW: u32 = 16;
/// Calls under way that a line may have at least, however many go unanswered.
const LEAST_WINDOW: u32 = 4;

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::stages::dispatch) struct LineKey {
    pub(in crate::stages::dispatch) tenant: TenantId,
    pub(in crate::stages::dispatch) bot: BotId,
    pub(in crate::stages::dispatch) channel: ChannelKind,
    pub(in crate::stages::dispatch) account: AccountId,
}

/// A bot's account.
#[derive(Debug)]
pub(in crate::stages::dispatch) struct Line {
    pub(in crate::stages::dispatch) key: LineKey,
    /// Its limits, and the version of the bot that they come from; `None` until the bot is looked up.
    pub(in crate::stages::dispatch) plan: Option<(Plan, i64)>,
    /// The look-up is under way.
    pub(in crate::stages::dispatch) looking: bool,
    /// Failures in a row that concern the account.
    pub(in crate::stages::dispatch) failures: u32,
    pub(in crate::stages::dispatch) signals: VecDeque<Waiting>,
    pub(super) ready: VecDeque<Ix>,
    pub(super) chats: u32,
    pub(super) in_flight: u32,
    pub(super) window: u32,
    pub(super) waiting: Option<Instant>,
    pub(super) in_ring: bool,
    pub(super) used: Instant,
}

impl Line {
    pub(super) fn new(key: LineKey, max_window: u32, now: Instant) -> Self {
        Self {
            key,
            plan: None,
            looking: false,
            failures: 0,
            signals: VecDeque::new(),
            ready: VecDeque::new(),
            chats: 0,
            in_flight: 0,
            window: FIRST_WINDOW.min(max_window),
            waiting: None,
            in_ring: false,
            used: now,
        }
    }

    /// Something is to be sent, and nothing holds the line back.
    pub(super) fn may_go(&self) -> bool {
        self.waiting.is_none()
            && !self.looking
            && self.in_flight < self.window
            && !(self.ready.is_empty() && self.signals.is_empty())
    }

    /// Chats wait for their turn.
    pub(in crate::stages::dispatch) fn has_replies(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Nobody has used it for a while.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.chats == 0
            && self.in_flight == 0
            && !self.looking
            && self.signals.is_empty()
            && now.saturating_duration_since(self.used) > IDLE
    }

    /// A call is over. Unanswered calls lower the number that may be under way, answered ones raise it.
    pub(super) fn called(&mut self, answered: bool, max_window: u32) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let window = if answered { self.window + 1 } else { self.window / 2 };
        self.window = window.max(LEAST_WINDOW.min(max_window)).min(max_window);
    }
}

/// A conversation with replies to send.
#[derive(Debug)]
pub(in crate::stages::dispatch) struct Chat {
    pub(in crate::stages::dispatch) line: Ix,
    pub(in crate::stages::dispatch) keys: Keys,
    pub(super) conversation: ConversationId,
    pub(super) queue: VecDeque<Box<Job>>,
    pub(super) state: State,
    /// It stands in its line's `ready`, once, whatever its state.
    pub(super) listed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its first reply may be tried.
    Ready,
    /// Not before.
    Waiting(Instant),
    /// Its first reply is out: in a call, or until its RESULT is acknowledged.
    Out,
}

/// What a timer is for. A chat's or a line's that has found something else to wait for is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::stages::dispatch) enum Wake {
    Chat(Ix),
    Line(Ix),
    Sweep,
    Forget,
}
