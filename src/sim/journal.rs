//! What a fake received, in order: the truth that tests, benches and people read.
//!
//! Guarantee: bounded. The oldest entries go first, and their absence shows as a gap in `seq`.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::script::Fault;
use crate::domain::time::Clock;

/// What a journal keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Whole requests: this many, and at most [`MAX_BYTES`] of them.
    Full(usize),
    /// This many, with the text of a message as their only body.
    Compact(usize),
    /// None; the observer still sees each.
    Nothing,
}

impl Default for Keep {
    fn default() -> Self {
        Self::Full(100_000)
    }
}

/// The most bytes of bodies that a journal holds.
pub const MAX_BYTES: usize = 128 << 20;

/// The longest text of a compact entry, in bytes: enough to tell replies apart.
const COMPACT_TEXT: usize = 64;

/// One request, as `GET /journal` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Counts from 1, without gaps when it was written.
    pub seq: u64,
    /// When it was answered, in milliseconds since 1970.
    pub at_ms: i64,
    /// `sendMessage`, `messages`, `chat.completions`, ...
    pub method: String,
    /// The bot id, the phone number id, the page or the model.
    pub account: String,
    /// The chat, where the request has one.
    pub chat: Option<String>,
    /// The request: JSON, or the fields of a form.
    pub body: Value,
    /// The status of what was done, whatever the caller was told; 0 when the connection was cut before anything was done.
    pub status: u16,
}

/// A request that is about to become an entry.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// See [`Entry::method`].
    pub method: &'a str,
    /// See [`Entry::account`].
    pub account: &'a str,
    /// See [`Entry::chat`].
    pub chat: Option<&'a str>,
    /// See [`Entry::body`].
    pub body: &'a Value,
    /// See [`Entry::status`].
    pub status: u16,
    /// The rule of the script that decided the answer.
    pub fault: Option<&'a Fault>,
    /// For how many seconds the answer asks the caller to wait, where the caller gets it.
    pub retry_after: Option<u64>,
}

impl Call<'_> {
    /// The text of the message, wherever the provider's shape has it.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        text_of(self.body)
    }
}

/// The text in a Telegram, `WhatsApp` or Messenger request.
#[must_use]
pub fn text_of(body: &Value) -> Option<&str> {
    let at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    body.get("text")
        .and_then(Value::as_str)
        .or_else(|| at("/text/body"))
        .or_else(|| at("/interactive/body/text"))
        .or_else(|| at("/message/text"))
        .or_else(|| at("/caption"))
}

/// Is shown each request in the thread that answers it; it must not wait.
pub trait Observer: Send + Sync + 'static {
    /// One request and its status.
    fn saw(&self, call: &Call<'_>);
}

/// The entries.
pub struct Journal {
    keep: Keep,
    clock: Arc<dyn Clock>,
    ring: Mutex<Ring>,
    last: watch::Sender<u64>,
    observer: OnceLock<Box<dyn Observer>>,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<(usize, Arc<Entry>)>,
    bytes: usize,
    seq: u64,
}

impl Journal {
    /// An empty one.
    #[must_use]
    pub fn new(keep: Keep, clock: Arc<dyn Clock>) -> Self {
        Self { keep, clock, ring: Mutex::default(), last: watch::Sender::new(0), observer: OnceLock::new() }
    }

    /// Sets the observer; only the first one counts.
    pub fn observe(&self, observer: impl Observer) {
        if self.observer.set(Box::new(observer)).is_err() {
            tracing::warn!("a journal has an observer already; the second one is not used");
        }
    }

    /// Writes one; `size` is the request's length in bytes.
    pub fn record(&self, call: &Call<'_>, size: usize) {
        if let Some(observer) = self.observer.get() {
            observer.saw(call);
        }
        let (most, body, size) = match self.keep {
            Keep::Nothing => return,
            Keep::Full(most) => (most, call.body.clone(), size),
            Keep::Compact(most) => (most, compact(call), COMPACT_TEXT),
        };
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.seq += 1;
        let seq = ring.seq;
        let entry = Entry {
            seq,
            at_ms: self.clock.now().millis(),
            method: call.method.to_owned(),
            account: call.account.to_owned(),
            chat: call.chat.map(str::to_owned),
            body,
            status: call.status,
        };
        ring.entries.push_back((size, Arc::new(entry)));
        ring.bytes += size;
        while ring.entries.len() > most.max(1) || ring.bytes > MAX_BYTES {
            let Some((size, _)) = ring.entries.pop_front() else { break };
            ring.bytes -= size;
        }
        drop(ring);
        self.last.send_replace(seq);
    }

    /// The kept entries after this `seq`, oldest first.
    #[must_use]
    pub fn after(&self, seq: u64) -> Vec<Arc<Entry>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let first = ring.entries.partition_point(|(_, entry)| entry.seq <= seq);
        ring.entries.iter().skip(first).map(|(_, entry)| Arc::clone(entry)).collect()
    }

    /// The newest `seq`, and a change whenever there is a newer one: read with [`Journal::after`].
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("keep", &self.keep).field("last", &*self.last.borrow()).finish()
    }
}

fn compact(call: &Call<'_>) -> Value {
    call.text().map_or(Value::Null, |text| {
        let end = text.floor_char_boundary(COMPACT_TEXT);
        serde_json::json!({"text": &text[..end]})
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::time::{ManualClock, Timestamp};

    fn journal(keep: Keep) -> Journal {
        Journal::new(keep, Arc::new(ManualClock::at(Timestamp::from_millis(5))))
    }

    fn write(journal: &Journal, body: &Value, size: usize) {
        let call = Call {
            method: "sendMessage",
            account: "1",
            chat: Some("2"),
            body,
            status: 200,
            fault: None,
            retry_after: None,
        };
        journal.record(&call, size);
    }

    #[test]
    fn the_oldest_go_and_their_numbers_show_it() {
        let journal = journal(Keep::Full(2));
        for n in 0..4 {
            write(&journal, &json!({"text": n.to_string()}), 10);
        }
        let seqs: Vec<_> = journal.after(0).iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, [3, 4]);
        assert_eq!(journal.after(3).len(), 1);
        assert!(journal.after(4).is_empty());
        assert_eq!(*journal.subscribe().borrow(), 4);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let journal = journal(Keep::Full(100));
        write(&journal, &json!({}), MAX_BYTES);
        write(&journal, &json!({}), 1);
        assert_eq!(journal.after(0).len(), 1);
    }

    #[test]
    fn a_compact_entry_keeps_the_text_only() {
        let journal = journal(Keep::Compact(9));
        write(&journal, &json!({"text": "é".repeat(100), "reply_markup": {"keyboard": []}}), 10);
        assert_eq!(journal.after(0)[0].body, json!({"text": "é".repeat(32)}));
    }

    #[test]
    fn an_entry_reads_as_documented() {
        let journal = journal(Keep::default());
        write(&journal, &json!({"text": "hi"}), 10);
        let line = serde_json::to_value(&*journal.after(0)[0]).unwrap();
        let wanted = json!({"seq": 1, "at_ms": 5, "method": "sendMessage", "account": "1", "chat": "2",
            "body": {"text": "hi"}, "status": 200});
        assert_eq!(line, wanted);
    }
}
