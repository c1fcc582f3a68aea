//! The stage without broker or database.

use std::time::Duration;

use super::*;
use crate::domain::bot::BotSpec;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{
    Attachment, AttachmentKind, Button, ChatKind, Contact, ConversationMode, Mode, Referral, TakenBy,
    TurnKind,
};
use crate::domain::ids::{AccountId, ConversationId};
use crate::domain::time::{ManualClock, Timestamp};
use crate::store::StoreError;
use crate::store::fake::FakeDirectory;

fn spec(extra: &str) -> BotSpec {
    let text = format!("{{bot: shop, fallback: Call us., {extra}}}");
    let text = match extra.contains("scripts:") {
        true => text,
        false => text.replace(
            "fallback: Call us.,",
            "fallback: Call us., scripts: [{name: hello, when: [{exact: hi}], reply: [Hello!]}],",
        ),
    };
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
        referral: None,
        consent: None,
        epoch: None,
        hops: Vec::new(),
    };
    let at = Timestamp::from_millis(1_000);
    let mut turn = Envelope::root(id, "telegram/77/42", at, at, data);
    turn.tenant = "acme".into();
    turn.bot = "shop".into();
    turn.conversation = ConversationId::new(&turn.tenant, ChannelKind::Telegram, &account, "42", None);
    turn
}

fn stage(spec: BotSpec, enabled: bool) -> (MatchScript, Arc<FakeDirectory>) {
    let directory = Arc::new(FakeDirectory::default());
    directory.put_bot(Bot {
        tenant: "acme".into(),
        version: 1,
        enabled,
        spec,
        accounts: Vec::new(),
        bases: Vec::new(),
    });
    (
        MatchScript::new(
            Arc::clone(&directory) as Arc<dyn Directory>,
            Arc::clone(&directory) as _,
            Arc::default(),
        ),
        directory,
    )
}

fn at(ms: i64) -> Cx {
    Cx {
        clock: Arc::new(ManualClock::at(Timestamp::from_millis(ms))),
        until: tokio::time::Instant::now() + Duration::from_secs(5),
        attempt: 1,
        waits: false,
        once: false,
        late: false,
        cancel: tokio_util::sync::CancellationToken::new(),
    }
}

async fn run(spec: BotSpec, enabled: bool, text: &str) -> Outcome<MatchOut> {
    stage(spec, enabled).0.handle(&at(2_000), &turn(text)).await.unwrap()
}

/// The text that goes out, or why nothing does.
fn heard(outcome: Outcome<MatchOut>) -> String {
    match outcome {
        Outcome::Emit(MatchOut::Ready(reply)) => reply.data.parts[0].text.clone(),
        Outcome::Emit(MatchOut::Routed(turn)) => {
            turn.data.reply.map_or("routed".into(), |r| r.parts[0].text.clone())
        }
        Outcome::Drop(reason) => format!("dropped: {}", reason.reason),
        Outcome::EmitAll(_) => unreachable!(),
    }
}

fn sent(kind: AttachmentKind, id: &str) -> Envelope<TurnOpened> {
    let mut sent = turn(id);
    sent.data.kind = TurnKind::Attachment;
    sent.data.text.clear();
    let attachment = Attachment { kind, id: None, url: None, mime: None, name: None };
    sent.data.attachments.push(attachment);
    sent
}

#[tokio::test]
async fn what_is_sent_matches_by_kind_and_else_gets_the_unsupported_text_once_an_hour() {
    let spec = spec("unsupported: Text please., scripts: [{name: v, when: [{on: voice}], reply: [Heard.]}]");
    let (stage, _) = stage(spec, true);
    let say = async |ms, turn: &Envelope<TurnOpened>| heard(stage.handle(&at(ms), turn).await.unwrap());
    assert_eq!(say(0, &sent(AttachmentKind::Voice, "a")).await, "Heard.");
    let first = sent(AttachmentKind::Sticker, "b");
    assert_eq!(say(0, &first).await, "Text please.");
    assert_eq!(say(1, &first).await, "Text please.", "the same turn, run again");
    assert_eq!(say(2, &sent(AttachmentKind::Sticker, "c")).await, "dropped: unsupported");
    assert_eq!(say(3_600_002, &sent(AttachmentKind::Sticker, "d")).await, "Text please.");
}

#[tokio::test]
async fn a_bot_is_silent_where_people_answer_and_for_what_was_said_before_they_came() {
    let directory = Arc::new(FakeDirectory::default());
    directory.put_bot(Bot {
        tenant: "acme".into(),
        version: 1,
        enabled: true,
        spec: spec("name: x"),
        accounts: Vec::new(),
        bases: Vec::new(),
    });
    let modes = Arc::<Modes>::default();
    let stage = MatchScript::new(Arc::clone(&directory) as _, directory, Arc::clone(&modes));
    let mut said = turn("hi");
    let until = Some(Timestamp::from_millis(5_000));
    let taken = ConversationMode { mode: Mode::Human, epoch: 1_500, until, by: TakenBy::Echo };
    modes.note(&said.conversation, &taken);
    let hear = async |ms, said: &Envelope<TurnOpened>| heard(stage.handle(&at(ms), said).await.unwrap());
    assert_eq!(hear(2_000, &said).await, "dropped: human");
    said.data.epoch = Some(0);
    assert_eq!(hear(6_000, &said).await, "dropped: human", "it was said before they took over");
    said.data.epoch = Some(1_500);
    assert_eq!(hear(6_000, &said).await, "Hello!", "their time is over");
    let mut other = turn("hi");
    other.conversation = "acme/telegram/77/43".into();
    assert_eq!(hear(2_000, &other).await, "Hello!", "a neighbour");
}

#[tokio::test]
async fn a_model_never_gets_an_empty_question() {
    let knowing = spec("documents: [{name: a.md, text: x}]");
    let (stage, _) = stage(knowing, true);
    let outcome = stage.handle(&at(0), &sent(AttachmentKind::Image, "a")).await.unwrap();
    assert!(heard(outcome).contains("only read text"));
}

#[tokio::test]
async fn a_link_matches_by_its_code_and_is_no_question() {
    let spec = spec(
        "scripts: [{name: any, when: [{referral: '*'}], reply: [Any.]}, {name: sale, when: [{referral: sale}], reply: [Sale!]}]",
    );
    let (with, _) = stage(spec, true);
    let mut came = turn("/start sale");
    let link = |code: &str| Some(Referral { code: Some(code.into()), ..Referral::default() });
    came.data.referral = link("sale");
    assert_eq!(heard(with.handle(&at(0), &came).await.unwrap()), "Sale!");
    came.data.referral = link("other");
    assert_eq!(heard(with.handle(&at(0), &came).await.unwrap()), "Any.");
    let (without, _) = stage(self::spec(""), true);
    came.data.kind = TurnKind::Referral;
    came.data.text.clear();
    assert_eq!(heard(without.handle(&at(0), &came).await.unwrap()), "dropped: referral");
}

#[tokio::test]
async fn a_number_may_be_typed_before_the_timeline_has_the_menu() {
    let spec = spec(
        "scripts: [{name: menu, when: [{exact: menu}], reply: [{text: '?', buttons: [Tea, Cake]}]}, {name: cake, when: [{exact: cake}], reply: [Yum.]}]",
    );
    let (stage, _) = stage(spec, true);
    let say = async |text: &str| heard(stage.handle(&at(0), &turn(text)).await.unwrap());
    assert_eq!(say("menu").await, "?");
    assert_eq!(say("2").await, "Yum.");
    assert_eq!(say("2").await, "Yum.", "the same turn, run again");
    assert_eq!(say("02").await, "Call us.", "the next one has nothing to choose from");
}

#[tokio::test]
async fn a_typed_number_is_the_choice_that_was_offered() {
    let button = |title: &str, payload: &str| Button {
        title: title.into(),
        payload: Some(payload.into()),
        ..Button::default()
    };
    for (typed, wanted) in
        [("2", "Two it is."), (" ۲. ", "Two it is."), ("3", "Call us."), ("two", "Call us.")]
    {
        let spec = spec("scripts: [{name: two, when: [{exact: pay-two}], reply: [Two it is.]}]");
        let (stage, directory) = stage(spec, true);
        let turn = turn(typed);
        let say = async || heard(stage.handle(&at(0), &turn).await.unwrap());
        assert_eq!(say().await, "Call us.", "nothing was offered");
        let offered = vec![button("One", "pay-one"), button("Two", "pay-two")];
        directory.put_choices(&turn.tenant, &turn.conversation, offered);
        assert_eq!(say().await, wanted, "{typed}");
    }
}

#[tokio::test]
async fn a_title_is_the_choice_where_the_bot_offered_it() {
    // Telegram carries no payload of more than 64 bytes: its keyboard sends the title.
    let long = format!("book:{}", "x".repeat(80));
    let rules = format!(
        "scripts: [{{name: menu, when: [{{exact: menu}}], reply: [{{text: '?', buttons: [{{title: Two beds, payload: '{long}'}}, Help]}}]}}, \
         {{name: two, when: [{{exact: '{long}'}}], reply: [Booked.]}}, {{name: help, when: [{{exact: help}}], reply: [Ask.]}}]"
    );
    let said =
        async |stage: &MatchScript, text: &str| heard(stage.handle(&at(0), &turn(text)).await.unwrap());
    let (fresh, _) = stage(spec(&rules), true);
    assert_eq!(said(&fresh, "Two beds").await, "Call us.", "nothing was offered");
    assert_eq!(said(&fresh, "menu").await, "?");
    assert_eq!(said(&fresh, " two  BEDS ").await, "Booked.");
    // The process that offered it is gone: the timeline knows.
    let (other, directory) = stage(spec(&rules), true);
    let title = "Two beds".to_owned();
    let offered = Button { title, payload: Some(long), ..Button::default() };
    let asked = turn("Two beds");
    directory.put_choices(&asked.tenant, &asked.conversation, vec![offered]);
    let Outcome::Emit(MatchOut::Ready(reply)) = other.handle(&at(0), &asked).await.unwrap() else {
        panic!("no reply")
    };
    assert_eq!(reply.data.parts[0].text, "Booked.");
    assert_eq!(said(&other, "help").await, "Ask.", "what says what it means is a text");
}

#[tokio::test(start_paused = true)]
async fn the_timeline_is_asked_for_no_text_that_no_button_says() {
    let (_, directory) = stage(spec(""), true);
    let stage = MatchScript::new(directory, Arc::new(Down { hangs: true }), Arc::default());
    let began = tokio::time::Instant::now();
    assert_eq!(heard(stage.handle(&at(0), &turn("what is it")).await.unwrap()), "Call us.");
    assert_eq!(began.elapsed(), Duration::ZERO);
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

/// A timeline that can't say anything.
#[derive(Debug)]
struct Down {
    /// It does not answer at all.
    hangs: bool,
}

#[async_trait::async_trait]
impl History for Down {
    async fn lines(
        &self,
        _: &TenantId,
        _: &ConversationId,
        _: u32,
    ) -> Result<Vec<crate::store::Line>, StoreError> {
        Ok(Vec::new())
    }

    async fn choices(&self, _: &TenantId, _: &ConversationId) -> Result<Vec<Button>, StoreError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Err(StoreError::Unavailable("gone".to_owned()))
    }

    async fn holds(&self, _: &TenantId, _: EventId) -> Result<bool, StoreError> {
        Ok(false)
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_is_a_text_where_the_timeline_can_not_say_what_was_offered() {
    for hangs in [false, true] {
        let (_, directory) = stage(spec(""), true);
        let stage = MatchScript::new(directory, Arc::new(Down { hangs }), Arc::default());
        let began = tokio::time::Instant::now();
        assert_eq!(heard(stage.handle(&at(0), &turn("2")).await.unwrap()), "Call us.");
        assert!(began.elapsed() < Duration::from_millis(400), "nobody behind it waits long");
    }
}

#[tokio::test]
async fn example_sentences_match_by_meaning_below_words_and_above_rules_of_less_priority() {
    let spec = spec(
        "scripts: [{name: order, priority: 1, when: [{examples: [where is my order, when does my order come]}], reply: \
         [On its way.]}, {name: low, when: [{examples: [pay my bill]}], reply: [Bank.]}, {name: word, when: [{any: [order]}], \
         reply: [Orders.]}, {name: bill, when: [{any: [bill]}], reply: [Bills.]}]",
    );
    let model = || Arc::new(crate::services::embed::fake::FakeEmbed::default());
    let classifier = || Classifier::new(model(), [("en".to_owned(), 0.5)].into());
    let say = async |with: bool, text: &str| {
        let stage = stage(spec.clone(), true).0.with_classifier(with.then(classifier));
        match stage.handle(&at(2_000), &turn(text)).await.unwrap() {
            Outcome::Emit(MatchOut::Ready(reply)) => {
                (reply.data.parts[0].text.clone(), reply.data.hops[0].note.clone().unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    };
    let (reply, note) = say(true, "where is it, my order").await;
    assert_eq!(reply, "On its way.");
    assert!(note.starts_with("examples: order 0."), "{note}");
    assert_eq!(say(false, "where is it, my order").await, ("Orders.".into(), String::new()));
    assert_eq!(say(false, "Where is my order?").await.0, "On its way.", "an example itself needs no model");
    assert_eq!(say(true, "my bill i pay").await.0, "Bills.", "words go first at the same priority");
    let (reply, note) = say(true, "who won the match").await;
    assert_eq!(reply, "Call us.");
    assert!(note.ends_with("refused"), "{note}");
    assert_eq!(say(true, "/where is it my order").await.1, "", "a command is no sentence");
}
