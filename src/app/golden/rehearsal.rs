//! Golden conversations on the whole system between fake providers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::webchat::Visitor;
use super::{Conversation, Failure, FakeKind, Providers, Seen, Speaker, Stageplay, WantedCampaign, play};
use crate::api::{self, ApiError, ErrorCode};
use crate::app::fakes::{Fakes, MODEL};
use crate::app::settings::Settings;
use crate::app::testbed::{TestAccount, Testbed};
use crate::app::{admin, campaigns};
use crate::config::{Secret, yaml};
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::{AccountId, ConversationId, TenantId};
use crate::domain::media::files_of;
use crate::domain::time::{Clock, ShiftedClock};
use crate::sim::meta::App;
use crate::sim::{Fault, SimOptions};
use crate::store::{Caller, MediaItem};

const APP_SECRET: &str = "golden-app-secret";
const VERIFY: &str = "golden-verify";
/// How often is looked for what nobody tells.
const LOOK: Duration = Duration::from_millis(20);
const HOOK_SECRET: &str = "golden-hook-secret";

/// Why a conversation did not pass.
#[derive(Debug)]
pub enum Outcome {
    /// It could not be played: a file with mistakes, a system that did not start.
    Broken(anyhow::Error),
    /// It was played and something else came than was expected.
    Failed(Failure),
}

/// Plays one conversation on a system of its own.
///
/// # Errors
/// Why it did not pass.
pub async fn rehearse(settings: &Settings, file: &Path) -> Result<(), Outcome> {
    let conversation = Conversation::load(file).map_err(Outcome::Broken)?;
    let spec = read_bot(&conversation.bot).map_err(Outcome::Broken)?;
    let titles =
        spec.documents.iter().map(|document| (document.name.to_string(), document.title.to_string()));
    let titles: HashMap<_, _> = titles.filter(|(_, title): &(String, String)| !title.is_empty()).collect();
    let folder = conversation.bot.parent().unwrap_or(Path::new(""));
    let mut stage = Rehearsal::start(settings.clone(), spec, folder).await.map_err(Outcome::Broken)?;
    let played = play(&conversation, &titles, &mut stage).await;
    stage.testbed.stop().await;
    played.map_err(Outcome::Failed)
}

fn read_bot(path: &Path) -> anyhow::Result<BotSpec> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("can't read the bot {}", path.display()))?;
    yaml::from_str(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// A system, its fakes and its visitors.
#[derive(Debug)]
struct Rehearsal {
    testbed: Testbed,
    providers: Providers,
    visitors: HashMap<String, Visitor>,
    clock: ShiftedClock,
    bot: String,
}

impl Rehearsal {
    async fn start(mut settings: Settings, mut spec: BotSpec, folder: &Path) -> anyhow::Result<Self> {
        let clock = ShiftedClock::default();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let timed = |options| SimOptions { clock: Arc::clone(&shared), ..options };
        let fakes = Fakes::start(timed, Duration::ZERO).await?;
        fakes.serve(&mut settings);
        if let Some(model) = settings.models.0.get_mut(MODEL) {
            model.key = Secret::new("golden-key".to_owned());
        }
        let testbed = Testbed::start(settings, shared).await?;
        let providers = Providers::new(fakes);
        let rehearsal =
            Self { bot: spec.bot.to_string(), testbed, providers, visitors: HashMap::new(), clock };
        rehearsal.upload(&mut spec, folder).await?;
        rehearsal.connect(&spec).await?;
        Ok(rehearsal)
    }

    /// Keeps the files that stand beside the bot's file, as `bot apply` does.
    async fn upload(&self, spec: &mut BotSpec, folder: &Path) -> anyhow::Result<()> {
        for media in files_of(spec) {
            let Some(file) = media.file.take() else { continue };
            let path = folder.join(&file);
            let content = std::fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
            let objects = &self.testbed.parts()?.objects;
            let (tenant, bytes) = (self.testbed.tenant(), content.len() as u64);
            let hash = objects.put(tenant, content.into()).await?;
            let store = &self.testbed.parts()?.store;
            store.file_claim(tenant, &hash.to_string(), bytes).await?;
            store.file_stored(tenant, &hash.to_string()).await?;
            (media.hash, media.name) = (Some(hash.to_string()), media.name.take().or(Some(file)));
        }
        Ok(())
    }

    /// The bot speaks on every channel.
    async fn connect(&self, spec: &BotSpec) -> anyhow::Result<()> {
        let (testbed, at, fakes) = (&self.testbed, &self.providers, &self.providers.fakes);
        let app = testbed.tenant().to_string();
        testbed.apply(spec).await?;
        testbed.app(&app, APP_SECRET, VERIFY).await?;
        let telegram = at.telegram_bot.to_string();
        let token = format!("{telegram}:golden");
        let accounts = [
            (ChannelKind::Telegram, telegram.as_str(), None, token.as_str(), Some(HOOK_SECRET)),
            (ChannelKind::Whatsapp, &at.number, Some(app.as_str()), "golden-graph-token", None),
            (ChannelKind::Messenger, &at.page, Some(app.as_str()), "golden-graph-token", None),
            (ChannelKind::Instagram, &at.instagram, Some(app.as_str()), "golden-graph-token", None),
            (ChannelKind::Webchat, &self.bot, None, "", None),
        ];
        for (channel, id, app, token, secret) in accounts {
            testbed.connect(&spec.bot, &TestAccount { channel, id, app, token, secret }).await?;
        }
        // As `bot register` does, which asks the provider for it.
        let whose = (testbed.tenant(), ChannelKind::Telegram, &AccountId::from(telegram.as_str()));
        testbed.parts()?.store.learn_handle(whose, &at.handle()).await?;
        let edge = testbed.edge();
        fakes.telegram.set_webhook(
            &token,
            &format!("http://{edge}/webhooks/telegram/{}", self.bot),
            HOOK_SECRET,
        );
        fakes.meta.add_app(App {
            secret: APP_SECRET.to_owned(),
            verify_token: VERIFY.to_owned(),
            url: format!("http://{edge}/webhooks/meta/{app}"),
            app: app.clone(),
            objects: std::collections::HashSet::new(),
            accounts: std::collections::HashSet::new(),
        });
        fakes.meta.handshake(&app).await.map_err(|error| anyhow!("the webhook's handshake failed: {error}"))
    }

    /// Does what somebody asks the admin API for; inside, why that is refused.
    async fn operate(
        &self,
        id: &str,
        (key, name): (&str, &str),
        body: &Value,
    ) -> anyhow::Result<Result<Value, ApiError>> {
        let operations = Arc::new(admin::operations(self.testbed.parts()?));
        let all = api::operations();
        let operation = all.iter().find(|one| one.id == id).with_context(|| format!("no operation {id}"))?;
        let call = api::Call {
            caller: Caller::Operator,
            tenant: TenantId::default(),
            path: [(key.to_owned(), name.to_owned())].into(),
            query: BTreeMap::new(),
            body: if body.is_null() { Bytes::new() } else { body.to_string().into() },
        };
        Ok(api::run(operation, &operations, call).await)
    }

    /// The conversation of a chat.
    fn conversation(&self, of: &Speaker) -> ConversationId {
        let (testbed, at) = (&self.testbed, &self.providers);
        let account: AccountId = match of.channel {
            ChannelKind::Telegram => at.telegram_bot.to_string().into(),
            ChannelKind::Whatsapp => at.number.as_str().into(),
            ChannelKind::Messenger => at.page.as_str().into(),
            ChannelKind::Instagram => at.instagram.as_str().into(),
            ChannelKind::Webchat => self.bot.as_str().into(),
        };
        let tenant = testbed.tenant();
        // Web chat's edge names its visitors by itself.
        let chat = self.visitors.get(&of.chat).filter(|_| of.channel == ChannelKind::Webchat);
        let chat = chat.map_or(of.chat.as_str(), |visitor| visitor.id.as_str());
        ConversationId::new(tenant, of.channel, &account, chat, None)
    }

    async fn visitor(&mut self, name: &str) -> anyhow::Result<&mut Visitor> {
        if !self.visitors.contains_key(name) {
            let face = self.testbed.http()?.provider().clone();
            let visitor = Visitor::enter(face, self.testbed.edge(), &self.bot).await?;
            self.visitors.insert(name.to_owned(), visitor);
        }
        self.visitors.get_mut(name).context("a visitor that was just let in")
    }
}

#[async_trait]
impl Stageplay for Rehearsal {
    async fn say(&mut self, from: &Speaker, text: &str) -> anyhow::Result<()> {
        match from.channel {
            ChannelKind::Webchat => self.visitor(&from.chat).await?.say(text).await,
            _ => self.providers.say(from, text),
        }
    }

    async fn press(&mut self, from: &Speaker, title: &str) -> anyhow::Result<()> {
        match from.channel {
            ChannelKind::Webchat => self.visitor(&from.chat).await?.press(title).await,
            _ => self.providers.press(from, title),
        }
    }

    async fn payload(&mut self, from: &Speaker, item: &Value) -> anyhow::Result<()> {
        match from.channel {
            ChannelKind::Webchat => self.visitor(&from.chat).await?.send(item.clone()).await,
            _ => self.providers.payload(from, item),
        }
    }

    async fn file(&mut self, from: &Speaker, file: &Path, words: Option<&str>) -> anyhow::Result<()> {
        let content = std::fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        self.visitor(&from.chat).await?.file(&name, content.into(), words).await
    }

    async fn staff(&mut self, to: &Speaker, text: &str) -> anyhow::Result<Result<(), String>> {
        /// The journal may not have written yet that the person was heard.
        const JOURNALED: Duration = Duration::from_secs(5);
        let until = Instant::now() + JOURNALED;
        loop {
            let id = self.conversation(to).to_string();
            match self.operate("conversation_say", ("conversation", &id), &json!({"text": text})).await? {
                Ok(_) => return Ok(Ok(())),
                Err(error) if error.code == ErrorCode::NotFound && Instant::now() < until => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => return Ok(Err(error.message)),
            }
        }
    }

    async fn campaign(&mut self, on: &Speaker, campaign: &WantedCampaign) -> anyhow::Result<()> {
        const OVER: Duration = Duration::from_secs(30);
        // One more worker does no harm: a campaign is one's at a time.
        campaigns::start(self.testbed.parts()?);
        let message = match (&campaign.text, &campaign.template) {
            (Some(text), _) => json!({"kind": "text", "text": text}),
            (None, name) => json!({"kind": "template", "name": name, "language": campaign.language}),
        };
        let people = format!("to\n{}\n", campaign.to.join("\n"));
        let new = json!({"name": "golden", "message": message, "recipients": people, "channel": on.channel});
        let made = self.operate("campaign_create", ("bot", &self.bot), &new).await??;
        let id = made.get("campaign").and_then(Value::as_str).context("a campaign that was made")?.to_owned();
        self.operate("campaign_start", ("campaign", &id), &Value::Null).await??;
        let until = Instant::now() + OVER;
        loop {
            let stands = self.operate("campaign_show", ("campaign", &id), &Value::Null).await??;
            if stands.get("state").and_then(Value::as_str) == Some("done") {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < until, "the campaign is not over after {OVER:?}: {stands}");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn restart(&mut self) -> anyhow::Result<()> {
        self.testbed.restart().await
    }

    async fn advance(&mut self, span: Duration) -> anyhow::Result<()> {
        self.clock.advance(span);
        self.testbed.moved(span).await
    }

    async fn script(&mut self, on: Option<FakeKind>, rules: Vec<Fault>) -> anyhow::Result<()> {
        self.providers.script(on, &rules)
    }

    async fn media(&mut self, of: &Speaker) -> anyhow::Result<Vec<MediaItem>> {
        let conversation = self.conversation(of);
        Ok(self.testbed.parts()?.store.media_in(self.testbed.tenant(), &conversation).await?)
    }

    async fn next(&mut self, to: &Speaker, within: Duration) -> anyhow::Result<Option<Seen>> {
        match to.channel {
            ChannelKind::Webchat => self.visitor(&to.chat).await?.next(within).await,
            _ => self.providers.next(to, within).await,
        }
    }
}
