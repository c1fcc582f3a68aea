//! What the fake knows of one bot.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::keyboard::Shown;
use super::limits::Limiter;
use super::outbox::Outbox;
use crate::domain::time::Timestamp;

/// A bot, by its numeric id.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) id: i64,
    /// The id as text, for the journal.
    pub(super) name: String,
    pub(super) outbox: Outbox,
    /// Counts `getUpdates` calls: a newer one ends an older one.
    pub(super) polls: watch::Sender<u64>,
    revoked: AtomicBool,
    /// No webhook was ever set by a request.
    new: AtomicBool,
    next_message: AtomicI64,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    limiter: Limiter,
    blocked: HashSet<i64>,
    /// When each callback query was asked, and in which chat.
    callbacks: HashMap<String, (i64, Timestamp)>,
    /// The last messages with buttons, per chat.
    shown: HashMap<String, VecDeque<Shown>>,
}

/// Messages with buttons that a chat remembers.
const SHOWN_PER_CHAT: usize = 8;
/// Chats whose buttons are remembered, and callback queries; beyond it all are forgotten.
const REMEMBERED: usize = 10_000;
/// How long a query may be answered. Users report half a minute at most.
const CALLBACK_LIFE: Duration = Duration::from_secs(30);

/// What people mention a bot of the fake by, without the sign.
#[must_use]
pub fn handle_of(bot: i64) -> String {
    format!("sim_{bot}_bot")
}

impl Account {
    pub(super) fn new(id: i64) -> Self {
        let memory = Memory {
            limiter: Limiter::new(),
            blocked: HashSet::new(),
            callbacks: HashMap::new(),
            shown: HashMap::new(),
        };
        Self {
            id,
            name: id.to_string(),
            outbox: Outbox::default(),
            polls: watch::Sender::new(0),
            revoked: AtomicBool::new(false),
            new: AtomicBool::new(true),
            next_message: AtomicI64::new(1),
            memory: Mutex::new(memory),
        }
    }

    /// The bot as a user.
    pub(super) fn user(&self) -> Value {
        json!({
            "id": self.id,
            "is_bot": true,
            "first_name": format!("Bot {}", self.id),
            "username": handle_of(self.id),
        })
    }

    pub(super) fn next_message(&self) -> i64 {
        self.next_message.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }

    pub(super) fn revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }

    /// True once: who asks has loaded it then.
    pub(super) fn is_new(&self) -> bool {
        self.new.swap(false, Ordering::AcqRel)
    }

    /// The server had no room for it.
    pub(super) fn not_loaded(&self) {
        self.new.store(true, Ordering::Release);
    }

    pub(super) fn block(&self, chat: i64, blocked: bool) {
        let mut memory = self.memory();
        if blocked {
            memory.blocked.insert(chat);
        } else {
            memory.blocked.remove(&chat);
        }
    }

    pub(super) fn blocked_by(&self, chat: i64) -> bool {
        self.memory().blocked.contains(&chat)
    }

    /// See [`Limiter::admit`].
    pub(super) fn admit(&self, chat: &str, group: bool, paid: bool, now: Timestamp) -> Result<(), u64> {
        self.memory().limiter.admit(chat, group, paid, now)
    }

    /// Remembers when a callback query was asked.
    pub(super) fn issue_callback(&self, chat: i64, id: String, now: Timestamp) {
        let mut memory = self.memory();
        if memory.callbacks.len() >= REMEMBERED {
            memory.callbacks.clear();
        }
        memory.callbacks.insert(id, (chat, now));
    }

    /// True while the query may be answered. One that this fake never asked is taken for a test's own.
    pub(super) fn callback_is_fresh(&self, id: &str, now: Timestamp) -> bool {
        self.memory().callbacks.get(id).is_none_or(|(_, asked)| now.since(*asked) < CALLBACK_LIFE)
    }

    /// The chat in which a callback query was asked.
    pub(super) fn callback_chat(&self, id: &str) -> Option<i64> {
        self.memory().callbacks.get(id).map(|(chat, _)| *chat)
    }

    /// Remembers a message with buttons.
    pub(super) fn show(&self, chat: &str, shown: Shown) {
        let mut memory = self.memory();
        if memory.shown.len() >= REMEMBERED {
            memory.shown.clear();
        }
        let chat = memory.shown.entry(chat.to_owned()).or_default();
        chat.push_back(shown);
        if chat.len() > SHOWN_PER_CHAT {
            chat.pop_front();
        }
    }

    /// The last messages with buttons in a chat, oldest first.
    pub(super) fn shown(&self, chat: &str) -> Vec<Shown> {
        self.memory().shown.get(chat).map(|shown| shown.iter().cloned().collect()).unwrap_or_default()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
