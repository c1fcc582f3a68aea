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
use crate::edge::lenient::{Fields, Scalar, Sketch, Truth};

/// A change's `contacts` up to this size stand beside each of its items as they came; of a longer list each item gets
/// the entries that name its people. Otherwise a body of thousands of contacts and messages would grow by their product.
const CONTACTS_AS_THEY_ARE: usize = 2 << 10;

/// Every event of a body.
///
/// # Errors
/// When the items can't be found.
pub fn meta(body: &[u8]) -> Result<Vec<Item<'_>>, SplitError> {
    let json = text(body)?;
    let body: Body<'_> = serde_json::from_str(json).map_err(|error| diagnose(json, error))?;
    if !json.starts_with('{') {
        return Err(SplitError::NotObject);
    }
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
            at.change(change, &mut items)?;
        }
    }
    Ok(items)
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    object: Scalar<'a>,
    #[serde(borrow, default)]
    entry: Option<Vec<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    time: Scalar<'a>,
    #[serde(borrow, default)]
    messaging: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    standby: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    changes: Option<Vec<Change<'a>>>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow, default)]
    field: Scalar<'a>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
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
            "messages" | "calls" | "" if json.starts_with('{') => {
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
        let Sketch(number) = metadata
            .and_then(|raw| serde_json::from_str::<Sketch<Metadata<'a>>>(raw.get()).ok())
            .unwrap_or_default();
        let account = number.phone_number_id.0.or_else(|| self.entry.clone()).unwrap_or_default();
        if let Some(value) = whole {
            let contacts = Contacts::of(value.contacts);
            for (array, list) in [
                ("messages", value.messages),
                ("statuses", value.statuses),
                ("errors", value.errors),
                ("calls", value.calls),
            ] {
                for raw in list.unwrap_or_default() {
                    let place = Cow::Owned(format!("{field}/{array}"));
                    let base = Item { account: account.clone(), metadata, ..self.item(place, raw.get()) };
                    items.push(self.whatsapp(array, base, &contacts));
                }
            }
        }
        if items.len() == before {
            let time = self.time.0.as_deref().unwrap_or_default();
            items.push(Item {
                account,
                metadata,
                event: Cow::Owned(hash(&format!("{field}/{time}/{json}"))),
                at: self.time.number().and_then(Timestamp::from_provider),
                ..self.item(field, json)
            });
        }
        Ok(())
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
