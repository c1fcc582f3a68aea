//! Files of ours in messages: uploaded once for each account, then sent by the provider's id.
//!
//! Guarantee: an id that the provider does not take any more costs one further upload, never a loop; nothing is uploaded
//! again while its id is good. A file is sent only under the outcome that [`Channel::send`] gives, and nothing is begun that
//! could reach a person when too little of the send's time is left to hear of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Channel, Scope, SendOutcome, Sender, Target};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Content, Media, MediaKind, Part, Signal};
use crate::domain::ids::AccountId;

/// What a call to the provider needs: one that begins with less may arrive and be taken for lost.
const CALL: Duration = Duration::from_secs(2);

/// How long a note of an id may hold up what is known of the message itself.
const NOTE: Duration = Duration::from_secs(1);

/// When a database or an object store that failed is asked again: its failures are none of the message's tries.
const LATER: Duration = Duration::from_secs(5);

/// Which file, for which account.
#[derive(Debug, Clone, Copy)]
pub struct FileAt<'a> {
    /// The provider.
    pub channel: ChannelKind,
    /// The account that sends it; a provider's id is good for this one alone.
    pub account: &'a AccountId,
    /// The hash of its content.
    pub hash: &'a str,
    /// What it is sent as.
    pub kind: MediaKind,
}

/// A file as it is uploaded.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Its bytes.
    pub(super) content: Bytes,
    /// What they are.
    pub(super) mime: String,
    /// What it is called.
    pub(super) name: String,
}

/// Why a file of ours can't be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileTrouble {
    /// There is none: its author has to apply the bot's file again.
    Missing(String),
    /// It can't be read now.
    Later(String),
}

/// Files of tenants, and what providers call them.
#[async_trait]
pub trait Files: Send + Sync + fmt::Debug + 'static {
    /// The provider's id, while it holds.
    async fn known(&self, at: FileAt<'_>) -> Result<Option<String>, FileTrouble>;

    /// The bytes, and what they are.
    async fn content(&self, at: FileAt<'_>) -> Result<(Bytes, String), FileTrouble>;

    /// Notes the provider's id, which holds so long; `None` = for ever. A loss costs one more upload.
    async fn note(&self, at: FileAt<'_>, id: &str, holds: Option<Duration>);

    /// Forgets an id that the provider does not take any more.
    async fn forget(&self, at: FileAt<'_>, id: &str);
}

/// For bots that have no files: there is none of any name.
#[derive(Debug)]
pub struct NoFiles;

#[async_trait]
impl Files for NoFiles {
    async fn known(&self, _: FileAt<'_>) -> Result<Option<String>, FileTrouble> {
        Ok(None)
    }

    async fn content(&self, _: FileAt<'_>) -> Result<(Bytes, String), FileTrouble> {
        Err(FileTrouble::Missing("there are no files here".to_owned()))
    }

    async fn note(&self, _: FileAt<'_>, _: &str, _: Option<Duration>) {}

    async fn forget(&self, _: FileAt<'_>, _: &str) {}
}

/// What an upload came to.
#[derive(Debug)]
pub(super) enum Uploaded {
    /// The provider has it under this id, for so long; the message is still to be sent.
    Id(String, Option<Duration>),
    /// The message went out with the file in it; the id that the provider gave it.
    Sent(SendOutcome, Option<String>),
    /// It has it not, and nothing was sent.
    Not(SendOutcome),
}

/// A channel that takes files.
#[async_trait]
pub(super) trait Upload: Channel {
    /// Gives the provider a file, with the message where the provider wants both at once.
    async fn upload(&self, from: &Sender, to: &Target, part: &Part, file: &File, limit: Duration)
    -> Uploaded;
}

/// A channel whose messages may hold files of ours.
#[derive(Debug)]
pub(super) struct WithFiles<C> {
    pub(super) channel: C,
    pub(super) files: Arc<dyn Files>,
}

#[async_trait]
impl<C: Upload> Channel for WithFiles<C> {
    fn kind(&self) -> ChannelKind {
        self.channel.kind()
    }

    fn split(&self, part: &Part) -> Vec<Part> {
        self.channel.split(part)
    }

    async fn send(
        &self,
        from: &Sender,
        to: &Target,
        part: &Part,
        opaque: &str,
        limit: Duration,
    ) -> SendOutcome {
        let Some((media, hash)) = own_file(part) else {
            return self.channel.send(from, to, part, opaque, limit).await;
        };
        let start = Instant::now();
        let (until, last) = (start + limit, start + limit.saturating_sub(CALL));
        let left = || until.saturating_duration_since(Instant::now());
        let at = FileAt { channel: self.kind(), account: &from.account, hash, kind: media.kind };
        match timeout_at(last, self.files.known(at)).await.unwrap_or_else(|_| Err(slow())) {
            Ok(Some(id)) => {
                let outcome = self.channel.send(from, to, &by_id(part, media, &id), opaque, left()).await;
                // The only news in this message may be that the id is old: it was certainly not sent.
                if !matches!(outcome, SendOutcome::Rejected { scope: Scope::Message, .. }) {
                    return outcome;
                }
                drop(timeout(NOTE, self.files.forget(at, &id)).await);
            }
            Ok(None) => {}
            Err(trouble) => return unsent(trouble),
        }
        let (content, mime) = match timeout_at(last, self.files.content(at)).await {
            Ok(Ok(found)) => found,
            Err(_) => return unsent(slow()),
            Ok(Err(trouble)) => return unsent(trouble),
        };
        if Instant::now() >= last {
            return unsent(slow());
        }
        let file = File { content, mime, name: media.name.clone().unwrap_or_else(|| "file".to_owned()) };
        match self.channel.upload(from, to, part, &file, left()).await {
            Uploaded::Id(id, holds) => {
                drop(timeout(NOTE, self.files.note(at, &id, holds)).await);
                // The next try finds the id.
                if Instant::now() >= last {
                    return unsent(slow());
                }
                self.channel.send(from, to, &by_id(part, media, &id), opaque, left()).await
            }
            Uploaded::Sent(outcome, id) => {
                if let Some(id) = id {
                    drop(timeout(NOTE, self.files.note(at, &id, None)).await);
                }
                outcome
            }
            Uploaded::Not(outcome) => outcome,
        }
    }

    async fn signal(&self, from: &Sender, to: &Target, signal: &Signal, limit: Duration) -> SendOutcome {
        self.channel.signal(from, to, signal, limit).await
    }
}

/// The file of ours that a message holds, and its hash.
fn own_file(part: &Part) -> Option<(&Media, &str)> {
    match part.content.as_deref() {
        Some(Content::Media(media)) => Some((media, media.hash.as_deref()?)),
        _ => None,
    }
}

/// The same message with the provider's id of the file.
fn by_id(part: &Part, media: &Media, id: &str) -> Part {
    let media = Media { id: Some(id.to_owned()), url: None, hash: None, ..media.clone() };
    Part { content: Some(Box::new(Content::Media(media))), ..part.clone() }
}

fn unsent(trouble: FileTrouble) -> SendOutcome {
    match trouble {
        FileTrouble::Missing(reason) => SendOutcome::Rejected { scope: Scope::Message, reason },
        FileTrouble::Later(reason) => {
            SendOutcome::Retry { after: Some(LATER), scope: Scope::Message, reason }
        }
    }
}

fn slow() -> FileTrouble {
    FileTrouble::Later("the file was not at hand in time".to_owned())
}

/// An upload of which nobody knows whether it arrived did no harm: nothing was sent to a person.
pub(super) fn not_uploaded(outcome: SendOutcome) -> Uploaded {
    Uploaded::Not(match outcome {
        SendOutcome::Unknown { reason } => SendOutcome::Retry { after: None, scope: Scope::Message, reason },
        other => other,
    })
}

#[cfg(test)]
pub(super) mod tests;
