//! A fake Meta Graph server: WhatsApp Cloud API, and the sending side of Messenger and Instagram.
//!
//! Guarantee: as at the real one, webhooks are signed over the very bytes that are posted (non-ASCII escaped), several
//! events share a POST, a failed POST comes back without holding up later ones, and errors carry Graph's codes. Limits
//! per number (80 a second, in and out together) and per number and recipient (45, then one in 6 s) hold.

mod content;
mod errors;
mod events;
mod graph;
mod interactive;
mod limits;
mod page;
mod people;
mod webhooks;
mod whatsapp;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use self::events::Event;
use self::limits::Limiter;
use self::people::People;
pub use self::webhooks::sign;
use super::control::{Control, Controlled};
use super::script::{Fault, On};
use super::{Core, Journal, Serving, SimOptions};
use crate::domain::channel::ChannelKind;

/// The fake and its HTTP server; it ends when the last handle goes.
#[derive(Debug, Clone)]
pub struct MetaSim {
    shared: Arc<Shared>,
    server: Arc<Serving>,
    _batcher: Arc<AbortOnDropHandle<()>>,
}

/// A Meta app: where events go and how they are signed.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Its id, as in the webhook's address.
    pub app: String,
    /// The app secret: the key of signatures.
    pub secret: String,
    /// What the handshake proves.
    #[serde(default)]
    pub verify_token: String,
    /// The webhook.
    pub url: String,
    /// `whatsapp_business_account`, `page`, `instagram`; empty = all.
    #[serde(default)]
    pub objects: HashSet<String>,
    /// Phone number ids and pages; empty = all.
    #[serde(default)]
    pub accounts: HashSet<String>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("app", &self.app).field("url", &self.url).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Shared {
    core: Arc<Core>,
    apps: RwLock<HashMap<String, Arc<App>>>,
    limiter: Mutex<Limiter>,
    people: Mutex<People>,
    revoked: RwLock<HashSet<String>>,
    /// Accounts that people write to on Instagram; all others are pages and numbers.
    instagram: RwLock<HashSet<String>>,
    /// Templates of business accounts.
    templates: RwLock<HashMap<String, Templates>>,
    mail: mpsc::Sender<Event>,
    next: AtomicU64,
}

/// Statuses by name and language.
type Templates = BTreeMap<(String, String), String>;

/// Events that wait to be batched; beyond it they are lost with a warning. The fake is no store.
const MAX_WAITING: usize = 100_000;
/// Media uploads go to 100 MB.
const MAX_BODY: usize = 101 << 20;

impl MetaSim {
    /// Serves on a bound listener.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn start(listener: TcpListener, options: SimOptions) -> std::io::Result<Self> {
        let (mail, letters) = mpsc::channel(MAX_WAITING);
        let shared = Arc::new(Shared {
            core: Arc::new(Core::new(options)),
            apps: RwLock::default(),
            limiter: Mutex::new(Limiter::new()),
            people: Mutex::default(),
            revoked: RwLock::default(),
            instagram: RwLock::default(),
            templates: RwLock::default(),
            mail,
            next: AtomicU64::new(1),
        });
        let router = Router::new()
            .fallback(graph::handle)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(Arc::clone(&shared));
        let batcher = tokio::spawn(webhooks::run(Arc::downgrade(&shared), letters));
        Ok(Self {
            shared,
            server: Arc::new(Serving::start(listener, router)?),
            _batcher: Arc::new(AbortOnDropHandle::new(batcher)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// For `channels.meta.graph_url`.
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

    /// Registers an app without a handshake; one of the same id is replaced.
    pub fn add_app(&self, app: App) {
        self.shared.add_app(app);
    }

    /// Does what Meta does when a webhook is set: asks it to prove its verify token.
    ///
    /// # Errors
    /// What the webhook answered instead of the challenge.
    pub async fn handshake(&self, app: &str) -> Result<(), String> {
        self.shared.handshake(app).await
    }

    /// A person writes to a number or page. The message's id comes back.
    ///
    /// # Errors
    /// For channels that are not Meta's.
    pub fn say(&self, channel: ChannelKind, account: &str, from: &str, text: &str) -> Result<String, String> {
        let id = self.shared.next_id(channel);
        let item = match channel {
            ChannelKind::Whatsapp => json!({"type": "text", "text": {"body": text}}),
            _ => json!({"text": text}),
        };
        self.shared.hear(channel, account, from, &id, item)?;
        Ok(id)
    }

    /// A person presses a button, a list row or a quick reply of the account's last messages.
    ///
    /// # Errors
    /// When there is no such button; the error lists those that there are.
    pub fn press(
        &self,
        channel: ChannelKind,
        account: &str,
        from: &str,
        title: &str,
    ) -> Result<String, String> {
        let item = {
            let people = self.shared.people.lock().unwrap_or_else(PoisonError::into_inner);
            people.press(account, from, title)?
        };
        let id = self.shared.next_id(channel);
        self.shared.hear(channel, account, from, &id, item)?;
        Ok(id)
    }

    /// A raw item from a person (a `WhatsApp` message or status, a messaging entry), put into an envelope and signed.
    ///
    /// # Errors
    /// For channels that are not Meta's.
    pub fn item(&self, channel: ChannelKind, account: &str, item: Value) -> Result<(), String> {
        self.shared.note_channel(channel, account);
        let event = Event::of(channel, account, item, None)?;
        self.shared.post(event);
        Ok(())
    }

    /// A whole body as it is: signed and delivered to the app, or to the only one.
    ///
    /// # Errors
    /// When there is no such app.
    pub fn inject(&self, app: Option<&str>, body: Bytes) -> Result<(), String> {
        let app = self.shared.app(app)?;
        webhooks::deliver(&self.shared.core, &app, body);
        Ok(())
    }

    /// The token is refused from now on (401, code 190).
    pub fn revoke(&self, token: &str) {
        self.shared.revoked.write().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned());
    }

    /// A number's business account has this template from now on, with this status: it is told to the webhooks.
    pub fn put_template(&self, number: &str, name: &str, language: &str, status: &str) {
        let business = events::business(number);
        let key = (name.to_owned(), language.to_owned());
        let mut all = self.shared.templates.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(business).or_default().insert(key, status.to_owned());
        drop(all);
        self.shared.post(Event::template(number, name, language, status));
    }

    /// For a control port.
    #[must_use]
    pub fn control(&self) -> Control {
        super::control::of(Arc::clone(&self.shared))
    }
}

impl Shared {
    fn add_app(&self, app: App) {
        let mut apps = self.apps.write().unwrap_or_else(PoisonError::into_inner);
        apps.insert(app.app.clone(), Arc::new(app));
    }

    fn remove_app(&self, id: &str) {
        self.apps.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn app(&self, id: Option<&str>) -> Result<Arc<App>, String> {
        let apps = self.apps.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = id {
            return apps
                .get(id)
                .cloned()
                .ok_or_else(|| format!("no app `{id}` is known: POST /webhook first"));
        }
        let mut all = apps.values();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
            (None, _) => Err("no app is known: POST /webhook {app, secret, url} first".to_owned()),
            (Some(_), Some(_)) => Err("several apps are known: name one with /inject?app=ID".to_owned()),
        }
    }

    async fn handshake(&self, app: &str) -> Result<(), String> {
        let app = self.app(Some(app))?;
        webhooks::handshake(&self.core, &app).await
    }

    fn next_id_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn next_id(&self, channel: ChannelKind) -> String {
        let n = self.next_id_number();
        match channel {
            ChannelKind::Whatsapp => format!("wamid.SIM{n:016X}"),
            _ => format!("m_sim{n:016x}"),
        }
    }

    fn note_channel(&self, channel: ChannelKind, account: &str) {
        if channel == ChannelKind::Instagram {
            self.instagram.write().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned());
        }
    }

    /// On which of the two that share a way of sending an account is.
    fn channel_of(&self, account: &str) -> ChannelKind {
        let instagram = self.instagram.read().unwrap_or_else(PoisonError::into_inner);
        if instagram.contains(account) { ChannelKind::Instagram } else { ChannelKind::Messenger }
    }

    /// A person's message comes in: it counts against the number, opens the window and goes to the webhooks.
    fn hear(
        &self,
        channel: ChannelKind,
        account: &str,
        from: &str,
        id: &str,
        item: Value,
    ) -> Result<(), String> {
        self.note_channel(channel, account);
        let now = self.core.clock.now();
        let event = Event::from_person(channel, account, from, id, item, now)?;
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner).heard(account, now);
        self.people.lock().unwrap_or_else(PoisonError::into_inner).heard(account, from, now);
        self.post(event);
        Ok(())
    }

    fn post(&self, event: Event) {
        if self.mail.try_send(event).is_err() {
            tracing::warn!("the fake has {MAX_WAITING} events waiting for webhooks; one more is lost");
        }
    }
}

#[async_trait]
impl Controlled for Shared {
    fn core(&self) -> &Core {
        &self.core
    }

    async fn inject(&self, query: &HashMap<String, String>, body: Bytes) -> Result<Value, String> {
        let app = self.app(query.get("app").map(String::as_str))?;
        let named = app.app.clone();
        webhooks::deliver(&self.core, &app, body);
        Ok(json!({"app": named}))
    }

    async fn webhook(&self, settings: Value) -> Result<Value, String> {
        let app: App = serde_json::from_value(settings)
            .map_err(|error| format!("send {{app, secret, url, verify_token}}: {error}"))?;
        let id = app.app.clone();
        self.add_app(app);
        let verified = self.handshake(&id).await;
        Ok(json!({"app": id, "verified": verified.is_ok(), "error": verified.err()}))
    }
}

#[cfg(test)]
mod tests;
