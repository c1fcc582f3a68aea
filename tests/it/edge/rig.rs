//! An edge on a port of its own, with a tenant and its accounts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use millrace::config::Secret;
use millrace::domain::bot::Bot;
use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::events::AttachmentKind;
use millrace::domain::events::WebhookReceived;
use millrace::domain::ids::TenantId;
use millrace::domain::time::{ManualClock, Timestamp};
use millrace::domain::units::Span;
use millrace::edge::{EdgeConfig, EdgeDeps, Kept, KeptFile, Probes, Sender, Shelf, ShelfError, Shelved};
use millrace::log::Record;
use millrace::store::fake::FakeDirectory;
use millrace::store::{Account, App, Directory};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::memory::MemoryLog;

/// 2026-11-21T07:30:00Z.
pub const NOW: i64 = 1_795_246_200_000;
pub const SECRET: &str = "tg-secret";
pub const APP_SECRET: &str = "app-secret";

pub struct Rig {
    pub log: Arc<MemoryLog>,
    pub clock: ManualClock,
    pub address: SocketAddr,
    pub client: Client,
    /// Fills the room for webhooks.
    pub full: Arc<AtomicBool>,
    _stop: DropGuard,
}

fn account(tenant: &str, bot: &str, channel: ChannelKind, id: &str, secret: &str) -> Account {
    Account {
        tenant: tenant.into(),
        bot: bot.into(),
        channel,
        id: id.into(),
        app: None,
        token: Secret::default(),
        secret: Secret::new(secret.to_owned()),
        origins: Vec::new(),
        rests_until: Timestamp::default(),
        refusal: None,
        refusals_since: Timestamp::default(),
    }
}

impl Rig {
    pub async fn start() -> Self {
        Self::with(EdgeConfig::default()).await
    }

    /// Appends time out after 50 ms.
    pub async fn impatient() -> Self {
        Self::with(EdgeConfig { append_timeout: Span::millis(50), ..EdgeConfig::default() }).await
    }

    pub async fn with(config: EdgeConfig) -> Self {
        let directory = FakeDirectory::default();
        for account in [
            account("acme", "shop", ChannelKind::Telegram, "77", SECRET),
            account("acme", "mute", ChannelKind::Telegram, "78", ""),
            account("acme", "shop", ChannelKind::Whatsapp, "1122", ""),
            account("acme", "shop", ChannelKind::Messenger, "5000", ""),
            account("acme", "shop", ChannelKind::Webchat, "shop", "site-secret"),
            account("rival", "spy", ChannelKind::Whatsapp, "9999", ""),
        ] {
            directory.put_account(account);
        }
        let mut listed = account("acme", "listed", ChannelKind::Webchat, "listed", "other-secret");
        listed.origins = vec!["https://shop.example".to_owned()];
        directory.put_account(listed);
        for (bot, media) in [("shop", "fetch"), ("listed", "never")] {
            let spec = serde_json::from_value(serde_json::json!({ "bot": bot, "media": media })).unwrap();
            let (accounts, bases) = (Vec::new(), Vec::new());
            directory.put_bot(Bot {
                tenant: "acme".into(),
                version: 1,
                enabled: true,
                spec,
                accounts,
                bases,
            });
        }
        directory.learn_business(&"acme".into(), &"1122".into(), "waba", "").await.unwrap();
        directory.put_app(App {
            tenant: "acme".into(),
            name: "acme-app".into(),
            secret: Secret::new(APP_SECRET.to_owned()),
            verify_token: Secret::new("verify-me".to_owned()),
        });
        let stop = CancellationToken::new();
        let (log, clock) = (MemoryLog::new(), ManualClock::at(Timestamp::from_millis(NOW)));
        let (connections, full) = (config.connections, Arc::new(AtomicBool::new(false)));
        let looked_at = Arc::clone(&full);
        let room = move || if looked_at.load(Ordering::Relaxed) { Err("full".to_owned()) } else { Ok(()) };
        let router = millrace::edge::router(EdgeDeps {
            config,
            log: Arc::clone(&log) as _,
            directory: Arc::new(directory),
            clock: Arc::new(clock.clone()),
            shelf: Arc::new(Menu),
            probes: Probes {
                ready: Arc::new(|| Err("the database is not reachable".to_owned())),
                metrics: Arc::new(|| "millrace_up 1\n".to_owned()),
                room: Arc::new(room),
                ..Probes::default()
            },
            shutdown: stop.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(millrace::edge::serve(listener, router, connections, stop.clone()));
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { log, clock, address, client, full, _stop: stop.drop_guard() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path)).header("content-type", "application/json")
    }

    /// A Telegram update with the right secret.
    pub async fn update(&self, body: impl Into<reqwest::Body>) -> Response {
        let request = self.post("/webhooks/telegram/shop");
        request.header("x-telegram-bot-api-secret-token", SECRET).body(body).send().await.unwrap()
    }

    /// A Meta body with the right signature.
    pub async fn signed(&self, body: &[u8]) -> Response {
        let request = self.post("/webhooks/meta/acme-app").header("x-hub-signature-256", sign(body));
        request.body(body.to_vec()).send().await.unwrap()
    }

    pub fn webhooks(&self) -> Vec<Envelope<WebhookReceived>> {
        let records = self.log.all("webhook.received.v1");
        records.iter().map(|record| Envelope::decode(&record.value).unwrap()).collect()
    }

    pub fn dead_letters(&self) -> Vec<Record> {
        self.log.all("dead.letter.v1")
    }
}

pub fn sign(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes()))
}

/// 200 and not a byte more.
pub async fn assert_taken(response: Response) {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.bytes().await.unwrap().len(), 0);
}

/// 503 that says when to come back.
pub fn assert_busy(response: &Response) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3600).contains(&wait));
}

pub fn header<'a>(record: &'a Record, name: &str) -> &'a str {
    let found = record.headers.iter().find(|(header, _)| header == name);
    std::str::from_utf8(&found.unwrap_or_else(|| panic!("no header {name}")).1).unwrap()
}

/// More than a connection holds that nobody reads.
pub const LARGE: u64 = 32 << 20;

/// The largest file that a visitor may send.
pub const VISITOR_FILE: usize = 100 << 10;

/// One file, and one that takes all the room there is. Of visitors it takes texts alone, each visitor's for that visitor; what
/// begins with `lost` or `full` meets a database that is away, or a bot whose visitors sent enough.
#[derive(Debug)]
struct Menu;

#[async_trait::async_trait]
impl Shelf for Menu {
    fn link(&self, tenant: &TenantId, hash: &str, name: &str) -> Option<String> {
        Some(format!("{tenant}.{hash}.{name}"))
    }

    async fn find(&self, link: &str) -> Result<Option<Shelved>, ShelfError> {
        let bytes = match link {
            "acme.menu.a.html" => 4,
            "acme.large.b.bin" => LARGE,
            "acme.lost.c" => return Err(ShelfError("no database".to_owned())),
            _ => return Ok(None),
        };
        let name = link.rsplit_once("menu.").map_or("b.bin", |(_, name)| name).to_owned();
        Ok(Some(Shelved { tenant: "acme".into(), hash: "ab".to_owned(), name, bytes }))
    }

    async fn read(&self, file: &Shelved) -> Result<Option<bytes::Bytes>, ShelfError> {
        Ok(Some(match file.bytes {
            4 => bytes::Bytes::from_static(b"<b>!"),
            bytes => vec![0; usize::try_from(bytes).unwrap()].into(),
        }))
    }

    fn largest(&self) -> u64 {
        VISITOR_FILE as u64
    }

    async fn keep(&self, from: Sender<'_>, name: &str, content: bytes::Bytes) -> Result<Kept, ShelfError> {
        Ok(match &content[..] {
            [b'l', b'o', b's', b't', ..] => return Err(ShelfError("no database".to_owned())),
            [b'f', b'u', b'l', b'l', ..] => Kept::Full,
            content if std::str::from_utf8(content).is_err() => Kept::Type,
            content => Kept::Here {
                id: format!("{}/{}/{}/{}/{name}", from.tenant, from.account, from.visitor, content.len()),
                file: text_of(content.len(), name),
            },
        })
    }

    fn named(&self, from: Sender<'_>, id: &str) -> Option<KeptFile> {
        let own = id.strip_prefix(&format!("{}/{}/{}/", from.tenant, from.account, from.visitor))?;
        let (length, name) = own.split_once('/')?;
        Some(text_of(length.parse().ok()?, name))
    }
}

fn text_of(length: usize, name: &str) -> KeptFile {
    let (hash, mime) = (format!("hash{length}"), "text/plain".to_owned());
    KeptFile { hash, kind: AttachmentKind::Document, mime, name: name.to_owned() }
}
