//! What reached the provider, held against what was sent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::plan::{Plan, WORDS};
use crate::sim::journal::{Call, Observer};

/// The longest latency that is told apart: a minute.
const MAX_US: u64 = 60_000_000;

/// Compares replies with messages, chat by chat.
#[derive(Debug)]
pub struct Checker {
    begin: OnceLock<Begin>,
    chats: OnceLock<Vec<Mutex<Chat>>>,
    outstanding: AtomicU64,
    duplicates: AtomicU64,
    reordered: AtomicU64,
    latency_us: Mutex<Histogram<u64>>,
}

#[derive(Debug)]
struct Begin {
    at: Instant,
    warm: Duration,
    end: Duration,
}

#[derive(Debug, Default)]
struct Chat {
    /// Messages without a reply: sequence and when it was due.
    waiting: VecDeque<(u64, Duration)>,
    /// Measured messages whose reply came before the last was due.
    in_time: u32,
}

/// What was seen.
#[derive(Debug)]
pub struct Summary {
    /// From due to arrival at the provider.
    pub latency_us: Histogram<u64>,
    /// Messages without a reply.
    pub lost: u64,
    /// Replies that nothing was waiting for.
    pub duplicates: u64,
    /// Replies that came before an earlier one of their chat.
    pub reordered: u64,
}

impl Checker {
    /// Sees nothing yet.
    ///
    /// # Errors
    /// When the histogram's bounds are refused.
    pub fn new() -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            begin: OnceLock::new(),
            chats: OnceLock::new(),
            outstanding: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            reordered: AtomicU64::new(0),
            latency_us: Mutex::new(Histogram::new_with_bounds(1, MAX_US, 3)?),
        }))
    }

    /// The load begins; called once.
    pub fn begin(&self, plan: &Plan, at: Instant) {
        self.begin.get_or_init(|| Begin { at, warm: plan.warm(), end: plan.end() });
        self.chats.get_or_init(|| (0..plan.chats()).map(|_| Mutex::default()).collect());
    }

    /// A message goes out now.
    pub fn sending(&self, chat: u32, seq: u64, due: Duration) {
        let Some(chat) = self.chats.get().and_then(|chats| chats.get(chat as usize)) else { return };
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        chat.lock().unwrap_or_else(PoisonError::into_inner).waiting.push_back((seq, due));
    }

    /// A reply of a chat arrived at the provider.
    pub fn arrived(&self, chat: u32, text: &str, at: Instant) {
        let (Some(begin), Some(chats)) = (self.begin.get(), self.chats.get()) else { return };
        let Some(chat) = chats.get(chat as usize) else { return };
        let word = text.strip_prefix('r').and_then(|word| word.parse::<u64>().ok());
        let mut chat = chat.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = chat.waiting.iter().position(|(seq, _)| Some(seq % WORDS) == word) else {
            self.duplicates.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if place > 0 {
            self.reordered.fetch_add(1, Ordering::Relaxed);
        }
        let Some((_, due)) = chat.waiting.remove(place) else { return };
        chat.in_time += u32::from(due >= begin.warm && at <= begin.at + begin.end);
        drop(chat);
        self.outstanding.fetch_sub(1, Ordering::Relaxed);
        if due >= begin.warm {
            let took = at.saturating_duration_since(begin.at + due);
            let us = u64::try_from(took.as_micros()).unwrap_or(MAX_US);
            self.latency_us.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(us.max(1));
        }
    }

    /// From when until when messages are measured; `None` before the load begins.
    #[must_use]
    pub fn window(&self) -> Option<(Instant, Instant)> {
        self.begin.get().map(|begin| (begin.at + begin.warm, begin.at + begin.end))
    }

    /// Measured messages of each chat whose reply came within the window.
    #[must_use]
    pub fn in_time(&self) -> Vec<u32> {
        let chats = self.chats.get().map_or(&[][..], Vec::as_slice);
        chats.iter().map(|chat| chat.lock().unwrap_or_else(PoisonError::into_inner).in_time).collect()
    }

    /// Messages that were sent and have no reply.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// What was seen until now.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            latency_us: self.latency_us.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            lost: self.outstanding(),
            duplicates: self.duplicates.load(Ordering::Relaxed),
            reordered: self.reordered.load(Ordering::Relaxed),
        }
    }
}

/// Watches a fake's journal.
#[derive(Debug)]
pub struct Watch(pub Arc<Checker>);

impl Observer for Watch {
    fn saw(&self, call: &Call<'_>) {
        let at = Instant::now();
        if call.method != "sendMessage" || call.status != 200 {
            return;
        }
        let chat = call.chat.and_then(|chat| chat.parse::<i64>().ok()).map(|chat| chat - Plan::chat_id(0));
        if let (Some(Ok(chat)), Some(text)) = (chat.map(u32::try_from), call.text()) {
            self.0.arrived(chat, text, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Load;
    use super::*;

    fn seen(sent: u64, replies: &[&str]) -> Summary {
        let begin = super::super::Begin::default();
        let load = Load { rate: 10, seconds: 1, warmup: 0, bots: 1, chats: 1, payload: 8, seed: 0, begin };
        let (checker, begin) = (Checker::new().unwrap(), Instant::now());
        checker.begin(&Plan::new(load), begin);
        (0..sent).for_each(|seq| checker.sending(0, seq, Duration::from_millis(seq)));
        replies.iter().for_each(|text| checker.arrived(0, text, begin + Duration::from_millis(50)));
        checker.summary()
    }

    #[test]
    fn what_came_once_and_in_order_is_fine() {
        let fine = seen(3, &["r0", "r1", "r2"]);
        assert_eq!((fine.lost, fine.duplicates, fine.reordered), (0, 0, 0));
        assert!(fine.latency_us.max() >= 49_000);
    }

    #[test]
    fn lost_doubled_and_reordered_are_told_apart() {
        let lost = seen(3, &["r0", "r2"]);
        assert_eq!((lost.lost, lost.duplicates, lost.reordered), (1, 0, 1));
        let doubled = seen(2, &["r0", "r0", "r1"]);
        assert_eq!((doubled.lost, doubled.duplicates, doubled.reordered), (0, 1, 0));
        let swapped = seen(2, &["r1", "r0"]);
        assert_eq!((swapped.lost, swapped.duplicates, swapped.reordered), (0, 0, 1));
        assert_eq!(seen(1, &["what?"]).duplicates, 1);
    }
}
