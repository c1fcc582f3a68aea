//! Telegram bots that were connected with `--polling`: a machine without a public address asks for their updates.
//!
//! Guarantee: an update goes through the edge's own webhook, with the bot's secret, so everything that holds for a webhook
//! holds for it; Telegram is told to forget it only after the edge answered that it is stored. A bot's updates are handed
//! on one after the other. Only `up` polls: two processes that ask for one bot's updates take them from each other.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::parts::Parts;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::AccountId;
use crate::services::channel::registration::{Registrar, Wanted};
use crate::services::channel::{TelegramUpdates, Update, UpdatesError};
use crate::services::http::Http;
use crate::store::{Account, CachedDirectory, Directory, Store};

/// How often the database is asked which bots are polled.
const LOOK: Duration = Duration::from_secs(2);
/// How long one question waits for updates: Telegram's libraries ask for about as long.
const WAIT: Duration = Duration::from_secs(25);
/// How long the edge may take for an update; it answers 503 long before.
const HAND_ON: Duration = Duration::from_secs(10);
/// The first wait after a failure; it doubles up to [`LAST`].
const FIRST: Duration = Duration::from_millis(500);
const LAST: Duration = Duration::from_secs(30);

/// Polls for every bot that asks for it, those that are connected later too, until the process stops.
pub fn start(parts: &Parts, edge: SocketAddr) {
    let poller = Poller {
        directory: Arc::clone(&parts.directory),
        updates: TelegramUpdates::new(&parts.settings.channels.telegram, parts.http.clone()),
        http: parts.http.clone(),
        registrar: Registrar::new(&parts.settings.channels, parts.http.clone()),
        edge: reachable(edge),
        stop: parts.stop.clone(),
    };
    let (store, tasks) = (Arc::clone(&parts.store), parts.tasks.clone());
    parts.tasks.spawn(async move {
        let mut polled: HashMap<AccountId, CancellationToken> = HashMap::new();
        while !poller.stop.is_cancelled() {
            let wanted = accounts(&store).await;
            if let Some(wanted) = &wanted {
                polled.retain(|account, stop| {
                    let keep = wanted.contains(account);
                    if !keep {
                        stop.cancel();
                    }
                    keep
                });
            }
            for account in wanted.unwrap_or_default() {
                if !polled.contains_key(&account) {
                    let (poller, stop) = (poller.clone(), poller.stop.child_token());
                    polled.insert(account.clone(), stop.clone());
                    tasks.spawn(async move {
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = poller.poll(&account) => {}
                        }
                    });
                }
            }
            rest(&poller.stop, LOOK).await;
        }
    });
}

/// Which bots are polled; `None` when the database can't say: then nothing changes.
async fn accounts(store: &Store) -> Option<Vec<AccountId>> {
    match store.polled_accounts(ChannelKind::Telegram).await {
        Ok(accounts) => Some(accounts.into_iter().map(|(_, _, account)| account).collect()),
        Err(error) => {
            tracing::warn!(%error, "which bots are polled can't be read, asking again");
            None
        }
    }
}

#[derive(Debug, Clone)]
struct Poller {
    directory: Arc<CachedDirectory>,
    updates: TelegramUpdates,
    http: Http,
    registrar: Registrar,
    edge: SocketAddr,
    stop: CancellationToken,
}

impl Poller {
    /// Until the process or the bot's polling ends.
    async fn poll(&self, id: &AccountId) {
        let (mut offset, mut wait, mut named) = (0, FIRST, false);
        loop {
            if !named {
                named = self.learn_name(id).await;
            }
            let after = match self.round(id, &mut offset).await {
                Ok(()) => {
                    wait = FIRST;
                    continue;
                }
                Err(after) => after,
            };
            rest(&self.stop, after.unwrap_or(wait)).await;
            wait = (wait * 2).min(LAST);
        }
    }

    /// Asks Telegram what people mention the bot by, which groups need to know; false = ask again before the next round.
    async fn learn_name(&self, id: &AccountId) -> bool {
        let Ok(Some(account)) = self.directory.account(ChannelKind::Telegram, id).await else { return false };
        let wanted = Wanted {
            channel: ChannelKind::Telegram,
            account: id.to_string(),
            token: account.token.clone(),
            url: String::new(),
            secret: account.secret.clone(),
        };
        let name = match self.registrar.status(&wanted).await {
            Ok(standing) => standing.name,
            Err(error) => {
                tracing::debug!(bot = %account.bot, %error, "what the bot is called can't be asked now");
                return false;
            }
        };
        let Some(name) = name else { return true };
        let learned = self.directory.learn_handle(&account.tenant, ChannelKind::Telegram, id, &name).await;
        learned.is_ok()
    }

    /// One question and what it brought. An error = wait so long, or as usual.
    async fn round(&self, id: &AccountId, offset: &mut i64) -> Result<(), Option<Duration>> {
        let account = match self.directory.account(ChannelKind::Telegram, id).await {
            Ok(Some(account)) => account,
            Ok(None) => return Err(Some(LOOK)),
            Err(error) => {
                tracing::warn!(account = %id, %error, "a polled bot can't be read, trying again");
                return Err(None);
            }
        };
        let updates = match self.updates.next(&account.token, *offset, WAIT).await {
            Ok(updates) => updates,
            Err(UpdatesError::Webhook(reason)) => {
                tracing::warn!(bot = %account.bot, reason, "the bot is connected for polling: taking its webhook away");
                return self.updates.delete_webhook(&account.token).await.map_err(|error| {
                    tracing::warn!(bot = %account.bot, %error, "the webhook could not be taken away");
                    None
                });
            }
            Err(error) => {
                tracing::warn!(bot = %account.bot, %error, "no updates could be had, asking again");
                return Err(if let UpdatesError::Failed { after, .. } = error { after } else { Some(LAST) });
            }
        };
        for update in updates {
            self.hand_on(&account, &update).await?;
            *offset = update.id + 1;
        }
        Ok(())
    }

    async fn hand_on(&self, account: &Account, update: &Update) -> Result<(), Option<Duration>> {
        let url = format!("http://{}/webhooks/telegram/{}", self.edge, account.bot);
        let headers = [("x-telegram-bot-api-secret-token", account.secret.expose().as_str())];
        match self.http.provider().post_json(&url, &headers, update.body.clone(), HAND_ON).await {
            Ok(answer) if answer.ok() => Ok(()),
            Ok(answer) => {
                let status = answer.status;
                tracing::warn!(bot = %account.bot, update = update.id, status, "the edge refused an update, asking again");
                Err(answer.retry_after())
            }
            Err(error) => {
                tracing::warn!(bot = %account.bot, update = update.id, %error, "the edge can't be reached");
                Err(None)
            }
        }
    }
}

/// An address that listens everywhere is reached on loopback.
fn reachable(edge: SocketAddr) -> SocketAddr {
    match edge.ip() {
        ip if !ip.is_unspecified() => edge,
        IpAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, edge.port())),
        IpAddr::V6(_) => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, edge.port())),
    }
}

async fn rest(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
