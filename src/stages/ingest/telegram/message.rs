//! A Telegram message: what it holds decides what it is.

use super::super::json::Json;
use super::super::normalised::{Kind, Normalised, attachment, point};
use super::{person, place, shown_bot, topic};
use crate::domain::events::{Attachment, AttachmentKind, Referral, TurnKind};

/// Content of people, in the order of search: an animation also carries `document`, a venue also `location`.
const CONTENT: [&str; 28] = [
    "text",
    "animation",
    "audio",
    "document",
    "live_photo",
    "paid_media",
    "photo",
    "sticker",
    "story",
    "video",
    "video_note",
    "voice",
    "checklist",
    "contact",
    "dice",
    "game",
    "giveaway",
    "giveaway_winners",
    "invoice",
    "venue",
    "location",
    "poll",
    "rich_message",
    "web_app_data",
    "successful_payment",
    "users_shared",
    "chat_shared",
    "gift",
];

/// Who came or went; `new_chat_member` and `_participant` are older names beside the list.
const MEMBERS: [&str; 3] = ["new_chat_members", "new_chat_member", "left_chat_member"];

/// A group became a supergroup: the same chat under another id.
const MIGRATIONS: [&str; 2] = ["migrate_to_chat_id", "migrate_from_chat_id"];

/// Fields that say something about a message and are not what it holds.
const ABOUT: [&str; 44] = [
    "message_id",
    "message_thread_id",
    "direct_messages_topic",
    "from",
    "sender_chat",
    "sender_boost_count",
    "sender_business_bot",
    "sender_tag",
    "date",
    "business_connection_id",
    "guest_query_id",
    "guest_bot_caller_user",
    "guest_bot_caller_chat",
    "chat",
    "forward_origin",
    "forward_from",
    "forward_from_chat",
    "forward_from_message_id",
    "forward_signature",
    "forward_sender_name",
    "forward_date",
    "is_topic_message",
    "is_automatic_forward",
    "reply_to_message",
    "external_reply",
    "quote",
    "reply_to_story",
    "reply_to_checklist_task_id",
    "reply_to_poll_option_id",
    "via_bot",
    "edit_date",
    "has_protected_content",
    "is_from_offline",
    "is_paid_post",
    "media_group_id",
    "author_signature",
    "paid_star_count",
    "link_preview_options",
    "suggested_post_info",
    "effect_id",
    "caption",
    "show_caption_above_media",
    "has_media_spoiler",
    "reply_markup",
];

/// Reads a message that came as `field`.
pub(super) fn normalise(field: &str, message: &Json<'_>) -> Normalised {
    let first = |names: &[&'static str]| names.iter().copied().find(|name| message.has(name));
    let (content, kind) = if let Some(content) = first(&CONTENT) {
        (content, Kind::Message)
    } else if let Some(content) = first(&MEMBERS) {
        (content, Kind::Membership)
    } else if let Some(content) = first(&MIGRATIONS) {
        (content, Kind::IdentityChange)
    } else {
        let about = |name: &str| ABOUT.contains(&name) || name.ends_with("entities");
        (message.fields().map(|(name, _)| name).find(|name| !about(name)).unwrap_or_default(), Kind::Ignored)
    };
    let mut it = Normalised {
        kind: if field.starts_with("edited_") { Kind::Edit } else { kind },
        raw_kind: if content.is_empty() { field.to_owned() } else { format!("{field}:{content}") },
        thread: topic(message),
        message_id: message.at("message_id").id(),
        reply_to: reply_to(message),
        album: message.at("media_group_id").id(),
        mentions: mentions(message),
        ..Normalised::default()
    };
    if it.reply_to.is_some() {
        let answered = message.at("reply_to_message").at("from");
        (it.reply_to_sender, it.shown_bot) = (answered.at("id").id(), shown_bot(answered));
    }
    let who = if message.has("from") { message.at("from") } else { message.at("sender_chat") };
    person(&mut it, who);
    place(&mut it, message.at("chat"));
    it.text = message.at("caption").text().map(str::to_owned);
    let turn = hold(&mut it, content, message.at(content));
    if it.kind == Kind::Message && field == "message" && speaks(message) {
        it.turn = Some(turn);
        it.referral = it.text.as_deref().and_then(start).filter(|_| turn == TurnKind::Text);
    }
    it
}

/// `/start PAYLOAD`: a link to the bot was followed. Telegram lets a payload hold 64 letters, digits, hyphens and
/// underscores.
fn start(text: &str) -> Option<Referral> {
    let (command, payload) = text.split_once(' ')?;
    let word = command.split('@').next()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let payload = payload.trim();
    let is_link = word == "/start" && (1..=64).contains(&payload.len()) && payload.bytes().all(plain);
    is_link.then(|| Referral {
        code: Some(payload.to_owned()),
        source: Some("start".to_owned()),
        ..Referral::default()
    })
}

/// Handles in the text or the caption. Offsets count UTF-16 units; one that lies outside of the text is passed over.
fn mentions(message: &Json<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (text, entities) in [("text", "entities"), ("caption", "caption_entities")] {
        let Some(text) = message.at(text).text() else { continue };
        let units = || text.encode_utf16().collect::<Vec<u16>>();
        let mentions = message.at(entities).list().iter().filter(|e| e.at("type").text() == Some("mention"));
        let mut all = None;
        for entity in mentions {
            let number = |key: &str| entity.at(key).int().and_then(|n| usize::try_from(n).ok());
            let (Some(from), Some(length)) = (number("offset"), number("length")) else { continue };
            let units = all.get_or_insert_with(units);
            let piece = from.checked_add(length).and_then(|end| units.get(from..end));
            let handle = piece.map(String::from_utf16_lossy).unwrap_or_default();
            found.extend(handle.strip_prefix('@').map(str::to_owned));
        }
    }
    found
}

/// True for people: not for other bots, nor for posts that Telegram copies from a channel. An anonymous administrator
/// writes as the group itself, through a bot of Telegram's.
fn speaks(message: &Json<'_>) -> bool {
    let anonymous = message.at("sender_chat").at("id").id();
    let as_the_group = anonymous.is_some() && anonymous == message.at("chat").at("id").id();
    let bot = message.at("from").at("is_bot").is_true() && !as_the_group;
    !bot && !message.at("is_automatic_forward").is_true()
}

/// What is answered; the message that opened a topic stands in every message of it and is not meant.
fn reply_to(message: &Json<'_>) -> Option<String> {
    let answered = message.at("reply_to_message").at("message_id").id()?;
    let opened = topic(message).is_some_and(|topic| topic == answered);
    (!opened).then_some(answered)
}

/// Puts what the message holds into `it`.
fn hold(it: &mut Normalised, content: &str, body: &Json<'_>) -> TurnKind {
    use AttachmentKind as A;
    let kind = match content {
        "text" => {
            it.text = body.text().map(str::to_owned);
            return TurnKind::Text;
        }
        "web_app_data" => {
            it.text = body.at("data").text().map(str::to_owned);
            it.title = body.at("button_text").text().map(str::to_owned);
            return TurnKind::Press;
        }
        "migrate_to_chat_id" | "migrate_from_chat_id" => {
            it.aliases.extend(body.id());
            return TurnKind::Attachment;
        }
        "photo" => {
            it.attachments.extend(largest(body).map(|size| attachment(A::Image, size.at("file_id").id())));
            return TurnKind::Attachment;
        }
        "animation" => A::Animation,
        "audio" => A::Audio,
        "document" => A::Document,
        "sticker" => A::Sticker,
        "video" => A::Video,
        "video_note" => A::VideoNote,
        "voice" => A::Voice,
        "contact" => A::Contact,
        "location" => A::Location,
        "venue" => A::Venue,
        _ => A::Other,
    };
    if it.kind == Kind::Message || it.kind == Kind::Edit {
        let (attachment, summary) = attach(kind, content, body);
        it.attachments.push(attachment);
        if let Some(summary) = summary {
            (it.text, it.text_is_summary) = (Some(summary), true);
        }
    }
    TurnKind::Attachment
}

/// An attachment, and the word that is shown where it has no caption.
fn attach(kind: AttachmentKind, content: &str, body: &Json<'_>) -> (Attachment, Option<String>) {
    let text = |key: &str| body.at(key).text().map(str::to_owned);
    let file = Attachment {
        mime: text("mime_type"),
        name: text("file_name"),
        ..attachment(kind, body.at("file_id").id().or_else(|| body.at("id").id()))
    };
    match content {
        "contact" => {
            let number = body.at("phone_number").id();
            let url = number.as_ref().map(|number| format!("tel:{number}"));
            (Attachment { url, name: text("first_name"), ..file }, number)
        }
        "location" => {
            point(kind, body.at("latitude"), body.at("longitude")).map_or((file, None), |(a, s)| (a, Some(s)))
        }
        "venue" => {
            let at = body.at("location");
            let place = point(kind, at.at("latitude"), at.at("longitude"));
            let place = place.map_or(file, |(place, _)| place);
            (Attachment { name: text("title"), ..place }, text("title"))
        }
        "poll" => (Attachment { name: text("question"), ..file }, text("question")),
        "dice" => (Attachment { name: text("emoji"), ..file }, None),
        "game" | "invoice" | "checklist" => (Attachment { name: text("title"), ..file }, None),
        _ => (file, None),
    }
}

/// The largest of a photo's sizes; of equal ones the last.
fn largest<'j, 'a>(photo: &'j Json<'a>) -> Option<&'j Json<'a>> {
    let side = |size: &Json<'_>, key: &str| size.at(key).int().unwrap_or(0);
    photo.list().iter().max_by_key(|size| side(size, "width").saturating_mul(side(size, "height")))
}
