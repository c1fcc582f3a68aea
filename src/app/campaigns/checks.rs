//! Whom a campaign may not write to. Providers refuse such messages, and count them against the account.

use std::time::Duration;

use crate::domain::campaign::{Campaign, Message};
use crate::domain::channel::ChannelKind;
use crate::domain::time::Timestamp;
use crate::services::campaign::conversation;
use crate::store::{Store, StoreError};

/// How long after a person's message a business may write freely.
/// Source: <https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages#customer-service-windows>.
const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// Why a recipient gets nothing; `None` = they do.
///
/// # Errors
/// When the database can't be reached.
pub(super) async fn refuse(
    store: &Store,
    campaign: &Campaign,
    to: &str,
    now: Timestamp,
) -> Result<Option<&'static str>, StoreError> {
    // An approved template may go to whoever agreed to it.
    if matches!(campaign.message, Message::Template { .. }) {
        return Ok(None);
    }
    let heard = store.last_heard(&campaign.tenant, &conversation(campaign, to)).await?;
    Ok(match (campaign.channel, heard) {
        (_, None) => Some("unknown_contact: this person has never written to the bot"),
        (ChannelKind::Telegram | ChannelKind::Webchat, Some(_)) => None,
        (_, Some(heard)) if now.since(heard) < WINDOW => None,
        (ChannelKind::Whatsapp, _) => {
            Some("outside_window: the person wrote more than 24 hours ago: use a template")
        }
        (_, _) => Some("outside_window: the person wrote more than 24 hours ago"),
    })
}
