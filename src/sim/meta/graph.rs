//! The Graph addresses that the fake knows: messages, media, subscriptions, and what people ask of a number.

use std::sync::{Arc, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{App, Shared, errors, page, whatsapp};
use crate::sim::answer::{Answer, Request, carry_out};
use crate::sim::files;
use crate::sim::params;
use crate::sim::script::Fault;

/// Every request: `/vNN.0/<id>[/<edge>]`, with or without the version.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    verb: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let params = match params::read(uri.query(), header(header::CONTENT_TYPE), &body) {
        Ok(params) => params,
        Err(error) => return errors::error(100, &error).into_response(),
    };
    let bearer = header(header::AUTHORIZATION).strip_prefix("Bearer ").map(str::to_owned);
    let token = bearer.or_else(|| params::text(&params, "access_token")).unwrap_or_default();
    let (id, edge) = address(uri.path());
    let edge = edge.unwrap_or(if verb == Method::GET { "get" } else { "" });

    // The one call that waits for somebody else: the webhook must prove itself before it is set.
    let subscribed = if edge == "subscriptions" && verb == Method::POST {
        Some(subscribe(&shared, id, &token, &params).await)
    } else {
        None
    };
    let body = strip_token(params);
    let chat = body.pointer("/recipient/id").and_then(Value::as_str).map(str::to_owned);
    let chat = chat.or_else(|| whatsapp::recipient(&body));
    let size = body.to_string().len();
    let request = Request { method: edge, account: id, chat, body, size };
    let host = header(header::HOST).to_owned();
    let duty = |request: &Request<'_>, fault: Option<&Fault>| {
        if token.is_empty() || shared.revoked.read().unwrap_or_else(PoisonError::into_inner).contains(&token)
        {
            return errors::error(190, "the access token is missing or was refused");
        }
        subscribed.unwrap_or_else(|| call(&shared, &verb, &host, (request, fault)))
    };
    carry_out(&shared.core, request, errors::scripted, duty).await
}

fn call(
    shared: &Arc<Shared>,
    verb: &Method,
    host: &str,
    (request, fault): (&Request<'_>, Option<&Fault>),
) -> Answer {
    let id = request.account;
    match (verb, request.method) {
        (&Method::POST, "messages") if request.body.get("messaging_product").is_some() => {
            let statuses = fault.and_then(|fault| fault.statuses.clone()).unwrap_or_default();
            whatsapp::messages(shared, id, &request.body, statuses)
        }
        (&Method::POST, "messages") => page::messages(shared, id, &request.body),
        (&Method::POST, "media") => errors::ok(&json!({"id": format!("media{}", shared.next_id_number())})),
        (&Method::POST, "message_attachments") => {
            errors::ok(&json!({"attachment_id": format!("attachment{}", shared.next_id_number())}))
        }
        (&Method::POST, "subscribed_apps") => errors::ok(&json!({"success": true})),
        // Every token here is one app's, and every page is subscribed to it.
        (&Method::GET, "subscribed_apps") => errors::ok(&json!({"data": [{"id": "1"}]})),
        (&Method::GET, "get") if id == "app" => errors::ok(&json!({"id": "1", "name": "The app"})),
        (&Method::GET, "get") if id.starts_with("media") => errors::ok(&json!({
            "id": id,
            "messaging_product": "whatsapp",
            "url": format!("http://{host}/{id}/bytes?at={}", shared.core.clock.now().millis()),
            "mime_type": "image/png",
            "sha256": "00",
            "file_size": files::content(id).len(),
        })),
        (&Method::GET, "message_templates") => templates(shared, id, &request.body),
        (&Method::GET, "bytes") => file(shared, id, &request.body),
        (&Method::GET, "get") => errors::ok(&json!({
            "id": id,
            "name": format!("Account {id}"),
            "display_phone_number": id,
            "verified_name": format!("Account {id}"),
            "quality_rating": "GREEN",
        })),
        _ => errors::error(100, "the fake knows messages, media, subscriptions and subscribed_apps"),
    }
}

/// A business account's templates whose names hold the one asked for. A token of an account that has none may not look.
fn templates(shared: &Shared, business: &str, params: &Value) -> Answer {
    let all = shared.templates.read().unwrap_or_else(PoisonError::into_inner);
    let Some(own) = all.get(business) else {
        return errors::error(200, "the token has no whatsapp_business_management permission");
    };
    let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
    let data: Vec<Value> = own
        .iter()
        .filter(|((known, _), _)| known.contains(name))
        .map(|((name, language), status)| json!({"id": "1", "name": name, "language": language, "status": status}))
        .collect();
    errors::ok(&json!({"data": data, "paging": {}}))
}

/// A file at the address that was given for it; the address holds for five minutes.
fn file(shared: &Shared, id: &str, params: &Value) -> Answer {
    const HOLDS_MS: i64 = 5 * 60 * 1000;
    let given = params.get("at").and_then(Value::as_str).and_then(|at| at.parse::<i64>().ok());
    let age = given.map(|at| shared.core.clock.now().millis() - at);
    if age.is_some_and(|age| (0..HOLDS_MS).contains(&age)) {
        Answer { status: 200, body: Bytes::from_static(files::content(id)), retry_after: None }
    } else {
        Answer { status: 404, body: Bytes::from_static(b"URL signature expired"), retry_after: None }
    }
}

/// `POST /<app>/subscriptions` with the app's own token, `APP|SECRET`.
async fn subscribe(shared: &Shared, app: &str, token: &str, params: &Map<String, Value>) -> Answer {
    let text = |name: &str| params::text(params, name).unwrap_or_default();
    let Some(secret) = token.strip_prefix(app).and_then(|rest| rest.strip_prefix('|')) else {
        return errors::error(190, "subscriptions need the app's own token: APP_ID|APP_SECRET");
    };
    if text("callback_url").is_empty() {
        return errors::error(100, "the parameter callback_url is required");
    }
    let objects = Some(text("object")).filter(|object| !object.is_empty()).into_iter().collect();
    let before = shared.app(Some(app)).ok();
    shared.add_app(App {
        app: app.to_owned(),
        secret: secret.to_owned(),
        verify_token: text("verify_token"),
        url: text("callback_url"),
        objects,
        accounts: std::collections::HashSet::new(),
    });
    match shared.handshake(app).await {
        Ok(()) => errors::ok(&json!({"success": true})),
        Err(why) => {
            match before {
                Some(before) => shared.add_app((*before).clone()),
                None => shared.remove_app(app),
            }
            errors::error(2200, &why)
        }
    }
}

/// The object and the edge of a path.
fn address(path: &str) -> (&str, Option<&str>) {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let first = segments.next().unwrap_or_default();
    let id = if is_version(first) { segments.next().unwrap_or_default() } else { first };
    (id, segments.next())
}

/// `v21.0`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.parse::<f32>().is_ok())
}

/// Secrets have no place in a journal.
fn strip_token(mut params: Map<String, Value>) -> Value {
    params.remove("access_token");
    params.remove("verify_token");
    Value::Object(params)
}
