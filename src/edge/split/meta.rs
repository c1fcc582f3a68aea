//! A Meta body: entries of accounts, each with changes (`WhatsApp`, Instagram's fields) or messaging items.
//!
//! Per `WhatsApp` change the order is messages, statuses, errors, calls; everything else keeps the body's order.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::{Item, SplitError, diagnose, hash, text};
use crate::domain::channel::ChannelKind;
use crate::domain::time::Timestamp;
use crate::edge::lenient::{Fields, Object, Scalar, Sketch, Truth};

/// A change's `contacts` up to this size stand beside each of its items as they came; of a longer list each item gets
/// the entries that name its people. Otherwise a body of thousands of contacts and messages would grow by their product.
const CONTACTS_AS_THEY_ARE: usize = 2 << 10;

/// Every event of a body.
///
/// # Errors
/// When the items can't be found.
pub fn meta(body: &[u8]) -> Result<Vec<Item<'_>>, SplitError> {
    let json = text(body)?;
    if let Some(usual) = usual(json) {
        return items(usual, |place, change, items| {
            place.arrays(&change.field.0.unwrap_or_default(), change.value.0, items);
            Ok(())
        });
    }
    piece_by_piece(json)
}

/// The same for any body, each change by itself.
pub(super) fn piece_by_piece(json: &str) -> Result<Vec<Item<'_>>, SplitError> {
    let body: Body<'_, Change<'_>> = serde_json::from_str(json).map_err(|error| diagnose(json, error))?;
    if !json.starts_with('{') {
        return Err(SplitError::NotObject);
    }
    items(body, Place::change)
}

/// The body, read in one go, where each of its changes is made of arrays of events and nothing else; most are. A value that
/// has none is an event as it stands, of which one has to know where it begins and ends before it is read.
pub(super) fn usual(json: &str) -> Option<Body<'_, Direct<'_>>> {
    let body: Body<'_, Direct<'_>> = serde_json::from_str(json).ok().filter(|_| json.starts_with('{'))?;
    let mut changes = body.entry.iter().flatten().flat_map(|entry| entry.changes.iter().flatten());
    let plain = changes.all(|change| {
        has_arrays(change.field.0.as_deref().unwrap_or_default()) && change.value.0.has_events()
    });
    plain.then_some(body)
}

/// Fields whose changes have arrays of events.
fn has_arrays(field: &str) -> bool {
    matches!(field, "messages" | "calls" | "")
}

/// The items of a body, whose changes `split` adds.
fn items<'a, C>(
    body: Body<'a, C>,
    split: impl Fn(&Place<'a>, C, &mut Vec<Item<'a>>) -> Result<(), SplitError>,
) -> Result<Vec<Item<'a>>, SplitError> {
    let channel = match body.object.0.as_deref() {
        Some("whatsapp_business_account") => ChannelKind::Whatsapp,
        Some("page") => ChannelKind::Messenger,
        Some("instagram") => ChannelKind::Instagram,
        _ => return Err(SplitError::Object),
    };
    let mut items = Vec::new();
    for entry in body.entry.unwrap_or_default() {
        let at = Place { channel, object: body.object.0.clone(), entry: entry.id.0, time: entry.time };
        for (place, list) in [("messaging", entry.messaging), ("standby", entry.standby)] {
            items.extend(list.unwrap_or_default().into_iter().map(|item| at.messaging(place, item)));
        }
        for change in entry.changes.unwrap_or_default() {
            split(&at, change, &mut items)?;
        }
    }
    Ok(items)
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
pub(super) struct Body<'a, C> {
    #[serde(borrow, default)]
    object: Scalar<'a>,
    #[serde(borrow, default = "Option::default")]
    entry: Option<Vec<Entry<'a, C>>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
struct Entry<'a, C> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    time: Scalar<'a>,
    #[serde(borrow, default)]
    messaging: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    standby: Option<Vec<&'a RawValue>>,
    #[serde(default = "Option::default")]
    changes: Option<Vec<C>>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow, default)]
    field: Scalar<'a>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
}

/// A change whose value is read in place: it has to be an object.
#[derive(Deserialize)]
pub(super) struct Direct<'a> {
    #[serde(borrow, default)]
    field: Scalar<'a>,
    #[serde(borrow)]
    value: Object<Value<'a>>,
}

#[derive(Deserialize)]
struct Value<'a> {
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    contacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    messages: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    statuses: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    errors: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    calls: Option<Vec<&'a RawValue>>,
}

impl Value<'_> {
    fn has_events(&self) -> bool {
        let lists = [&self.messages, &self.statuses, &self.errors, &self.calls];
        lists.into_iter().flatten().any(|list| !list.is_empty())
    }
}

/// What all items of an entry share.
struct Place<'a> {
    channel: ChannelKind,
    object: Option<Cow<'a, str>>,
    entry: Option<Cow<'a, str>>,
    time: Scalar<'a>,
}

impl<'a> Place<'a> {
    fn item(&self, place: Cow<'a, str>, json: &'a str) -> Item<'a> {
        Item {
            channel: self.channel,
            account: self.entry.clone().unwrap_or_default(),
            chat: Cow::Borrowed(""),
            event: Cow::Borrowed(""),
            at: None,
            object: self.object.clone(),
            entry: self.entry.clone(),
            place: Some(place),
            metadata: None,
            contacts: None,
            json,
        }
    }

    /// A messaging item of Messenger or Instagram.
    fn messaging(&self, place: &'static str, raw: &'a RawValue) -> Item<'a> {
        let json = raw.get();
        let Sketch(it) = serde_json::from_str::<Sketch<Messaging<'a>>>(json).unwrap_or_default();
        let (mut person, mut page) = (it.sender.0, it.recipient.0.id.0);
        if it.message.0.is_echo.0 && page != self.entry {
            // An echo goes from the page to the person.
            (person.id.0, page) = (page, person.id.0);
        }
        let person = person.id.0.or(person.user_ref.0).unwrap_or_default();
        let event = match it.message.0.mid.0.or(it.postback.0.mid.0) {
            Some(mid) if it.message.0.is_deleted.0 => Cow::Owned(format!("{mid}:deleted")),
            Some(mid) => mid,
            None => {
                let time = it.timestamp.0.as_deref().unwrap_or_default();
                Cow::Owned(hash(&format!("{person}/{time}/{}", it.rest)))
            }
        };
        Item {
            account: page.or_else(|| self.entry.clone()).unwrap_or_default(),
            chat: person,
            event,
            at: it.timestamp.number().and_then(Timestamp::from_provider),
            ..self.item(Cow::Borrowed(place), json)
        }
    }

    /// A change: its arrays item by item, or the whole value where it has none.
    fn change(&self, change: Change<'a>, items: &mut Vec<Item<'a>>) -> Result<(), SplitError> {
        let field = change.field.0.unwrap_or_default();
        let json = change.value.map_or("null", RawValue::get);
        let before = items.len();
        let whole: Option<Value<'a>> = match &*field {
            field if has_arrays(field) && json.starts_with('{') => {
                Some(serde_json::from_str(json).map_err(SplitError::Shape)?)
            }
            _ => serde_json::from_str::<Sketch<Beside<'a>>>(json).ok().map(|Sketch(beside)| Value {
                metadata: beside.metadata,
                contacts: None,
                messages: None,
                statuses: None,
                errors: None,
                calls: None,
            }),
        };
        let metadata = whole.as_ref().and_then(|value| value.metadata);
        if let Some(value) = whole {
            self.arrays(&field, value, items);
        }
        if items.len() == before {
            let time = self.time.0.as_deref().unwrap_or_default();
            items.push(Item {
                account: self.account(metadata),
                metadata,
                event: Cow::Owned(hash(&format!("{field}/{time}/{json}"))),
                at: self.time.number().and_then(Timestamp::from_provider),
                ..self.item(field, json)
            });
        }
        Ok(())
    }

    /// The items of a value that has arrays.
    fn arrays(&self, field: &str, value: Value<'a>, items: &mut Vec<Item<'a>>) {
        let (account, contacts) = (self.account(value.metadata), Contacts::of(value.contacts));
        for (array, list) in [
            ("messages", value.messages),
            ("statuses", value.statuses),
            ("errors", value.errors),
            ("calls", value.calls),
        ] {
            let place = match (field, array) {
                ("messages", "messages") => Cow::Borrowed("messages/messages"),
                ("messages", "statuses") => Cow::Borrowed("messages/statuses"),
                _ => Cow::Owned(format!("{field}/{array}")),
            };
            for raw in list.unwrap_or_default() {
                let account = account.clone();
                let base = Item { account, metadata: value.metadata, ..self.item(place.clone(), raw.get()) };
                items.push(self.whatsapp(array, base, &contacts));
            }
        }
    }

    /// The number that `metadata` names, else the entry's account.
    fn account(&self, metadata: Option<&'a RawValue>) -> Cow<'a, str> {
        let Sketch(number) = metadata
            .and_then(|raw| serde_json::from_str::<Sketch<Metadata<'a>>>(raw.get()).ok())
            .unwrap_or_default();
        number.phone_number_id.0.or_else(|| self.entry.clone()).unwrap_or_default()
    }

    /// A message, a status, an error or a call.
    fn whatsapp(&self, array: &str, base: Item<'a>, contacts: &Contacts<'a>) -> Item<'a> {
        let Sketch(it) = serde_json::from_str::<Sketch<Message<'a>>>(base.json).unwrap_or_default();
        let event = match (array, it.id.0) {
            ("messages", Some(id)) => id,
            (_, Some(id)) => {
                let state = if array == "calls" { &it.event } else { &it.status };
                Cow::Owned(format!("{id}:{}", state.0.as_deref().unwrap_or_default()))
            }
            (_, None) => {
                let time = self.time.0.as_deref().unwrap_or_default();
                Cow::Owned(hash(&format!("{array}/{time}/{}", base.json)))
            }
        };
        let contacts = contacts.for_people(&[&it.from, &it.from_user, &it.recipient, &it.recipient_user]);
        let person = it.from.0.or(it.from_user.0).or(it.recipient.0).or(it.recipient_user.0);
        Item {
            event,
            chat: it.group.0.or(person).unwrap_or_default(),
            at: it.timestamp.number().and_then(Timestamp::from_provider),
            contacts,
            ..base
        }
    }
}

/// `contacts` of a change.
struct Contacts<'a> {
    whole: Option<&'a str>,
    each: Vec<(Contact<'a>, &'a str)>,
}

impl<'a> Contacts<'a> {
    fn of(raw: Option<&'a RawValue>) -> Self {
        let whole = raw.map(RawValue::get);
        let long = whole.filter(|json| json.len() > CONTACTS_AS_THEY_ARE);
        let each = long.and_then(|json| serde_json::from_str::<Vec<&'a RawValue>>(json).ok());
        let ids = |raw: &'a RawValue| {
            let Sketch(contact) = serde_json::from_str::<Sketch<Contact<'a>>>(raw.get()).unwrap_or_default();
            (contact, raw.get())
        };
        Self {
            whole: whole.filter(|_| long.is_none()),
            each: each.unwrap_or_default().into_iter().map(ids).collect(),
        }
    }

    fn for_people(&self, people: &[&Scalar<'a>]) -> Option<Cow<'a, str>> {
        if let Some(whole) = self.whole {
            return Some(Cow::Borrowed(whole));
        }
        let named = |id: &Scalar<'a>| id.0.is_some() && people.iter().any(|person| person.0 == id.0);
        let mut found = self.each.iter().filter(|(who, _)| named(&who.wa_id) || named(&who.user_id));
        let (_, first) = found.next()?;
        if first.len() > CONTACTS_AS_THEY_ARE {
            return None;
        }
        Some(Cow::Owned(format!("[{first}]")))
    }
}

/// Declares a sketch: `field: type = "json key"`.
macro_rules! sketch {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty = $key:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        struct $name<'a> { $($field: $kind),* }

        impl<'de> Fields<'de> for $name<'de> {
            fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
                match key {
                    $($key => self.$field = map.next_value()?,)*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}

sketch!(Metadata { phone_number_id: Scalar<'a> = "phone_number_id" });
sketch!(Contact { wa_id: Scalar<'a> = "wa_id", user_id: Scalar<'a> = "user_id" });
sketch!(Peer { id: Scalar<'a> = "id", user_ref: Scalar<'a> = "user_ref" });
sketch!(Beside { metadata: Option<&'a RawValue> = "metadata" });
sketch!(
    /// A message, a status or a call.
    Message {
        id: Scalar<'a> = "id",
        from: Scalar<'a> = "from",
        from_user: Scalar<'a> = "from_user_id",
        recipient: Scalar<'a> = "recipient_id",
        recipient_user: Scalar<'a> = "recipient_user_id",
        group: Scalar<'a> = "group_id",
        status: Scalar<'a> = "status",
        event: Scalar<'a> = "event",
        timestamp: Scalar<'a> = "timestamp",
    }
);
sketch!(
    /// `message` of a messaging item.
    Mid {
        mid: Scalar<'a> = "mid",
        is_echo: Truth = "is_echo",
        is_deleted: Truth = "is_deleted",
    }
);

/// A messaging item; `rest` = the bytes of whatever it holds beside people and time.
#[derive(Debug, Default)]
struct Messaging<'a> {
    sender: Sketch<Peer<'a>>,
    recipient: Sketch<Peer<'a>>,
    timestamp: Scalar<'a>,
    message: Sketch<Mid<'a>>,
    postback: Sketch<Mid<'a>>,
    rest: &'a str,
}

impl<'de> Fields<'de> for Messaging<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "sender" => self.sender = map.next_value()?,
            "recipient" => self.recipient = map.next_value()?,
            "timestamp" => self.timestamp = map.next_value()?,
            _ => {
                self.rest = map.next_value::<&'de RawValue>()?.get();
                if let "message" | "postback" = key {
                    let sketch = serde_json::from_str(self.rest).unwrap_or_default();
                    if key == "message" { self.message = sketch } else { self.postback = sketch }
                }
            }
        }
        Ok(true)
    }
}
