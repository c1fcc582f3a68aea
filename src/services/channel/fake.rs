//! A channel in memory: keeps what it was given and answers as it is told. For tests and rehearsals.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::render::{self, Room};
use super::split::utf16;
use super::{Channel, SendOutcome, Sender, Target};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Part, Signal};
use crate::domain::ids::AccountId;

/// One call that a [`FakeChannel`] had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeSend {
    /// Who spoke.
    pub account: AccountId,
    /// To which chat.
    pub chat: String,
    /// The text; for a signal, its debug form.
    pub text: String,
    /// Our id; empty for a signal.
    pub opaque: String,
    /// When.
    pub at: Instant,
    /// That a person of the business wrote it.
    pub human_agent: bool,
}

/// How a [`FakeChannel`] answers a message, given how many it had before.
pub type Answerer = dyn Fn(&FakeSend, usize) -> SendOutcome + Send + Sync;

/// Holds what it was given.
pub struct FakeChannel {
    kind: ChannelKind,
    /// The largest text that it takes, in UTF-16 units.
    max_text: usize,
    /// How long every call takes.
    latency: Duration,
    answer: Option<Arc<Answerer>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    scripted: HashMap<String, VecDeque<SendOutcome>>,
    sent: Vec<FakeSend>,
    signals: Vec<FakeSend>,
    busy: HashMap<(AccountId, String), usize>,
    most_busy: usize,
}

impl fmt::Debug for FakeChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeChannel").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl FakeChannel {
    /// A channel that takes everything at once.
    #[must_use]
    pub fn new(kind: ChannelKind) -> Self {
        Self { kind, max_text: 4096, latency: Duration::ZERO, answer: None, state: Mutex::default() }
    }

    /// The same, taking texts of at most `max_text` UTF-16 units.
    #[must_use]
    pub const fn up_to(mut self, max_text: usize) -> Self {
        self.max_text = max_text;
        self
    }

    /// The same, taking `latency` for every call.
    #[must_use]
    pub const fn slow(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// The same, answering as `answer` says.
    #[must_use]
    pub fn answering(
        mut self,
        answer: impl Fn(&FakeSend, usize) -> SendOutcome + Send + Sync + 'static,
    ) -> Self {
        self.answer = Some(Arc::new(answer));
        self
    }

    /// The next messages to `chat` are answered so, in order.
    pub fn script(&self, chat: &str, outcomes: impl IntoIterator<Item = SendOutcome>) {
        self.lock().scripted.entry(chat.to_owned()).or_default().extend(outcomes);
    }

    /// Every message that came in, in order.
    pub fn sent(&self) -> Vec<FakeSend> {
        self.lock().sent.clone()
    }

    /// Every signal that came in, in order.
    pub fn signals(&self) -> Vec<FakeSend> {
        self.lock().signals.clone()
    }

    /// The most messages that one chat ever had in flight at once.
    pub fn most_in_flight_per_chat(&self) -> usize {
        self.lock().most_busy
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(from: &Sender, to: &Target, text: String, opaque: &str) -> FakeSend {
        let (account, opaque) = (from.account.clone(), opaque.to_owned());
        let (chat, human_agent) = (to.chat.clone(), to.human_agent);
        FakeSend { account, chat, text, opaque, at: Instant::now(), human_agent }
    }
}

#[async_trait]
impl Channel for FakeChannel {
    fn kind(&self) -> ChannelKind {
        self.kind
    }

    fn split(&self, part: &Part) -> Vec<Part> {
        let room = Room {
            text: self.max_text,
            with_buttons: self.max_text,
            caption: 1024,
            measure: utf16,
            framed: false,
            fit: |_| true,
            with_file: |_| true,
        };
        render::messages(part, &room)
    }

    async fn send(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        opaque: &str,
        _limit: Duration,
    ) -> SendOutcome {
        let call = Self::call(from, to, part.text.clone(), opaque);
        let outcome = {
            let mut state = self.lock();
            let busy = state.busy.entry((from.account.clone(), to.chat.clone())).or_default();
            *busy += 1;
            let busy = *busy;
            state.most_busy = state.most_busy.max(busy);
            let before = state.sent.len();
            let scripted = state.scripted.get_mut(&to.chat).and_then(VecDeque::pop_front);
            let taken = || SendOutcome::Sent { provider_id: Some(format!("fake.{before}")) };
            let outcome = match (scripted, &self.answer) {
                (Some(outcome), _) => outcome,
                (None, Some(answer)) => answer(&call, before),
                (None, None) => taken(),
            };
            state.sent.push(call);
            outcome
        };
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        if let Some(busy) = self.lock().busy.get_mut(&(from.account.clone(), to.chat.clone())) {
            *busy -= 1;
        }
        outcome
    }

    async fn signal(&self, from: &Sender, to: &Target, signal: &Signal, _limit: Duration) -> SendOutcome {
        let call = Self::call(from, to, format!("{signal:?}"), "");
        self.lock().signals.push(call);
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        SendOutcome::Sent { provider_id: None }
    }
}
