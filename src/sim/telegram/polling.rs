//! `getUpdates`: for bots without a public address.

use std::time::Duration;

use serde_json::{Map, Value};

use super::account::Account;
use super::errors;
use crate::sim::answer::Answer;
use crate::sim::params::{int, yes};

/// The longest that a poll may wait.
const MAX_WAIT: u64 = 50;

/// Waits for updates; a newer poll of the same bot ends an older one with 409.
pub(super) async fn get_updates(account: &Account, params: &Map<String, Value>) -> Answer {
    if account.outbox.has_webhook() {
        return errors::conflict(
            "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        );
    }
    if let Some(Value::Array(kinds)) = params.get("allowed_updates") {
        account.outbox.allow(kinds.iter().filter_map(|kind| kind.as_str().map(str::to_owned)).collect());
    }
    let offset = int(params, "offset").unwrap_or(0);
    let limit = int(params, "limit").filter(|limit| (1..=100).contains(limit)).unwrap_or(100);
    let limit = usize::try_from(limit).unwrap_or(100);
    let wait = u64::try_from(int(params, "timeout").unwrap_or(0)).unwrap_or(0).min(MAX_WAIT);

    account.polls.send_modify(|polls| *polls += 1);
    let mut newer = account.polls.subscribe();
    let deadline = tokio::time::sleep(Duration::from_secs(wait));
    tokio::pin!(deadline);
    loop {
        let changed = account.outbox.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let updates = account.outbox.poll(offset, limit);
        if !updates.is_empty() || wait == 0 {
            return answer(&updates.iter().map(|update| update.body.as_ref()).collect::<Vec<_>>());
        }
        tokio::select! {
            () = changed => {}
            () = &mut deadline => return answer(&[]),
            _ = newer.changed() => return errors::conflict(
                "terminated by other getUpdates request; make sure that only one bot instance is running",
            ),
        }
    }
}

/// The updates as they came, joined without parsing them again; what is no JSON could never be told to a client.
fn answer(updates: &[&[u8]]) -> Answer {
    let readable =
        updates.iter().filter(|body| serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok());
    let joined = readable.copied().collect::<Vec<_>>().join(&b","[..]);
    let body = [br#"{"ok":true,"result":["#, joined.as_slice(), b"]}"].concat();
    Answer { status: 200, body: body.into(), retry_after: None }
}

/// `drop_pending_updates`, for the methods that have it.
pub(super) fn drops_pending(params: &Map<String, Value>) -> bool {
    yes(params, "drop_pending_updates")
}
