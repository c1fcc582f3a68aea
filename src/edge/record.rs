//! An item as a record of `webhook.received.v1`, or a whole body as a dead letter.
//!
//! Guarantee: the value is byte for byte what `Envelope::<WebhookReceived>::encode` would write; it is put together here
//! without parsing the item again and without a copy of it other than the one into the record.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::split::{Item, SplitError};
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

/// About what the attributes and names of a record take beside its variable parts; its buffer is made this much larger.
const AROUND_ITEM: usize = 768;

/// The record of one item: the attributes in the order of [`crate::domain::envelope::Envelope`], then the fields of
/// [`WebhookReceived`].
pub(super) fn received(topic: TopicName, item: &Item<'_>, owner: &Owner, now: Timestamp) -> Outgoing {
    let (channel, contacts) = (item.channel.as_str(), item.contacts.as_deref().unwrap_or_default());
    let subject = [channel, &*item.account, &*item.chat].join("/");
    let (id, time) = (item.id().to_string(), now.to_string());
    // A provider's clock may run ahead of ours; a deadline must not.
    let root_time = item.at.filter(|at| *at < now).map(|at| at.to_string());
    let metadata = item.metadata.map(RawValue::get).unwrap_or_default();
    let room = AROUND_ITEM + 2 * subject.len() + contacts.len() + metadata.len() + item.json.len();
    let mut out = Object(Vec::with_capacity(room));
    out.0.extend_from_slice(b"{\"specversion\":\"1.0\"");
    out.text("id", &id);
    out.text("source", StageName::Edge.source());
    out.text("type", WebhookReceived::TYPE);
    out.text("subject", &subject);
    out.text("time", &time);
    out.text("dataschema", "/schemas/events/webhook.received.v1.json");
    out.text_if("tenant", Some(owner.tenant.as_str()).filter(|tenant| !tenant.is_empty()));
    out.text_if("bot", Some(owner.bot.as_str()).filter(|bot| !bot.is_empty()));
    out.text("causeid", &id);
    out.text("rootid", &id);
    out.text("roottime", root_time.as_ref().unwrap_or(&time));
    out.0.extend_from_slice(b",\"data\":{\"channel\":\"");
    out.0.extend_from_slice(channel.as_bytes());
    out.0.push(b'"');
    out.text("account", &item.account);
    out.text("received", &time);
    out.text_if("object", item.object.as_deref());
    out.text_if("entry", item.entry.as_deref());
    out.text_if("place", item.place.as_deref());
    out.raw_if("metadata", metadata);
    out.raw_if("contacts", contacts);
    out.raw_if("item", item.json);
    out.0.extend_from_slice(b"}}");
    Outgoing::event(topic, subject.into_bytes(), Bytes::from(out.0))
}

/// A JSON object on its way, after its first field.
struct Object(Vec<u8>);

impl Object {
    fn key(&mut self, key: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        // Names and ids hardly ever hold what has to be escaped.
        if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.0.push(b'"');
            self.0.extend_from_slice(text.as_bytes());
            self.0.push(b'"');
        } else if let Err(error) = serde_json::to_writer(&mut self.0, text) {
            unreachable!("a string did not serialise: {error}");
        }
    }

    fn text_if(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    /// JSON as it is; an empty text is none.
    fn raw_if(&mut self, key: &str, json: &str) {
        if !json.is_empty() {
            self.key(key);
            self.0.extend_from_slice(json.as_bytes());
        }
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

        let odd = r#"{"id":"w\"1","from":"\u0007\u00e9\\\n/\u007f"}"#;
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"\t","changes":[{{"value":{{"messages":[{odd}]}}}}]}}]}}"#
        );
        let odd = split::meta(body.as_bytes()).unwrap();
        assert!(odd[0].chat.contains('\\'));
        check(&odd[0], &Owner { tenant: "a\"b".into(), bot: "shop".into() });
    }
}
