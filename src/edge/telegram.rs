//! `POST /webhooks/telegram/{bot}`: one update per request.
//!
//! The body doesn't name its bot; the address does, and the secret header proves it.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, Request, State};
use subtle::ConstantTimeEq;

use super::body;
use super::record::Owner;
use super::refusal::Refusal;
use super::split;
use super::state::Edge;
use crate::domain::channel::ChannelKind;
use crate::domain::ids::BotId;
use crate::telemetry;

const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// Takes an update; `()` is 200 with an empty body, since Telegram would run a body that names a method.
pub(super) async fn receive(
    State(edge): State<Arc<Edge>>,
    Path(bot): Path<String>,
    request: Request,
) -> Result<(), Refusal> {
    let began = Instant::now();
    let outcome = accept(&edge, bot, request).await;
    match outcome {
        Ok(()) => telemetry::webhook_accepted(ChannelKind::Telegram, 1, began.elapsed()),
        Err(refusal) => refusal.count(ChannelKind::Telegram),
    }
    outcome
}

async fn accept(edge: &Edge, bot: String, request: Request) -> Result<(), Refusal> {
    let found = edge.directory.account_of(ChannelKind::Telegram, &BotId::from(bot)).await;
    let account = edge.lookup(found)?.ok_or(Refusal::UnknownBot)?;
    let (parts, body) = request.into_parts();
    let secret = account.secret.expose().as_bytes();
    let shown = parts.headers.get(SECRET_HEADER).map_or(&b""[..], |value| value.as_bytes());
    if secret.is_empty() || !bool::from(shown.ct_eq(secret)) {
        return Err(Refusal::Secret);
    }
    body::check_type(&parts.headers)?;
    let (bytes, mut share) = body::take(edge, &parts.headers, body).await?.split();
    let record = match split::telegram(&bytes, account.id.as_str()) {
        Ok(item) => edge.record(&item, &Owner { tenant: account.tenant.clone(), bot: account.bot.clone() }),
        Err(why) => {
            let from = format!("telegram/{}", account.id);
            return edge.keep_whole(&from, &account.tenant, bytes, why, share).await;
        }
    };
    share.grow(record.value.len())?;
    edge.append(vec![record], share).await
}
