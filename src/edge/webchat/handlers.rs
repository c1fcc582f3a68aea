//! What a page calls: visitors, messages, a ticket, events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::files::Sender;
use super::hub::{Live, Shown};
use super::said::{Introduction, Said};
use super::{origin, tail, ticket, token};
use crate::domain::channel::ChannelKind;
use crate::domain::events::AttachmentKind;
use crate::domain::ids::{BotId, ConversationId};
use crate::edge::body;
use crate::edge::record::Owner;
use crate::edge::refusal::Refusal;
use crate::edge::split::Item;
use crate::edge::state::Edge;
use crate::store::Account;
use crate::telemetry;

/// How often an idle stream says that it lives, so that proxies keep it open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A name that leads to no file of the visitor's.
const NO_FILE: Refusal = Refusal::Malformed(
    "media is what POST .../files answered to the same visitor within the last day: send the file again",
);

/// A page that was let in.
pub(super) struct Visit {
    pub(super) account: Arc<Account>,
    origin: Option<HeaderValue>,
}

impl Visit {
    pub(super) async fn enter(edge: &Edge, bot: String, headers: &HeaderMap) -> Result<Self, Refusal> {
        let found = edge.directory.account_of(ChannelKind::Webchat, &BotId::from(bot)).await;
        let account = edge.lookup(found)?.ok_or(Refusal::UnknownBot)?;
        let origin = origin::check(headers, &account, &edge.config)?;
        Ok(Self { account, origin })
    }

    /// Names the origin in the answer, refusals included, so that the page may read it.
    pub(super) fn answer(self, outcome: Result<impl IntoResponse, Refusal>) -> Response {
        let mut response = outcome.into_response();
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(origin) = self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        response
    }
}

/// What a browser asks before a page of another origin may call.
pub(super) async fn preflight(
    State(edge): State<Arc<Edge>>,
    Path(bot): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let visit = Visit::enter(&edge, bot, &headers).await?;
    let allow = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, last-event-id"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    Ok(visit.answer(Ok((StatusCode::NO_CONTENT, allow))))
}

/// Makes a visitor.
pub(super) async fn visitors(
    State(edge): State<Arc<Edge>>,
    Path(bot): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let visit = Visit::enter(&edge, bot, request.headers()).await?;
    let outcome = introduce(&edge, &visit.account, request).await;
    Ok(visit.answer(outcome))
}

async fn introduce(edge: &Edge, account: &Account, request: Request) -> Result<Json<Value>, Refusal> {
    edge.doors.knock(request.extensions(), request.headers())?;
    let (parts, body) = request.into_parts();
    let (bytes, _share) = body::take(edge, &parts.headers, body).await?.split();
    if !bytes.is_empty() {
        body::check_type(&parts.headers)?;
    }
    let who = Introduction::read(&bytes)?;
    let visitor = match (who.user, who.user_hash) {
        (None, None) => token::random_visitor().map_err(|_| edge.busy())?,
        (Some(user), Some(hash)) => token::known_visitor(account, &user, &hash)?,
        _ => return Err(Refusal::Malformed("send user and user_hash together, or neither")),
    };
    let token = token::sign(account, &visitor);
    Ok(Json(json!({ "visitor": visitor, "token": token })))
}

/// The item that ingest gets: ours, so its form is ours.
#[derive(Serialize)]
struct WebchatItem<'a> {
    id: &'a str,
    visitor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    /// The hash of a file's content, and what the bytes are.
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<AttachmentKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Up to when everything was seen, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<i64>,
}

/// Takes a message of a visitor.
pub(super) async fn messages(
    State(edge): State<Arc<Edge>>,
    Path(bot): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let visit = Visit::enter(&edge, bot, request.headers()).await?;
    let began = Instant::now();
    let outcome = hear(&edge, &visit.account, request).await;
    match &outcome {
        Ok(_) => telemetry::webhook_accepted(ChannelKind::Webchat, 1, began.elapsed()),
        Err(refusal) => refusal.count(ChannelKind::Webchat),
    }
    Ok(visit.answer(outcome))
}

async fn hear(
    edge: &Edge,
    account: &Account,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let visitor = token::visitor(account, request.headers())?;
    edge.doors.speak(account.bot.as_str(), &visitor)?;
    let (parts, body) = request.into_parts();
    body::check_type(&parts.headers)?;
    let (bytes, mut share) = body::take(edge, &parts.headers, body).await?.split();
    let said = Said::read(&bytes)?;
    let from = Sender { tenant: &account.tenant, account: &account.id, visitor: &visitor };
    let named = said.media.as_deref().filter(|id| !id.is_empty());
    let file = named.map(|id| edge.links.shelf.named(from, id).ok_or(NO_FILE)).transpose()?;
    let file = file.as_ref();
    let item = WebchatItem {
        id: &said.id,
        visitor: &visitor,
        text: said.text.as_deref(),
        payload: said.payload.as_deref(),
        title: said.title.as_deref(),
        media: file.map(|file| file.hash.as_str()),
        kind: file.map(|file| file.kind),
        mime: file.map(|file| file.mime.as_str()),
        name: file.map(|file| file.name.as_str()).filter(|name| !name.is_empty()),
        read: said.read.then(|| edge.clock.now().millis()),
    };
    let json = serde_json::to_string(&item).map_err(|_| Refusal::Malformed("the message can't be kept"))?;
    let item = Item {
        channel: ChannelKind::Webchat,
        account: account.id.as_str().into(),
        chat: visitor.as_str().into(),
        event: format!("{visitor}/{}", said.id).into(),
        at: None,
        object: None,
        entry: None,
        place: None,
        metadata: None,
        contacts: None,
        json: &json,
    };
    let owner = Owner { tenant: account.tenant.clone(), bot: account.bot.clone() };
    let record = edge.record(&item, &owner);
    share.grow(record.value.len())?;
    edge.append(vec![record], share).await?;
    if said.says() {
        signs(edge, account, &visitor, &said.id).await;
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": said.id }))))
}

/// What the visitor's pages are told at once: that the message is safe here, and, where the bot has to think, that it does.
async fn signs(edge: &Edge, account: &Account, visitor: &str, id: &str) {
    let conversation = ConversationId::new(&account.tenant, ChannelKind::Webchat, &account.id, visitor, None);
    let receipt = json!({ "id": id, "status": "delivered" }).to_string();
    edge.hub.tell(&conversation, "receipt", receipt);
    let bot = edge.directory.bot(&account.tenant, &account.bot).await;
    if bot.is_ok_and(|bot| bot.is_some_and(|bot| bot.enabled && bot.answers())) {
        edge.hub.tell(&conversation, "typing", json!({ "typing": true }).to_string());
    }
}

/// Gives a ticket for the event stream.
pub(super) async fn stream(
    State(edge): State<Arc<Edge>>,
    Path(bot): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let visit = Visit::enter(&edge, bot, request.headers()).await?;
    let outcome = admit(&edge, &visit.account, &request);
    Ok(visit.answer(outcome))
}

fn admit(edge: &Edge, account: &Account, request: &Request) -> Result<Json<Value>, Refusal> {
    let visitor = token::visitor(account, request.headers())?;
    edge.doors.knock(request.extensions(), request.headers())?;
    let ticket = ticket::issue(account, &visitor, edge.clock.now()).map_err(|_| edge.busy())?;
    Ok(Json(json!({ "ticket": ticket })))
}

/// The address of a stream.
#[derive(Deserialize)]
pub(super) struct Listen {
    ticket: String,
    /// The header can't be set by a page that opens a new stream; this can.
    last_event_id: Option<String>,
}

/// The event stream of a ticket's visitor.
pub(super) async fn events(
    State(edge): State<Arc<Edge>>,
    Path(bot): Path<String>,
    query: Result<Query<Listen>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let visit = Visit::enter(&edge, bot, &headers).await?;
    let outcome = match query {
        Ok(Query(listen)) => open(&edge, &visit.account, listen, &headers).await,
        Err(_) => Err(Refusal::Ticket),
    };
    Ok(visit.answer(outcome))
}

async fn open(
    edge: &Arc<Edge>,
    account: &Account,
    listen: Listen,
    headers: &HeaderMap,
) -> Result<impl IntoResponse + use<>, Refusal> {
    let now = edge.clock.now();
    let visitor = edge.tickets.redeem(account, &listen.ticket, now).ok_or(Refusal::Ticket)?;
    let conversation =
        ConversationId::new(&account.tenant, ChannelKind::Webchat, &account.id, &visitor, None);
    let joined = edge.hub.join(conversation.clone()).ok_or(Refusal::TooMany(5))?;
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let last = header.map(str::to_owned).or(listen.last_event_id);
    let past = past(edge, &conversation, joined.ring, last.as_deref()).await;
    let newest = past.last().map(|shown| shown.offset);
    let next = async |(mut live, counted): (Live, Counted)| {
        let shown = live.recv().await?;
        Some((shown, (live, counted)))
    };
    let live = stream::unfold((joined.live, Counted::new()), next)
        .filter(move |shown| std::future::ready(newest.is_none_or(|newest| shown.offset > newest)));
    let all = stream::iter(past).chain(live).map(event).take_until(edge.shutdown.clone().cancelled_owned());
    Ok(sse(all))
}

/// What followed the last event that the page saw; the last ones where that is not known.
async fn past(
    edge: &Edge,
    conversation: &ConversationId,
    ring: Vec<Arc<Shown>>,
    last: Option<&str>,
) -> Vec<Arc<Shown>> {
    let Some(last) = last else { return ring };
    let last = last.parse().ok();
    let seen = |events: &[Arc<Shown>]| events.iter().position(|shown| last.is_some() && shown.id == last);
    if let Some(at) = seen(&ring) {
        return ring[at + 1..].to_vec();
    }
    let mut events = tail::read_back(&*edge.log, &edge.hub, conversation).await;
    let end = events.last().map(|shown| shown.offset);
    events.extend(ring.into_iter().filter(|shown| end.is_none_or(|end| shown.offset > end)));
    match seen(&events) {
        Some(at) => events.split_off(at + 1),
        None => events.split_off(events.len().saturating_sub(super::hub::RING)),
    }
}

/// Counts a stream for as long as it is open.
struct Counted;

impl Counted {
    fn new() -> Self {
        telemetry::webchat_stream(true);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        telemetry::webchat_stream(false);
    }
}

fn event(shown: Arc<Shown>) -> Result<Event, Infallible> {
    let event = Event::default().event(shown.event).data(&shown.data);
    Ok(match shown.id {
        Some(id) => event.id(id.to_string()),
        None => event,
    })
}

fn sse(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> impl IntoResponse {
    // Proxies that buffer would hold back what a person waits for.
    let unbuffered = [(header::HeaderName::from_static("x-accel-buffering"), "no")];
    (unbuffered, Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
