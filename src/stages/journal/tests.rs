//! What each event becomes.

use super::rows::{Source, TOPICS};
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::{
    ChatKind, Consent, ConsentBy, ConsentNews, Contact, Hop, Noted, Settled, TurnDropped, TurnKind,
    TurnOpened,
};
use crate::domain::ids::EventId;
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::domain::topics;
use crate::log::Record;
use crate::store::JournalRow;

fn record(value: impl Into<bytes::Bytes>) -> Record {
    let at = Timestamp::from_millis(1);
    Record { offset: 7, at, key: bytes::Bytes::new(), value: value.into(), headers: Vec::new() }
}

fn envelope<T: Event>(data: T) -> Envelope<T> {
    let at = Timestamp::from_millis(1_790_000_000_000);
    let id = EventId::root(ChannelKind::Telegram, "77", "1");
    let mut event = Envelope::root(id, String::new(), at, at, data);
    (event.tenant, event.bot, event.conversation) = ("acme".into(), "shop".into(), "c".into());
    event
}

fn turn(chat_kind: ChatKind) -> Envelope<TurnOpened> {
    envelope(TurnOpened {
        channel: ChannelKind::Telegram,
        account: "77".into(),
        chat: "-100".into(),
        thread: Some("4".into()),
        chat_kind,
        contact: Contact { id: "42".into(), name: Some("Ada".into()), ..Contact::default() },
        kind: TurnKind::Press,
        text: "Prices".into(),
        text_cut: false,
        payload: Some("p1".into()),
        attachments: Vec::new(),
        message_id: Some("9".into()),
        reply_to: None,
        callback_id: None,
        referral: None,
        consent: None,
        epoch: None,
        hops: Vec::new(),
    })
}

#[test]
fn every_topic_of_the_timeline_is_known() {
    for topic in TOPICS {
        assert!(Source::of(topic).is_some(), "{topic}");
    }
    assert_eq!(Source::of(topics::TURN_ROUTED), None);
}

#[test]
fn a_group_has_no_one_contact() {
    for (kind, name) in [(ChatKind::Private, Some("Ada")), (ChatKind::Group, None)] {
        let rows = Source::Opened.rows(&record(turn(kind).encode())).unwrap();
        let [JournalRow::Conversation(conversation), JournalRow::Message(message)] = rows.as_slice() else {
            panic!("{rows:?}");
        };
        assert_eq!(conversation.name.as_deref(), name);
        assert_eq!(conversation.contact.is_empty(), kind == ChatKind::Group);
        assert_eq!((message.kind.as_str(), message.text.as_str(), message.position), ("press", "Prices", 7));
        assert!(message.data.contains("\"name\":\"Ada\""), "who spoke stands with the message");
    }
}

#[test]
fn a_drop_says_why() {
    let hop = Hop {
        stage: StageName::Match,
        at: Timestamp::from_millis(1),
        took_us: 5,
        note: None,
        searched: None,
    };
    let data = TurnDropped {
        stage: StageName::Ingest,
        reason: "late".into(),
        note: None,
        noted: None,
        hops: vec![hop.clone()],
    };
    let rows = Source::Dropped.rows(&record(envelope(data).encode())).unwrap();
    let [JournalRow::Message(message)] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((message.kind.as_str(), message.data.as_str()), ("late", r#"{"stage":"ingest"}"#));
    assert_eq!(serde_json::from_str::<Vec<Hop>>(&message.hops).unwrap(), [hop]);
}

#[test]
fn what_is_nobodys_or_replayed_has_no_row() {
    let mut replay = turn(ChatKind::Private);
    replay.runid = Some("r".into());
    let mut nobody = turn(ChatKind::Private);
    nobody.tenant = "".into();
    for event in [replay, nobody] {
        assert!(Source::Opened.rows(&record(event.encode())).unwrap().is_empty());
    }
}

#[test]
fn an_unreadable_record_is_an_error_that_names_the_type() {
    let error = Source::Settled.rows(&record("{}")).unwrap_err().to_string();
    assert!(error.contains(Settled::TYPE), "{error}");
    let error = Source::Opened
        .rows(&record(
            envelope(TurnDropped {
                stage: StageName::Match,
                reason: "x".into(),
                note: None,
                noted: None,
                hops: Vec::new(),
            })
            .encode(),
        ))
        .unwrap_err()
        .to_string();
    assert!(error.contains("turn.dropped.v1") && error.contains("turn.opened.v1"), "{error}");
}

#[test]
fn a_wish_not_to_be_written_to_is_kept_however_it_becomes_known() {
    let wishes = |rows: Vec<JournalRow>| -> Vec<(Consent, ConsentBy)> {
        let wish = |row| match row {
            JournalRow::Consent(row) => Some((row.consent, row.by)),
            _ => None,
        };
        rows.into_iter().filter_map(wish).collect()
    };
    let mut said = turn(ChatKind::Private);
    said.data.consent = Some(Consent::Out);
    let rows = Source::Opened.rows(&record(said.encode())).unwrap();
    assert_eq!(wishes(rows), [(Consent::Out, ConsentBy::Word)]);

    let news = |consent, by| ConsentNews { conversation: "acme/telegram/77/5".into(), consent, by };
    let consents = vec![news(Consent::Out, ConsentBy::Block), news(Consent::In, ConsentBy::Provider)];
    let noted = Some(Noted { consents, ..Noted::default() });
    let data = TurnDropped {
        stage: StageName::Ingest,
        reason: "membership".into(),
        note: None,
        noted,
        hops: Vec::new(),
    };
    let rows = Source::Dropped.rows(&record(envelope(data).encode())).unwrap();
    assert_eq!(wishes(rows), [(Consent::Out, ConsentBy::Block), (Consent::In, ConsentBy::Provider)]);

    let ends = [
        ("131050: User opted out", Some(ConsentBy::Provider)),
        ("Forbidden: bot was blocked by the user", Some(ConsentBy::Block)),
        ("131049: healthy ecosystem", None),
    ];
    for (reason, by) in ends {
        assert_eq!(super::rows::refused(reason), by, "{reason}");
    }
    for gone in [
        "131026: Message undeliverable",
        "551: This person isn't available right now",
        "Forbidden: user is deactivated",
        "Forbidden: bot was kicked from the supergroup chat",
        "Bad Request: chat not found",
    ] {
        assert!(super::rows::closes(gone), "{gone}");
    }
    for other in ["131047: Re-engagement message", "Bad Request: message is too long", "window_closed: x"] {
        assert!(!super::rows::closes(other), "{other}");
    }
}
