//! What takes time: looking up who speaks, loading a parked reply, calling the provider. Each is a future of its own that
//! gives an [`Effect`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::Shared;
use super::arena::Ix;
use super::job::Job;
use super::parking::{Head, Search};
use super::pick::FRESH;
use super::queues::LineKey;
use super::records;
use super::signals::{Waiting, life};
use crate::domain::bot::Bot;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Signal, WebchatOut};
use crate::domain::refusal::{Refusal, Refused};
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::failpoint::{self, Failpoint};
use crate::limits::{Keys, Wider};
use crate::log::{LogError, Payloads, Place, Position, Reader, Record};
use crate::pipeline::{Emission, PartitionCx};
use crate::services::channel::{Scope, SendOutcome, Sender, Target};
use crate::store::{Account, StoreError};
use crate::telemetry::account_refused;

/// The output that the web chat reads.
pub(super) const WEBCHAT_PORT: &str = "webchat";

/// What a spawned future of dispatch gives back.
#[derive(Debug)]
pub enum Effect {
    /// A bot was looked up.
    Found {
        /// The account's line.
        line: Ix,
        /// The bot, where there is one, and what its account stands behind; an error when the store could not say.
        found: Result<(Option<Arc<Bot>>, Wider), StoreError>,
    },
    /// A parked reply was loaded, since its turn has come.
    Loaded {
        /// The reply's chat.
        chat: Ix,
        /// The reply.
        job: Result<Box<Job>, LogError>,
    },
    /// A call is over.
    Sent {
        /// The reply's chat.
        chat: Ix,
        /// The part that was to be sent.
        head: Head,
        /// The reply.
        job: Box<Job>,
        /// How it went.
        attempt: Attempt,
        /// The bot as it is now, where it was found.
        bot: Option<Arc<Bot>>,
        /// What the account stands behind, likewise.
        wider: Option<Wider>,
    },
    /// A signal's call is over.
    Signalled {
        /// The account's line.
        line: Ix,
        /// What a pause would concern.
        keys: Keys,
        /// How it went.
        outcome: Called,
    },
    /// An append to the ledger is over: where its records stand.
    Settled(Result<Vec<Position>, LogError>),
    /// An append to the parked topic is over: where its replies are kept.
    Parked(Result<Vec<Place>, LogError>),
    /// Dead letters are durable: of these offsets.
    Buried(Result<Vec<u64>, LogError>),
    /// The whole ledger was searched.
    Searched(Result<Search, LogError>),
    /// Signals came in.
    Signals {
        /// Reads on.
        reader: Box<dyn Reader>,
        /// Of `signal.ready`.
        records: Vec<Record>,
    },
    /// It is known which statuses have to be read before a bot that reconciles sends anything.
    Statuses {
        /// The offset of the first.
        from: u64,
        /// Behind the last.
        end: u64,
    },
    /// Receipts came in.
    Receipts {
        /// Reads on.
        reader: Box<dyn Reader>,
        /// Of `receipt.received`.
        records: Vec<Record>,
    },
    /// People took conversations over, or gave them back.
    Modes {
        /// Reads on.
        reader: Box<dyn Reader>,
        /// Of `conversation.mode`.
        records: Vec<Record>,
    },
    /// What waited for nothing in particular was told to stop.
    Stopped,
    /// Some calls of the process are free for this partition.
    Slot(OwnedSemaphorePermit),
}

/// How a try to send a signal went.
#[derive(Debug)]
pub enum Called {
    /// It is over.
    Over(SendOutcome),
    /// Looking up who speaks took so long that the lease or the limits' word is too old: nothing was called.
    Late(Waiting),
}

/// How a try to send went.
#[derive(Debug)]
pub enum Attempt {
    /// The provider was called.
    Called(SendOutcome),
    /// The bot is switched off: nothing was called.
    Disabled,
    /// The provider refuses the account until its owner acts: nothing was called.
    Refused(String),
    /// The bot or its account does not exist any more: nothing was called.
    Gone(String),
    /// The log refused a web-chat message for good; the page drops repeats.
    Unlogged(LogError),
    /// The store could not say who speaks: nothing was called.
    Unclear(StoreError),
    /// Looking up who speaks took so long that the lease is over: nothing was called.
    Unleased,
    /// The limits let it go too long ago: nothing was called.
    Late,
}

/// Who speaks, as the directory says now.
enum Voice {
    /// The account may have to rest.
    Speaks(Arc<Account>, Arc<Bot>),
    Silent(Attempt, Option<Arc<Bot>>),
}

/// Looks a line's bot up.
pub(super) fn look_up(cx: &mut PartitionCx<Effect>, shared: &Arc<Shared>, line: Ix, key: LineKey) {
    let shared = Arc::clone(shared);
    cx.spawn(async move {
        let found = async {
            let bot = shared.deps.directory.bot(&key.tenant, &key.bot).await?;
            let account = shared.deps.directory.account(key.channel, &key.account).await?;
            let wider = match account {
                Some(account) => wider(&shared, &account).await?,
                None => Wider::default(),
            };
            Ok((bot, wider))
        };
        Effect::Found { line, found: found.await }
    });
}

/// Loads a parked reply for its chat.
pub(super) fn load(
    cx: &mut PartitionCx<Effect>,
    (shared, payloads): (&Arc<Shared>, &Arc<Payloads>),
    chat: Ix,
    offset: u64,
    place: Place,
) {
    let (shared, payloads) = (Arc::clone(shared), Arc::clone(payloads));
    cx.spawn(async move {
        let loaded = records::load(&payloads, offset, place).await;
        let job = loaded.map(|(record, reply)| {
            let channel = shared.channel(reply.data.channel).map(AsRef::as_ref);
            Job::new(record, reply, channel)
        });
        Effect::Loaded { chat, job }
    });
}

/// What is sent: a part of a reply, and who says it.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) chat: Ix,
    pub(super) head: Head,
    pub(super) job: Box<Job>,
    pub(super) key: LineKey,
    /// Held as long as the call takes.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// Sends a part.
pub(super) fn send(cx: &mut PartitionCx<Effect>, shared: &Arc<Shared>, sending: Sending) {
    let Sending { chat, head, job, key, slot } = sending;
    let webchat = (key.channel == ChannelKind::Webchat).then(|| {
        let event = webchat_out(&job, head, cx.now());
        cx.append(vec![event])
    });
    let shared = Arc::clone(shared);
    let asked = cx.clock.uptime();
    let (clock, ownership, cancel) = (Arc::clone(&cx.clock), Arc::clone(&cx.ownership), cx.cancel.clone());
    cx.spawn(async move {
        let mut behind = None;
        let (attempt, bot) = match voice(&shared, &key, job.is_template(head.part)).await {
            Voice::Silent(attempt, bot) => (attempt, bot),
            // The machine looked at the lease before the store was asked, which may have taken its time.
            Voice::Speaks(_, bot)
                if cancel.is_cancelled()
                    || clock.uptime() + shared.deps.config.send_timeout.get() >= ownership.lease() =>
            {
                (Attempt::Unleased, Some(bot))
            }
            // So may a process that has too little of its machine: everything that stood still would go out at once.
            Voice::Speaks(_, bot) if clock.uptime().saturating_sub(asked) > FRESH => {
                (Attempt::Late, Some(bot))
            }
            Voice::Speaks(account, bot) => {
                let until = account.rests_until;
                let attempt = match webchat {
                    Some(append) => shown(append.await),
                    None if until > clock.now() => Attempt::Called(rests(until, clock.now())),
                    None => {
                        failpoint::pass(Failpoint::Sending);
                        let outcome = call(&shared, &key, &sender(&account), head, &job).await;
                        failpoint::pass(Failpoint::Sent);
                        Attempt::Called(outcome)
                    }
                };
                if let Attempt::Called(SendOutcome::Rejected { scope, reason }) = &attempt
                    && let Some(what) = scope.refuses()
                {
                    refused(&shared, &account, what, reason).await;
                }
                // After the call, since the lease is not asked again. What the store can't say stays as it was known.
                behind = wider(&shared, &account).await.ok();
                (attempt, Some(bot))
            }
        };
        drop(slot);
        Effect::Sent { chat, head, job, attempt, bot, wider: behind }
    });
}

/// Sends a signal.
pub(super) fn signal(
    cx: &mut PartitionCx<Effect>,
    shared: &Arc<Shared>,
    line: Ix,
    key: LineKey,
    waiting: Waiting,
    slot: OwnedSemaphorePermit,
) {
    let shared = Arc::clone(shared);
    let asked = cx.clock.uptime();
    let (clock, ownership, cancel) = (Arc::clone(&cx.clock), Arc::clone(&cx.ownership), cx.cancel.clone());
    cx.spawn(async move {
        let keys = waiting.keys;
        let limit = signal_limit(&shared, &waiting.signal);
        let outcome = match (voice(&shared, &key, false).await, shared.channel(key.channel)) {
            (Voice::Speaks(account, _), Some(channel)) => {
                let now = clock.uptime();
                if cancel.is_cancelled()
                    || now + limit >= ownership.lease()
                    || now.saturating_sub(asked) > FRESH
                {
                    Called::Late(waiting)
                } else {
                    let to = Target { chat: waiting.chat, thread: None, human_agent: false };
                    Called::Over(channel.signal(&sender(&account), &to, &waiting.signal, limit).await)
                }
            }
            _ => Called::Over(SendOutcome::Sent { provider_id: None }),
        };
        drop(slot);
        Effect::Signalled { line, keys, outcome }
    });
}

/// A sign of life that takes longer than it lives is given up.
fn signal_limit(shared: &Shared, signal: &Signal) -> Duration {
    shared.deps.config.send_timeout.get().min(life(signal))
}

/// Who speaks, for a template or for anything else.
async fn voice(shared: &Shared, key: &LineKey, template: bool) -> Voice {
    let directory = &shared.deps.directory;
    let bot = match directory.bot(&key.tenant, &key.bot).await {
        Ok(Some(bot)) => bot,
        Ok(None) => return Voice::Silent(Attempt::Gone(format!("bot `{}` does not exist", key.bot)), None),
        Err(error) => return Voice::Silent(Attempt::Unclear(error), None),
    };
    if !bot.enabled {
        return Voice::Silent(Attempt::Disabled, Some(bot));
    }
    match directory.account(key.channel, &key.account).await {
        Ok(Some(account)) if account.tenant == key.tenant && account.bot == key.bot => {
            match account.refusal.as_ref().filter(|refusal| refusal.bars(template)) {
                Some(refusal) => Voice::Silent(Attempt::Refused(words(key, refusal)), Some(bot)),
                None => Voice::Speaks(account, bot),
            }
        }
        Ok(_) => {
            let what =
                format!("{} account `{}` is not connected to bot `{}`", key.channel, key.account, key.bot);
            Voice::Silent(Attempt::Gone(what), Some(bot))
        }
        Err(error) => Voice::Silent(Attempt::Unclear(error), Some(bot)),
    }
}

/// What an account stands behind together with others. Costs a look into memory; once a minute into the store.
async fn wider(shared: &Shared, account: &Account) -> Result<Wider, StoreError> {
    let business = match account.channel {
        ChannelKind::Whatsapp => shared.deps.directory.business_of(&account.tenant, &account.id).await?,
        _ => None,
    };
    let of_tenant = |name: &str| format!("{}/{name}", account.tenant);
    Ok(Wider { app: account.app.as_deref().map(of_tenant), business: business.as_deref().map(of_tenant) })
}

fn sender(account: &Account) -> Sender {
    Sender { account: account.id.clone(), token: account.token.clone() }
}

fn words(key: &LineKey, refusal: &Refusal) -> String {
    let what = match refusal.what {
        Refused::Templates => "templates of ",
        Refused::All => "",
    };
    let (channel, account, reason) = (key.channel, &key.account, &refusal.reason);
    format!("the provider refuses {what}{channel} account `{account}`: {reason}")
}

/// The provider said so in the status of an earlier message, perhaps to another process.
fn rests(until: Timestamp, now: Timestamp) -> SendOutcome {
    let left = u64::try_from(until.millis() - now.millis()).unwrap_or_default();
    let reason = "many people reported or blocked this number: it rests".to_owned();
    SendOutcome::Retry { after: Some(Duration::from_millis(left)), scope: Scope::Number, reason }
}

async fn call(shared: &Shared, key: &LineKey, sender: &Sender, head: Head, job: &Job) -> SendOutcome {
    let (Some(channel), Some(message)) = (shared.channel(key.channel), job.messages.get(head.part as usize))
    else {
        // The second only where a newer program splits a reply into fewer parts than the one that began it.
        let (channel, part, of) = (key.channel, head.part, head.of);
        let reason = format!("this process has no sender for part {part} of {of} on {channel}");
        return SendOutcome::Rejected { scope: Scope::Message, reason };
    };
    let data = &job.reply.data;
    let (chat, thread) = (data.chat.clone(), data.thread.clone());
    let to = Target { chat, thread, human_agent: job.human_agent };
    let opaque = format!("{}:{}", job.reply.id, head.part);
    channel.send(sender, &to, message, &opaque, shared.deps.config.send_timeout.get()).await
}

/// Every later reply of the account finds it refused, until its owner acts; the bot's other accounts go on.
async fn refused(shared: &Shared, account: &Account, what: Refused, reason: &str) {
    let (bot, at) = (&account.bot, (account.channel, &account.id));
    account_refused(bot, account.channel, &account.id, what, reason);
    // The answer is about the token that was used: whoever brought another one meanwhile has answered it.
    let directory = &shared.deps.directory;
    let noted = directory.refuse(&account.tenant, bot, at, (what, reason), account.refusals_since).await;
    if let Err(error) = noted {
        tracing::error!(%bot, %error, "that the provider refuses the account could not be noted");
    }
}

fn webchat_out(job: &Job, head: Head, now: Timestamp) -> Emission {
    let data = &job.reply.data;
    let message = job.messages.get(head.part as usize).cloned().unwrap_or_default();
    let event = WebchatOut {
        chat: data.chat.clone(),
        account: data.account.clone(),
        part: head.part,
        of: head.of,
        message,
    };
    Emission::by_conversation(WEBCHAT_PORT, &job.reply.follow(StageName::Dispatch, now, head.part, event))
}

fn shown(answer: Result<Vec<Position>, LogError>) -> Attempt {
    match answer {
        Ok(_) => Attempt::Called(SendOutcome::Sent { provider_id: None }),
        Err(error) => Attempt::Unlogged(error),
    }
}
