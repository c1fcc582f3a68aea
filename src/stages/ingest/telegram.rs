//! Telegram updates. Source of the kinds: the Bot API reference, version 10.0.

mod message;

use super::json::Json;
use super::normalised::{Kind, Normalised};
use crate::domain::events::{ChatKind, Consent, ConsentBy, TurnKind};

/// Reads an update: `update_id` and one field that names its kind.
pub(super) fn normalise(update: &Json<'_>) -> Normalised {
    let mut kinds = update.fields().filter(|(name, _)| *name != "update_id");
    let Some((field, body)) = kinds.next() else { return Normalised::ignored("update") };
    match field {
        "message"
        | "edited_message"
        | "channel_post"
        | "edited_channel_post"
        | "business_message"
        | "edited_business_message"
        | "guest_message" => message::normalise(field, body),
        "callback_query" => callback(body),
        _ => other(field, body),
    }
}

fn callback(query: &Json<'_>) -> Normalised {
    let message = query.at("message");
    let inaccessible = message.at("date").int() == Some(0);
    let data = query.at("data").text().or_else(|| query.at("game_short_name").text());
    let mut it = Normalised {
        kind: Kind::Callback,
        raw_kind: if inaccessible { "callback_query:inaccessible" } else { "callback_query" }.to_owned(),
        thread: topic(message),
        account: message.at("from").at("id").id().filter(|_| message.at("from").at("is_bot").is_true()),
        text: data.map(str::to_owned),
        title: data.and_then(|data| button_title(message, data)),
        message_id: message.at("message_id").id().or_else(|| query.at("inline_message_id").id()),
        callback_id: query.at("id").id(),
        shown_bot: shown_bot(message.at("from")),
        turn: data.map(|_| TurnKind::Press),
        ..Normalised::default()
    };
    person(&mut it, query.at("from"));
    place(&mut it, message.at("chat"));
    it
}

/// The words on the button that was pressed, if the message still shows it.
fn button_title(message: &Json<'_>, data: &str) -> Option<String> {
    let rows = message.at("reply_markup").at("inline_keyboard").list();
    let mut buttons = rows.iter().flat_map(Json::list);
    let button = buttons.find(|button| button.at("callback_data").text() == Some(data))?;
    button.at("text").text().map(str::to_owned)
}

/// Every kind that opens no turn.
fn other(field: &str, body: &Json<'_>) -> Normalised {
    let mut it = Normalised::ignored(field);
    match field {
        "message_reaction" | "message_reaction_count" => {
            it.kind = Kind::Reaction;
            it.on = body.at("message_id").id();
        }
        "my_chat_member" | "chat_member" => {
            it.kind = Kind::Membership;
            let status = |which: &str| body.at(which).at("status").text().unwrap_or("?").to_owned();
            it.text = Some(format!("{}->{}", status("old_chat_member"), status("new_chat_member")));
            if field == "my_chat_member" {
                let user = body.at("new_chat_member").at("user");
                (it.account, it.shown_bot) = (user.at("id").id(), shown_bot(user));
            }
        }
        _ => {
            let said = ["query", "invoice_payload", "question"].into_iter();
            it.text = said.filter_map(|key| body.at(key).text()).next().map(str::to_owned);
        }
    }
    let who = ["from", "user", "actor_chat", "voter_chat"].into_iter().map(|key| body.at(key));
    if let Some(who) = who.into_iter().find(|who| who.has("id")) {
        person(&mut it, who);
    }
    place(&mut it, body.at("chat"));
    it.message_id = body.at("message_id").id();
    if let ("my_chat_member", ChatKind::Private, Some(chat)) = (field, it.chat_kind, it.chat.clone()) {
        let now = body.at("new_chat_member").at("status").text();
        let consent = if now == Some("kicked") { Consent::Out } else { Consent::In };
        it.consents.push((chat, consent, ConsentBy::Block));
    }
    it
}

/// A bot with its handle.
fn shown_bot(user: &Json<'_>) -> Option<(String, String)> {
    let bot = user.at("is_bot").is_true();
    Some((user.at("id").id()?, user.at("username").id()?)).filter(|_| bot)
}

/// Who.
fn person(it: &mut Normalised, who: &Json<'_>) {
    it.sender = who.at("id").id();
    let names = [who.at("first_name").text(), who.at("last_name").text()];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    it.name = Some(name).filter(|name| !name.is_empty()).or_else(|| who.at("title").id());
    it.username = who.at("username").id();
    it.language = who.at("language_code").id();
}

/// Where.
fn place(it: &mut Normalised, chat: &Json<'_>) {
    it.chat = chat.at("id").id();
    it.chat_kind = match chat.at("type").text() {
        Some("private") | None => ChatKind::Private,
        Some(_) => ChatKind::Group,
    };
}

/// A forum topic. Plain replies carry a `message_thread_id` too, which is none.
fn topic(message: &Json<'_>) -> Option<String> {
    message.at("message_thread_id").id().filter(|_| message.at("is_topic_message").is_true())
}
