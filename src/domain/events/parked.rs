//! `reply.parked.v1`: replies that wait for a limit, compacted to those that still do.
//!
//! Small JSON objects with a `type` around the reply's own record. Guarantee: a key names the very thing that is kept,
//! so compaction never takes away a record that a restore needs.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::settled::Lane;
use crate::domain::ids::{BotId, ConversationId, EventId, TenantId};
use crate::domain::time::Timestamp;

/// One record. A record without a value deletes its [`ParkedKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Parked {
    /// The reply waits here, and its record in the lane is finished.
    Put {
        /// The reply's id.
        id: EventId,
        /// The offset of the reply's record in its lane: its place in the chat.
        offset: u64,
        /// How many parts the reply was split into.
        of: u32,
        /// How many calls were made for the part that is next.
        attempt: u32,
        /// The partition's epoch when it was written.
        epoch: u64,
        /// Which lane the reply came by.
        lane: Lane,
        /// Whose.
        tenant: TenantId,
        /// Which bot's.
        bot: BotId,
        /// Which conversation's.
        conversation: ConversationId,
        /// The last moment at which it may be sent; absent = no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
        /// The reply's record as it stood in its lane, byte for byte: as text, since a JSON value inside would be
        /// written anew.
        reply: String,
    },
    /// A new owner of the lane's partition begins here: a `put` of a lower epoch behind this record was written by an
    /// owner that had already lost it.
    Epoch {
        /// The new owner's epoch.
        epoch: u64,
        /// Which lane.
        lane: Lane,
    },
    /// The provider lets nothing of a bot, a chat, an account or what accounts stand behind through for a while.
    Limit {
        /// What it is about.
        #[serde(flatten)]
        of: Limited,
        /// Until when.
        until: Timestamp,
        /// When it was learned: however the clock is set later, it lasts no longer than from here to `until`. Absent in
        /// older records.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
        /// The partition's epoch when it was written.
        epoch: u64,
        /// Which lane learned it.
        lane: Lane,
    },
}

impl Parked {
    /// The topic's name.
    pub const TYPE: &'static str = "reply.parked.v1";

    /// Reads a record without its reply, which is given as it stands there: a JSON string, to be told from a record by
    /// [`Parked::unquote`]. A restore of very many keeps them as they are.
    ///
    /// # Errors
    /// When it is not one of these records.
    pub fn split(json: &[u8]) -> Result<(Self, Option<&str>), serde_json::Error> {
        let mut flat: Flat<&RawValue> = serde_json::from_slice(json)?;
        let quoted = flat.reply.take().map(RawValue::get);
        // What could not be read at its turn is refused now, where it holds up nobody. Only an escape by number can name
        // half of a character, and what writes these records uses few.
        if let Some(quoted) = quoted
            && (!quoted.starts_with('"') || quoted.contains("\\u"))
        {
            serde_json::from_str::<String>(quoted)?;
        }
        let parked = flat.parked(quoted.map(|_| String::new()))?;
        let quoted = quoted.filter(|_| matches!(parked, Self::Put { .. }));
        Ok((parked, quoted))
    }

    /// A reply's record, whether it was kept as it is, or as [`Parked::split`] gave it.
    ///
    /// # Errors
    /// When it is neither.
    pub fn unquote(kept: &[u8]) -> Result<Option<String>, serde_json::Error> {
        // A record is a JSON object.
        if kept.first() == Some(&b'"') { serde_json::from_slice(kept).map(Some) } else { Ok(None) }
    }

    /// What compaction keeps one of.
    #[must_use]
    pub fn key(&self) -> ParkedKey {
        match self {
            Self::Put { id, .. } => ParkedKey::Reply(*id),
            Self::Epoch { epoch, lane, .. } => ParkedKey::Epoch(*lane, *epoch),
            Self::Limit { of, lane, .. } => ParkedKey::Limit(*lane, of.clone()),
        }
    }
}

/// What a provider's wait is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// All that this bot sends.
    Bot(BotId),
    /// This conversation's chat.
    Chat(ConversationId),
    /// This account, a number or a page: `tenant/channel/account`.
    Number(String),
    /// The app that calls for some accounts: `tenant/app`.
    App(String),
    /// The business account of some numbers: `tenant/business`.
    Business(String),
    /// The address that a provider is called from, by the provider: `telegram` or `meta`.
    Address(String),
}

/// Every field of every kind. What serde makes of a tagged enum keeps all values aside until it has seen the tag, which is
/// most of the time that a restore of a million replies takes.
#[derive(Deserialize)]
struct Flat<R> {
    #[serde(rename = "type")]
    kind: Kind,
    id: Option<EventId>,
    offset: Option<u64>,
    of: Option<u32>,
    attempt: Option<u32>,
    epoch: u64,
    lane: Lane,
    tenant: Option<TenantId>,
    bot: Option<BotId>,
    conversation: Option<ConversationId>,
    chat: Option<ConversationId>,
    number: Option<String>,
    app: Option<String>,
    business: Option<String>,
    address: Option<String>,
    deadline: Option<Timestamp>,
    reply: Option<R>,
    until: Option<Timestamp>,
    at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Put,
    Epoch,
    Limit,
}

impl<R> Flat<R> {
    /// The record, with this for its reply.
    fn parked<E: serde::de::Error>(self, reply: Option<String>) -> Result<Parked, E> {
        fn need<T, E: serde::de::Error>(found: Option<T>, name: &'static str) -> Result<T, E> {
            found.ok_or_else(|| E::missing_field(name))
        }
        let (epoch, lane) = (self.epoch, self.lane);
        Ok(match self.kind {
            Kind::Put => Parked::Put {
                id: need(self.id, "id")?,
                offset: need(self.offset, "offset")?,
                of: need(self.of, "of")?,
                attempt: need(self.attempt, "attempt")?,
                epoch,
                lane,
                tenant: need(self.tenant, "tenant")?,
                bot: need(self.bot, "bot")?,
                conversation: need(self.conversation, "conversation")?,
                deadline: self.deadline,
                reply: need(reply, "reply")?,
            },
            Kind::Epoch => Parked::Epoch { epoch, lane },
            Kind::Limit => {
                let chat = || self.chat.map(Limited::Chat);
                let number = || self.number.map(Limited::Number);
                let app = || self.app.map(Limited::App);
                let business = || self.business.map(Limited::Business);
                let address = || self.address.map(Limited::Address);
                let of = self.bot.map(Limited::Bot).or_else(chat).or_else(number).or_else(app);
                let of = of.or_else(business).or_else(address);
                let (of, until) = (need(of, "bot")?, need(self.until, "until")?);
                Parked::Limit { of, until, at: self.at, epoch, lane }
            }
        })
    }
}

impl<'de> Deserialize<'de> for Parked {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut flat: Flat<String> = Flat::deserialize(from)?;
        let reply = flat.reply.take();
        flat.parked(reply)
    }
}

/// The key of a record. Written as the id, `epoch:LANE:NUMBER`, `limit:LANE:BOT` or `limit:SCOPE:LANE:NAME`, where the scope is
/// `chat`, `number`, `app`, `business` or `address`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ParkedKey {
    /// A reply.
    Reply(EventId),
    /// An owner. Each has a key of its own: with one for all, compaction would take away the record that tells which
    /// `put` came late.
    Epoch(Lane, u64),
    /// A limit, as a lane learned it.
    Limit(Lane, Limited),
}

impl fmt::Display for ParkedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(id) => write!(f, "{id}"),
            Self::Epoch(lane, epoch) => write!(f, "epoch:{}:{epoch}", lane.as_str()),
            Self::Limit(lane, of) => {
                let lane = lane.as_str();
                match of {
                    Limited::Bot(bot) => write!(f, "limit:{lane}:{bot}"),
                    Limited::Chat(chat) => write!(f, "limit:chat:{lane}:{chat}"),
                    Limited::Number(number) => write!(f, "limit:number:{lane}:{number}"),
                    Limited::App(app) => write!(f, "limit:app:{lane}:{app}"),
                    Limited::Business(business) => write!(f, "limit:business:{lane}:{business}"),
                    Limited::Address(provider) => write!(f, "limit:address:{lane}:{provider}"),
                }
            }
        }
    }
}

impl FromStr for ParkedKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a key of reply.parked is an event id, epoch:LANE:NUMBER, limit:LANE:BOT or limit:SCOPE:LANE:NAME";
        let Some((kind, rest)) = text.split_once(':') else {
            return text.parse().map(Self::Reply);
        };
        let (first, name) = rest.split_once(':').ok_or(WRONG)?;
        let scoped = |of: fn(&str) -> Limited| -> Result<Self, &'static str> {
            let (lane, name) = name.split_once(':').ok_or(WRONG)?;
            Ok(Self::Limit(lane.parse()?, of(name)))
        };
        match (kind, first) {
            ("epoch", lane) => Ok(Self::Epoch(lane.parse()?, name.parse().map_err(|_| WRONG)?)),
            ("limit", "chat") => scoped(|name| Limited::Chat(name.into())),
            ("limit", "number") => scoped(|name| Limited::Number(name.to_owned())),
            ("limit", "app") => scoped(|name| Limited::App(name.to_owned())),
            ("limit", "business") => scoped(|name| Limited::Business(name.to_owned())),
            ("limit", "address") => scoped(|name| Limited::Address(name.to_owned())),
            ("limit", lane) => Ok(Self::Limit(lane.parse()?, Limited::Bot(name.into()))),
            _ => Err(WRONG),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::ChannelKind;

    #[test]
    fn a_key_survives_its_text() {
        let id = EventId::root(ChannelKind::Telegram, "1", "2");
        let keys = [
            ParkedKey::Reply(id),
            ParkedKey::Epoch(Lane::Bulk, 7),
            ParkedKey::Limit(Lane::Ready, Limited::Bot(BotId::from("shop"))),
            ParkedKey::Limit(Lane::Bulk, Limited::Chat(ConversationId::from("t/webchat/a:b/c:d"))),
            ParkedKey::Limit(Lane::Ready, Limited::Number("t/whatsapp/49".to_owned())),
            ParkedKey::Limit(Lane::Ready, Limited::App("t/shop-app".to_owned())),
            ParkedKey::Limit(Lane::Bulk, Limited::Business("t/102:3".to_owned())),
            ParkedKey::Limit(Lane::Ready, Limited::Address("meta".to_owned())),
        ];
        // As it always was.
        assert_eq!(keys[2].to_string(), "limit:ready:shop");
        for key in keys {
            assert_eq!(key.to_string().parse::<ParkedKey>().unwrap(), key);
        }
        for wrong in ["", "epoch:ready:x", "epoch:7", "limit:slow:shop", "limit:chat:c", "owner:ready:7"] {
            assert!(wrong.parse::<ParkedKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_reply_that_is_no_text_is_refused_before_its_turn() {
        let of = Parked::Put {
            id: EventId::root(ChannelKind::Telegram, "1", "2"),
            offset: 1,
            of: 1,
            attempt: 0,
            epoch: 1,
            lane: Lane::Ready,
            tenant: "t".into(),
            bot: "b".into(),
            conversation: ConversationId::from("t/telegram/1/2"),
            deadline: None,
            reply: "R".to_owned(),
        };
        let json = serde_json::to_string(&of).unwrap();
        let with = |reply: &str| json.replace("\"R\"", reply);
        for whole in ["\"{\\\"a\\\": 1}\"", "\"\\u0007\"", "\"\\ud83d\\ude00\""] {
            let text = with(whole);
            let (_, quoted) = Parked::split(text.as_bytes()).unwrap();
            assert_eq!(quoted, Some(whole));
            assert!(Parked::unquote(whole.as_bytes()).unwrap().is_some(), "{whole}");
        }
        for broken in ["7", "[\"a\"]", "{}", "\"\\ud83d\""] {
            assert!(Parked::split(with(broken).as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn every_kind_is_read_back_and_names_what_it_lacks() {
        let (of, until) = (Limited::Bot(BotId::from("b")), Timestamp::from_millis(7));
        let learned = |of| {
            let at = Some(Timestamp::from_millis(2));
            Parked::Limit { of, until, at, epoch: 3, lane: Lane::Ready }
        };
        for parked in [
            Parked::Epoch { epoch: 3, lane: Lane::Bulk },
            Parked::Limit { of: of.clone(), until, at: None, epoch: 3, lane: Lane::Ready },
            learned(of),
            learned(Limited::Chat(ConversationId::from("t/telegram/1/2"))),
            learned(Limited::Number("t/whatsapp/1".to_owned())),
            learned(Limited::App("t/shop-app".to_owned())),
            learned(Limited::Business("t/102".to_owned())),
            learned(Limited::Address("meta".to_owned())),
        ] {
            let json = serde_json::to_string(&parked).unwrap();
            assert_eq!(serde_json::from_str::<Parked>(&json).unwrap(), parked);
        }
        let wrong = |json: &str| serde_json::from_str::<Parked>(json).unwrap_err().to_string();
        assert!(wrong(r#"{"type":"put","epoch":1,"lane":"ready"}"#).contains("`id`"));
        assert!(wrong(r#"{"type":"limit","epoch":1,"lane":"ready","bot":"b"}"#).contains("`until`"));
        assert!(wrong(r#"{"type":"moved","epoch":1,"lane":"ready"}"#).contains("moved"));
        assert!(wrong(r#"{"epoch":1,"lane":"ready"}"#).contains("`type`"));
    }

    fn reply_of(parked: &Parked) -> &str {
        let Parked::Put { reply, .. } = parked else { panic!("{parked:?}") };
        reply
    }

    #[test]
    fn a_parked_reply_keeps_its_record_as_it_stood() {
        let parked = Parked::Put {
            id: EventId::root(ChannelKind::Telegram, "1", "2"),
            offset: 9,
            of: 2,
            attempt: 0,
            epoch: 3,
            lane: Lane::Ready,
            tenant: TenantId::from("t"),
            bot: BotId::from("b"),
            conversation: ConversationId::from("c"),
            deadline: None,
            reply: r#"{"z":1,  "a":2}"#.to_owned(),
        };
        let json = serde_json::to_string(&parked).unwrap();
        assert!(json.starts_with(r#"{"type":"put","id":""#), "{json}");
        assert_eq!(serde_json::from_str::<Parked>(&json).unwrap(), parked);
        // In two pieces it is the same.
        let (mut split, quoted) = Parked::split(json.as_bytes()).unwrap();
        let Parked::Put { reply, .. } = &mut split else { panic!("{split:?}") };
        assert_eq!(reply, "");
        *reply = Parked::unquote(quoted.unwrap().as_bytes()).unwrap().unwrap();
        assert_eq!(split, parked);
        assert_eq!(Parked::unquote(reply_of(&parked).as_bytes()).unwrap(), None);
        assert!(Parked::unquote(br#""a" b"#).is_err());
        let without = json.replace("reply", "answer");
        assert!(Parked::split(without.as_bytes()).unwrap_err().to_string().contains("`reply`"));
    }
}
