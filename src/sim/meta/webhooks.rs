//! Delivery: events are gathered into POSTs, signed over the raw bytes, and repeated until a 200.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use axum::body::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::mpsc;

use super::events::Event;
use super::{App, Shared};
use crate::sim::Core;
use crate::sim::courier::Parcel;

/// Events that come within this time share a POST.
const GATHER: Duration = Duration::from_millis(10);
/// The most events of one POST. Meta's own number is not published for all products; a thousand is reported.
const MAX_BATCH: usize = 1000;
/// A POST that was refused comes back after 1, 2, 4 ... seconds, at last every hour, for seven days.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const GIVE_UP: Duration = Duration::from_secs(7 * 24 * 3600);

/// Gathers and posts until the fake is gone.
pub(super) async fn run(shared: Weak<Shared>, mut letters: mpsc::Receiver<Event>) {
    let mut events = Vec::new();
    while letters.recv_many(&mut events, MAX_BATCH).await > 0 {
        tokio::time::sleep(GATHER).await;
        while events.len() < MAX_BATCH
            && let Ok(event) = letters.try_recv()
        {
            events.push(event);
        }
        let Some(shared) = shared.upgrade() else { return };
        let apps: Vec<_> =
            shared.apps.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for app in apps {
            for object in ["whatsapp_business_account", "page", "instagram"] {
                let wanted = |event: &&Event| {
                    event.object == object
                        && (app.objects.is_empty() || app.objects.contains(object))
                        && (app.accounts.is_empty() || app.accounts.contains(&event.account))
                };
                let mine: Vec<_> = events.iter().filter(wanted).cloned().collect();
                if let Some(body) = Event::body(mine) {
                    first_try(&shared.core, &app, body.into()).await;
                }
            }
        }
        events.clear();
    }
}

/// Posts a body as it is, signed, until it is taken.
pub(super) fn deliver(core: &Arc<Core>, app: &Arc<App>, body: Bytes) {
    let (core, app) = (Arc::clone(core), Arc::clone(app));
    tokio::spawn(async move { first_try(&core, &app, body).await });
}

/// One try; a failure is repeated apart, so that what follows does not wait. Meta keeps no order.
async fn first_try(core: &Arc<Core>, app: &Arc<App>, body: Bytes) {
    let parcel = Parcel {
        url: app.url.clone(),
        headers: vec![("x-hub-signature-256", sign(&app.secret, &body))],
        body,
    };
    if try_once(core, &parcel).await {
        return;
    }
    let core = Arc::clone(core);
    tokio::spawn(async move {
        let (mut wait, mut waited) = (Duration::from_secs(1), Duration::ZERO);
        while waited < GIVE_UP {
            tokio::time::sleep(wait).await;
            if try_once(&core, &parcel).await {
                return;
            }
            waited += wait;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        tracing::warn!(url = parcel.url, "a webhook refused a POST for seven days; it is given up");
    });
}

async fn try_once(core: &Core, parcel: &Parcel) -> bool {
    match core.courier.post(parcel).await {
        Ok(receipt) if receipt.delivered() => true,
        Ok(receipt) => {
            tracing::debug!(url = parcel.url, status = receipt.status, "a webhook refused a POST");
            false
        }
        Err(error) => {
            tracing::debug!(url = parcel.url, error, "a webhook was not reached");
            false
        }
    }
}

/// Asks a webhook to prove its verify token.
pub(super) async fn handshake(core: &Core, app: &App) -> Result<(), String> {
    let challenge = fastrand::u32(1_000_000_000..).to_string();
    let mark = if app.url.contains('?') { '&' } else { '?' };
    let token = percent(&app.verify_token);
    let url =
        format!("{}{mark}hub.mode=subscribe&hub.verify_token={token}&hub.challenge={challenge}", app.url);
    let receipt = core.courier.get(&url).await?;
    if receipt.status == 200 && receipt.body == challenge.as_bytes() {
        Ok(())
    } else {
        Err(format!("the webhook answered {} and not the challenge", receipt.status))
    }
}

/// What Meta writes into `x-hub-signature-256`: `sha256=` and the HMAC of the body in lower hex.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    // HMAC takes a key of any length, so this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    format!("sha256={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}

/// Percent-encodes everything that is not plain.
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().fold(String::new(), |mut out, byte| {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_published_one() {
        // RFC 4231, test case 2.
        let wanted = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign("Jefe", b"what do ya want for nothing?"), wanted);
    }

    #[test]
    fn a_token_survives_the_query() {
        let token = "a b&c/é";
        assert_eq!(crate::sim::params::decode(percent(token).as_bytes()), token);
    }
}
