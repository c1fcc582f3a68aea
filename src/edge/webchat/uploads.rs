//! Files that visitors send: `POST /webchat/{bot}/files`, then a message that names what it answered.
//!
//! Guarantees: a file never grows past its limit, what is on its way stays within a bound of memory, and a visitor, an address
//! and a bot each have a bound of their own; what a file is its bytes say, and only what is taken is kept; what the visitor
//! gets for it is of use to that visitor alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::files::{Kept, KeptFile, Sender};
use super::handlers::Visit;
use super::token;
use crate::domain::channel::ChannelKind;
use crate::domain::media::MediaPolicy;
use crate::edge::body::{self, Bounds};
use crate::edge::refusal::Refusal;
use crate::edge::state::Edge;
use crate::store::Account;

/// How long a visitor should wait where the bot's room is full: it gets free as files grow old.
const FULL_S: u64 = 3600;

/// What the address says of the file.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    /// A label for people.
    #[serde(default)]
    name: String,
}

/// Takes a file of a visitor: its bytes are the body.
pub(super) async fn files(
    State(edge): State<Arc<Edge>>,
    Path(bot): Path<String>,
    about: Result<Query<About>, QueryRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let visit = Visit::enter(&edge, bot, request.headers()).await?;
    let outcome = match about {
        Ok(Query(about)) => keep(&edge, &visit.account, &about.name, request).await,
        Err(_) => Err(Refusal::Malformed("write the address as .../files?name=NAME")),
    };
    if let Err(refusal) = &outcome {
        refusal.count(ChannelKind::Webchat);
    }
    Ok(visit.answer(outcome))
}

async fn keep(
    edge: &Edge,
    account: &Account,
    name: &str,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let visitor = token::visitor(account, request.headers())?;
    let bot = edge.lookup(edge.directory.bot(&account.tenant, &account.bot).await)?;
    if bot.is_none_or(|bot| bot.spec.media == MediaPolicy::Never) {
        return Err(Refusal::NoFiles);
    }
    edge.doors.knock(request.extensions(), request.headers())?;
    edge.doors.hand(account.bot.as_str(), &visitor)?;
    let (parts, body) = request.into_parts();
    check_type(&parts.headers)?;
    let shelf = &edge.links.shelf;
    let bounds = Bounds {
        budget: &edge.uploads,
        max: usize::try_from(shelf.largest()).unwrap_or(usize::MAX).min(edge.max_upload),
        time: edge.config.upload_timeout.get(),
        ahead: false,
    };
    let (content, _share) = body::take_within(edge, bounds, &parts.headers, body).await?.split();
    if content.is_empty() {
        return Err(Refusal::Malformed("the file is empty: send its bytes as the body"));
    }
    let bytes = content.len();
    let from = Sender { tenant: &account.tenant, account: &account.id, visitor: &visitor };
    let kept = shelf.keep(from, name, content).await.map_err(|error| {
        tracing::warn!(%error, bot = %account.bot, "a visitor's file can't be kept");
        edge.busy()
    })?;
    match kept {
        Kept::Here { id, file: KeptFile { kind, mime, name, .. } } => {
            let told = json!({ "media": id, "kind": kind, "mime": mime, "name": name, "bytes": bytes });
            Ok((StatusCode::CREATED, Json(told)))
        }
        Kept::Type => Err(Refusal::FileType),
        Kept::Full => Err(Refusal::TooMany(FULL_S)),
    }
}

/// A form or an archive of the body is not the file.
fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Refusal::FileForm);
    }
    let form = headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        value.starts_with(b"multipart/") || value.starts_with(b"application/x-www-form-urlencoded")
    });
    if form { Err(Refusal::FileForm) } else { Ok(()) }
}
