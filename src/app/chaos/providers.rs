//! The providers of a run: the fakes, in this process, which nobody kills. What they saw is the truth.
//!
//! They have threads of their own: what else this process does must not delay a call, or their clock would lie.
//! Guarantee: every call of a send method is written down in the moment in which it is decided, with what was done and
//! whether the sender was told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::faults::Mischief;
use super::history::{ChatKey, Send};
use super::plan::{Chat, PlannedBot};
use crate::app::fakes::Fakes;
use crate::domain::channel::ChannelKind;
use crate::domain::time::{Clock, SystemClock};
use crate::sim::journal::{Call, Observer};
use crate::sim::{Cut, Fault, Keep, On, SimOptions};

/// The fakes and what reached them.
#[derive(Debug, Clone)]
pub(super) struct Providers {
    pub(super) fakes: Fakes,
    _threads: Arc<Threads>,
    sends: Arc<Mutex<Vec<Send>>>,
}

/// Ends without waiting: a runtime may not be dropped where others run.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// How long the fake model thinks.
const THINKS: Duration = Duration::from_millis(50);
/// A hung call answers after this: later than any sender waits.
const HANG_MS: u64 = 12_000;

impl Providers {
    /// Starts them on free ports.
    ///
    /// # Errors
    /// When no port can be had.
    pub(super) async fn start() -> anyhow::Result<Self> {
        // The observer is the journal here; the fakes' own would only take memory.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let threads = Threads(Some(runtime));
        let start = || Fakes::start(|options| SimOptions { keep: Keep::Nothing, ..options }, THINKS);
        let started = threads.0.as_ref().map(|runtime| runtime.spawn(async move { start().await }));
        let fakes = started.context("the providers have no threads")?.await??;
        let sends = Arc::new(Mutex::default());
        for (channel, journal) in
            [(ChannelKind::Telegram, fakes.telegram.journal()), (ChannelKind::Whatsapp, fakes.meta.journal())]
        {
            journal.observe(Witness { channel, sends: Arc::clone(&sends) });
        }
        Ok(Self { fakes, _threads: Arc::new(threads), sends })
    }

    /// How many calls were seen until now.
    pub(super) fn count(&self) -> usize {
        self.sends.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Every call until now.
    pub(super) fn sends(&self) -> Vec<Send> {
        self.sends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets a provider misbehave.
    ///
    /// # Errors
    /// When its script is full.
    pub(super) fn misbehave(
        &self,
        bot: &PlannedBot,
        chat: Option<&Chat>,
        how: Mischief,
    ) -> anyhow::Result<()> {
        let on = on(bot, chat);
        let fault = match how {
            Mischief::Hang(times) => Fault { times: Some(times), delay_ms: HANG_MS, ..Fault::default() },
            Mischief::Cut(times) => Fault { times: Some(times), drop: Some(Cut::After), ..Fault::default() },
            Mischief::Fail(times) => {
                // As a gateway answers: with a code of its own the provider would say that it took nothing.
                let body = Some("Bad Gateway".into());
                Fault { times: Some(times), status: Some(502), accept: true, body, ..Fault::default() }
            }
            Mischief::Limit(seconds) => {
                Fault { status: Some(429), retry_after: Some(seconds), ..Fault::default() }
            }
        };
        let rules = vec![Fault { on, ..fault }];
        match bot.channel {
            ChannelKind::Telegram => self.fakes.telegram.script(rules),
            _ => self.fakes.meta.script(rules),
        }
        .map_err(anyhow::Error::msg)
    }

    /// Lets a provider behave again.
    pub(super) fn behave(&self, bot: &PlannedBot, chat: Option<&Chat>) {
        match bot.channel {
            ChannelKind::Telegram => self.fakes.telegram.lift(&on(bot, chat)),
            _ => self.fakes.meta.lift(&on(bot, chat)),
        }
    }
}

/// A bot's sends, or those in one chat; never its signs of life.
fn on(bot: &PlannedBot, chat: Option<&Chat>) -> On {
    let method = if bot.channel == ChannelKind::Telegram { "sendMessage" } else { "messages" };
    On {
        method: Some(method.to_owned()),
        account: Some(bot.account.clone()),
        chat: chat.map(|chat| chat.id.clone()),
        contains: None,
    }
}

/// Writes down what one fake saw.
#[derive(Debug)]
struct Witness {
    channel: ChannelKind,
    sends: Arc<Mutex<Vec<Send>>>,
}

impl Observer for Witness {
    fn saw(&self, call: &Call<'_>) {
        // A read mark has no text.
        let (Some(chat), Some(text)) = (call.chat, call.text()) else { return };
        let send = Send {
            at: SystemClock.now().millis(),
            chat: ChatKey { channel: self.channel, account: call.account.to_owned(), chat: chat.to_owned() },
            text: text.to_owned(),
            taken: call.status == 200,
            hidden: call.status == 200 && call.fault.is_some_and(Fault::hides),
            planned: call.fault.is_some(),
            wait_s: call.retry_after,
        };
        self.sends.lock().unwrap_or_else(PoisonError::into_inner).push(send);
    }
}
