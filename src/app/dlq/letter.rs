//! A dead letter without its value: what the headers say, and whose event it is.
//!
//! Guarantee: any record makes a letter. What can't be read is absent; nothing is guessed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::place::Place;
use crate::domain::envelope::Envelope;
use crate::domain::events::ReplyReady;
use crate::domain::ids::EventId;
use crate::domain::redrive;
use crate::domain::time::Timestamp;
use crate::domain::topics::{REPLY_BULK, REPLY_READY};
use crate::log::Record;

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// Where it stands.
    pub position: Place,
    /// When it was written there.
    pub time: Timestamp,
    /// Which stage gave the record up.
    pub stage: String,
    /// Why, in a word.
    pub reason: String,
    /// Why, for people.
    pub error: String,
    /// Whose failure it was: `tenant`, `upstream`, `platform`.
    pub origin: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Where the record stood; absent for what never stood on a topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Origin>,
    /// Whose it is; empty where nobody knows.
    pub tenant: String,
    /// The event in it; absent where the value is no event.
    #[serde(flatten)]
    pub event: Option<Head>,
    /// How often the record had been driven again before.
    pub redrive: u32,
    /// True where the value is a reply that dispatch can read.
    pub is_reply: bool,
    /// Bytes of key, value and headers.
    pub bytes: usize,
    /// True where it has been driven again since.
    pub redriven: bool,
}

/// Where a record stood before it became a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Origin {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
}

/// The attributes of an event that matter here. Each is absent where it is not of its form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The event's id.
    pub id: Option<EventId>,
    /// The bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The inbound event that everything began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rootid: Option<EventId>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roottime: Option<Timestamp>,
    /// When the record was first written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<Timestamp>,
    /// The last moment at which a reply may be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Which replay it belongs to, whatever form that has; absent = live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runid: Option<String>,
}

impl Letter {
    /// The letter that a record of `dead.letter.v1` is.
    #[must_use]
    pub fn read(partition: u32, record: &Record) -> Self {
        let header = |name: &str| redrive::header(&record.headers, name);
        let word = |name: &str| header(name).unwrap_or_default().to_owned();
        let number = |name: &str| header(name).and_then(|text| text.parse::<u64>().ok());
        let from = header("millrace-topic").map(|topic| Origin {
            topic: topic.to_owned(),
            partition: number("millrace-partition").and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX),
            offset: number("millrace-offset").unwrap_or(u64::MAX),
        });
        let raw = serde_json::from_slice::<Raw>(&record.value).ok();
        let tenant = raw.as_ref().and_then(|raw| text(raw.tenant.as_ref()));
        let to_dispatch = from.as_ref().is_some_and(|from| [REPLY_READY, REPLY_BULK].contains(&&*from.topic));
        Self {
            position: Place { partition, offset: record.offset },
            time: record.at,
            stage: word("millrace-stage"),
            reason: word("millrace-reason"),
            error: word("millrace-error"),
            origin: word("millrace-origin"),
            attempts: number("millrace-attempts").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            from,
            tenant: tenant.unwrap_or_else(|| word("millrace-tenant")),
            event: raw.map(Raw::head).filter(|head| *head != Head::default()),
            redrive: redrive::count(&record.headers),
            is_reply: to_dispatch && Envelope::<ReplyReady>::decode(&record.value).is_ok(),
            bytes: record.bytes(),
            redriven: false,
        }
    }

    /// The event's id.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        self.event.as_ref()?.id
    }

    /// The bot's name; empty where nobody knows.
    #[must_use]
    pub fn bot(&self) -> &str {
        self.event.as_ref().and_then(|event| event.bot.as_deref()).unwrap_or_default()
    }
}

/// An envelope as far as it can be read.
#[derive(Deserialize)]
struct Raw {
    id: Option<Value>,
    tenant: Option<Value>,
    bot: Option<Value>,
    conversation: Option<Value>,
    rootid: Option<Value>,
    roottime: Option<Value>,
    time: Option<Value>,
    deadline: Option<Value>,
    runid: Option<Value>,
}

impl Raw {
    fn head(self) -> Head {
        Head {
            id: parsed(self.id.as_ref()),
            bot: text(self.bot.as_ref()),
            conversation: text(self.conversation.as_ref()),
            rootid: parsed(self.rootid.as_ref()),
            roottime: parsed(self.roottime.as_ref()),
            written: parsed(self.time.as_ref()),
            deadline: parsed(self.deadline.as_ref()),
            // A replay by a program that writes it in another form is one all the same.
            runid: self.runid.map(|found| text(Some(&found)).unwrap_or_else(|| found.to_string())),
        }
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::to_owned)
}

fn parsed<T: std::str::FromStr>(value: Option<&Value>) -> Option<T> {
    value?.as_str()?.parse().ok()
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::channel::ChannelKind;

    /// A reply that dispatch gave up.
    pub(in crate::app::dlq) fn reply(n: u32) -> Letter {
        let root = EventId::root(ChannelKind::Telegram, "1", &n.to_string());
        let head = Head {
            id: Some(EventId::reply(root, 0)),
            bot: Some("shop".to_owned()),
            conversation: Some("acme/telegram/1/2".to_owned()),
            rootid: Some(root),
            roottime: Some(Timestamp::from_millis(1_700_000_000_000)),
            written: Some(Timestamp::from_millis(1_700_000_000_000)),
            deadline: None,
            runid: None,
        };
        Letter {
            position: Place { partition: 0, offset: u64::from(n) },
            time: Timestamp::from_millis(1_700_000_060_000),
            stage: "dispatch".to_owned(),
            reason: "rejected".to_owned(),
            error: "part 0 was refused: 403".to_owned(),
            origin: "upstream".to_owned(),
            attempts: 1,
            from: Some(Origin { topic: REPLY_READY.to_owned(), partition: 0, offset: u64::from(n) }),
            tenant: "acme".to_owned(),
            event: Some(head),
            redrive: 0,
            is_reply: true,
            bytes: 100,
            redriven: false,
        }
    }

    fn record(headers: &[(&str, &str)], value: &[u8]) -> Record {
        Record {
            offset: 7,
            at: Timestamp::from_millis(5),
            key: Bytes::from_static(b"k"),
            value: Bytes::copy_from_slice(value),
            headers: headers.iter().map(|(n, v)| ((*n).into(), Bytes::from((*v).to_owned()))).collect(),
        }
    }

    #[test]
    fn headers_and_envelope_make_a_letter() {
        let id = EventId::root(ChannelKind::Telegram, "1", "2");
        let value = format!("{{\"id\":\"{id}\",\"tenant\":\"acme\",\"bot\":\"shop\",\"runid\":7}}");
        let headers = [
            ("content-type", "x"),
            ("millrace-redrive", "2"),
            ("millrace-stage", "answer"),
            ("millrace-topic", "turn.grounded.v1"),
            ("millrace-partition", "3"),
            ("millrace-offset", "44"),
            ("millrace-attempts", "6"),
        ];
        let letter = Letter::read(4, &record(&headers, value.as_bytes()));
        assert_eq!(letter.position.to_string(), "4:7");
        assert_eq!((letter.stage.as_str(), letter.attempts, letter.redrive), ("answer", 6, 2));
        assert_eq!((letter.tenant.as_str(), letter.bot(), letter.id()), ("acme", "shop", Some(id)));
        let from = letter.from.unwrap();
        assert_eq!((from.topic.as_str(), from.partition, from.offset), ("turn.grounded.v1", 3, 44));
        assert_eq!(letter.event.unwrap().runid.as_deref(), Some("7"));
    }

    #[test]
    fn any_record_makes_a_letter() {
        for value in [&b"\xff\x00"[..], b"", b"{", b"[]", b"7", b"{}", b"{\"id\":5,\"deadline\":[]}"] {
            let letter = Letter::read(0, &record(&[], value));
            assert_eq!((letter.event, letter.from, letter.is_reply), (None, None, false), "{value:?}");
        }
    }
}
