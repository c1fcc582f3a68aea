//! The events that an inbound item becomes.

use serde_json::value::RawValue;

use super::*;
use crate::domain::bot::ModelChoice;
use crate::domain::event::Event;
use crate::domain::events::AttachmentKind;
use crate::domain::ids::EventId;

const THEN: Timestamp = Timestamp::from_millis(1_795_246_190_000);

fn root(channel: ChannelKind) -> Root {
    let data = WebhookReceived {
        channel,
        account: "77".into(),
        received: THEN,
        object: None,
        entry: None,
        place: None,
        metadata: None,
        contacts: None,
        item: RawValue::from_string("{}".to_owned()).unwrap(),
    };
    let id = EventId::root(channel, "77", "1");
    let mut root = Envelope::root(id, format!("{channel}/77/5"), THEN, THEN, data);
    root.tenant = "acme".into();
    root.bot = "shop".into();
    root
}

fn bot(spec: &str, answers: bool) -> Bot {
    let mut spec: crate::domain::bot::BotSpec =
        serde_json::from_str(&format!("{{\"bot\":\"shop\"{spec}}}")).unwrap();
    if answers {
        spec.model = Some(ModelChoice {
            provider: "extractive".into(),
            model: String::new(),
            max_tokens: 1,
            history: 1,
            wait: crate::domain::units::Span::default(),
        });
    }
    Bot { tenant: "acme".into(), version: 1, enabled: true, spec, accounts: Vec::new(), bases: Vec::new() }
}

fn said(kind: TurnKind) -> Normalised {
    Normalised {
        kind: Kind::Message,
        raw_kind: "message:text".into(),
        sender: Some("5".into()),
        chat: Some("5".into()),
        text: Some("hi".into()),
        message_id: Some("3".into()),
        turn: Some(kind),
        ..Normalised::default()
    }
}

fn run(root: Root, it: Normalised, bot: &Bot, after: Duration) -> Vec<Emission> {
    emissions(root, it, bot, &Known::default(), THEN.plus(after), Duration::from_micros(7))
}

fn decode<T: Event>(emission: &Emission) -> Envelope<T> {
    Envelope::decode(&emission.value).unwrap()
}

#[test]
fn a_turn_carries_conversation_deadline_and_first_hop() {
    let out = run(root(ChannelKind::Telegram), said(TurnKind::Text), &bot("", false), Duration::from_secs(1));
    let [turn] = &out[..] else { panic!("{out:?}") };
    let turn: Envelope<TurnOpened> = decode(turn);
    assert_eq!(out[0].port, "turn");
    assert_eq!(turn.conversation.as_str(), "acme/telegram/77/5");
    assert_eq!((&*out[0].key, turn.subject.as_str()), (turn.subject.as_bytes(), turn.conversation.as_str()));
    assert_eq!(turn.deadline, Some(THEN.plus(Duration::from_secs(15 * 60))));
    assert_eq!((turn.rootid, turn.roottime), (EventId::root(ChannelKind::Telegram, "77", "1"), THEN));
    assert_eq!(turn.data.text, "hi");
    assert_eq!((turn.data.hops[0].stage, turn.data.hops[0].took_us), (StageName::Ingest, 7));
}

#[test]
fn a_topic_is_a_conversation_of_its_own() {
    let mut it = said(TurnKind::Text);
    it.thread = Some("9".into());
    let out = run(root(ChannelKind::Telegram), it, &bot("", false), Duration::ZERO);
    assert_eq!(decode::<TurnOpened>(&out[0]).conversation.as_str(), "acme/telegram/77/5/9");
}

#[test]
fn what_is_pressed_has_a_title_and_a_payload() {
    let mut it = said(TurnKind::Press);
    (it.text, it.title) = (Some("P-1".into()), Some("Prices".into()));
    let turn: Envelope<TurnOpened> =
        decode(&run(root(ChannelKind::Whatsapp), it.clone(), &bot("", false), Duration::ZERO)[0]);
    assert_eq!((turn.data.text.as_str(), turn.data.payload.as_deref()), ("Prices", Some("P-1")));
    it.title = None;
    let turn: Envelope<TurnOpened> =
        decode(&run(root(ChannelKind::Whatsapp), it, &bot("", false), Duration::ZERO)[0]);
    assert_eq!(turn.data.text, "P-1");
}

#[test]
fn a_summary_is_nobodys_word() {
    let mut it = said(TurnKind::Attachment);
    (it.text, it.text_is_summary) = (Some("1.5,2.5".into()), true);
    let long = "ü".repeat(500);
    it.attachments = vec![Attachment {
        kind: AttachmentKind::Location,
        id: Some("x".repeat(5000)),
        url: Some("geo:1.5,2.5".into()),
        mime: None,
        name: Some(long),
    }];
    let turn: Envelope<TurnOpened> =
        decode(&run(root(ChannelKind::Telegram), it, &bot("", false), Duration::ZERO)[0]);
    assert_eq!(turn.data.text, "");
    let held = &turn.data.attachments[0];
    assert_eq!((held.id.as_deref(), held.name.as_deref().map(str::len)), (None, Some(400)));
}

#[test]
fn a_long_text_is_cut_with_a_flag() {
    let mut it = said(TurnKind::Text);
    it.text = Some("é".repeat(1 << 20));
    let out = run(root(ChannelKind::Telegram), it, &bot("", false), Duration::ZERO);
    let turn: Envelope<TurnOpened> = decode(&out[0]);
    assert!(
        turn.data.text_cut
            && turn.data.text.len() <= MAX_TEXT_BYTES
            && turn.data.text.len() > MAX_TEXT_BYTES - 4
    );
    assert!(out[0].value.len() < 1 << 20, "it fits its topic");
}

#[test]
fn what_is_late_is_dropped_unless_the_bot_answers_everything() {
    let late = Duration::from_secs(16 * 60);
    let out = run(root(ChannelKind::Telegram), said(TurnKind::Text), &bot("", true), late);
    let [dropped] = &out[..] else { panic!("{out:?}") };
    assert_eq!((dropped.port, decode::<TurnDropped>(dropped).data.reason.as_str()), ("dropped", "late"));

    let patient = bot(",\"reply_ttl\":\"none\"", false);
    let out = run(root(ChannelKind::Telegram), said(TurnKind::Text), &patient, Duration::from_secs(1 << 30));
    assert_eq!((out[0].port, decode::<TurnOpened>(&out[0]).deadline), ("turn", None));
    let out = run(root(ChannelKind::Whatsapp), said(TurnKind::Text), &patient, Duration::from_secs(60));
    let deadline = decode::<TurnOpened>(&out[0]).deadline;
    assert_eq!(deadline, Some(THEN.plus(WHATSAPP_WINDOW)), "never past the window");
}

#[test]
fn a_callback_is_answered_and_a_bot_that_thinks_says_so() {
    let mut it = said(TurnKind::Press);
    it.callback_id = Some("cb".into());
    let out = run(root(ChannelKind::Telegram), it.clone(), &bot("", true), Duration::ZERO);
    let signals: Vec<_> =
        out[..2].iter().map(|emission| decode::<SignalReady>(emission).data.signal).collect();
    let typing = Signal::Typing { message_id: Some("3".into()) };
    assert_eq!(signals, [Signal::AnswerCallback { callback_id: "cb".into() }, typing]);
    assert!(out[..2].iter().all(|emission| emission.port == "signal" && &*emission.key == b"shop"));
    assert_ne!(decode::<SignalReady>(&out[0]).id, decode::<SignalReady>(&out[1]).id);
    assert_eq!(out[2].port, "turn");

    // An inline message has no chat, and its button still stops spinning.
    (it.chat, it.turn) = (None, None);
    let out = run(root(ChannelKind::Telegram), it, &bot("", false), Duration::ZERO);
    assert_eq!(out.iter().map(|emission| emission.port).collect::<Vec<_>>(), ["signal", "dropped"]);
    let quiet = run(root(ChannelKind::Telegram), said(TurnKind::Text), &bot("", false), Duration::ZERO);
    assert_eq!(quiet.len(), 1);
}

#[test]
fn what_was_read_is_marked_beside_typing_where_typing_does_not_say_it() {
    let signals = |channel, spec: &str, answers| {
        let out = run(root(channel), said(TurnKind::Text), &bot(spec, answers), Duration::ZERO);
        let ready = out.iter().filter(|emission| emission.port == SIGNAL);
        ready.map(|emission| decode::<SignalReady>(emission).data.signal).collect::<Vec<_>>()
    };
    let read = || Signal::Read { message_id: "3".into() };
    let typing = || Signal::Typing { message_id: Some("3".into()) };
    const MARKS: &str = ",\"read_marks\":true";
    for channel in [ChannelKind::Messenger, ChannelKind::Instagram] {
        assert_eq!(signals(channel, MARKS, true), [read(), typing()]);
        assert_eq!(signals(channel, MARKS, false), [read()]);
        assert_eq!(signals(channel, "", true), [typing()]);
    }
    assert_eq!(signals(ChannelKind::Whatsapp, MARKS, true), [typing()]);
    assert_eq!(signals(ChannelKind::Whatsapp, MARKS, false), [read()]);
    assert_eq!(signals(ChannelKind::Telegram, MARKS, true), [typing()]);
}

#[test]
fn a_status_is_a_receipt_for_each_of_its_messages() {
    let it = Normalised {
        kind: Kind::Receipt,
        raw_kind: "delivery".into(),
        chat: Some("5".into()),
        status: Some("delivered".into()),
        on: Some("a".into()),
        also_on: vec!["b".into()],
        opaque: Some("r1".into()),
        errors: vec![131_047],
        ..Normalised::default()
    };
    // However old it is.
    let old = Duration::from_secs(86_400);
    let out = run(root(ChannelKind::Messenger), it.clone(), &bot("", false), old);
    let receipts: Vec<_> = out.iter().map(decode::<ReceiptReceived>).collect();
    assert_eq!(receipts.iter().map(|r| r.data.message_id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_ne!(receipts[0].id, receipts[1].id);
    assert_eq!((receipts[0].data.status, receipts[0].data.at), (ReceiptStatus::Delivered, THEN));
    assert_eq!(
        (receipts[0].data.opaque.as_deref(), &receipts[0].data.errors[..]),
        (Some("r1"), &[131_047][..])
    );
    assert!(out.iter().all(|emission| emission.port == "receipt" && &*emission.key == b"shop"));

    for odd in [Normalised { status: Some("in_orbit".into()), ..it.clone() }, Normalised { on: None, ..it }] {
        let out = run(root(ChannelKind::Messenger), odd, &bot("", false), Duration::ZERO);
        assert_eq!((out.len(), decode::<TurnDropped>(&out[0]).data.reason.as_str()), (1, "ignored"));
    }
}

#[test]
fn what_opens_no_turn_is_accounted_for() {
    let it =
        Normalised { kind: Kind::Reaction, raw_kind: "message_reaction".into(), ..Normalised::default() };
    let out = run(root(ChannelKind::Telegram), it, &bot("", true), Duration::ZERO);
    let dropped: Envelope<TurnDropped> = decode(&out[0]);
    assert_eq!(
        (dropped.data.reason.as_str(), dropped.data.note.as_deref()),
        ("reaction", Some("message_reaction"))
    );
    assert_eq!(&*out[0].key, b"telegram/77/5", "without a conversation it keeps the edge's key");
}

#[test]
fn a_wish_in_words_goes_with_the_turn_and_is_not_lost_with_a_late_one() {
    let mut it = said(TurnKind::Text);
    it.text = Some("STOP".into());
    let out = run(root(ChannelKind::Whatsapp), it.clone(), &bot("", false), Duration::ZERO);
    assert_eq!(decode::<TurnOpened>(&out[0]).data.consent, Some(Consent::Out));
    let late = run(root(ChannelKind::Whatsapp), it.clone(), &bot("", false), Duration::from_secs(3600));
    let noted = decode::<TurnDropped>(&late[0]).data.noted.unwrap();
    assert_eq!(noted.consents[0].conversation.as_str(), "acme/whatsapp/77/5");
    assert_eq!((noted.consents[0].consent, noted.consents[0].by), (Consent::Out, ConsentBy::Word));
    it.chat_kind = ChatKind::Group;
    let group = run(root(ChannelKind::Whatsapp), it, &bot("", false), Duration::ZERO);
    assert_eq!(decode::<TurnOpened>(&group[0]).data.consent, None, "in a group nobody is meant");
}

#[test]
fn where_people_answer_nobody_shows_that_a_bot_types() {
    let standing = Standing { epoch: 7, human_until: Some(THEN.plus(Duration::from_secs(60))) };
    let known = Known { standing: Some(standing), ..Known::default() };
    let it = said(TurnKind::Text);
    let took = Duration::ZERO;
    let out = emissions(root(ChannelKind::Whatsapp), it, &bot("", true), &known, THEN, took);
    let [turn] = &out[..] else { panic!("{out:?}") };
    assert_eq!(decode::<TurnOpened>(turn).data.epoch, Some(7), "the turn itself is kept");
}

#[test]
fn a_page_that_was_read_is_a_receipt_up_to_then() {
    let mut event = root(ChannelKind::Webchat);
    let item = format!(r#"{{"id":"r1","visitor":"5","read":{}}}"#, THEN.millis());
    event.data.item = RawValue::from_string(item).unwrap();
    let it = crate::stages::ingest::normalise(&event.data).unwrap();
    let out = run(event, it, &bot("", false), Duration::ZERO);
    let [receipt] = &out[..] else { panic!("{out:?}") };
    let receipt: Envelope<ReceiptReceived> = decode(receipt);
    assert_eq!((receipt.data.upto, receipt.data.status), (Some(THEN), ReceiptStatus::Read));
    assert_eq!(receipt.conversation.as_str(), "acme/webchat/77/5");
}

#[test]
fn a_files_name_is_a_label_and_that_of_a_place_is_words() {
    let named = |kind, name: &str| {
        let file =
            Attachment { kind, id: Some("f1".into()), url: None, mime: None, name: Some(name.to_owned()) };
        let it = Normalised { attachments: vec![file], ..said(TurnKind::Attachment) };
        let out = run(root(ChannelKind::Telegram), it, &bot("", false), Duration::from_secs(1));
        let turn: Envelope<TurnOpened> = decode(&out[0]);
        turn.data.attachments[0].name.clone()
    };
    let name = |name| named(AttachmentKind::Document, name);
    assert_eq!(name("../../bill\u{202e}gnp.svg\r\n").as_deref(), Some("billgnp.svg"));
    assert_eq!(
        name("<svg onload=1>.svg").as_deref(),
        Some("<svg onload=1>.svg"),
        "words, whatever they look like"
    );
    assert_eq!(name("\u{202e}/\0"), None, "nothing is left of it");
    assert_eq!(named(AttachmentKind::Venue, "Café/Bar: Mitte").as_deref(), Some("Café/Bar: Mitte"));
}
