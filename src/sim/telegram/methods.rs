//! The methods of the Bot API: what client libraries ask at start, and what bots send.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::outbox::{self, Webhook};
use super::polling::drops_pending;
use super::send::{self, Place};
use super::{errors, updates};
use crate::sim::Core;
use crate::sim::answer::Answer;
use crate::sim::files;
use crate::sim::journal::Call;
use crate::sim::params::{int, text};

/// Carries a method out; names are the same in any letter case.
pub(super) fn call(
    core: &Arc<Core>,
    account: &Arc<Account>,
    method: &str,
    params: Option<&Map<String, Value>>,
) -> Answer {
    let none = Map::new();
    let params = params.unwrap_or(&none);
    if method == "sendMessage" {
        return send::message(core, account, "text", params);
    }
    let lower = method.to_ascii_lowercase();
    if let Some(content) = send::content_of(&lower) {
        return send::message(core, account, content, params);
    }
    match lower.as_str() {
        "getme" => errors::ok(&me(account)),
        "getwebhookinfo" => errors::ok(&account.outbox.info()),
        "setwebhook" => set_webhook(core, account, params),
        "deletewebhook" => {
            account.outbox.set_webhook(None, None, drops_pending(params));
            yes("Webhook was deleted")
        }
        "sendchataction" => send::chat_action(account, params),
        "answercallbackquery" => answer_callback(core, account, params),
        "getfile" => get_file(params),
        "getchat" | "getchatmembercount" | "getchatmember" => about_chat(account, &lower, params),
        "setmessagereaction" => set_reaction(params),
        "editmessagetext" | "editmessagereplymarkup" | "editmessagecaption" => edit(core, account, params),
        "getmyname" => errors::ok(&json!({"name": format!("Bot {}", account.id)})),
        "getmydescription" => errors::ok(&json!({"description": ""})),
        "getmyshortdescription" => errors::ok(&json!({"short_description": ""})),
        "getmycommands" => errors::ok(&json!([])),
        "getchatmenubutton" => errors::ok(&json!({"type": "default"})),
        "logout"
        | "close"
        | "deletemessage"
        | "deletemessages"
        | "setmycommands"
        | "deletemycommands"
        | "setmyname"
        | "setmydescription"
        | "setmyshortdescription"
        | "setchatmenubutton"
        | "setmydefaultadministratorrights"
        | "pinchatmessage"
        | "unpinchatmessage"
        | "leavechat"
        | "answerinlinequery"
        | "answerprecheckoutquery"
        | "answershippingquery" => errors::ok(&json!(true)),
        _ => errors::not_found("Not Found: method not found"),
    }
}

/// A method in the body of a webhook's 2xx; Telegram carries out none that sets or reads.
pub(super) fn call_from_webhook(
    core: &Arc<Core>,
    account: &Arc<Account>,
    method: &str,
    params: Map<String, Value>,
) {
    let lower = method.to_ascii_lowercase();
    if lower.starts_with("get")
        || ["deletewebhook", "setwebhook", "close", "logout"].contains(&lower.as_str())
    {
        return;
    }
    let chat = text(&params, "chat_id");
    let answer = call(core, account, method, Some(&params));
    let body = Value::Object(params);
    let call = Call {
        method,
        account: &account.name,
        chat: chat.as_deref(),
        body: &body,
        status: answer.status,
        fault: None,
        // It answered a webhook, and hears nothing.
        retry_after: None,
    };
    core.journal.record(&call, body.to_string().len());
}

/// A downloaded file.
pub(super) fn file(path: &str) -> Response {
    match path.strip_prefix("files/") {
        Some(id) => Response::new(Body::from(files::content(id))),
        None => errors::not_found("Not Found").into_response(),
    }
}

fn me(account: &Account) -> Value {
    let mut me = account.user();
    for (name, value) in [
        ("can_join_groups", true),
        ("can_read_all_group_messages", false),
        ("supports_inline_queries", false),
        ("can_connect_to_business", false),
        ("has_main_web_app", false),
        ("has_topics_enabled", false),
        ("allows_users_to_create_topics", false),
    ] {
        me[name] = value.into();
    }
    me
}

fn yes(description: &str) -> Answer {
    Answer::json(200, &json!({"ok": true, "result": true, "description": description}))
}

fn set_webhook(core: &Arc<Core>, account: &Arc<Account>, params: &Map<String, Value>) -> Answer {
    let url = text(params, "url").unwrap_or_default();
    if url.is_empty() {
        account.outbox.set_webhook(None, None, drops_pending(params));
        return yes("Webhook was deleted");
    }
    // The real server insists on HTTPS; a fake on the same machine is also reached without.
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return errors::bad("bad webhook: An HTTPS URL must be provided for webhook");
    }
    let secret = text(params, "secret_token").filter(|secret| !secret.is_empty());
    let allowed_character = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if secret.as_ref().is_some_and(|secret| secret.len() > 256 || !secret.chars().all(allowed_character)) {
        return errors::bad("secret token contains unallowed characters");
    }
    let connections = int(params, "max_connections").unwrap_or(40).clamp(1, 100);
    let allowed = params.get("allowed_updates").and_then(Value::as_array);
    let allowed =
        allowed.map(|kinds| kinds.iter().filter_map(|kind| kind.as_str().map(str::to_owned)).collect());
    let webhook = Webhook::new(url, secret, u32::try_from(connections).unwrap_or(40), &*core.clock);
    account.outbox.set_webhook(Some(webhook), allowed, drops_pending(params));
    outbox::wake(core, account);
    yes("Webhook was set")
}

fn answer_callback(core: &Core, account: &Account, params: &Map<String, Value>) -> Answer {
    let id = text(params, "callback_query_id").unwrap_or_default();
    if id.is_empty() || !account.callback_is_fresh(&id, core.clock.now()) {
        return errors::bad("query is too old and response timeout expired or query ID is invalid");
    }
    if text(params, "text").is_some_and(|text| text.chars().count() > 200) {
        return errors::bad("MESSAGE_TOO_LONG");
    }
    errors::ok(&json!(true))
}

/// One reaction or none; a bot without Premium can set no more.
fn set_reaction(params: &Map<String, Value>) -> Answer {
    if let Err(error) = Place::read(params) {
        return error;
    }
    if int(params, "message_id").is_none() {
        return errors::bad("message to react not found");
    }
    let reactions = params.get("reaction").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let known =
        |one: &Value| one.get("type").and_then(Value::as_str) == Some("emoji") && one.get("emoji").is_some();
    if reactions.len() > 1 || !reactions.iter().all(known) {
        return errors::bad("REACTION_INVALID");
    }
    errors::ok(&json!(true))
}

fn get_file(params: &Map<String, Value>) -> Answer {
    match text(params, "file_id").filter(|id| !id.is_empty()) {
        Some(id) => errors::ok(&json!({
            "file_id": id,
            "file_unique_id": format!("u{id}"),
            "file_size": files::content(&id).len(),
            "file_path": format!("files/{id}"),
        })),
        None => errors::bad("wrong file_id or the file is temporarily unavailable"),
    }
}

fn about_chat(account: &Account, method: &str, params: &Map<String, Value>) -> Answer {
    let place = match Place::read(params) {
        Ok(place) => place,
        Err(error) => return error,
    };
    match method {
        "getchat" => errors::ok(&place.chat),
        "getchatmembercount" => errors::ok(&json!(2)),
        _ => errors::ok(&json!({"status": "member", "user": account.user()})),
    }
}

fn edit(core: &Core, account: &Account, params: &Map<String, Value>) -> Answer {
    let Some(message) = int(params, "message_id") else {
        return errors::bad("message identifier is not specified");
    };
    match Place::read(params) {
        Ok(place) => errors::ok(&json!({
            "message_id": message,
            "from": account.user(),
            "chat": updates::chat(place.id),
            "date": core.unix_seconds(),
            "edit_date": core.unix_seconds(),
            "text": text(params, "text").unwrap_or_default(),
        })),
        Err(error) => error,
    }
}
