//! What is on its way to the providers: each file once for an account, within a bound of memory and with patience.
//!
//! Guarantee: of one file for one account there is never more than one upload at work, of one account at most
//! [`PER_ACCOUNT`], of the process at most [`MOST`]; nobody waits here for a place but the uploads themselves. An upload
//! that failed is not begun again before its pause is over, and what the provider refused for good is told to all who ask
//! for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::files::FileAt;
use super::{Scope, SendOutcome, UploadsConfig};
use crate::domain::channel::ChannelKind;
use crate::domain::events::MediaKind;
use crate::domain::ids::AccountId;

/// Uploads at work, and failures that are remembered, in this process.
const MOST: usize = 1024;

/// Uploads of one account at work: an account whose files go slowly leaves memory to others.
const PER_ACCOUNT: usize = 2;

/// Uploads in a row that fail without the provider saying when to come again, before the file is given up.
const TRIES: u32 = 5;

/// The pause after the first failed upload; it doubles with each.
const PAUSE: Duration = Duration::from_secs(5);

/// The longest pause, also where the provider asks for more: whoever sends meanwhile asks again then.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long a refusal of the file is believed.
const REFUSED: Duration = Duration::from_secs(60);

/// A place in memory is counted in these, so that every size fits a permit's number.
const UNIT: u64 = 1024;

/// Which file, for which account, as what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    channel: ChannelKind,
    account: AccountId,
    hash: String,
    kind: MediaKind,
}

impl Key {
    pub(super) fn of(at: FileAt<'_>) -> Self {
        let FileAt { channel, account, hash, kind } = at;
        Self { channel, account: account.clone(), hash: hash.to_owned(), kind }
    }

    pub(super) fn at(&self) -> FileAt<'_> {
        FileAt { channel: self.channel, account: &self.account, hash: &self.hash, kind: self.kind }
    }
}

/// What an upload came to: the provider's id, or what a send is told that needs the file.
pub(super) type End = Result<String, SendOutcome>;

/// All uploads of the process.
#[derive(Debug)]
pub(super) struct Uploads {
    /// How long one may take.
    pub(super) patience: Duration,
    memory: Arc<Semaphore>,
    units: u32,
    flights: Mutex<HashMap<Key, State>>,
}

#[derive(Debug)]
enum State {
    Under { since: Instant, news: watch::Receiver<Option<End>>, failures: u32 },
    Failed { outcome: SendOutcome, until: Instant, failures: u32 },
}

/// What somebody who needs a file finds.
#[derive(Debug)]
pub(super) enum Turn {
    /// Nobody uploads it: whoever asked does.
    Mine(Flight),
    /// It is on its way, since then.
    Under(Instant, watch::Receiver<Option<End>>),
    /// It can't go now, or never.
    Failed(SendOutcome),
    /// Too much is on its way.
    Full,
}

impl Uploads {
    pub(super) fn new(config: &UploadsConfig) -> Self {
        let units = u32::try_from(config.memory.bytes() / UNIT).unwrap_or(u32::MAX);
        let units = units.clamp(1, Semaphore::MAX_PERMITS.try_into().unwrap_or(u32::MAX));
        let memory = Arc::new(Semaphore::new(units as usize));
        Self { patience: config.timeout.get(), memory, units, flights: Mutex::default() }
    }

    /// Asks for a file's upload.
    pub(super) fn begin(self: &Arc<Self>, key: Key) -> Turn {
        let now = Instant::now();
        let mut flights = self.lock();
        let failures = match flights.get(&key) {
            Some(State::Under { since, news, .. }) => return Turn::Under(*since, news.clone()),
            Some(State::Failed { outcome, until, .. }) if now < *until => {
                return Turn::Failed(later(outcome.clone(), *until - now));
            }
            Some(State::Failed { failures, .. }) => *failures,
            None => 0,
        };
        if flights.len() >= MOST {
            // A failure that is forgotten costs one more upload.
            flights.retain(|_, state| matches!(state, State::Under { .. }));
        }
        let own = |(other, state): (&Key, &State)| {
            matches!(state, State::Under { .. })
                && (other.channel, &other.account) == (key.channel, &key.account)
        };
        if flights.len() >= MOST || flights.iter().filter(|entry| own(*entry)).count() >= PER_ACCOUNT {
            return Turn::Full;
        }
        let (tell, news) = watch::channel(None);
        flights.insert(key.clone(), State::Under { since: now, news, failures });
        Turn::Mine(Flight { uploads: Arc::clone(self), key, tell, over: false })
    }

    /// Waits for room for a file of so many bytes: it is in memory itself and in the request. One that is larger than all
    /// the room there is goes alone.
    pub(super) async fn room(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.saturating_mul(2).div_ceil(UNIT)).unwrap_or(u32::MAX);
        Arc::clone(&self.memory).acquire_many_owned(units.clamp(1, self.units)).await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, State>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An upload at work. One that is dropped without an end is as if it had never been.
#[derive(Debug)]
pub(super) struct Flight {
    uploads: Arc<Uploads>,
    pub(super) key: Key,
    tell: watch::Sender<Option<End>>,
    over: bool,
}

impl Flight {
    /// Where its end will be told.
    pub(super) fn news(&self) -> watch::Receiver<Option<End>> {
        self.tell.subscribe()
    }

    /// The provider has the file, or said why not, or gave no answer. A failure is told to those who wait now; one that
    /// others would meet too is remembered.
    pub(super) fn end(mut self, end: End) {
        self.over = true;
        let mut flights = self.uploads.lock();
        let before = match flights.remove(&self.key) {
            Some(State::Under { failures, .. }) => failures,
            Some(State::Failed { .. }) | None => 0,
        };
        let end = end.map_err(|outcome| {
            let (outcome, pause, failures) = judge(outcome, before + 1);
            if let Some(pause) = pause {
                let until = Instant::now() + pause;
                let outcome = outcome.clone();
                flights.insert(self.key.clone(), State::Failed { outcome, until, failures });
            }
            outcome
        });
        drop(flights);
        self.tell.send_replace(Some(end));
    }

    /// The upload did not come to the provider, and the next one may at once: told to those who wait now.
    pub(super) fn stop(self, outcome: SendOutcome) {
        self.tell.send_replace(Some(Err(outcome)));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.over {
            self.uploads.lock().remove(&self.key);
        }
    }
}

/// What is told of a failure, how long it is remembered, and how many in a row there were.
fn judge(outcome: SendOutcome, failures: u32) -> (SendOutcome, Option<Duration>, u32) {
    match outcome {
        SendOutcome::Rejected { scope: Scope::Message, .. } => (outcome, Some(REFUSED), 0),
        SendOutcome::Retry { after: None, scope: Scope::Message, reason } if failures >= TRIES => {
            let reason = format!("given up after {failures} uploads: {reason}");
            (SendOutcome::Rejected { scope: Scope::Message, reason }, Some(REFUSED), 0)
        }
        SendOutcome::Retry { after, scope, reason } => {
            let doubled = PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
            let pause = after.unwrap_or(doubled).min(LONGEST_PAUSE);
            let failures = if after.is_some() { failures - 1 } else { failures };
            (SendOutcome::Retry { after: Some(pause), scope, reason }, Some(pause), failures)
        }
        // About the account: the next who asks hears it anew, or finds that it was mended.
        SendOutcome::Sent { .. } | SendOutcome::Rejected { .. } | SendOutcome::Unknown { .. } => {
            (outcome, None, 0)
        }
    }
}

/// A remembered pause is shorter by now.
fn later(outcome: SendOutcome, left: Duration) -> SendOutcome {
    match outcome {
        SendOutcome::Retry { scope, reason, .. } => SendOutcome::Retry { after: Some(left), scope, reason },
        other => other,
    }
}

#[cfg(test)]
mod tests;
