//! `WhatsApp` Cloud API: messages, statuses, errors, calls and the news of other fields.
//!
//! A person may have a phone number, a business-scoped id (`US.123...`) or both; the chat id is `from`, else
//! `from_user_id`.

mod news;

use super::json::Json;
use super::normalised::{Kind, Normalised, attachment, point};
use super::people::Spoke;
use crate::domain::events::{
    Attachment, AttachmentKind, ChatKind, Consent, ConsentBy, Referral, TurnKind, WebhookReceived,
};

/// People of one change: those that the business wrote to from its phone, those with other wishes.
const MAX_ECHOES: usize = 1000;

/// Reads an item; `place` says which array of which field it stood in.
pub(super) fn normalise(event: &WebhookReceived, item: &Json<'_>) -> Normalised {
    let place = event.place.as_deref().unwrap_or_default();
    let mut it = match place.split_once('/') {
        Some((_, "messages")) => message(event, item),
        Some((_, "statuses")) => status(event, item),
        Some((_, "errors")) => error(item),
        Some((_, "calls")) => call(item),
        _ => field(place, item),
    };
    it.account = Some(event.account.as_str().to_owned());
    it
}

fn message(event: &WebhookReceived, message: &Json<'_>) -> Normalised {
    let sort = message.at("type").text().unwrap_or("unknown");
    let mut it = Normalised {
        kind: Kind::Message,
        raw_kind: format!("message:{sort}"),
        sender: message.at("from").id().or_else(|| message.at("from_user_id").id()),
        message_id: message.at("id").id(),
        reply_to: message.at("context").at("id").id(),
        reply_to_sender: message.at("context").at("from").id(),
        errors: codes(message),
        referral: referral(message.at("referral")),
        ..Normalised::default()
    };
    it.chat = message.at("group_id").id();
    it.chat_kind = if it.chat.is_some() { ChatKind::Group } else { ChatKind::Private };
    it.chat = it.chat.take().or_else(|| it.sender.clone());
    ["from_user_id", "from_parent_user_id"].into_iter().for_each(|key| it.alias(message.at(key).id()));
    contact(&mut it, event);
    it.turn = content(&mut it, sort, message.at(sort));
    it
}

/// Puts what the message holds into `it`, and says what sort of turn it opens.
fn content(it: &mut Normalised, sort: &str, body: &Json<'_>) -> Option<TurnKind> {
    let text = |key: &str| body.at(key).text().map(str::to_owned);
    let file = |kind| Attachment {
        url: text("url"),
        mime: text("mime_type"),
        name: text("filename"),
        ..attachment(kind, body.at("id").id())
    };
    let voice = body.at("voice").is_true();
    match sort {
        "text" => {
            it.text = text("body");
            return Some(TurnKind::Text);
        }
        "button" => {
            it.kind = Kind::Callback;
            (it.text, it.title) = (text("payload").or_else(|| text("text")), text("text"));
            return Some(TurnKind::Press);
        }
        "interactive" => return interactive(it, body),
        "image" => it.attachments.push(file(AttachmentKind::Image)),
        "video" => it.attachments.push(file(AttachmentKind::Video)),
        "document" => it.attachments.push(file(AttachmentKind::Document)),
        "sticker" => it.attachments.push(file(AttachmentKind::Sticker)),
        "audio" if voice => {
            it.raw_kind.push_str(".voice");
            it.attachments.push(file(AttachmentKind::Voice));
        }
        "audio" => it.attachments.push(file(AttachmentKind::Audio)),
        "location" => {
            let at = point(AttachmentKind::Location, body.at("latitude"), body.at("longitude"));
            if let Some((place, summary)) = at {
                it.attachments.push(Attachment { name: text("name"), ..place });
                (it.text, it.text_is_summary) = (Some(summary), true);
            }
        }
        "contacts" => {
            let card = body.list().first().unwrap_or(body);
            let phone = card.at("phones").list().first().and_then(|phone| phone.at("phone").id());
            let url = phone.as_ref().map(|phone| format!("tel:{phone}"));
            let name = card.at("name").at("formatted_name").id();
            (it.text, it.text_is_summary) = (phone.or_else(|| name.clone()), true);
            it.attachments.push(Attachment { url, name, ..attachment(AttachmentKind::Contact, None) });
        }
        "order" => {
            it.text = text("text");
            it.attachments.push(attachment(AttachmentKind::Other, body.at("catalog_id").id()));
        }
        "reaction" => {
            it.kind = Kind::Reaction;
            (it.text, it.on) = (text("emoji"), body.at("message_id").id());
            return None;
        }
        "system" => {
            let what = body.at("type").text().unwrap_or_default();
            let known = matches!(what, "user_changed_number" | "customer_identity_changed");
            it.kind = if known { Kind::IdentityChange } else { Kind::Ignored };
            it.raw_kind = format!("message:system.{what}");
            it.text = text("body");
            ["wa_id", "new_wa_id", "user_id"].into_iter().for_each(|key| it.alias(body.at(key).id()));
            let new = body.at("wa_id").id().or_else(|| body.at("new_wa_id").id());
            // Who hides their number is known by another id, which stays theirs.
            let number = |id: &String| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
            let hidden = !it.sender.as_ref().is_some_and(number);
            it.moved_to = new.filter(|new| {
                what == "user_changed_number" && !hidden && number(new) && it.sender.as_ref() != Some(new)
            });
            return None;
        }
        "edit" | "revoke" => {
            it.kind = Kind::Edit;
            it.on = body.at("original_message_id").id().or_else(|| body.at("message_id").id());
            let new = body.at("message");
            let held = new.at(new.at("type").text().unwrap_or_default());
            let text = |key: &str| held.at(key).text().map(str::to_owned);
            it.text = text("body").or_else(|| text("caption"));
            return None;
        }
        "request_welcome" | "ephemeral" => {
            it.kind = Kind::Ignored;
            return None;
        }
        // What this version of the API, or of this program, has no word for: a person said something all the same.
        _ => {
            it.text = it.errors.first().map(ToString::to_string);
            it.text_is_summary = true;
            it.attachments.push(attachment(AttachmentKind::Other, None));
            return Some(TurnKind::Attachment);
        }
    }
    it.text = it.text.take().or_else(|| text("caption"));
    Some(TurnKind::Attachment)
}

/// The advertisement or post that a person came by.
fn referral(of: &Json<'_>) -> Option<Referral> {
    let found = Referral {
        code: of.at("ref").id().or_else(|| of.at("source_id").id()),
        source: of.at("source_type").id(),
        ad: of.at("source_id").id(),
        url: of.at("source_url").id(),
    };
    (found != Referral::default()).then_some(found)
}

/// Answers to buttons, lists and forms.
fn interactive(it: &mut Normalised, body: &Json<'_>) -> Option<TurnKind> {
    let sort = body.at("type").text();
    if let Some(sort) = sort {
        it.raw_kind = format!("message:interactive.{sort}");
    }
    let reply = body.at(sort.unwrap_or_default());
    let text = |key: &str| reply.at(key).text().map(str::to_owned);
    match sort {
        Some("button_reply" | "list_reply") => {
            it.kind = Kind::Callback;
            (it.text, it.title) = (reply.at("id").id(), text("title"));
            Some(TurnKind::Press)
        }
        Some("nfm_reply") => {
            // A form's answer is JSON in a string; it need not be an object, and need not be a string either.
            let answer = reply.at("response_json");
            it.text =
                answer.text().map(str::to_owned).or_else(|| answer.id()).or_else(|| Some(answer.compact()));
            it.title = text("body");
            Some(TurnKind::Press)
        }
        _ => {
            it.text = Some(if *reply == Json::Null { "{}".to_owned() } else { reply.compact() });
            None
        }
    }
}

fn status(event: &WebhookReceived, status: &Json<'_>) -> Normalised {
    let word = status.at("status").text().unwrap_or("unknown").to_owned();
    let mut it = Normalised {
        kind: Kind::Receipt,
        raw_kind: format!("status:{word}"),
        sender: status.at("recipient_id").id().or_else(|| status.at("recipient_user_id").id()),
        text: Some(word.clone()),
        message_id: status.at("id").id(),
        on: status.at("id").id(),
        errors: codes(status),
        opaque: status.at("biz_opaque_callback_data").id(),
        status: Some(word),
        ..Normalised::default()
    };
    it.chat.clone_from(&it.sender);
    it.alias(status.at("recipient_user_id").id());
    contact(&mut it, event);
    it
}

fn error(error: &Json<'_>) -> Normalised {
    Normalised {
        text: error.at("code").id(),
        errors: error.at("code").int().into_iter().collect(),
        ..Normalised::ignored("errors")
    }
}

fn call(call: &Json<'_>) -> Normalised {
    let event = call.at("event").text().unwrap_or("unknown");
    Normalised {
        sender: call.at("from").id(),
        chat: call.at("from").id(),
        text: Some(event.to_owned()),
        message_id: call.at("id").id(),
        opaque: call.at("biz_opaque_callback_data").id(),
        ..Normalised::ignored(format!("call:{event}"))
    }
}

/// A whole change of a field without arrays that we know.
fn field(field: &str, value: &Json<'_>) -> Normalised {
    Normalised {
        kind: match field {
            "account_update" | "phone_number_quality_update" => Kind::Account,
            _ if field.starts_with("message_template_") => Kind::Account,
            "message_echoes" | "smb_message_echoes" => Kind::Echo,
            _ => Kind::Ignored,
        },
        text: value.at("event").id(),
        template: news::template(field, value),
        business: news::business(field, value),
        consents: if field == "user_preferences" { preferences(value) } else { Vec::new() },
        spoke: (field == "smb_message_echoes").then(|| {
            let echoes = value.at("message_echoes").list().iter();
            Spoke::Phone(echoes.filter_map(|echo| echo.at("to").id()).take(MAX_ECHOES).collect())
        }),
        ..Normalised::ignored(format!("field:{field}"))
    }
}

/// Whether people want marketing messages, as they told `WhatsApp`.
fn preferences(value: &Json<'_>) -> Vec<(String, Consent, ConsentBy)> {
    let wish = |it: &Json<'_>| {
        let consent = match it.at("value").text()? {
            "stop" => Consent::Out,
            "resume" => Consent::In,
            _ => return None,
        };
        Some((it.at("wa_id").id().or_else(|| it.at("user_id").id())?, consent, ConsentBy::Provider))
    };
    value.at("user_preferences").list().iter().filter_map(wish).take(MAX_ECHOES).collect()
}

/// Name and further ids of the person, from the `contacts` beside the item. One that names somebody else is passed over.
fn contact(it: &mut Normalised, event: &WebhookReceived) {
    let Some(raw) = &event.contacts else { return };
    let mut room = String::new();
    let Ok(contacts) = Json::read(raw.get(), &mut room) else { return };
    let ids = ["wa_id", "user_id", "parent_user_id"];
    for contact in contacts.list() {
        let known = |id: &String| it.sender.as_ref() == Some(id) || it.aliases.contains(id);
        if !ids.into_iter().filter_map(|key| contact.at(key).id()).any(|id| known(&id)) {
            continue;
        }
        ids.into_iter().for_each(|key| it.alias(contact.at(key).id()));
        it.name = contact.at("profile").at("name").id();
        it.username = contact.at("profile").at("username").id();
    }
}

fn codes(of: &Json<'_>) -> Vec<i64> {
    of.at("errors").list().iter().filter_map(|error| error.at("code").int()).collect()
}
