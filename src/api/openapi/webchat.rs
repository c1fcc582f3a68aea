//! The edge's web-chat calls, for pages that bring their own chat. They live on the edge's address.

use serde_json::{Value, json};

/// The paths of web chat.
pub(super) fn paths() -> Vec<(&'static str, Value)> {
    vec![
        (
            "/webchat/{bot}/visitors",
            on_edge(
                "post",
                json!({
                    "operationId": "webchat_visitor",
                    "summary": "Makes a visitor.",
                    "description": "With `user` and `user_hash` (hex HMAC-SHA256 of `user` by the account's secret) the same person \
                                    is the same visitor on every device.",
                    "security": [],
                    "parameters": [bot()],
                    "requestBody": body(json!({"user": text(), "user_hash": text()}), &[]),
                    "responses": {"200": answer(json!({"visitor": text(), "token": text()}))},
                }),
            ),
        ),
        (
            "/webchat/{bot}/messages",
            on_edge(
                "post",
                json!({
                    "operationId": "webchat_message",
                    "summary": "Says something to the bot, with the visitor's token as bearer.",
                    "description": "`id` is the page's own: the same id is the same message. One of `text`, `payload` (what a \
                                    pressed button stands for, with its `title`), `media` (what `files` answered; `text` may \
                                    stand beside it) and `read: true` (what was said so far was seen).",
                    "parameters": [bot()],
                    "requestBody": body(json!({
                        "id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
                        "text": text(), "payload": text(), "title": text(), "media": text(), "read": {"type": "boolean"},
                    }), &["id"]),
                    "responses": {"202": answer(json!({"id": text()}))},
                }),
            ),
        ),
        (
            "/webchat/{bot}/files",
            on_edge(
                "post",
                json!({
                    "operationId": "webchat_send_file",
                    "summary": "Sends a file, whose bytes are the body, with the visitor's token as bearer; a message then names it.",
                    "description": "`media` in the answer is for one visitor and a day. `kind`, `mime` and `name` are what the file \
                                    is, whatever it was called.",
                    "parameters": [bot(), {"name": "name", "in": "query", "schema": text()}],
                    "requestBody": {
                        "required": true,
                        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
                    },
                    "responses": {
                        "201": answer(json!({
                            "media": text(), "kind": text(), "mime": text(), "name": text(), "bytes": {"type": "integer"},
                        })),
                        "403": {"description": "The bot takes no files (`media: never`)."},
                        "413": {"description": "It is larger than `media.max_size`."},
                        "415": {"description": "Files of its type are not taken (`media.types`)."},
                        "429": {"description": "The visitor or the bot's visitors sent too much: see Retry-After."},
                        "503": {"description": "Too many files are on their way: see Retry-After."},
                    },
                }),
            ),
        ),
        (
            "/webchat/{bot}/stream",
            on_edge(
                "post",
                json!({
                    "operationId": "webchat_ticket",
                    "summary": "Gives a ticket for the event stream: one use, 30 seconds. The visitor's token as bearer.",
                    "parameters": [bot()],
                    "responses": {"200": answer(json!({"ticket": text()}))},
                }),
            ),
        ),
        (
            "/webchat/{bot}/files/{link}",
            on_edge(
                "get",
                json!({
                    "operationId": "webchat_file",
                    "summary": "A file that the bot sent: the address stands in a message's `media`, and holds for a week.",
                    "security": [],
                    "parameters": [bot(), {"name": "link", "in": "path", "required": true, "schema": text()}],
                    "responses": {
                        "200": {"description": "The file: pictures, sound and film in place, everything else as a download."},
                        "404": {"description": "The link is too old, or the file is gone."},
                        "503": {"description": "Too many files are on their way: see Retry-After."},
                    },
                }),
            ),
        ),
        (
            "/webchat/{bot}/events",
            on_edge(
                "get",
                json!({
                    "operationId": "webchat_events",
                    "summary": "What the bot says, as server-sent events.",
                    "description": "`event: message` with data {id, text, buttons: [{title, payload}], media, cites}. With \
                                    `Last-Event-ID` what followed that event, or the last 50 where it is not known: drop repeats \
                                    by id.",
                    "security": [],
                    "parameters": [
                        bot(),
                        {"name": "ticket", "in": "query", "required": true, "schema": text()},
                        {"name": "last-event-id", "in": "header", "schema": text()},
                    ],
                    "responses": {"200": {"description": "Open until either side ends it.",
                                          "content": {"text/event-stream": {"schema": text()}}}},
                }),
            ),
        ),
    ]
}

fn on_edge(method: &str, operation: Value) -> Value {
    json!({"servers": [{"url": "http://127.0.0.1:8080", "description": "`edge.public_url`"}], method: operation})
}

fn bot() -> Value {
    json!({"name": "bot", "in": "path", "required": true, "schema": text()})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn body(properties: Value, required: &[&str]) -> Value {
    let schema = json!({"type": "object", "properties": properties, "required": required});
    json!({"required": !required.is_empty(), "content": {"application/json": {"schema": schema}}})
}

fn answer(properties: Value) -> Value {
    let schema = json!({"type": "object", "properties": properties});
    json!({"description": "Done.", "content": {"application/json": {"schema": schema}}})
}
