//! A door for each parser of what strangers send, shared by the fuzz targets and by the tests in `tests/it/doors.rs`.
//!
//! A door takes any bytes. It panics when the parser does, and when what came out breaks the parser's own promise.

use std::sync::OnceLock;

use bytes::Bytes;
use millrace::config::yaml;
use millrace::domain::bot::BotSpec;
use millrace::domain::campaign::Message;
use millrace::domain::channel::ChannelKind;
use millrace::domain::envelope::Envelope;
use millrace::domain::event::Event;
use millrace::domain::events::{
    BotBacklog, BotChanged, ConversationMode, DocumentChanged, DocumentSubmitted, Parked, Part,
    ReceiptReceived, ReplyReady, Settled, SignalReady, Style, TurnDropped, TurnGrounded, TurnOpened,
    TurnRouted, WebchatOut, WebhookReceived,
};
use millrace::domain::time::Timestamp;
use millrace::domain::{markup, redrive};
use millrace::edge::split::{self, Item};
use millrace::runtime::metadata::Metadata;
use millrace::services::channel::{Channel, ChannelsConfig, Files, NoFiles, rendered, senders};
use millrace::services::http::{Http, NetConfig};
use millrace::services::{campaign, parse};
use millrace::stages::ingest::normalise;
use serde_json::value::RawValue;

/// What takes bytes.
pub type Door = fn(&[u8]);

/// Every door; each is a fuzz target of the same name.
pub const DOORS: [(&str, Door); 14] = [
    ("bot", bot),
    ("campaign", campaign_file),
    ("documents", documents),
    ("edge_meta", edge_meta),
    ("edge_telegram", edge_telegram),
    ("envelope", envelope),
    ("ingest_instagram", ingest_instagram),
    ("ingest_messenger", ingest_messenger),
    ("ingest_telegram", ingest_telegram),
    ("ingest_webchat", ingest_webchat),
    ("ingest_whatsapp", ingest_whatsapp),
    ("markup", formatting),
    ("metadata", metadata),
    ("webchat", webchat),
];

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The body of a Telegram webhook, from the edge to the turn.
pub fn edge_telegram(body: &[u8]) {
    if let Ok(item) = split::telegram(body, "77") {
        carry(&item);
    }
}

/// The body of a Meta webhook, from the edge to the turns.
pub fn edge_meta(body: &[u8]) {
    split::meta(body).iter().flatten().for_each(carry);
}

/// What becomes of an item: a record that can be read again, and the same root id for a redelivery.
fn carry(item: &Item<'_>) {
    let received = item.to_received(NOW).expect("an item is JSON");
    let envelope = Envelope::root(item.id(), "", NOW, NOW, received);
    let read = Envelope::<WebhookReceived>::decode(&envelope.encode()).expect("a record is readable");
    assert_eq!(read, envelope);
    assert_eq!(item.id(), item.clone().id());
    check_turn(&read.data);
}

fn check_turn(received: &WebhookReceived) {
    if let Ok(it) = normalise(received) {
        assert!(it.turn.is_none() || it.chat.is_some(), "a turn without a chat");
        assert!(!it.text.unwrap_or_default().contains('\0'), "a database refuses U+0000");
    }
}

/// An item as it stands in the log, with hostile company, wherever in a body it may have stood.
fn ingest(channel: ChannelKind, item: &[u8], places: &[&str]) {
    let Ok(item) = serde_json::from_slice::<Box<RawValue>>(item) else { return };
    for place in places {
        check_turn(&WebhookReceived {
            channel,
            account: "77".into(),
            received: NOW,
            object: None,
            entry: Some("77".to_owned()),
            place: Some((*place).to_owned()).filter(|place| !place.is_empty()),
            metadata: Some(item.clone()),
            contacts: Some(item.clone()),
            item: item.clone(),
        });
    }
}

/// A Telegram update.
pub fn ingest_telegram(item: &[u8]) {
    ingest(ChannelKind::Telegram, item, &[""]);
}

/// A `WhatsApp` message, status, error or call, or a whole change.
pub fn ingest_whatsapp(item: &[u8]) {
    let places = [
        "messages/messages",
        "messages/statuses",
        "messages/errors",
        "calls/calls",
        "account_update",
        "smb_message_echoes",
        "user_preferences",
        "",
    ];
    ingest(ChannelKind::Whatsapp, item, &places);
}

/// A Messenger entry.
pub fn ingest_messenger(item: &[u8]) {
    ingest(ChannelKind::Messenger, item, &["messaging", "standby", "feed"]);
}

/// An Instagram entry.
pub fn ingest_instagram(item: &[u8]) {
    ingest(ChannelKind::Instagram, item, &["messaging", "standby", "comments"]);
}

/// A web-chat item. The edge makes it, of words that strangers choose.
pub fn ingest_webchat(item: &[u8]) {
    ingest(ChannelKind::Webchat, item, &[""]);
}

/// What a page posts: bodies, then the same bytes as token, ticket, hash, signature and origin. Nobody guesses a proof.
pub fn webchat(bytes: &[u8]) {
    let _read = millrace::edge::parsers::webchat(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(!millrace::edge::parsers::believes(text), "a proof was forged: {text:?}");
    }
}

/// A record's value, as each event there is, and as a header.
pub fn envelope(value: &[u8]) {
    again::<BotBacklog>(value);
    again::<BotChanged>(value);
    again::<ConversationMode>(value);
    again::<DocumentChanged>(value);
    again::<DocumentSubmitted>(value);
    again::<ReceiptReceived>(value);
    again::<ReplyReady>(value);
    again::<SignalReady>(value);
    again::<TurnDropped>(value);
    again::<TurnGrounded>(value);
    again::<TurnOpened>(value);
    again::<TurnRouted>(value);
    again::<WebchatOut>(value);
    again::<WebhookReceived>(value);
    drop(serde_json::from_slice::<Settled>(value));
    drop(serde_json::from_slice::<Parked>(value));
    let headers = [(redrive::REDRIVE.into(), Bytes::copy_from_slice(value))];
    let times = redrive::count(&headers);
    assert!(times == 0 || redrive::header(&headers, redrive::REDRIVE).is_some());
}

/// What was read can be written, and is then read the same.
fn again<T: Event>(value: &[u8]) {
    if let Ok(first) = Envelope::<T>::decode(value) {
        let written = first.encode();
        let second = Envelope::<T>::decode(&written).expect("what was written is readable");
        assert_eq!(second.encode(), written);
    }
}

/// What a commit carries, as text and as the bytes in it.
pub fn metadata(bytes: &[u8]) {
    let packed = data_encoding::BASE64_NOPAD.encode(bytes);
    for text in std::str::from_utf8(bytes).into_iter().chain([packed.as_str()]) {
        if let Ok(read) = Metadata::decode(text) {
            assert_eq!(Metadata::decode(&read.encode()), Ok(read));
        }
    }
}

/// A campaign's recipients. A file with a NUL byte has its message before it.
pub fn campaign_file(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == 0);
    let (text, file) = at.map_or((&b"Hi {{name}}"[..], bytes), |at| (&bytes[..at], &bytes[at + 1..]));
    let text = Message::Text { text: String::from_utf8_lossy(text).into_owned() };
    let template = Message::Template { name: "news".to_owned(), language: "en".to_owned() };
    for channel in ChannelKind::ALL {
        for message in [&text, &template] {
            let Ok(read) = campaign::read(file, channel, message) else { continue };
            for recipient in &read.recipients {
                assert_eq!(recipient.values.len(), read.columns.len());
                let part = campaign::part(message, &read.columns, recipient);
                part.expect("what a message lacks is said when the file is read");
            }
        }
    }
}

/// An author's markup, or a whole part as JSON: split for every provider, and each piece as the provider gets it.
pub fn formatting(bytes: &[u8]) {
    let part = serde_json::from_slice::<Part>(bytes).unwrap_or_else(|_| {
        let source = String::from_utf8_lossy(bytes);
        let (text, spans) = markup::parse(&source);
        let units = u32::try_from(text.encode_utf16().count()).expect("a small text");
        assert!(spans.iter().all(|span| span.length > 0 && span.end() <= units), "{spans:?} of {text:?}");
        Part { text, spans, ..Part::default() }
    });
    for channel in channels() {
        let pieces = channel.split(&part);
        assert_eq!(channel.split(&part), pieces, "the same part has the same pieces");
        for piece in &pieces {
            let units = u32::try_from(piece.text.encode_utf16().count()).expect("a small text");
            let inside =
                |(start, length): (u32, u32)| start.checked_add(length).is_some_and(|end| end <= units);
            let within = piece.spans.iter().all(|span| inside((span.start, span.length)));
            assert!(
                within || part.spans.iter().any(|span| matches!(span.style, Style::Link(_))),
                "{piece:?}"
            );
            drop(rendered(channel.kind(), piece));
        }
    }
}

fn channels() -> &'static [std::sync::Arc<dyn Channel>] {
    static CHANNELS: OnceLock<Vec<std::sync::Arc<dyn Channel>>> = OnceLock::new();
    CHANNELS.get_or_init(|| {
        let http = Http::new(NetConfig::default()).expect("a client without a connection");
        let files: std::sync::Arc<dyn Files> = std::sync::Arc::new(NoFiles);
        senders(&ChannelsConfig::default(), &http, &files)
    })
}

/// Files as people upload them; the first byte says what they claim to be.
pub fn documents(bytes: &[u8]) {
    const CLAIMS: [&str; 8] = ["", "txt", "md", "html", "csv", "tsv", "yaml", "json"];
    let Some((claim, file)) = bytes.split_first() else { return };
    let answer = parse::read(CLAIMS[usize::from(*claim) % CLAIMS.len()], file);
    serde_json::to_string(&answer).expect("an answer can be written");
}

/// A bot's file, and every check of it.
pub fn bot(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(spec) = yaml::from_str::<BotSpec>(text) {
        let mut problems = millrace::config::Problems::default();
        millrace::api::check_bot("bot", &spec, &mut problems);
    }
}
