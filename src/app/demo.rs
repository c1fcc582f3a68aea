//! `millrace up --demo`: a tenant with three bots, fake providers, a visitor on each channel, and what they say.
//!
//! Everything but the providers is the real thing: webhooks over HTTP, the log, the database, the sends. Needs no key and
//! no network; leaves nothing behind unless a data folder was named.

mod printer;
mod visitor;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::fakes::Fakes;
use super::roles;
use super::settings::Settings;
use super::up::Up;
use crate::config::{Secret, yaml};
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, TenantId};
use crate::domain::time::SystemClock;
use crate::sim::meta::App;
use crate::store::{Connect, StoreError};

/// The tenant of the demo.
const TENANT: &str = "demo";
/// The front desk's number on Telegram, and its token.
const DESK: i64 = 7_000_001;
const DESK_TOKEN: &str = "7000001:demo";
/// The trail guide's phone number id.
const GUIDE: &str = "15550100001";
/// The Meta app that fronts it.
const APP: &str = "demo-app";
const APP_SECRET: &str = "demo-app-secret";
/// How long the fake model thinks.
const THINKS: Duration = Duration::from_millis(350);
/// How long the stages may take to own their partitions.
const READY: Duration = Duration::from_secs(30);

/// The bots' files.
const BOTS: [&str; 3] =
    [include_str!("demo/desk.yaml"), include_str!("demo/guide.yaml"), include_str!("demo/pilot.yaml")];

/// A running demo.
#[derive(Debug)]
pub struct Demo {
    up: Up,
    fakes: Fakes,
    /// Goes with the demo.
    _folder: Option<TempDir>,
}

impl Demo {
    /// Starts everything; ready when it returns.
    ///
    /// # Errors
    /// Names the part that can't be had.
    pub async fn start(mut settings: Settings) -> anyhow::Result<Self> {
        let folder = if settings.data == Settings::default().data {
            let folder = tempfile::Builder::new().prefix("millrace-demo").tempdir()?;
            folder.path().clone_into(&mut settings.data);
            Some(folder)
        } else {
            None
        };
        let fakes = Fakes::start(|options| options, THINKS).await?;
        fakes.serve(&mut settings);
        free_ports(&mut settings).await;
        let up = Up::start(settings, Arc::new(SystemClock)).await?;
        let demo = Self { up, fakes, _folder: folder };
        demo.make_bots().await?;
        roles::until_ready(&demo.up.parts, READY).await?;
        Ok(demo)
    }

    /// Lets the visitors talk and prints what is said, until a signal.
    ///
    /// # Errors
    /// When the log can't be read or a visitor's message can't be delivered.
    pub async fn run(self) -> anyhow::Result<()> {
        let edge = self.up.edge;
        printer::welcome(edge, self.up.api)?;
        let parts = self.up.parts.clone();
        let printer = printer::Printer::tail(&*parts.log).await?;
        let stop = parts.stop.clone();
        let printing = parts.tasks.spawn(printer.run(stop.clone()));
        let visitors = visitor::run(self.fakes.clone(), edge, parts.http.clone());
        let talk = async {
            tokio::select! {
                () = stop.cancelled() => {}
                done = visitors => match done {
                    Ok(()) => printer::stays(edge),
                    Err(error) => tracing::error!(%error, "the visitors stopped"),
                },
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = talk => Ok(()),
            ended = roles::until_signal(self.up.parts) => {
                drop(printing.await);
                ended
            }
        }
    }

    /// Where webhooks and web chat come in.
    #[must_use]
    pub const fn edge(&self) -> SocketAddr {
        self.up.edge
    }

    async fn make_bots(&self) -> anyhow::Result<()> {
        let (store, tenant) = (&self.up.parts.store, TenantId::from(TENANT));
        match store.tenant_create(&tenant, "Demo").await {
            // A named data folder may hold an earlier demo.
            Ok(_) | Err(StoreError::Taken { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        for text in BOTS {
            let spec: BotSpec = yaml::from_str(text)?;
            store.bot_apply(&tenant, &spec).await?;
            let site = AccountId::from(spec.bot.as_str());
            store.account_connect(&tenant, account(&spec, ChannelKind::Webchat, site, "")).await?;
        }
        let spec = |n: usize| yaml::from_str::<BotSpec>(BOTS[n]);
        let edge = format!("http://{}", self.up.edge);

        let desk = account(&spec(0)?, ChannelKind::Telegram, DESK.to_string().into(), DESK_TOKEN);
        let connected = store.account_connect(&tenant, desk).await?;
        let secret = connected.account.secret.expose();
        self.fakes.telegram.set_webhook(DESK_TOKEN, &format!("{edge}/webhooks/telegram/desk"), secret);

        let app = store.app_put(&tenant, APP, Secret::new(APP_SECRET.to_owned()), None).await?;
        let guide = account(&spec(1)?, ChannelKind::Whatsapp, GUIDE.into(), "demo-token");
        store.account_connect(&tenant, Connect { app: Some(APP.to_owned()), ..guide }).await?;
        self.fakes.meta.add_app(App {
            app: APP.to_owned(),
            secret: APP_SECRET.to_owned(),
            verify_token: app.verify_token.expose().clone(),
            url: format!("{edge}/webhooks/meta/{APP}"),
            objects: std::collections::HashSet::default(),
            accounts: std::collections::HashSet::default(),
        });
        self.fakes.meta.handshake(APP).await.map_err(anyhow::Error::msg)
    }
}

fn account(spec: &BotSpec, channel: ChannelKind, account: AccountId, token: &str) -> Connect {
    Connect {
        bot: spec.bot.clone(),
        channel,
        account,
        app: None,
        token: Secret::new(token.to_owned()),
        secret: None,
        origins: Vec::new(),
    }
}

/// A demo must start beside whatever else runs: a port that is taken becomes a free one.
async fn free_ports(settings: &mut Settings) {
    for address in [&mut settings.edge.listen, &mut settings.api.listen] {
        if tokio::net::TcpListener::bind(*address).await.is_err() {
            address.set_port(0);
        }
    }
}

/// True when colours are of use.
fn colourful() -> bool {
    std::io::stdout().is_terminal()
}
