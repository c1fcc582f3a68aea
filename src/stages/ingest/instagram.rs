//! Instagram: messaging items as Messenger has them, and changes of fields such as comments.

use super::json::Json;
use super::messenger;
use super::normalised::Normalised;
use crate::domain::events::WebhookReceived;

/// Reads an item. A change of a field (comments, mentions, the test button) opens no turn.
pub(super) fn normalise(event: &WebhookReceived, item: &Json<'_>) -> Normalised {
    match event.place.as_deref() {
        Some("messaging" | "standby") | None => messenger::normalise(event, item),
        Some(field) => Normalised {
            sender: item.at("from").at("id").id(),
            account: event.entry.clone(),
            text: item.at("text").id(),
            message_id: item.at("id").id(),
            ..Normalised::ignored(format!("field:{field}"))
        },
    }
}
