//! Updates on their way to a bot: one at a time per queue until a 2xx, other queues meanwhile.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{Notify, Semaphore};

use super::account::Account;
use super::methods;
use super::updates::{QueueKey, Update};
use crate::domain::time::{Clock, Timestamp};
use crate::sim::Core;
use crate::sim::courier::{Parcel, Receipt};

/// Where a bot's updates go.
#[derive(Debug)]
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) max_connections: u32,
    slots: Semaphore,
    /// The one connection that is left when nothing was delivered for [`STALE`].
    narrow: Semaphore,
    last_success_ms: AtomicI64,
}

impl Webhook {
    pub(super) fn new(url: String, secret: Option<String>, max_connections: u32, clock: &dyn Clock) -> Self {
        Self {
            url,
            secret,
            max_connections,
            slots: Semaphore::new(max_connections as usize),
            narrow: Semaphore::new(1),
            last_success_ms: AtomicI64::new(clock.now().millis()),
        }
    }
}

/// Kinds that come only when they are asked for.
const NOT_BY_DEFAULT: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];
/// Without a success for this long, Telegram uses one connection.
const STALE: Duration = Duration::from_secs(10);
/// The longest `Retry-After` that is honoured.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Updates that one bot may have waiting; the oldest go first. Telegram keeps 24 hours of them.
const MAX_PENDING: usize = 200_000;

/// The updates of one bot.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// New updates: wakes polls.
    pub(super) changed: Notify,
    /// Another webhook: ends the wait of retries.
    rehooked: Notify,
}

#[derive(Debug, Default)]
struct State {
    webhook: Option<Arc<Webhook>>,
    allowed: Option<Vec<String>>,
    pending: BTreeMap<i64, Arc<Update>>,
    queues: HashMap<QueueKey, Queue>,
    last_id: i64,
    last_error: Option<(Timestamp, String)>,
}

#[derive(Debug, Default)]
struct Queue {
    ids: VecDeque<i64>,
    /// A task delivers this queue.
    driven: bool,
}

impl Outbox {
    /// Adds an update; `make` gets the next id and may choose another. The id comes back.
    pub(super) fn add(&self, make: impl FnOnce(i64) -> Update) -> i64 {
        let mut state = self.state();
        let update = make(state.last_id + 1);
        let id = update.id;
        state.last_id = state.last_id.max(id);
        state.queues.entry(update.queue.clone()).or_default().ids.push_back(id);
        state.pending.insert(id, Arc::new(update));
        if state.pending.len() > MAX_PENDING
            && let Some((_, oldest)) = state.pending.pop_first()
        {
            state.forget(&oldest.queue, oldest.id);
        }
        drop(state);
        self.changed.notify_waiters();
        id
    }

    /// Sets or removes the webhook. `allowed: None` keeps the list that there is.
    pub(super) fn set_webhook(
        &self,
        webhook: Option<Webhook>,
        allowed: Option<Vec<String>>,
        drop_pending: bool,
    ) {
        let mut state = self.state();
        state.webhook = webhook.map(Arc::new);
        if allowed.is_some() {
            // An empty list is the default again.
            state.allowed = allowed.filter(|kinds| !kinds.is_empty());
        }
        if drop_pending {
            state.pending.clear();
            for queue in state.queues.values_mut() {
                queue.ids.clear();
            }
        }
        drop(state);
        self.changed.notify_waiters();
        self.rehooked.notify_waiters();
    }

    pub(super) fn allow(&self, kinds: Vec<String>) {
        self.state().allowed = Some(kinds).filter(|kinds| !kinds.is_empty());
    }

    /// Whether updates of this kind are wanted.
    pub(super) fn allows(&self, kind: &str) -> bool {
        match &self.state().allowed {
            Some(kinds) => kinds.iter().any(|allowed| allowed == kind),
            None => !NOT_BY_DEFAULT.contains(&kind),
        }
    }

    pub(super) fn has_webhook(&self) -> bool {
        self.state().webhook.is_some()
    }

    /// `getWebhookInfo`.
    pub(super) fn info(&self) -> Value {
        let state = self.state();
        let mut info = Map::new();
        let url = state.webhook.as_ref().map(|webhook| webhook.url.clone()).unwrap_or_default();
        info.insert("url".to_owned(), url.into());
        info.insert("has_custom_certificate".to_owned(), false.into());
        info.insert("pending_update_count".to_owned(), state.pending.len().into());
        if let Some(webhook) = &state.webhook {
            info.insert("max_connections".to_owned(), webhook.max_connections.into());
            info.insert("ip_address".to_owned(), "127.0.0.1".into());
        }
        if let Some((at, message)) = &state.last_error {
            info.insert("last_error_date".to_owned(), at.millis().div_euclid(1000).into());
            info.insert("last_error_message".to_owned(), message.clone().into());
        }
        if let Some(allowed) = &state.allowed {
            info.insert("allowed_updates".to_owned(), allowed.clone().into());
        }
        Value::Object(info)
    }

    /// For `getUpdates`: forgets what lies before `offset` (a negative one counts from the end) and gives what follows.
    pub(super) fn poll(&self, offset: i64, limit: usize) -> Vec<Arc<Update>> {
        let mut state = self.state();
        let from = if offset < 0 {
            let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            state.pending.keys().rev().take(back).next_back().copied().unwrap_or(0)
        } else {
            offset
        };
        let later = state.pending.split_off(&from);
        let confirmed = std::mem::replace(&mut state.pending, later);
        for update in confirmed.values() {
            state.forget(&update.queue, update.id);
        }
        state.pending.values().take(limit).cloned().collect()
    }

    /// The head of a queue and its webhook; `None` gives the queue up until [`wake`].
    fn head(&self, key: &QueueKey) -> Option<(Arc<Update>, Arc<Webhook>)> {
        let mut state = self.state();
        let head = state.queues.get(key).and_then(|queue| queue.ids.front()).copied();
        let found = head.and_then(|id| Some((state.pending.get(&id)?.clone(), state.webhook.clone()?)));
        if found.is_none() {
            match state.queues.get_mut(key) {
                Some(queue) if queue.ids.is_empty() => drop(state.queues.remove(key)),
                Some(queue) => queue.driven = false,
                None => {}
            }
        }
        found
    }

    /// Delivered, or given up.
    fn done(&self, update: &Update) {
        let mut state = self.state();
        state.pending.remove(&update.id);
        state.forget(&update.queue, update.id);
    }

    fn failed(&self, at: Timestamp, what: String) {
        self.state().last_error = Some((at, what));
    }

    /// Queues that wait and that nobody delivers; they are marked as driven.
    fn undriven(&self) -> Vec<QueueKey> {
        let mut state = self.state();
        if state.webhook.is_none() {
            return Vec::new();
        }
        let waiting = state.queues.iter_mut().filter(|(_, queue)| !queue.driven && !queue.ids.is_empty());
        waiting
            .map(|(key, queue)| {
                queue.driven = true;
                key.clone()
            })
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, key: &QueueKey, id: i64) {
        if let Some(queue) = self.queues.get_mut(key) {
            if queue.ids.front() == Some(&id) {
                queue.ids.pop_front();
            } else {
                queue.ids.retain(|waiting| *waiting != id);
            }
            if queue.ids.is_empty() && !queue.driven {
                self.queues.remove(key);
            }
        }
    }
}

/// Starts delivering every queue that waits; to be called after each change.
pub(super) fn wake(core: &Arc<Core>, account: &Arc<Account>) {
    for key in account.outbox.undriven() {
        tokio::spawn(drive(Arc::clone(core), Arc::clone(account), key));
    }
}

/// Delivers one queue until it is empty or the webhook is gone.
async fn drive(core: Arc<Core>, account: Arc<Account>, key: QueueKey) {
    let mut failures = 0;
    while let Some((update, webhook)) = account.outbox.head(&key) {
        let now = core.clock.now();
        let (what, asked) = match post(&core, &webhook, &update, now).await {
            Ok(receipt) if receipt.delivered() => {
                webhook.last_success_ms.store(core.clock.now().millis(), Ordering::Relaxed);
                account.outbox.done(&update);
                failures = 0;
                obey(&core, &account, &receipt);
                continue;
            }
            Ok(receipt) => {
                (format!("Wrong response from the webhook: {}", receipt.status), receipt.retry_after)
            }
            Err(error) => (error, None),
        };
        tracing::debug!(update = update.id, bot = account.id, what, "an update was not taken");
        account.outbox.failed(core.clock.now(), what);
        let wait = asked.map_or_else(|| backoff(failures), |asked| asked.min(LONGEST_WAIT));
        failures += 1;
        if core.clock.now().plus(wait) > update.expires {
            account.outbox.done(&update);
            failures = 0;
            continue;
        }
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = account.outbox.rehooked.notified() => {}
            }
        }
    }
}

async fn post(core: &Core, webhook: &Webhook, update: &Update, now: Timestamp) -> Result<Receipt, String> {
    let last = Timestamp::from_millis(webhook.last_success_ms.load(Ordering::Relaxed));
    let _narrow = if now.since(last) > STALE { webhook.narrow.acquire().await.ok() } else { None };
    let _slot = webhook.slots.acquire().await.map_err(|_| "the webhook is gone".to_owned())?;
    let mut headers = Vec::new();
    if let Some(secret) = &webhook.secret {
        headers.push(("x-telegram-bot-api-secret-token", secret.clone()));
    }
    core.courier.post(&Parcel { url: webhook.url.clone(), headers, body: update.body.clone() }).await
}

/// The first failure is repeated at once, then after 2, 4, 8 ... seconds, at most a random 60 to 120.
fn backoff(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        n => Duration::from_secs((1 << n.min(10)).min(fastrand::u64(60..=120))),
    }
}

/// A 2xx whose body names a method is carried out, as Telegram does: an edge that echoes user data is caught by it.
fn obey(core: &Arc<Core>, account: &Arc<Account>, receipt: &Receipt) {
    if let Ok(params) = serde_json::from_slice::<Map<String, Value>>(&receipt.body)
        && let Some(method) = params.get("method").and_then(Value::as_str).map(str::to_owned)
    {
        methods::call_from_webhook(core, account, &method, params);
    }
}
