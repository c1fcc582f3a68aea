//! `GET` and `POST /webhooks/meta/{app}`: `WhatsApp`, Messenger and Instagram behind one app's signature.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::body;
use super::record::Owner;
use super::refusal::Refusal;
use super::split::{self, Item, SplitError};
use super::state::Edge;
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::AccountId;
use crate::store::App;
use crate::telemetry;

pub(super) const SIGNATURE_HEADER: &str = "x-hub-signature-256";
/// Meta's challenges are numbers of about ten digits.
const MAX_CHALLENGE: usize = 256;

/// What Meta asks when the address is entered.
#[derive(Deserialize)]
pub(super) struct Handshake {
    #[serde(rename = "hub.mode", default)]
    mode: String,
    #[serde(rename = "hub.verify_token", default)]
    token: String,
    #[serde(rename = "hub.challenge", default)]
    challenge: String,
}

/// Answers the handshake with the challenge and nothing else.
pub(super) async fn handshake(
    State(edge): State<Arc<Edge>>,
    Path(app): Path<String>,
    query: Result<Query<Handshake>, QueryRejection>,
) -> Result<impl IntoResponse, Refusal> {
    let app = edge.lookup(edge.directory.app(&app).await)?.ok_or(Refusal::UnknownApp)?;
    let Ok(Query(asked)) = query else { return Err(Refusal::VerifyToken) };
    let token = app.verify_token.expose().as_bytes();
    let right = !token.is_empty() && bool::from(asked.token.as_bytes().ct_eq(token));
    if asked.mode != "subscribe" || !right || asked.challenge.len() > MAX_CHALLENGE {
        return Err(Refusal::VerifyToken);
    }
    let plain = [(header::CONTENT_TYPE, "text/plain"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((plain, asked.challenge))
}

/// Takes a body of any number of events; `()` is 200 with an empty body.
pub(super) async fn receive(
    State(edge): State<Arc<Edge>>,
    Path(app): Path<String>,
    request: Request,
) -> Result<(), Refusal> {
    let began = Instant::now();
    match accept(&edge, &app, request).await {
        Ok((channel, events)) => {
            telemetry::webhook_accepted(channel, events, began.elapsed());
            Ok(())
        }
        Err(refusal) => {
            // Which of Meta's products it was for, only its body would tell.
            refusal.count(ChannelKind::Whatsapp);
            Err(refusal)
        }
    }
}

async fn accept(edge: &Edge, app: &str, request: Request) -> Result<(ChannelKind, usize), Refusal> {
    let app = edge.lookup(edge.directory.app(app).await)?.ok_or(Refusal::UnknownApp)?;
    let (parts, body) = request.into_parts();
    let signature = signature(&parts.headers).ok_or(Refusal::Signature)?;
    body::check_type(&parts.headers)?;
    let (bytes, mut share) = body::take(edge, &parts.headers, body).await?.split();
    if !is_signed(&app.secret, &bytes, &signature) {
        return Err(Refusal::Signature);
    }
    let why = match split::meta(&bytes) {
        Ok(items) => {
            let channel = items.first().map_or(ChannelKind::Whatsapp, |item| item.channel);
            let owned = resolve(edge, &app, items).await?;
            match edge.records(owned.into_iter()) {
                Some((records, _)) if records.is_empty() => return Ok((channel, 0)),
                Some((records, size)) => {
                    let events = records.len();
                    share.grow(size)?;
                    edge.append(records, share).await?;
                    return Ok((channel, events));
                }
                None => SplitError::TooMany,
            }
        }
        Err(why) => why,
    };
    edge.keep_whole(&format!("meta/{}", app.name), &app.tenant, bytes, why, share).await?;
    Ok((ChannelKind::Whatsapp, 0))
}

/// Puts each item's owner beside it; an account of another tenant than the app's is nobody's.
async fn resolve<'a>(
    edge: &Edge,
    app: &App,
    items: Vec<Item<'a>>,
) -> Result<Vec<(Item<'a>, Owner)>, Refusal> {
    let mut known: Vec<(ChannelKind, String, Owner)> = Vec::new();
    let mut owned = Vec::with_capacity(items.len());
    for item in items {
        let at = known.iter().position(|(channel, id, _)| *channel == item.channel && *id == *item.account);
        let owner = if let Some(at) = at {
            known[at].2.clone()
        } else {
            let found = edge.directory.account(item.channel, &AccountId::from(&*item.account)).await;
            let mut found = edge.lookup(found)?.filter(|account| account.tenant == app.tenant);
            if found.is_none() && item.channel == ChannelKind::Whatsapp && item.metadata.is_none() {
                // News of a business account name no number: any of its numbers stands for it.
                let of_business = edge.directory.account_of_business(&app.tenant, &item.account).await;
                found = edge.lookup(of_business)?;
            }
            let owner = found.map_or_else(Owner::default, |account| Owner {
                tenant: account.tenant.clone(),
                bot: account.bot.clone(),
            });
            known.push((item.channel, item.account.clone().into_owned(), owner.clone()));
            owner
        };
        owned.push((item, owner));
    }
    Ok(owned)
}

/// The signature that the header shows; `None` when there is none or it is not 32 bytes of hex.
pub(super) fn signature(headers: &HeaderMap) -> Option<[u8; 32]> {
    let hex = headers.get(SIGNATURE_HEADER)?.as_bytes().strip_prefix(b"sha256=")?;
    let mut signature = [0; 32];
    (hex.len() == 64).then_some(())?;
    HEXLOWER_PERMISSIVE.decode_mut(hex, &mut signature).ok()?;
    Some(signature)
}

/// HMAC-SHA256 over the body as it came, compared in constant time. An empty secret signs nothing.
pub(super) fn is_signed(secret: &Secret, body: &[u8], signature: &[u8; 32]) -> bool {
    let key = secret.expose().as_bytes();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    mac.update(body);
    !key.is_empty() && mac.verify_slice(signature).is_ok()
}
