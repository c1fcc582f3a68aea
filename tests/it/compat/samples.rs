//! What each recording decodes to: every event with all its fields, and with as few as it can have.

mod chats;
mod documents;
mod media;
mod turns;

use std::fmt::Debug;

use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::event::Event;
use millrace::domain::events::{
    Attachment, AttachmentKind, BotBacklog, BotChanged, Button, ChatKind, Citation, Contact,
    ConversationMode, Hop, Lane, Limited, Mode, Parked, ParkedTurn, Part, ReceiptReceived, ReceiptStatus,
    ReplyReady, Route, Scripted, Settled, SettledStatus, Signal, SignalReady, TakenBy, TurnKind, TurnOpened,
    TurnRouted, WebchatOut, WebhookReceived,
};
use millrace::domain::ids::{AccountId, ConversationId, EventId, TenantId};
use millrace::domain::knowledge::DocumentStatus;
use millrace::domain::stage::StageName;
use millrace::domain::time::Timestamp;
use serde_json::value::RawValue;

use self::chats::{mode, receipt, signal};

/// Whether a value decodes as the event, and why not.
type Decodes = Box<dyn Fn(&[u8]) -> Result<(), String>>;

/// One recording.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) event: &'static str,
    pub(super) json: String,
    /// `Ok` when the bytes decode to exactly this sample.
    pub(super) decodes: Decodes,
}

const AT: Timestamp = Timestamp::from_millis(1_795_000_000_123);
const LEARNED: Option<Timestamp> = Some(Timestamp::from_millis(1_795_000_000_000));

pub(super) fn all() -> Vec<Sample> {
    vec![
        root("telegram", received_telegram()),
        root("whatsapp", received_whatsapp()),
        follow("full", opened_full(), true),
        follow("least", opened_least(), false),
        follow("scripted", TurnRouted { turn: opened_least(), reply: Some(scripted()) }, true),
        follow("plain", TurnRouted { turn: opened_least(), reply: None }, false),
        follow("passages", turns::grounded(), true),
        follow("ranges", documents::with_ranges(turns::grounded()), true),
        follow("searched", turns::searched(), false),
        follow("full", turns::dropped(Some("message:sticker")), true),
        follow("least", turns::dropped(None), false),
        follow("explained", turns::explained(), false),
        follow("script", reply(Route::Script { rule: "prices".into() }), true),
        follow("extractive", reply(Route::Extractive), false),
        follow("model", reply(Route::Model { model: "small-1".into() }), false),
        follow("fallback", reply(Route::Fallback { reason: "no_passage".into() }), false),
        follow("typing", signal(Signal::Typing { message_id: Some("7".into()) }), false),
        follow("callback", signal(Signal::AnswerCallback { callback_id: "99".into() }), false),
        settled("sent", SettledStatus::Sent, true),
        settled("rejected", SettledStatus::Rejected, false),
        settled("expired", SettledStatus::Expired, false),
        settled("in_doubt", SettledStatus::InDoubt, false),
        settled("skipped", SettledStatus::Skipped, false),
        settled("dropped", SettledStatus::Dropped, false),
        ledger("offset", with_offset()),
        ledger(
            "sending",
            Settled::Sending { id: reply_id(), offset: 9, part: 0, of: 2, epoch: 3, lane: Lane::Ready },
        ),
        ledger("unsent", Settled::Unsent { id: reply_id(), part: 0, of: 2, epoch: 3, lane: Lane::Ready }),
        ledger(
            "copied",
            Settled::Copied { id: reply_id(), offset: 9, part: 0, of: 2, epoch: 3, lane: Lane::Bulk },
        ),
        parked("put", put()),
        parked("epoch", Parked::Epoch { epoch: 4, lane: Lane::Ready }),
        parked("limit", limit(Limited::Bot("shop".into()), None)),
        parked("learned", limit(Limited::Bot("shop".into()), LEARNED)),
        parked("chat", limit(Limited::Chat(conversation()), LEARNED)),
        parked("number", limit(Limited::Number("acme/whatsapp/77".into()), LEARNED)),
        parked("app", limit(Limited::App("acme/whatsapp".into()), LEARNED)),
        parked("business", limit(Limited::Business("acme/102".into()), LEARNED)),
        parked("address", limit(Limited::Address("meta".into()), LEARNED)),
        plain(ParkedTurn::TYPE, "put", turn()),
        follow("delivered", receipt(ReceiptStatus::Delivered, true), true),
        follow("failed", receipt(ReceiptStatus::Failed, false), false),
        follow("message", webchat(), true),
        follow("over", BotBacklog { seconds: 1200 }, false),
        follow("human", mode(Mode::Human), false),
        follow("bot", mode(Mode::Bot), false),
        follow("changed", BotChanged { version: 7, deleted: false }, false),
        follow("deleted", BotChanged { version: 8, deleted: true }, false),
        follow("submitted", documents::submitted(), false),
        follow("searchable", documents::changed(DocumentStatus::Searchable, None), false),
        follow("failed", documents::changed(DocumentStatus::Failed, Some("there is no text in it")), false),
        follow("wanted", media::wanted(), false),
    ]
}

/// A record of the edge.
fn root(case: &str, data: WebhookReceived) -> Sample {
    let id = EventId::root(data.channel, data.account.as_str(), "1001");
    let subject = format!("{}/{}/42", data.channel, data.account);
    let mut envelope = Envelope::root(id, subject, AT, AT, data);
    envelope.tenant = "acme".into();
    envelope.bot = "shop".into();
    sample(case, envelope)
}

/// A record of a stage, with everything that an envelope may carry where `full`.
fn follow<T: Event + PartialEq + Debug + Clone>(case: &str, data: T, full: bool) -> Sample {
    let id = EventId::root(ChannelKind::Telegram, "77", "1001");
    let mut first = Envelope::root(id, "acme/telegram/77/42", AT, AT, turns::dropped(None));
    first.tenant = "acme".into();
    first.bot = "shop".into();
    first.conversation = conversation();
    if full {
        first.deadline = Some(Timestamp::from_millis(1_795_000_900_123));
        first.runid = Some("replay-1".into());
        first.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
    }
    let mut envelope = first.follow(StageName::Match, AT, 0, data);
    envelope.attempt = u32::from(full) * 2;
    sample(case, envelope)
}

fn sample<T: Event + PartialEq + Debug + Clone>(case: &str, envelope: Envelope<T>) -> Sample {
    let json = pretty(&envelope);
    let decodes = Box::new(move |bytes: &[u8]| match Envelope::<T>::decode(bytes) {
        Ok(found) if found == envelope => Ok(()),
        Ok(found) => Err(format!("decodes to\n{found:#?}\nrather than\n{envelope:#?}")),
        Err(error) => Err(error.to_string()),
    });
    Sample { name: format!("{}.{case}", T::TYPE), event: T::TYPE, json, decodes }
}

fn settled(case: &str, status: SettledStatus, full: bool) -> Sample {
    ledger(case, result(status, full))
}

fn reply_id() -> EventId {
    EventId::reply(EventId::root(ChannelKind::Telegram, "77", "1001"), 0)
}

/// As a dispatcher that parks writes it.
fn with_offset() -> Settled {
    let mut record = result(SettledStatus::Sent, true);
    if let Settled::Result { offset, .. } = &mut record {
        *offset = Some(9);
    }
    record
}

fn put() -> Parked {
    Parked::Put {
        id: reply_id(),
        offset: 9,
        of: 2,
        attempt: 1,
        epoch: 3,
        lane: Lane::Ready,
        tenant: TenantId::from("acme"),
        bot: "shop".into(),
        conversation: conversation(),
        deadline: Some(AT),
        reply: r#"{"specversion":"1.0"}"#.to_owned(),
    }
}

fn turn() -> ParkedTurn {
    ParkedTurn {
        id: reply_id(),
        offset: 9,
        tenant: TenantId::from("acme"),
        bot: "shop".into(),
        key: conversation().as_str().to_owned(),
        since: AT,
        turn: r#"{"specversion":"1.0"}"#.to_owned(),
    }
}

fn result(status: SettledStatus, full: bool) -> Settled {
    let root = EventId::root(ChannelKind::Telegram, "77", "1001");
    Settled::Result {
        id: EventId::reply(root, 0),
        part: 0,
        of: 2,
        status,
        provider_id: full.then(|| "555".to_owned()),
        reason: (!full).then(|| "403: bot was blocked by the user".to_owned()),
        attempt: 1,
        epoch: 3,
        lane: if full { Lane::Ready } else { Lane::Bulk },
        tenant: TenantId::from("acme"),
        bot: "shop".into(),
        conversation: conversation(),
        root,
        at: AT,
        offset: None,
    }
}

fn ledger(case: &str, record: Settled) -> Sample {
    plain(Settled::TYPE, case, record)
}

fn limit(of: Limited, at: Option<Timestamp>) -> Parked {
    Parked::Limit { of, until: AT, at, epoch: 4, lane: Lane::Ready }
}

fn parked(case: &str, record: Parked) -> Sample {
    plain(Parked::TYPE, case, record)
}

/// A record without an envelope.
fn plain<T>(event: &'static str, case: &str, record: T) -> Sample
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug + 'static,
{
    let json = pretty(&record);
    let decodes = Box::new(move |bytes: &[u8]| match serde_json::from_slice::<T>(bytes) {
        Ok(found) if found == record => Ok(()),
        Ok(found) => Err(format!("decodes to {found:?} rather than {record:?}")),
        Err(error) => Err(error.to_string()),
    });
    Sample { name: format!("{event}.{case}"), event, json, decodes }
}

fn pretty<T: serde::Serialize>(value: &T) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap())
}

fn conversation() -> ConversationId {
    ConversationId::new(&"acme".into(), ChannelKind::Telegram, &AccountId::from("77"), "42", None)
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn received_telegram() -> WebhookReceived {
    WebhookReceived {
        channel: ChannelKind::Telegram,
        account: AccountId::from("77"),
        received: AT,
        object: None,
        entry: None,
        place: None,
        metadata: None,
        contacts: None,
        item: raw(
            r#"{"update_id":1001,"message":{"message_id":7,"chat":{"id":-1009999999999},"text":"hi"}}"#,
        ),
    }
}

fn received_whatsapp() -> WebhookReceived {
    WebhookReceived {
        channel: ChannelKind::Whatsapp,
        account: AccountId::from("106540352242922"),
        received: AT,
        object: Some("whatsapp_business_account".into()),
        entry: Some("8856996819413533".into()),
        place: Some("messages/messages".into()),
        metadata: Some(raw(r#"{"phone_number_id":"106540352242922"}"#)),
        contacts: Some(raw(r#"[{"wa_id":"4915112345678","profile":{"name":"Ann"}}]"#)),
        item: raw(r#"{"id":"wamid.X","from":"4915112345678","type":"text","text":{"body":"hi"}}"#),
    }
}

fn opened_full() -> TurnOpened {
    TurnOpened {
        channel: ChannelKind::Telegram,
        account: AccountId::from("77"),
        chat: "42".into(),
        thread: Some("3".into()),
        chat_kind: ChatKind::Group,
        contact: Contact {
            id: "42".into(),
            name: Some("Ann".into()),
            username: Some("ann".into()),
            language: Some("de".into()),
        },
        kind: TurnKind::Attachment,
        text: "How much is a tandem?".into(),
        text_cut: true,
        payload: Some("price:tandem".into()),
        attachments: vec![Attachment {
            kind: AttachmentKind::VideoNote,
            id: Some("AgAC".into()),
            url: Some("https://files.example/1".into()),
            mime: Some("video/mp4".into()),
            name: Some("a b.mp4".into()),
        }],
        message_id: Some("7".into()),
        reply_to: Some("6".into()),
        callback_id: Some("99".into()),
        referral: None,
        consent: None,
        epoch: None,
        hops: vec![hop(StageName::Ingest, Some("unthreaded"))],
    }
}

fn opened_least() -> TurnOpened {
    TurnOpened {
        channel: ChannelKind::Webchat,
        account: AccountId::from("shop"),
        chat: "v1".into(),
        thread: None,
        chat_kind: ChatKind::Private,
        contact: Contact { id: "v1".into(), ..Contact::default() },
        kind: TurnKind::Text,
        text: "hi".into(),
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
    }
}

fn hop(stage: StageName, note: Option<&str>) -> Hop {
    Hop { stage, at: AT, took_us: 120, note: note.map(str::to_owned), searched: None }
}

fn scripted() -> Scripted {
    Scripted { route: Route::Script { rule: "greeting".into() }, parts: parts() }
}

fn parts() -> Vec<Part> {
    vec![
        Part {
            text: "A tandem costs 20 EUR a day [1].".into(),
            buttons: vec![
                Button { title: "Book".into(), payload: Some("book:tandem".into()), ..Button::default() },
                Button { title: "Prices".into(), payload: None, ..Button::default() },
            ],
            cites: vec![Citation {
                n: 1,
                document: "prices.md".into(),
                title: "Prices".into(),
                ..Citation::default()
            }],
            ..Part::default()
        },
        Part { text: "Anything else?".into(), ..Part::default() },
    ]
}

fn reply(route: Route) -> ReplyReady {
    ReplyReady {
        channel: ChannelKind::Telegram,
        account: AccountId::from("77"),
        chat: "42".into(),
        thread: Some("3".into()),
        chat_kind: ChatKind::Group,
        route,
        parts: parts(),
        heard_at: None,
        epoch: None,
        hops: vec![hop(StageName::Match, None), hop(StageName::Answer, Some("history: store"))],
    }
}

fn webchat() -> WebchatOut {
    WebchatOut {
        chat: "v1".into(),
        account: AccountId::from("shop"),
        part: 0,
        of: 2,
        message: parts().remove(0),
    }
}
