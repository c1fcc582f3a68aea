//! A fake Telegram Bot API server.
//!
//! Guarantee: as at the real one, updates of one queue (a chat; a user for callbacks) reach the webhook one at a time
//! and in order until each is answered 2xx or expires; sends are limited per bot, chat and group; errors come in
//! Telegram's words. What the facts leave open (how large a burst is tolerated) is decided here once, in `limits`.

mod account;
mod errors;
mod formatting;
mod keyboard;
mod limits;
mod methods;
mod outbox;
mod polling;
mod send;
mod updates;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

pub use self::account::handle_of;

use self::account::Account;
use self::limits::Valve;
use super::answer::{Answer, Request, carry_out};
use super::control::{Control, Controlled};
use super::script::{Fault, On};
use super::{Core, Journal, Serving, SimOptions, params};

/// The fake and its HTTP server; it ends when the last handle goes.
#[derive(Debug, Clone)]
pub struct TelegramSim {
    shared: Arc<Shared>,
    server: Arc<Serving>,
}

#[derive(Debug)]
struct Shared {
    core: Arc<Core>,
    accounts: RwLock<HashMap<i64, Arc<Account>>>,
    /// New bots, of which an address may bring a few.
    valve: Mutex<Valve>,
}

/// Uploads of a bot go to 50 MB.
const MAX_BODY: usize = 51 << 20;

impl TelegramSim {
    /// Serves on a bound listener.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn start(listener: TcpListener, options: SimOptions) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            core: Arc::new(Core::new(options)),
            accounts: RwLock::default(),
            valve: Mutex::default(),
        });
        let router = Router::new()
            .fallback(handle)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(Arc::clone(&shared));
        Ok(Self { shared, server: Arc::new(Serving::start(listener, router)?) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// For `channels.telegram.api_url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// What it received.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.shared.core.journal
    }

    /// Adds rules to its script.
    ///
    /// # Errors
    /// When there are too many.
    pub fn script(&self, rules: Vec<Fault>) -> Result<(), String> {
        self.shared.core.faults.add(rules)
    }

    /// Takes the rules about these requests out of its script.
    pub fn lift(&self, on: &On) {
        self.shared.core.faults.lift(on);
    }

    /// Sets a bot's webhook without a request, as `setWebhook` does.
    pub fn set_webhook(&self, token: &str, url: &str, secret: &str) {
        if let Some(account) = self.shared.account(token) {
            let webhook =
                outbox::Webhook::new(url.to_owned(), Some(secret.to_owned()), 40, &*self.shared.core.clock);
            account.outbox.set_webhook(Some(webhook), None, false);
            outbox::wake(&self.shared.core, &account);
        }
    }

    /// A person in a chat writes to the bot (by its numeric id). The update's id comes back.
    ///
    /// # Errors
    /// When the fake knows no such bot.
    pub fn say(&self, bot: i64, chat: i64, text: &str) -> Result<i64, String> {
        let account = self.shared.by_id(bot)?;
        let message = updates::text_message(&account, chat, text, self.shared.core.unix_seconds());
        Ok(self.shared.enqueue(&account, "message", message))
    }

    /// A person presses a button of one of the bot's last messages in the chat: an inline button comes back as a
    /// callback, a key of a keyboard as a message.
    ///
    /// # Errors
    /// When there is no such button; the error lists those that there are.
    pub fn press(&self, bot: i64, chat: i64, title: &str) -> Result<i64, String> {
        let account = self.shared.by_id(bot)?;
        let shown = account.shown(&chat.to_string());
        let found = shown.iter().rev().find_map(|message| {
            let button = message.buttons.iter().find(|button| button.title == title)?;
            Some((message, button))
        });
        let Some((message, button)) = found else {
            let titles: Vec<_> =
                shown.iter().flat_map(|message| &message.buttons).map(|b| &b.title).collect();
            return Err(format!("no button `{title}` was shown in chat {chat}; there are {titles:?}"));
        };
        let Some(data) = &button.data else { return self.say(bot, chat, title) };
        let now = self.shared.core.clock.now();
        let query = updates::callback_query(&account, chat, message, data, now);
        Ok(self.shared.enqueue(&account, "callback_query", query))
    }

    /// A raw update for a bot; `update_id` is added where it is missing. `None` = the kind is not among the bot's
    /// allowed updates.
    ///
    /// # Errors
    /// When the fake knows no such bot.
    pub fn inject(&self, bot: i64, body: Bytes) -> Result<Option<i64>, String> {
        Ok(self.shared.inject(&self.shared.by_id(bot)?, body))
    }

    /// The person of a private chat blocks the bot (or lets it in again): sends fail with 403.
    ///
    /// # Errors
    /// When the fake knows no such bot.
    pub fn block(&self, bot: i64, chat: i64, blocked: bool) -> Result<(), String> {
        self.shared.by_id(bot)?.block(chat, blocked);
        Ok(())
    }

    /// Makes the bot known before its first request.
    pub fn register(&self, token: &str) {
        self.shared.account(token);
    }

    /// The token is refused from now on (401).
    pub fn revoke(&self, token: &str) {
        if let Some(account) = self.shared.account(token) {
            account.revoke();
        }
    }

    /// For a control port.
    #[must_use]
    pub fn control(&self) -> Control {
        super::control::of(Arc::clone(&self.shared))
    }
}

impl Shared {
    /// The bot of a token; one that was never seen is made. `None` for what is no token.
    fn account(&self, token: &str) -> Option<Arc<Account>> {
        let (id, secret) = token.split_once(':')?;
        let id: i64 = id.parse().ok().filter(|id| *id > 0)?;
        if secret.is_empty() {
            return None;
        }
        if let Some(account) = self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Some(Arc::clone(account));
        }
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(accounts.entry(id).or_insert_with(|| Arc::new(Account::new(id)))))
    }

    fn by_id(&self, id: i64) -> Result<Arc<Account>, String> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts
            .get(&id)
            .cloned()
            .ok_or_else(|| format!("no bot {id} has called this fake yet: call getMe first"))
    }

    /// The only bot, or the only one with a webhook.
    fn only(&self) -> Result<Arc<Account>, String> {
        let accounts: Vec<_> =
            self.accounts.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let with_webhook: Vec<_> =
            accounts.iter().filter(|account| account.outbox.has_webhook()).cloned().collect();
        match (accounts.as_slice(), with_webhook.as_slice()) {
            ([only], _) | (_, [only]) => Ok(Arc::clone(only)),
            ([], _) => Err("no bot has called this fake yet: call getMe or setWebhook first".to_owned()),
            _ => Err("several bots are known: name one with /inject?account=BOT_ID".to_owned()),
        }
    }

    fn enqueue(&self, account: &Arc<Account>, kind: &str, content: Value) -> i64 {
        let now = self.core.clock.now();
        let id = account.outbox.add(|id| {
            let body = json!({"update_id": id, kind: content});
            updates::Update::of(id, kind, &body, body.to_string().into(), now)
        });
        outbox::wake(&self.core, account);
        id
    }

    fn inject(&self, account: &Arc<Account>, body: Bytes) -> Option<i64> {
        let now = self.core.clock.now();
        let parsed = serde_json::from_slice::<Map<String, Value>>(&body).unwrap_or_default();
        let kind = parsed.keys().find(|key| *key != "update_id").cloned().unwrap_or_default();
        if !account.outbox.allows(&kind) {
            return None;
        }
        let own = parsed.get("update_id").and_then(Value::as_i64);
        if let Some((chat, id)) = callback_of(&parsed) {
            account.issue_callback(chat, id, now);
        }
        let id = account.outbox.add(|next| {
            let id = own.unwrap_or(next);
            // What has no id of its own and is an object gets one; all else goes out as it came.
            let with_id = (own.is_none() && !parsed.is_empty()).then(|| {
                let mut whole = parsed.clone();
                whole.insert("update_id".to_owned(), id.into());
                Value::Object(whole).to_string().into()
            });
            let content = Value::Object(parsed.clone());
            updates::Update::of(id, &kind, &content, with_id.unwrap_or(body), now)
        });
        outbox::wake(&self.core, account);
        Some(id)
    }
}

/// The chat (the user, where there is none) and the id of an injected callback query, so that its answer can be judged.
fn callback_of(update: &Map<String, Value>) -> Option<(i64, String)> {
    let query = update.get("callback_query")?;
    let chat = query.pointer("/message/chat/id").or_else(|| query.pointer("/from/id"))?.as_i64()?;
    Some((chat, query.get("id")?.as_str()?.to_owned()))
}

#[async_trait]
impl Controlled for Shared {
    fn core(&self) -> &Core {
        &self.core
    }

    async fn inject(&self, query: &HashMap<String, String>, body: Bytes) -> Result<Value, String> {
        let account = match query.get("account") {
            Some(id) => {
                self.by_id(id.parse().map_err(|_| format!("`{id}` is no bot id: write its digits"))?)?
            }
            None => self.only()?,
        };
        let update_id = Self::inject(self, &account, body);
        Ok(json!({"account": account.id, "update_id": update_id, "ignored": update_id.is_none()}))
    }
}

/// `/bot<TOKEN>/<method>` and `/file/bot<TOKEN>/<path>`.
async fn handle(
    State(shared): State<Arc<Shared>>,
    verb: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path();
    let (path, file) = path.strip_prefix("/file").map_or((path, false), |path| (path, true));
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return errors::not_found("Not Found").into_response();
    };
    let token = params::decode(token.as_bytes());
    let Some(account) = shared.account(&token) else { return errors::unauthorized().into_response() };
    if file {
        return methods::file(method);
    }
    if verb != Method::GET && verb != Method::POST {
        return errors::not_found("Not Found: method not found").into_response();
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let params = match params::read(uri.query(), kind, &body) {
        Ok(params) => params,
        Err(error) => return errors::bad(&error).into_response(),
    };
    let polled = if method.eq_ignore_ascii_case("getUpdates") && !account.revoked() {
        Some(polling::get_updates(&account, &params).await)
    } else {
        None
    };
    call(&shared, &account, method, params, body.len(), polled).await
}

/// One call of one bot: by the script, else by the method.
async fn call(
    shared: &Arc<Shared>,
    account: &Arc<Account>,
    method: &str,
    params: Map<String, Value>,
    size: usize,
    polled: Option<Answer>,
) -> Response {
    let chat = params::text(&params, "chat_id").or_else(|| {
        let query = params::text(&params, "callback_query_id")?;
        account.callback_chat(&query).map(|chat| chat.to_string())
    });
    let request = Request { method, account: &account.name, chat, body: Value::Object(params), size };
    let duty = |request: &Request<'_>, _: Option<&Fault>| {
        if account.revoked() {
            return errors::unauthorized();
        }
        if shared.core.limits
            && request.method.eq_ignore_ascii_case("setWebhook")
            && account.is_new()
            && let Err(seconds) =
                shared.valve.lock().unwrap_or_else(PoisonError::into_inner).admit(shared.core.clock.now())
        {
            account.not_loaded();
            return errors::too_many(seconds);
        }
        polled.unwrap_or_else(|| methods::call(&shared.core, account, method, request.body.as_object()))
    };
    carry_out(&shared.core, request, errors::scripted, duty).await
}

#[cfg(test)]
mod tests;
