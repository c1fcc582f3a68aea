//! The topics as an AsyncAPI 3.0 document.
//!
//! Source: <https://www.asyncapi.com/docs/reference/specification/v3.0.0>. One channel for each topic of the catalog;
//! topics whose event has no type yet are reserved and have no message.

use serde_json::{Map, Value, json};

use super::events::{ENVELOPE, schemas};
use crate::domain::envelope::CONTENT_TYPE;
use crate::domain::events::{Parked, ParkedTurn, Settled};
use crate::domain::topics::{Counts, DEAD_LETTER, Keep, TopicSpec, catalog};

/// The whole document.
pub(super) fn document() -> Value {
    let events = schemas();
    let known = |name: &str| events.iter().any(|(event, _)| *event == name);
    let mut channels = Map::new();
    let mut messages = Map::new();
    let mut operations = Map::new();
    for (topic, kafka) in catalog(Counts::EMBEDDED).into_iter().zip(catalog(Counts::KAFKA)) {
        let name = topic.name.clone();
        let mut channel = json!({
            "address": name,
            "description": describe(&topic, kafka.partitions),
            "bindings": {"kafka": {
                "topic": name,
                "partitions": kafka.partitions,
                "topicConfiguration": configuration(&topic),
            }},
        });
        if let Some(message) = message(&name, known(&name)) {
            messages.insert(name.clone(), message);
            channel["messages"] =
                json!({name.clone(): {"$ref": format!("#/components/messages/{}", pointer(&name))}});
            operations.insert(
                format!("read {name}"),
                json!({
                    "action": "receive",
                    "channel": {"$ref": format!("#/channels/{}", pointer(&name))},
                    "summary": "A consumer group of its own reads beside ours without touching them.",
                }),
            );
        }
        channels.insert(name, channel);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Millrace",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every hop of a conversation is a record on a topic. Read as many as you like; only Millrace \
                            writes them.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    })
}

/// How the records of a topic look; `None` for a topic that is only reserved.
fn message(name: &str, known: bool) -> Option<Value> {
    if name == DEAD_LETTER {
        return Some(json!({
            "name": name,
            "summary": "The original key, value and headers of a record that could not be processed, and why. A record with \
                        the header millrace-mark is no dead letter: it says which letters before it in its partition \
                        were driven again.",
            "headers": {
                "type": "object",
                "properties": Map::from_iter(
                    ["stage", "reason", "error", "topic", "partition", "offset", "attempts", "time", "mark"]
                        .map(|header| (format!("millrace-{header}"), json!({"type": "string"}))),
                ),
            },
        }));
    }
    if !known {
        return None;
    }
    let data = json!({"$ref": format!("events/{name}.json")});
    let payload = if [Settled::TYPE, Parked::TYPE, ParkedTurn::TYPE].contains(&name) {
        data
    } else {
        json!({"allOf": [
            {"$ref": format!("events/{ENVELOPE}.json")},
            {"type": "object", "properties": {"type": {"const": name}, "data": data}},
        ]})
    };
    Some(json!({"name": name, "contentType": CONTENT_TYPE, "payload": payload}))
}

fn describe(topic: &TopicSpec, on_kafka: u32) -> String {
    let kept = match topic.keep {
        Keep::For(span) => format!("kept for {} h", span.as_secs() / 3600),
        Keep::Compact => "compacted: the newest record of each key is kept".to_owned(),
    };
    format!(
        "{} partitions embedded, {on_kafka} on Kafka unless configured otherwise; {kept}.",
        topic.partitions
    )
}

fn configuration(topic: &TopicSpec) -> Value {
    match topic.keep {
        Keep::For(span) => json!({
            "cleanup.policy": ["delete"],
            "retention.ms": u64::try_from(span.as_millis()).unwrap_or(u64::MAX),
            "max.message.bytes": topic.max_bytes,
        }),
        Keep::Compact => json!({"cleanup.policy": ["compact"], "max.message.bytes": topic.max_bytes}),
    }
}

/// A name inside a JSON pointer.
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_a_channel_and_every_reference_leads_somewhere() {
        let document = document();
        for topic in catalog(Counts::EMBEDDED) {
            assert_eq!(document["channels"][&topic.name]["address"], topic.name.as_str());
        }
        for operation in document["operations"].as_object().unwrap().values() {
            let reference = operation["channel"]["$ref"].as_str().unwrap();
            assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
        }
        assert!(document["channels"]["campaign.changed.v1"].get("messages").is_none());
        assert!(document["components"]["messages"]["turn.opened.v1"]["payload"]["allOf"].is_array());
    }
}
