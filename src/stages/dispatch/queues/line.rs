//! What stands in the queues: a bot's account and a conversation.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::domain::bot::UnknownPolicy;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, BotId, ConversationId, TenantId};
use crate::limits::{Keys, Plan, Wider};
use crate::stages::dispatch::arena::Ix;
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

/// What a bot says of its account.
#[derive(Debug)]
pub(in crate::stages::dispatch) struct Voice {
    /// Its limits.
    pub(in crate::stages::dispatch) plan: Plan,
    /// What the account stands behind together with others.
    pub(in crate::stages::dispatch) wider: Wider,
    /// What is done when nobody can tell whether a part was sent.
    pub(in crate::stages::dispatch) policy: UnknownPolicy,
    /// How old a message may be and still get a reply; `None` = any age.
    pub(in crate::stages::dispatch) ttl: Option<Duration>,
    /// The version of the bot that says so.
    pub(in crate::stages::dispatch) version: i64,
}

/// A bot's account.
#[derive(Debug)]
pub(in crate::stages::dispatch) struct Line {
    pub(in crate::stages::dispatch) key: LineKey,
    /// What its bot says of it; `None` until the bot is looked up.
    pub(in crate::stages::dispatch) voice: Option<Voice>,
    /// The look-up is under way.
    pub(in crate::stages::dispatch) looking: bool,
    /// Failures in a row that concern the account.
    pub(in crate::stages::dispatch) failures: u32,
    pub(in crate::stages::dispatch) signals: VecDeque<Waiting>,
    pub(super) ready: VecDeque<Ix>,
    /// Chats that wait since the restore, by their numbers in the machine.
    pub(super) crowd: VecDeque<Ix>,
    /// The next one's turn is before that of what is ready.
    pub(super) crowds_turn: bool,
    pub(super) chats: u32,
    pub(super) in_flight: u32,
    /// Parked replies that are being loaded; their chats' turns come next.
    pub(super) loading: u32,
    pub(super) window: u32,
    pub(super) waiting: Option<Duration>,
    pub(super) in_ring: bool,
    pub(super) used: Duration,
}

impl Line {
    /// The web chat is no provider that could hang: it goes first, and waits for nobody's call.
    pub(super) fn ring(&self) -> usize {
        usize::from(self.key.channel != ChannelKind::Webchat)
    }

    pub(super) fn new(key: LineKey, max_window: u32, now: Duration) -> Self {
        Self {
            key,
            voice: None,
            looking: false,
            failures: 0,
            signals: VecDeque::new(),
            ready: VecDeque::new(),
            crowd: VecDeque::new(),
            crowds_turn: true,
            chats: 0,
            in_flight: 0,
            loading: 0,
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
            && self.in_flight + self.loading < self.window
            && !(self.ready.is_empty() && self.crowd.is_empty() && self.signals.is_empty())
    }

    /// Chats wait for their turn.
    pub(in crate::stages::dispatch) fn has_replies(&self) -> bool {
        !(self.ready.is_empty() && self.crowd.is_empty())
    }

    /// Nobody has used it for a while.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        self.chats == 0
            && self.crowd.is_empty()
            && self.in_flight + self.loading == 0
            && !self.looking
            && self.signals.is_empty()
            && now.saturating_sub(self.used) > IDLE
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
    pub(in crate::stages::dispatch) conversation: ConversationId,
    /// Under which keys its sends are counted; known with its first reply at hand.
    pub(in crate::stages::dispatch) keys: Option<Keys>,
    pub(in crate::stages::dispatch) state: State,
    /// The head's offset and part, and how often it was refused for the moment without a time.
    pub(in crate::stages::dispatch) refusals: (u64, u32, u32),
    /// The offset of its parked reply that is at hand.
    pub(in crate::stages::dispatch) loaded: Option<u64>,
    /// When the limits let its head go.
    pub(in crate::stages::dispatch) begun: Duration,
    /// The head that the limits let go and that came too late to be sent: its offset and part.
    pub(in crate::stages::dispatch) late: Option<(u64, u32)>,
    /// Its call of the process's, from its turn to the request.
    pub(in crate::stages::dispatch) slot: Option<OwnedSemaphorePermit>,
    /// It stands in its line's `ready`, once, whatever its state.
    pub(super) listed: bool,
    /// When its timer runs out: one is enough, however often it is told to wait until then.
    pub(super) timer: Option<Duration>,
}

impl Chat {
    pub(super) fn new(conversation: ConversationId, line: Ix) -> Self {
        Self {
            line,
            conversation,
            keys: None,
            state: State::Idle,
            refusals: (0, 0, 0),
            loaded: None,
            begun: Duration::ZERO,
            late: None,
            slot: None,
            listed: false,
            timer: None,
        }
    }

    /// Counts another refusal of the head's part.
    pub(in crate::stages::dispatch) fn refused(&mut self, offset: u64, part: u32) -> u32 {
        if (self.refusals.0, self.refusals.1) != (offset, part) {
            self.refusals = (offset, part, 0);
        }
        self.refusals.2 += 1;
        self.refusals.2
    }
}

/// Where a chat stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::stages::dispatch) enum State {
    /// The machine will say when there is something to try.
    Idle,
    /// Its head may be tried.
    Ready,
    /// Not before.
    Waiting(Duration),
    /// Its head's record is being loaded.
    Loading,
    /// It had its turn; a mark is not acknowledged yet.
    Begun,
    /// The provider is called.
    Out,
}

/// What a timer is for. A chat's or a line's that has found something else to wait for is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::stages::dispatch) enum Wake {
    Chat(Ix),
    Line(Ix),
    Sweep,
    Park,
    Forget,
    Lease,
}
