//! People and bots in one conversation, on the whole system with the embedded log and SQLite.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace::api::{ApiError, Call, ModeShow, Operations, Said, operations, run};
use millrace::app::admin;
use millrace::app::fakes::Fakes;
use millrace::app::settings::Settings;
use millrace::app::testbed::{TestAccount, Testbed};
use millrace::domain::bot::BotSpec;
use millrace::domain::channel::ChannelKind;
use millrace::domain::events::Mode;
use millrace::domain::ids::TenantId;
use millrace::domain::time::{Clock, ShiftedClock};
use millrace::sim::SimOptions;
use millrace::sim::meta::App;
use millrace::store::Caller;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A bot on one page, and the API beside it.
struct House {
    testbed: Testbed,
    fakes: Fakes,
    clock: ShiftedClock,
    api: Arc<Operations>,
    conversation: String,
    _folder: tempfile::TempDir,
}

const PAGE: &str = "1777";
const ANN: &str = "5551";

impl House {
    async fn open() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), ShiftedClock::default());
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let timed = |options| SimOptions { clock: Arc::clone(&shared), ..options };
        let fakes = Fakes::start(timed, Duration::ZERO).await.unwrap();
        let mut settings = Settings { data: folder.path().to_owned(), ..Settings::default() };
        fakes.serve(&mut settings);
        let testbed = Testbed::start(settings, Arc::clone(&shared)).await.unwrap();
        let spec: BotSpec =
            serde_json::from_value(json!({"bot": "shop", "fallback": "I am a bot."})).unwrap();
        testbed.apply(&spec).await.unwrap();
        let app = testbed.tenant().to_string();
        testbed.app(&app, "app-secret", "verify").await.unwrap();
        let account = TestAccount {
            channel: ChannelKind::Messenger,
            id: PAGE,
            app: Some(&app),
            token: "t",
            secret: None,
        };
        testbed.connect(&spec.bot, &account).await.unwrap();
        fakes.meta.add_app(App {
            secret: "app-secret".to_owned(),
            verify_token: "verify".to_owned(),
            url: format!("http://{}/webhooks/meta/{app}", testbed.edge()),
            app: app.clone(),
            objects: std::collections::HashSet::new(),
            accounts: std::collections::HashSet::new(),
        });
        let api = Arc::new(admin::operations(testbed.parts().unwrap()));
        let conversation = format!("{app}/messenger/{PAGE}/{ANN}");
        Self { testbed, fakes, clock, api, conversation, _folder: folder }
    }

    async fn ask<T: DeserializeOwned>(&self, id: &str, body: Value) -> Result<T, ApiError> {
        let all = operations();
        let operation = all.iter().find(|operation| operation.id == id).unwrap();
        let call = Call {
            caller: Caller::Operator,
            tenant: TenantId::default(),
            path: [("conversation".to_owned(), self.conversation.clone())].into(),
            query: std::collections::BTreeMap::new(),
            body: Bytes::from(body.to_string()),
        };
        run(operation, &self.api, call).await.map(|value| serde_json::from_value(value).unwrap())
    }

    fn hear(&self, text: &str) {
        self.fakes.meta.say(ChannelKind::Messenger, PAGE, ANN, text).unwrap();
    }

    /// Messages that reached the page's visitor.
    fn sent(&self) -> Vec<Value> {
        let entries = self.fakes.meta.journal().after(0);
        entries
            .into_iter()
            .map(|entry| entry.body.clone())
            .filter(|body| body.get("message").is_some())
            .collect()
    }

    /// Waits until so many messages were sent.
    async fn until_sent(&self, count: usize) -> Value {
        let mut newest = self.fakes.meta.journal().subscribe();
        let wait = async {
            while self.sent().len() < count {
                newest.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("nothing was sent");
        self.sent().pop().unwrap()
    }

    /// Waits until the API knows the conversation.
    async fn until_known(&self) {
        let wait = async {
            while self.ask::<ModeShow>("conversation_mode", Value::Null).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it is not in the timeline");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_takes_over_by_writing_and_gives_back_by_a_command() {
    let house = House::open().await;
    house.hear("hi");
    assert_eq!(house.until_sent(1).await["message"]["text"], "I am a bot.");
    house.until_known().await;

    let said: Said = house.ask("conversation_say", json!({"text": "Ann here.", "id": "1"})).await.unwrap();
    assert!(said.human_until_ms.is_some());
    let message = house.until_sent(2).await;
    assert_eq!(
        (&message["message"]["text"], &message["messaging_type"]),
        (&json!("Ann here."), &json!("RESPONSE"))
    );
    let shown: ModeShow = house.ask("conversation_mode", Value::Null).await.unwrap();
    assert_eq!(shown.mode, Mode::Human);

    // The same call again is the same message, and the bot is silent.
    let again: Said = house.ask("conversation_say", json!({"text": "Ann here.", "id": "1"})).await.unwrap();
    assert_eq!(again.reply, said.reply);
    house.hear("are you a bot?");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(house.sent().len(), 2);

    // More than a day later a person may still answer, and has to say so.
    house.clock.advance(Duration::from_secs(30 * 3600));
    house.ask::<Said>("conversation_say", json!({"text": "Ann again."})).await.unwrap();
    let message = house.until_sent(3).await;
    assert_eq!((&message["messaging_type"], &message["tag"]), (&json!("MESSAGE_TAG"), &json!("HUMAN_AGENT")));

    let back: ModeShow = house.ask("conversation_mode_change", json!({"mode": "bot"})).await.unwrap();
    assert_eq!((back.mode, back.until_ms), (Mode::Bot, None));
    house.hear("hi");
    assert_eq!(house.until_sent(4).await["message"]["text"], "I am a bot.");

    house.clock.advance(Duration::from_secs(8 * 24 * 3600));
    let refused = house.ask::<Said>("conversation_say", json!({"text": "Too late."})).await.unwrap_err();
    assert!(refused.message.starts_with("window_closed"), "{refused}");
    house.testbed.stop().await;
}
