//! The stage without broker or database.

use std::time::Duration;

use super::*;
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{ChatKind, Contact, TurnKind};
use crate::domain::ids::{AccountId, ConversationId};
use crate::domain::time::{ManualClock, Timestamp};
use crate::store::fake::FakeDirectory;

fn spec(extra: &str) -> BotSpec {
    let text = format!(
        "{{bot: shop, fallback: Call us., scripts: [{{name: hello, when: [{{exact: hi}}], reply: [Hello!]}}], {extra}}}"
    );
    serde_saphyr::from_str(&text).unwrap()
}

fn turn(text: &str) -> Envelope<TurnOpened> {
    let account = AccountId::from("77");
    let id = EventId::root(ChannelKind::Telegram, "77", text);
    let data = TurnOpened {
        channel: ChannelKind::Telegram,
        account: account.clone(),
        chat: "42".into(),
        thread: None,
        chat_kind: ChatKind::Private,
        contact: Contact::default(),
        kind: TurnKind::Text,
        text: text.into(),
        text_cut: false,
        payload: None,
        attachments: Vec::new(),
        message_id: None,
        reply_to: None,
        callback_id: None,
        hops: Vec::new(),
    };
    let at = Timestamp::from_millis(1_000);
    let mut turn = Envelope::root(id, "telegram/77/42", at, at, data);
    turn.tenant = "acme".into();
    turn.bot = "shop".into();
    turn.conversation = ConversationId::new(&turn.tenant, ChannelKind::Telegram, &account, "42", None);
    turn
}

async fn run(spec: BotSpec, enabled: bool, text: &str) -> Outcome<MatchOut> {
    let directory = FakeDirectory::default();
    directory.put_bot(Bot { tenant: "acme".into(), version: 1, enabled, spec, accounts: Vec::new() });
    let stage = MatchScript::new(Arc::new(directory));
    let cx = Cx {
        clock: Arc::new(ManualClock::at(Timestamp::from_millis(2_000))),
        until: tokio::time::Instant::now() + Duration::from_secs(5),
        attempt: 1,
        cancel: tokio_util::sync::CancellationToken::new(),
    };
    stage.handle(&cx, &turn(text)).await.unwrap()
}

#[tokio::test]
async fn a_scripted_bot_answers_at_once_under_the_reply_id() {
    let Outcome::Emit(MatchOut::Ready(reply)) = run(spec(""), true, " HI ").await else { panic!("no reply") };
    assert_eq!(reply.id, EventId::reply(turn(" HI ").id, 0));
    assert_eq!(reply.data.parts[0].text, "Hello!");
    assert_eq!(reply.data.route.to_string(), "script:hello");
    assert_eq!(reply.data.hops.len(), 1);
}

#[tokio::test]
async fn without_a_hit_the_bot_says_its_own_words_or_nothing() {
    let Outcome::Emit(MatchOut::Ready(reply)) = run(spec(""), true, "what?").await else {
        panic!("no reply")
    };
    assert_eq!(reply.data.parts[0].text, "Call us.");
    let silent = BotSpec { fallback: String::new(), ..spec("") };
    assert!(matches!(run(silent, true, "what?").await, Outcome::Drop(DropReason { reason: "no_reply", .. })));
}

#[tokio::test]
async fn every_turn_of_a_bot_with_knowledge_goes_on_with_the_script_reply_beside_it() {
    let knowing = spec("documents: [{name: a.md, text: x}]");
    let Outcome::Emit(MatchOut::Routed(routed)) = run(knowing.clone(), true, "hi").await else {
        panic!("not routed")
    };
    assert_eq!(routed.data.reply.unwrap().parts[0].text, "Hello!");
    let Outcome::Emit(MatchOut::Routed(routed)) = run(knowing.clone(), true, "what?").await else {
        panic!("not routed")
    };
    assert!(routed.data.reply.is_none());
    let overtaking = BotSpec { scripts_overtake: true, ..knowing };
    assert!(matches!(run(overtaking, true, "hi").await, Outcome::Emit(MatchOut::Ready(_))));
}

#[tokio::test]
async fn a_disabled_bot_says_nothing() {
    assert!(matches!(
        run(spec(""), false, "hi").await,
        Outcome::Drop(DropReason { reason: "bot_disabled", .. })
    ));
}
