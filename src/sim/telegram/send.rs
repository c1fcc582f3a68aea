//! Sending: checked, limited and answered as Telegram does.

use serde_json::{Map, Value, json};

use super::account::Account;
use super::keyboard::{self, Shown};
use super::{errors, formatting, updates};
use crate::sim::Core;
use crate::sim::answer::Answer;
use crate::sim::params::{int, text, yes};

/// Characters of a message. Counted in UTF-16 units, the strictest reading of Telegram's number.
const MAX_TEXT: usize = 4096;
const MAX_CAPTION: usize = 1024;

/// The field that a send method needs; `None` for methods that send nothing. In lower case.
pub(super) fn content_of(method: &str) -> Option<&'static str> {
    Some(match method {
        "sendmessage" => "text",
        "sendphoto" => "photo",
        "senddocument" => "document",
        "sendaudio" => "audio",
        "sendvideo" => "video",
        "sendvoice" => "voice",
        "sendanimation" => "animation",
        "sendvideonote" => "video_note",
        "sendsticker" => "sticker",
        "sendlocation" | "sendvenue" => "latitude",
        "sendcontact" => "phone_number",
        "sendpoll" => "question",
        "senddice" => "chat_id",
        "copymessage" | "forwardmessage" => "from_chat_id",
        _ => return None,
    })
}

/// Where a message goes.
#[derive(Debug)]
pub(super) struct Place {
    /// The chat's id; of a public name, one derived from it.
    pub(super) id: i64,
    /// As the caller wrote it.
    pub(super) name: String,
    /// As messages show it.
    pub(super) chat: Value,
}

impl Place {
    /// Reads `chat_id`: digits or a public name.
    pub(super) fn read(params: &Map<String, Value>) -> Result<Self, Answer> {
        let name = text(params, "chat_id").unwrap_or_default();
        if name.is_empty() {
            return Err(errors::bad("chat_id is empty"));
        }
        if let Some(public) = name.strip_prefix('@').filter(|public| !public.is_empty()) {
            let hash = crc32fast::hash(public.as_bytes());
            let id = -1_000_000_000_000 - i64::from(hash);
            let chat = json!({"id": id, "title": public, "username": public, "type": "channel"});
            return Ok(Self { id, name, chat });
        }
        match int(params, "chat_id").filter(|id| *id != 0 && id.unsigned_abs() < 1 << 52) {
            Some(id) => Ok(Self { id, chat: updates::chat(id), name }),
            None => Err(errors::bad("chat not found")),
        }
    }
}

/// One message with the given content field.
pub(super) fn message(core: &Core, account: &Account, content: &str, params: &Map<String, Value>) -> Answer {
    let checked = Place::read(params).and_then(|place| {
        check_content(content, params)?;
        formatting::check(params)?;
        let buttons = match params.get("reply_markup") {
            Some(markup) => keyboard::read(markup).map_err(errors::bad)?,
            None => Vec::new(),
        };
        reachable(account, &place)?;
        let now = core.clock.now();
        if core.limits {
            let paid = yes(params, "allow_paid_broadcast");
            account.admit(&place.name, place.id < 0, paid, now).map_err(errors::too_many)?;
        }
        Ok((place, buttons))
    });
    let (place, buttons) = match checked {
        Ok(checked) => checked,
        Err(error) => return error,
    };
    let message_id = account.next_message();
    let words = text(params, "text").unwrap_or_default();
    let mut message = json!({"message_id": message_id, "date": core.unix_seconds()});
    message["from"] = account.user();
    message["chat"] = place.chat;
    if let Some(thread) = int(params, "message_thread_id") {
        message["message_thread_id"] = thread.into();
    }
    // What was sent by an id keeps it; a file that was uploaded gets one of its own.
    let uploaded = params.get(content).and_then(|file| file.get("size")).and_then(Value::as_u64);
    let file_id = match uploaded {
        Some(size) => format!("sent-{content}-{size}"),
        None => text(params, content).unwrap_or_default(),
    };
    match content {
        "text" => message["text"] = words.clone().into(),
        "photo" => {
            message["photo"] = json!([{"file_id": file_id, "file_unique_id": format!("u{file_id}"), "width": 1, "height": 1}])
        }
        "document" | "audio" | "video" | "voice" | "animation" | "sticker" | "video_note" => {
            message[content] = json!({"file_id": file_id, "file_unique_id": format!("u{file_id}")});
        }
        "latitude" => {
            message["location"] =
                json!({"latitude": params["latitude"], "longitude": params.get("longitude")})
        }
        "phone_number" => {
            message["contact"] =
                json!({"phone_number": params["phone_number"], "first_name": params.get("first_name")});
        }
        _ => {}
    }
    if let Some(entities) = params.get("entities").filter(|entities| entities.is_array()) {
        message["entities"] = entities.clone();
    }
    if let Some(caption) = params.get("caption") {
        message["caption"] = caption.clone();
    }
    if let Some(markup) = params.get("reply_markup").filter(|markup| markup.get("inline_keyboard").is_some())
    {
        message["reply_markup"] = markup.clone();
    }
    if !buttons.is_empty() {
        account.show(&place.name, Shown { message_id, text: words, buttons });
    }
    errors::ok(&message)
}

/// `sendChatAction`.
pub(super) fn chat_action(account: &Account, params: &Map<String, Value>) -> Answer {
    const ACTIONS: [&str; 11] = [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ];
    let action = text(params, "action").unwrap_or_default();
    if !ACTIONS.contains(&action.as_str()) {
        return errors::bad("wrong parameter action in request");
    }
    match Place::read(params).and_then(|place| reachable(account, &place)) {
        Ok(()) => errors::ok(&json!(true)),
        Err(error) => error,
    }
}

fn check_content(content: &str, params: &Map<String, Value>) -> Result<(), Answer> {
    let given = params.get(content).is_some_and(|value| value.as_str() != Some(""));
    if content == "text" {
        let words = text(params, "text").unwrap_or_default();
        if words.trim().is_empty() {
            return Err(errors::bad("message text is empty"));
        }
        if words.encode_utf16().count() > MAX_TEXT {
            return Err(errors::bad("message is too long"));
        }
    } else if content == "latitude" {
        let number = |key: &str| text(params, key).and_then(|degrees| degrees.parse::<f64>().ok());
        let (latitude, longitude) = (number("latitude"), number("longitude"));
        if !latitude.is_some_and(|d| d.abs() <= 90.0) || !longitude.is_some_and(|d| d.abs() <= 180.0) {
            return Err(errors::bad("wrong location"));
        }
    } else if content == "phone_number"
        && params.get("first_name").is_none_or(|name| name.as_str() == Some(""))
    {
        return Err(errors::bad("contact first name must be non-empty"));
    } else if !given {
        return Err(errors::bad(&format!("there is no {content} in the request")));
    }
    if text(params, "caption").is_some_and(|caption| caption.encode_utf16().count() > MAX_CAPTION) {
        return Err(errors::bad("message caption is too long"));
    }
    Ok(())
}

fn reachable(account: &Account, place: &Place) -> Result<(), Answer> {
    if account.blocked_by(place.id) {
        return Err(match place.id {
            1.. => errors::forbidden("bot was blocked by the user"),
            _ => errors::forbidden("bot was kicked from the group chat"),
        });
    }
    Ok(())
}
