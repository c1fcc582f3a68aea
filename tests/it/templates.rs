//! A campaign whose template is not approved is refused before anybody is told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace::api::{Call, Operations, TemplateCheck, operations, run, template_of};
use millrace::app::fakes::Fakes;
use millrace::config::Secret;
use millrace::domain::bot::BotSpec;
use millrace::domain::campaign::{Campaign, Message};
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::{CampaignId, TenantId};
use millrace::domain::template::TemplateNews;
use millrace::domain::time::ManualClock;
use millrace::domain::time::Timestamp;
use millrace::services::channel::ChannelsConfig;
use millrace::services::channel::registration::Registrar;
use millrace::services::http::{Http, NetConfig};
use millrace::store::{Caller, Connect, NewCampaign, NewRecipient, Store, StoreConfig};
use serde_json::Value;

const NUMBER: &str = "15550001";
const BUSINESS: &str = "waba-15550001";

struct Desk {
    store: Arc<Store>,
    fakes: Fakes,
    registrar: Registrar,
    clock: ManualClock,
    campaign: Campaign,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// A campaign with the template `sale` in `de`, and for one recipient in `fr`.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
        let (config, moments) = (StoreConfig::default(), Arc::new(clock.clone()));
        let store = Store::open_migrated(&config, folder.path(), moments).await.unwrap();
        let fakes = Fakes::start(|options| options, Duration::ZERO).await.unwrap();
        let mut channels = ChannelsConfig::default();
        channels.meta.graph_url = fakes.meta.url();
        channels.meta.hosts.clear();
        let http = Http::new(NetConfig { allow_private: true, ..NetConfig::default() }).unwrap();
        let tenant = TenantId::from("acme");
        store.tenant_create(&tenant, "").await.unwrap();
        let bot = BotSpec::named("shop".into());
        store.bot_apply(&tenant, &bot).await.unwrap();
        let connect = Connect {
            bot: "shop".into(),
            channel: ChannelKind::Whatsapp,
            account: NUMBER.into(),
            app: None,
            token: Secret::new("the-token".to_owned()),
            secret: None,
            origins: Vec::new(),
        };
        store.account_connect(&tenant, connect).await.unwrap();
        let new = NewCampaign {
            bot: "shop".into(),
            channel: ChannelKind::Whatsapp,
            account: NUMBER.into(),
            name: "sale".to_owned(),
            message: Message::Template { name: "sale".to_owned(), language: "de".to_owned() },
            variables: Vec::new(),
            rate: None,
            at: None,
        };
        let to = |to: &str, language: Option<&str>| NewRecipient {
            to: to.to_owned(),
            language: language.map(str::to_owned),
            values: Vec::new(),
        };
        let people = [to("4917", None), to("4918", Some("fr"))];
        let campaign = store.campaign_create(&tenant, &new, &people).await.unwrap();
        let registrar = Registrar::new(&channels, http);
        Self { store, fakes, registrar, clock, campaign, _folder: folder }
    }

    async fn check(&self) -> TemplateCheck {
        template_of(&self.store, Some(&self.registrar), &self.campaign).await.unwrap()
    }

    async fn unknown(&self) -> String {
        match self.check().await {
            TemplateCheck::Unknown(why) => why,
            other => panic!("{other:?}"),
        }
    }

    async fn withheld(&self) -> String {
        match self.check().await {
            TemplateCheck::Withheld(why) => why.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// As a command without a running process does it.
    async fn start(&self, id: &CampaignId) -> Result<Value, String> {
        let over =
            Operations::new(Arc::clone(&self.store), "http://x").with_registrar(self.registrar.clone());
        let all = operations();
        let operation = all.iter().find(|operation| operation.id == "campaign_start").unwrap();
        let call = Call {
            caller: Caller::Operator,
            tenant: TenantId::default(),
            path: [("campaign".to_owned(), id.to_string())].into(),
            query: std::collections::BTreeMap::new(),
            body: Bytes::new(),
        };
        run(operation, &Arc::new(over), call).await.map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn a_template_that_is_not_approved_is_refused_before_the_start() {
    let desk = Desk::new().await;
    let (meta, id) = (&desk.fakes.meta, &desk.campaign.id);
    assert!(desk.unknown().await.contains("business account"), "no webhook came yet");
    let tenant = TenantId::from("acme");
    desk.store.learn_business(&tenant, &NUMBER.into(), BUSINESS, "").await.unwrap();
    assert!(desk.unknown().await.contains("Permissions error"), "the token may not look");
    // What is like it is not it.
    meta.put_template(NUMBER, "summersale", "de", "APPROVED");
    let missing = desk.withheld().await;
    assert!(missing.contains("`sale` in `de` does not exist"), "{missing}");
    meta.put_template(NUMBER, "sale", "de", "PAUSED");
    meta.put_template(NUMBER, "sale", "en_US", "APPROVED");
    let refused = desk.start(id).await.unwrap_err();
    for word in ["sale", "`de`", "PAUSED", "wait until", "en_US"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    assert_eq!(desk.store.campaign(&tenant, id).await.unwrap().started_at, None);
    // A single recipient's language holds up nobody else's.
    meta.put_template(NUMBER, "sale", "de", "APPROVED");
    assert_eq!(desk.check().await, TemplateCheck::Goes);
    // Nobody can be asked: the last word counts, whoever said it.
    meta.revoke("the-token");
    assert_eq!(desk.check().await, TemplateCheck::Goes);
    desk.clock.advance(Duration::from_secs(1));
    let paused = TemplateNews {
        name: "sale".to_owned(),
        language: "de".to_owned(),
        status: "DISABLED".to_owned(),
        ..TemplateNews::default()
    };
    let now = desk.store.now_at();
    desk.store.templates_told(&tenant, BUSINESS, std::slice::from_ref(&paused), now).await.unwrap();
    assert!(desk.withheld().await.contains("is DISABLED"));
    let old = TemplateNews { status: "APPROVED".to_owned(), ..paused };
    desk.store.templates_told(&tenant, BUSINESS, &[old], Timestamp::from_millis(1)).await.unwrap();
    assert!(desk.withheld().await.contains("is DISABLED"), "older news change nothing");
}

#[tokio::test]
async fn one_that_nobody_can_ask_about_starts_and_says_so() {
    let desk = Desk::new().await;
    let started = desk.start(&desk.campaign.id).await.unwrap();
    assert_eq!(started["state"], "running");
    assert!(started["note"].as_str().unwrap().contains("`sale`"), "{started}");
}
