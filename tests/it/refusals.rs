//! A refused account as its owner sees it, and what ends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace::api::{Call, Operations, operations, run};
use millrace::app::fakes::Fakes;
use millrace::config::Secret;
use millrace::domain::bot::BotSpec;
use millrace::domain::channel::ChannelKind;
use millrace::domain::ids::{AccountId, BotId, TenantId};
use millrace::domain::refusal::Refused;
use millrace::domain::time::SystemClock;
use millrace::services::channel::ChannelsConfig;
use millrace::services::channel::registration::Registrar;
use millrace::services::http::{Http, NetConfig};
use millrace::sim::script::{Fault, On};
use millrace::store::{Caller, Connect, Store, StoreConfig};
use serde_json::Value;

const TOKEN: &str = "8000001:refused";

#[tokio::test]
async fn a_refusal_is_shown_with_its_reason_until_its_owner_acts() {
    let folder = tempfile::tempdir().unwrap();
    let (config, clock) = (StoreConfig::default(), Arc::new(SystemClock));
    let store = Store::open_migrated(&config, folder.path(), clock).await.unwrap();
    let fakes = Fakes::start(|options| options, Duration::ZERO).await.unwrap();
    fakes.telegram.register(TOKEN);
    let mut channels = ChannelsConfig::default();
    channels.telegram.api_url = fakes.telegram.url();
    channels.telegram.hosts.clear();
    let http = Http::new(NetConfig { allow_private: true, ..NetConfig::default() }).unwrap();
    let (tenant, bot, account) = (TenantId::from("acme"), BotId::from("shop"), AccountId::from("8000001"));
    store.tenant_create(&tenant, "").await.unwrap();
    store.bot_apply(&tenant, &BotSpec::named("shop".into())).await.unwrap();
    let connect = Connect {
        bot: bot.clone(),
        channel: ChannelKind::Telegram,
        account: account.clone(),
        app: None,
        token: Secret::new(TOKEN.to_owned()),
        secret: None,
        origins: Vec::new(),
    };
    store.account_connect(&tenant, connect).await.unwrap();
    let over = Arc::new(
        Operations::new(Arc::clone(&store), "https://bots.example")
            .with_registrar(Registrar::new(&channels, http)),
    );
    let all = operations();
    let ask = async |id: &str, body: &'static str| -> Value {
        let operation = all.iter().find(|operation| operation.id == id).unwrap();
        let call = Call {
            caller: Caller::Operator,
            tenant: TenantId::default(),
            path: [("bot".to_owned(), "shop".to_owned())].into(),
            query: BTreeMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        };
        run(operation, &over, call).await.unwrap()
    };
    let refuse = async || {
        let (at, refused) = ((ChannelKind::Telegram, &account), (Refused::All, "401: Unauthorized"));
        store.account_refuse(&tenant, &bot, at, refused, store.now_at()).await.unwrap()
    };
    let registered = ask("bot_register", "{}").await;
    assert_eq!(registered["accounts"][0]["state"], "registered", "{registered}");
    assert_eq!(ask("bot_register", "{}").await["accounts"][0]["state"], "kept", "nobody is asked again");
    assert!(refuse().await.is_some());
    let shown = ask("bot_show", "").await;
    let refused = &shown["accounts"][0]["refused"];
    assert_eq!((&refused["what"], &refused["reason"]), (&"all".into(), &"401: Unauthorized".into()));
    assert_eq!(shown["info"]["enabled"], true, "{shown}");
    let status = ask("bot_status", "").await;
    assert_eq!(status["accounts"][0]["refused"]["reason"], "401: Unauthorized", "to look is not to act");
    // A token that does not hold keeps the refusal; one that is registered ends it, also where it stood already.
    let on = On { method: Some("setWebhook".to_owned()), ..On::default() };
    let fault = Fault { on, times: Some(1), status: Some(401), ..Fault::default() };
    fakes.telegram.script(vec![fault]).unwrap();
    let failed = ask("bot_register", "{}").await;
    assert_eq!(failed["accounts"][0]["state"], "failed", "{failed}");
    assert_eq!(failed["accounts"][0]["refused"]["what"], "all");
    let again = ask("bot_register", "{}").await;
    assert_eq!(again["accounts"][0]["state"], "registered", "{again}");
    assert_eq!(again["accounts"][0]["refused"], Value::Null);
    assert_eq!(ask("bot_show", "").await["accounts"][0].get("refused"), None);
    assert!(refuse().await.is_some());
    ask("bot_enable", "").await;
    assert_eq!(ask("bot_show", "").await["accounts"][0].get("refused"), None);
}
