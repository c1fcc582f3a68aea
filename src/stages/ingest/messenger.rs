//! Messenger, and what Instagram has in common with it: messaging items.
//!
//! An echo is what the page itself sent, our own replies included; answering it would be a loop.

use super::json::Json;
use super::normalised::{Kind, Normalised, attachment, point};
use super::people::Spoke;
use crate::domain::events::{Attachment, AttachmentKind, Referral, TurnKind, WebhookReceived};

/// Reads a messaging item.
pub(super) fn normalise(event: &WebhookReceived, item: &Json<'_>) -> Normalised {
    let mut it = content(item);
    people(&mut it, event, item);
    if event.place.as_deref() == Some("standby") {
        // Another app owns the conversation now.
        it.raw_kind.insert_str(0, "standby:");
        it.kind = Kind::Echo;
        it.turn = None;
        it.spoke.get_or_insert(Spoke::Standby);
    }
    it
}

/// Sender, chat and account. In an echo the page is the sender, and the chat is still the person's.
fn people(it: &mut Normalised, event: &WebhookReceived, item: &Json<'_>) {
    let (sender, recipient) = (item.at("sender"), item.at("recipient").at("id").id());
    it.sender = sender.at("id").id().or_else(|| sender.at("user_ref").id());
    // Who takes or passes a thread is told with the person as the sender.
    let from_page = matches!(it.spoke, Some(Spoke::Echo { .. })) && recipient != event.entry;
    let (person, page) =
        if from_page { (recipient, it.sender.clone()) } else { (it.sender.clone(), recipient) };
    it.chat = person;
    it.account = page.or_else(|| event.entry.clone());
    it.alias(sender.at("user_ref").id());
}

fn content(item: &Json<'_>) -> Normalised {
    let text = |of: &Json<'_>, key: &str| of.at(key).text().map(str::to_owned);
    let known = [
        "message",
        "postback",
        "delivery",
        "read",
        "reaction",
        "optin",
        "referral",
        "account_linking",
        "message_edit",
        "take_thread_control",
        "request_thread_control",
        "pass_thread_control",
    ];
    let Some(key) = known.into_iter().find(|key| item.has(key)) else {
        let about = ["sender", "recipient", "timestamp"];
        let keys = item.fields().map(|(key, _)| key).filter(|key| !about.contains(key));
        return Normalised::ignored(format!("other:{}", keys.collect::<Vec<_>>().join(",")));
    };
    let body = item.at(key);
    let mut it = Normalised::ignored(key);
    match key {
        "message" => return message(body),
        "postback" => {
            it.kind = Kind::Callback;
            it.text = body.at("payload").id().or_else(|| text(body, "title"));
            it.title = text(body, "title");
            it.message_id = body.at("mid").id();
            it.referral = referral(body.at("referral"));
            it.turn = Some(TurnKind::Press);
        }
        "delivery" | "read" => {
            it.kind = Kind::Receipt;
            it.status = Some(if key == "read" { "read" } else { "delivered" }.to_owned());
            it.text = body.at("watermark").id();
            let mut ids = body.at("mids").list().iter().filter_map(Json::id);
            it.message_id = body.at("mid").id().or_else(|| ids.next());
            it.on.clone_from(&it.message_id);
            it.also_on = ids.collect();
        }
        "reaction" => {
            it.kind = Kind::Reaction;
            it.text = text(body, "emoji").or_else(|| text(body, "reaction"));
            it.message_id = body.at("mid").id();
            it.on.clone_from(&it.message_id);
            it.status = text(body, "action");
        }
        // Who wants the conversation gets it: the bot is silent, whoever holds the thread.
        "take_thread_control" | "request_thread_control" => {
            (it.kind, it.spoke) = (Kind::Echo, Some(Spoke::Standby));
        }
        "pass_thread_control" => {
            (it.kind, it.spoke) = (Kind::Echo, Some(Spoke::Passed(body.at("new_owner_app_id").id())));
        }
        "optin" | "referral" => {
            it.kind = Kind::Referral;
            it.text = body.at("ref").id().or_else(|| body.at("payload").id());
            it.title = text(body, "title");
            it.referral = referral(body)
                .or_else(|| it.text.clone().map(|code| Referral { code: Some(code), ..Referral::default() }));
            // Whom only a plugin's `user_ref` names can't be written to by an id.
            it.turn = item.at("sender").has("id").then_some(TurnKind::Referral);
        }
        _ => {}
    }
    it
}

/// The link, code or advertisement that a person came by.
fn referral(of: &Json<'_>) -> Option<Referral> {
    let found = Referral {
        code: of.at("ref").id(),
        source: of.at("source").id(),
        ad: of.at("ad_id").id(),
        url: of.at("referer_uri").id(),
    };
    (found != Referral::default()).then_some(found)
}

fn message(message: &Json<'_>) -> Normalised {
    let text = message.at("text").text().filter(|text| !text.is_empty()).map(str::to_owned);
    let attachments: Vec<_> = message.at("attachments").list().iter().map(attached).collect();
    let mut it = Normalised {
        kind: Kind::Message,
        message_id: message.at("mid").id(),
        reply_to: message.at("reply_to").at("mid").id(),
        referral: referral(message.at("referral")),
        text,
        ..Normalised::default()
    };
    let first = message.at("attachments").list().first();
    let (raw_kind, turn) = if message.at("is_deleted").is_true() {
        ("message:deleted".to_owned(), None)
    } else if message.has("quick_reply") {
        it.kind = Kind::Callback;
        it.title = it.text.take();
        it.text = message.at("quick_reply").at("payload").id().or_else(|| it.title.clone());
        ("message:quick_reply".to_owned(), Some(TurnKind::Press))
    } else if it.text.is_some() {
        ("message:text".to_owned(), Some(TurnKind::Text))
    } else if let Some(first) = first {
        let sort = first.at("type").text().unwrap_or("unknown");
        (format!("message:attachment.{sort}"), Some(TurnKind::Attachment))
    } else if message.at("is_unsupported").is_true() {
        // What the provider itself can't tell was said by a person all the same.
        it.attachments.push(attachment(AttachmentKind::Other, None));
        ("message:unsupported".to_owned(), Some(TurnKind::Attachment))
    } else {
        ("message".to_owned(), None)
    };
    if let (None, Some((_, Some(summary)))) = (&it.text, attachments.first()) {
        (it.text, it.text_is_summary) = (Some(summary.clone()), true);
    }
    it.attachments.extend(attachments.into_iter().map(|(attachment, _)| attachment));
    (it.raw_kind, it.turn) = (raw_kind, turn);
    if it.turn.is_none() {
        it.kind = Kind::Ignored;
    }
    if message.at("is_echo").is_true() {
        (it.kind, it.turn) = (Kind::Echo, None);
        it.raw_kind = "echo".to_owned();
        it.spoke = Some(Spoke::Echo { app: message.at("app_id").id(), mark: message.at("metadata").id() });
    }
    it
}

/// An attachment, and the word that is shown for it.
fn attached(of: &Json<'_>) -> (Attachment, Option<String>) {
    let kind = match of.at("type").text().unwrap_or_default() {
        "image" => AttachmentKind::Image,
        "audio" => AttachmentKind::Audio,
        "video" => AttachmentKind::Video,
        "file" => AttachmentKind::Document,
        "location" => AttachmentKind::Location,
        _ => AttachmentKind::Other,
    };
    let payload = of.at("payload");
    let text = |key: &str| payload.at(key).id().or_else(|| of.at(key).id());
    let (name, at) = (text("title"), payload.at("coordinates"));
    if let Some((place, summary)) = point(kind, at.at("lat"), at.at("long")) {
        return (Attachment { name, ..place }, Some(summary));
    }
    let id = ["attachment_id", "id", "sticker_id", "reel_video_id"].into_iter().find_map(text);
    (Attachment { url: text("url"), name, ..attachment(kind, id) }, None)
}
