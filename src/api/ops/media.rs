//! Files that people sent: how far each is, and a way to its bytes.
//!
//! Guarantee: nothing is fetched here. Who asks for a file that is not here yet has the media stage fetch it, once a
//! minute at most; a link holds for a while and leads to one file.

use bytes::Bytes;

use super::Operations;
use crate::api::error::{ApiError, ErrorCode};
use crate::api::table::Call;
use crate::api::types::{MediaLine, MediaShow};
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::{Attachment, MediaWanted};
use crate::domain::ids::{EventId, TenantId};
use crate::domain::media::{MediaState, label};
use crate::log::{Log, Outgoing, TopicName};
use crate::services::media::Place;
use crate::services::objects::{ContentHash, ObjectError};
use crate::store::{MediaItem, Message};

/// A file as it goes over HTTP.
#[derive(Debug)]
pub(in crate::api) struct File {
    /// The bytes.
    pub(in crate::api) content: Bytes,
    /// What they are.
    pub(in crate::api) mime: String,
    /// A label.
    pub(in crate::api) name: String,
    /// Its room in memory.
    pub(in crate::api) place: Place,
}

impl Operations {
    pub(in crate::api) async fn media_show(&self, call: &Call<()>) -> Result<MediaShow, ApiError> {
        let (conversation, name) = (call.name("conversation"), call.name("media"));
        let missing = || ApiError::missing("media", name);
        let place = place(name).ok_or_else(missing)?;
        let item = self.store.media_item(&call.tenant, place).await?;
        let item = item.filter(|item| item.conversation.as_str() == conversation).ok_or_else(missing)?;
        if item.state != MediaState::Stored {
            self.ask(&call.tenant, &item).await?;
            return Ok(MediaShow { media: listed(&item), url: None, expires_at_ms: None });
        }
        let until = self.store.now_at().plus(self.link_ttl);
        let token = self.store.media_link(&call.tenant, place, until)?;
        let url = Some(format!("/v1/files/{token}"));
        Ok(MediaShow { media: listed(&item), url, expires_at_ms: Some(until.millis()) })
    }

    /// Has a file fetched that is not settled.
    async fn ask(&self, tenant: &TenantId, item: &MediaItem) -> Result<(), ApiError> {
        let Some((log, _)) = self.log.as_ref().filter(|_| item.state.is_open()) else { return Ok(()) };
        if self.store.media_ask(tenant, (item.turn, item.n)).await? {
            append(&**log, tenant, item, self.store.now_at().millis()).await?;
        }
        Ok(())
    }

    /// The file that a link leads to. A link that is too old, or none of ours, leads to nothing; where too many files are on
    /// their way, the caller comes again.
    pub(in crate::api) async fn media_file(&self, token: &str) -> Result<File, ApiError> {
        let missing = || ApiError::new(ErrorCode::NotFound, "there is no such file, or the link is too old");
        let (tenant, place) = self.store.media_linked(token).ok_or_else(missing)?;
        let item = self.store.media_item(&tenant, place).await?.ok_or_else(missing)?;
        let hash: ContentHash = item.hash.parse().map_err(|_| missing())?;
        let objects = self.objects.as_ref().ok_or_else(missing)?;
        let busy = || ApiError::new(ErrorCode::Busy, "too many files are on their way: try again");
        let room = self.handing.enter(item.bytes).ok_or_else(busy)?;
        let content = objects.get(&tenant, hash, item.bytes).await.map_err(|error| match error {
            ObjectError::Missing(_) => missing(),
            error => {
                tracing::error!(%error, %tenant, "a file of a person can't be read");
                ApiError::new(ErrorCode::Unavailable, "the file can't be read: see the log of this process")
            }
        })?;
        let name = label(item.source.name.as_deref().unwrap_or_default());
        Ok(File { content, mime: item.mime, name, place: room })
    }
}

async fn append(log: &dyn Log, tenant: &TenantId, item: &MediaItem, now: i64) -> Result<(), ApiError> {
    let data = MediaWanted {
        channel: item.channel,
        account: item.account.clone(),
        turn: item.turn,
        n: item.n,
        attachment: item.source.clone(),
        now: true,
    };
    let at = crate::domain::time::Timestamp::from_millis(now);
    let id = EventId::of_state(&name(item.turn, item.n), &format!("ask/{now}"));
    let mut event = Envelope::root(id, item.conversation.as_str(), at, at, data);
    event.source = "/api".into();
    (event.tenant, event.bot, event.conversation) =
        (tenant.clone(), item.bot.clone(), item.conversation.clone());
    let key = Bytes::copy_from_slice(item.conversation.as_str().as_bytes());
    let record = Outgoing::event(TopicName::from(MediaWanted::TYPE), key, event.encode());
    log.append(&[record]).await.map(drop).map_err(super::modes::refused)
}

/// The files of a person's message, with what is known of each.
pub(super) fn of_message(message: &Message, items: &[MediaItem]) -> Vec<MediaLine> {
    let attachments = message.data.get("attachments").cloned().unwrap_or_default();
    let attachments: Vec<Attachment> = serde_json::from_value(attachments).unwrap_or_default();
    let files = (0..).zip(attachments).filter(|(_, file)| file.kind.is_file());
    let line = |(n, file): (u32, Attachment)| match items.iter().find(|item| item.n == n) {
        Some(item) => listed(item),
        None => MediaLine { state: "not_fetched".to_owned(), ..unknown(message.id, n, &file) },
    };
    files.map(line).collect()
}

fn listed(item: &MediaItem) -> MediaLine {
    let stored = item.state == MediaState::Stored;
    MediaLine {
        state: item.state.as_str().to_owned(),
        reason: Some(item.reason.clone()).filter(|reason| !reason.is_empty()),
        mime: stored.then(|| item.mime.clone()),
        bytes: stored.then_some(item.bytes),
        ..unknown(item.turn, item.n, &item.source)
    }
}

fn unknown(turn: EventId, n: u32, file: &Attachment) -> MediaLine {
    MediaLine {
        media: name(turn, n),
        kind: file.kind.as_str().to_owned(),
        state: String::new(),
        reason: None,
        mime: None,
        bytes: None,
        name: file.name.as_deref().map(label).filter(|name| !name.is_empty()),
    }
}

/// `TURN.N`.
fn name(turn: EventId, n: u32) -> String {
    format!("{turn}.{n}")
}

fn place(name: &str) -> Option<(EventId, u32)> {
    let (turn, n) = name.rsplit_once('.')?;
    Some((turn.parse().ok()?, n.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::ChannelKind;

    #[test]
    fn a_file_is_named_by_its_message_and_its_place() {
        let turn = EventId::root(ChannelKind::Telegram, "77", "1");
        assert_eq!(place(&name(turn, 3)), Some((turn, 3)));
        for wrong in ["", ".", "x.0", &turn.to_string(), &format!("{turn}.-1")] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
