//! The JSON Schema of the envelope, of every event, and of the records of the ledger and of the parked topic.

use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::{
    BotBacklog, BotChanged, ConversationMode, DocumentChanged, DocumentSubmitted, MediaWanted, Parked,
    ParkedTurn, ReceiptReceived, ReplyReady, Settled, SignalReady, TurnDropped, TurnGrounded, TurnOpened,
    TurnRouted, WebchatOut, WebhookReceived,
};

/// The name of the envelope's schema beside the events'.
pub(super) const ENVELOPE: &str = "envelope";

/// Every event type, in the order of the flow, with the schema of its `data`; first the envelope around them.
///
/// A type in `domain/events/` that is missing here fails the test that reads those files.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (ENVELOPE, envelope()),
        event::<WebhookReceived>(),
        event::<TurnOpened>(),
        event::<TurnRouted>(),
        event::<TurnGrounded>(),
        event::<TurnDropped>(),
        event::<ReplyReady>(),
        event::<SignalReady>(),
        (Settled::TYPE, schema::<Settled>(Settled::TYPE)),
        (Parked::TYPE, schema::<Parked>(Parked::TYPE)),
        (ParkedTurn::TYPE, schema::<ParkedTurn>(ParkedTurn::TYPE)),
        event::<ReceiptReceived>(),
        event::<WebchatOut>(),
        event::<BotChanged>(),
        event::<BotBacklog>(),
        event::<ConversationMode>(),
        event::<DocumentSubmitted>(),
        event::<DocumentChanged>(),
        event::<MediaWanted>(),
    ]
}

fn event<T: Event>() -> (&'static str, Value) {
    (T::TYPE, schema::<T>(T::TYPE))
}

/// The envelope with any `data`: each event's own schema says what stands there.
fn envelope() -> Value {
    let mut schema = schema::<Envelope<Value>>(ENVELOPE);
    schema["title"] = json!("Envelope");
    schema
}

fn schema<T: JsonSchema>(name: &str) -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    // The address that `dataschema` of each record names.
    schema["$id"] = json!(format!("/schemas/events/{name}.json"));
    schema
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Reads `const TYPE: &'static str = "..."` of every file of the events.
    fn declared() -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/events");
        let mut types = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let found = text.split("const TYPE: &'static str = \"").skip(1);
            types.extend(found.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
        types.sort();
        types
    }

    #[test]
    fn every_event_in_the_source_has_a_schema() {
        let mut listed: Vec<_> =
            schemas().into_iter().map(|(name, _)| name.to_owned()).filter(|name| name != ENVELOPE).collect();
        listed.sort();
        assert_eq!(listed, declared());
    }

    #[test]
    fn the_schema_of_an_event_describes_its_fields() {
        let (_, schema) = event::<TurnOpened>();
        assert_eq!(schema["$id"], "/schemas/events/turn.opened.v1.json");
        let text = &schema["properties"]["text"]["description"];
        assert!(text.as_str().unwrap().contains("caption"), "{text}");
        assert!(schema["required"].as_array().unwrap().iter().any(|field| field == "chat"));
    }
}
