//! An item as a record of `webhook.received.v1`, or a whole body as a dead letter.
//!
//! Guarantee: the value is byte for byte what `Envelope::<WebhookReceived>::encode` would write; it is put together here
//! without parsing the item again and without a copy of it other than the one into the record.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::split::{Item, SplitError};
use crate::domain::channel::ChannelKind;
use crate::domain::envelope::SpecVersion;
use crate::domain::event::Event;
use crate::domain::events::WebhookReceived;
use crate::domain::failure::Origin;
use crate::domain::ids::{BotId, TenantId};
use crate::domain::stage::StageName;
use crate::domain::time::Timestamp;
use crate::log::{Outgoing, TopicName};

/// Whose an item is; both names are empty where nobody owns its account.
#[derive(Debug, Clone, Default)]
pub(super) struct Owner {
    pub(super) tenant: TenantId,
    pub(super) bot: BotId,
}

/// The envelope's attributes, in the order of [`crate::domain::envelope::Envelope`].
#[derive(Serialize)]
struct Head<'a> {
    specversion: SpecVersion,
    id: &'a str,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    subject: &'a str,
    time: &'a str,
    dataschema: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tenant: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    bot: &'a str,
    causeid: &'a str,
    rootid: &'a str,
    roottime: Timestamp,
}

/// The fields of [`WebhookReceived`] before the item.
#[derive(Serialize)]
struct Data<'a> {
    channel: ChannelKind,
    account: &'a str,
    received: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

/// About what the attributes and names of a record take; its buffer is made this much larger than its item.
const AROUND_ITEM: usize = 768;

/// The record of one item.
pub(super) fn received(topic: TopicName, item: &Item<'_>, owner: &Owner, now: Timestamp) -> Outgoing {
    let subject = format!("{}/{}/{}", item.channel, item.account, item.chat);
    let (id, time) = (item.id().to_string(), now.to_string());
    let head = Head {
        specversion: SpecVersion::V1,
        id: &id,
        source: StageName::Edge.source(),
        kind: WebhookReceived::TYPE,
        subject: &subject,
        time: &time,
        dataschema: "/schemas/events/webhook.received.v1.json",
        tenant: owner.tenant.as_str(),
        bot: owner.bot.as_str(),
        causeid: &id,
        rootid: &id,
        // A provider's clock may run ahead of ours; a deadline must not.
        roottime: item.at.map_or(now, |at| at.min(now)),
    };
    let data = Data {
        channel: item.channel,
        account: &item.account,
        received: &time,
        object: item.object.as_deref(),
        entry: item.entry.as_deref(),
        place: item.place.as_deref(),
        metadata: item.metadata,
    };
    let mut value = Vec::with_capacity(AROUND_ITEM + item.json.len());
    open(&mut value, &head);
    value.extend_from_slice(b",\"data\":");
    open(&mut value, &data);
    if let Some(contacts) = &item.contacts {
        value.extend_from_slice(b",\"contacts\":");
        value.extend_from_slice(contacts.as_bytes());
    }
    value.extend_from_slice(b",\"item\":");
    value.extend_from_slice(item.json.as_bytes());
    value.extend_from_slice(b"}}");
    Outgoing::event(topic, subject.into_bytes(), Bytes::from(value))
}

/// Writes an object without its closing brace.
fn open(out: &mut Vec<u8>, object: &impl Serialize) {
    match serde_json::to_writer(&mut *out, object) {
        Ok(()) => out.truncate(out.len() - 1),
        Err(error) => unreachable!("an object of strings did not serialise: {error}"),
    }
}

/// serde quotes what it did not expect, which may be long.
const MAX_ERROR_CHARS: usize = 300;

/// A signed body without items, whole.
pub(super) fn dead(
    topic: TopicName,
    from: &str,
    tenant: &TenantId,
    body: Bytes,
    why: &SplitError,
    now: Timestamp,
) -> Outgoing {
    let header = |name: &str, value: String| (name.into(), Bytes::from(value));
    Outgoing {
        topic,
        partition: None,
        key: Bytes::copy_from_slice(from.as_bytes()),
        value: body,
        headers: vec![
            header("millrace-stage", StageName::Edge.as_str().to_owned()),
            header("millrace-reason", why.reason().to_owned()),
            header("millrace-error", why.to_string().chars().take(MAX_ERROR_CHARS).collect()),
            header("millrace-origin", Origin::Upstream.as_str().to_owned()),
            header("millrace-tenant", tenant.to_string()),
            header("millrace-attempts", "1".to_owned()),
            header("millrace-time", now.to_string()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::envelope::Envelope;
    use crate::edge::split;

    fn check(item: &Item<'_>, owner: &Owner) -> Envelope<WebhookReceived> {
        let now = Timestamp::from_millis(1_800_000_000_123);
        let record = received(TopicName::from("t"), item, owner, now);
        let mut expected = Envelope::root(
            item.id(),
            format!("{}/{}/{}", item.channel, item.account, item.chat),
            now,
            item.at.map_or(now, |at| at.min(now)),
            item.to_received(now).unwrap(),
        );
        expected.tenant = owner.tenant.clone();
        expected.bot = owner.bot.clone();
        assert_eq!(record.value, expected.encode());
        let decoded = Envelope::<WebhookReceived>::decode(&record.value).unwrap();
        assert_eq!(decoded, expected);
        assert_eq!(record.key, expected.subject.as_bytes());
        decoded
    }

    #[test]
    fn a_record_is_what_the_domain_would_write() {
        let body = b" {\"update_id\":7,\"message\":{\"date\":1700000000,\n\"chat\":{\"id\":-5},\"text\":\"a\\\"b\"}} ";
        let item = split::telegram(body, "77").unwrap();
        let owner = Owner { tenant: "acme".into(), bot: "shop".into() };
        let envelope = check(&item, &owner);
        assert_eq!(envelope.roottime, Timestamp::from_millis(1_700_000_000_000));

        let body = br#"{"object":"whatsapp_business_account","entry":[{"id":"9","changes":[{"field":"messages","value":
            {"metadata":{"phone_number_id":"1"},"contacts":[{"wa_id":"5"}],
            "messages":[{"id":"wamid.1","from":"5","timestamp":"99999999999"}]}}]}]}"#;
        let items = split::meta(body).unwrap();
        let envelope = check(&items[0], &Owner::default());
        assert_eq!(envelope.roottime, envelope.time, "a time in the future is not believed");
    }
}
