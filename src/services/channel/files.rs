//! Files of ours in messages: uploaded once for each account, then sent by the provider's id.
//!
//! Guarantee: nothing is uploaded again while its id is good, and only a refusal of the id or the file makes us forget one.
//! An upload that reaches no person has its own time and is no part of a send: whoever needs it meanwhile is told to come
//! again. A file that goes with its message goes only when the send's time is enough for it at the bandwidth that can be
//! counted on. Nothing that could reach a person is begun when too little of the send's time is left to hear of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::uploads::{End, Flight, Key, Turn, Uploads};
use super::{Channel, Scope, SendOutcome, Sender, Target};
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Content, Media, MediaKind, Part, Signal};
use crate::domain::ids::AccountId;
use crate::domain::units::Size;

/// What a call to the provider needs: one that begins with less may arrive and be taken for lost.
const CALL: Duration = Duration::from_secs(2);

/// How long a note of an id may hold up what is known of the message itself.
const NOTE: Duration = Duration::from_secs(1);

/// How long a send waits for an upload before it says to come again: a small file is there by then.
const SOON: Duration = Duration::from_secs(2);

/// A send that needs a file on its way comes again after as long as that took so far, within these.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));

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

    /// How many bytes it has at most.
    async fn size(&self, at: FileAt<'_>) -> Result<u64, FileTrouble>;

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

    async fn size(&self, _: FileAt<'_>) -> Result<u64, FileTrouble> {
        Ok(0)
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
    /// It has it not.
    Not(SendOutcome),
}

/// How a provider takes files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By [`Upload::upload`], then the message names its id.
    Apart,
    /// By [`Upload::send_with`] alone.
    WithMessage,
}

/// A channel that takes files.
#[async_trait]
pub(super) trait Upload: Channel {
    /// How it takes them.
    const WAY: Way;

    /// Gives the provider a file. Reaches no person.
    async fn upload(&self, _: &Sender, _: MediaKind, _: File, _: Duration) -> Uploaded {
        Uploaded::Not(never(Self::WAY))
    }

    /// Sends a message with the file in it, and gives the id that the provider has for the file now.
    async fn send_with(
        &self,
        _: &Sender,
        _: &Target,
        _: &Part,
        _: &File,
        _: Duration,
    ) -> (SendOutcome, Option<String>) {
        (never(Self::WAY), None)
    }

    /// True where the reason of a refusal that [`Channel::send`] gave speaks of the file or its id.
    fn refuses_file(&self, reason: &str) -> bool;
}

/// A channel whose messages may hold files of ours.
#[derive(Debug)]
pub(super) struct WithFiles<C> {
    pub(super) channel: Arc<C>,
    pub(super) files: Arc<dyn Files>,
    pub(super) uploads: Arc<Uploads>,
    /// The bandwidth that can be counted on where a file goes with its message, in a second.
    pub(super) rate: Size,
}

/// A message that holds a file of ours, and how long there is for it.
struct Sending<'a> {
    from: &'a Sender,
    to: &'a Target,
    part: &'a Part,
    opaque: &'a str,
    media: &'a Media,
    until: Instant,
    limit: Duration,
}

impl Sending<'_> {
    /// Nothing that could reach a person is begun after this.
    fn last(&self) -> Instant {
        self.until - self.limit.min(CALL)
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
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
        let sending = Sending { from, to, part, opaque, media, until: Instant::now() + limit, limit };
        let at = FileAt { channel: self.kind(), account: &from.account, hash, kind: media.kind };
        match timeout_at(sending.last(), self.files.known(at)).await.unwrap_or_else(|_| Err(slow())) {
            Ok(Some(id)) => {
                let outcome = self.send_by_id(&sending, &id).await;
                match &outcome {
                    // It was certainly not sent, and the news may be that the id is old.
                    SendOutcome::Rejected { scope: Scope::Message, reason }
                        if self.channel.refuses_file(reason) =>
                    {
                        drop(timeout(NOTE, self.files.forget(at, &id)).await);
                    }
                    _ => return outcome,
                }
            }
            Ok(None) => {}
            Err(trouble) => return unsent(trouble),
        }
        match (self.uploads.begin(Key::of(at)), C::WAY) {
            (Turn::Mine(flight), Way::Apart) => {
                let news = flight.news();
                self.fly(flight, from.clone(), media.name.clone());
                self.wait_for(&sending, Instant::now(), news).await
            }
            (Turn::Mine(flight), Way::WithMessage) => self.send_with(&sending, flight).await,
            (Turn::Under(since, news), _) => self.wait_for(&sending, since, news).await,
            (Turn::Failed(outcome), _) => outcome,
            (Turn::Full, _) => {
                unsent(FileTrouble::Later("other files are on their way to the provider".to_owned()))
            }
        }
    }

    async fn signal(&self, from: &Sender, to: &Target, signal: &Signal, limit: Duration) -> SendOutcome {
        self.channel.signal(from, to, signal, limit).await
    }
}

impl<C: Upload> WithFiles<C> {
    async fn send_by_id(&self, sending: &Sending<'_>, id: &str) -> SendOutcome {
        let Sending { from, to, part, opaque, media, .. } = sending;
        self.channel.send(from, to, &by_id(part, media, id), opaque, sending.left()).await
    }

    /// Sends by the id if the upload is over soon; else the send comes again.
    async fn wait_for(
        &self,
        sending: &Sending<'_>,
        since: Instant,
        mut news: watch::Receiver<Option<End>>,
    ) -> SendOutcome {
        let soon = sending.last().min(Instant::now() + SOON);
        let end = match timeout_at(soon, news.wait_for(Option::is_some)).await {
            Ok(Ok(end)) => end.clone(),
            // Its uploader is gone without a word, or has not come to an end.
            Ok(Err(_)) | Err(_) => None,
        };
        match end {
            Some(Ok(id)) if Instant::now() < sending.last() => self.send_by_id(sending, &id).await,
            Some(Err(outcome)) => outcome,
            Some(Ok(_)) | None => {
                let after = since.elapsed().clamp(AGAIN.0, AGAIN.1);
                let reason = "its file is on its way to the provider".to_owned();
                SendOutcome::Retry { after: Some(after), scope: Scope::Message, reason }
            }
        }
    }

    /// Uploads a file, however long the sends that wait for it are given.
    fn fly(&self, flight: Flight, from: Sender, name: Option<String>) {
        let (channel, files) = (Arc::clone(&self.channel), Arc::clone(&self.files));
        let uploads = Arc::clone(&self.uploads);
        tokio::spawn(async move {
            let until = Instant::now() + uploads.patience;
            let upload = async {
                let at = flight.key.at();
                // Another may have ended between our look and our turn.
                if let Some(id) = files.known(at).await? {
                    return Ok(Ok(id));
                }
                let _room = uploads.room(files.size(at).await?).await;
                let (content, mime) = files.content(at).await?;
                let file = File { content, mime, name: name.unwrap_or_else(|| "file".to_owned()) };
                let left = until.saturating_duration_since(Instant::now());
                Ok::<End, FileTrouble>(match channel.upload(&from, at.kind, file, left).await {
                    Uploaded::Id(id, holds) => {
                        drop(timeout(NOTE, files.note(at, &id, holds)).await);
                        Ok(id)
                    }
                    Uploaded::Not(outcome) => Err(outcome),
                })
            };
            // A note that is being written when time is over is written.
            match tokio::time::timeout_at(until + NOTE, upload).await {
                Ok(Ok(end)) => flight.end(end),
                Ok(Err(trouble)) => flight.stop(unsent(trouble)),
                Err(_) => {
                    let reason = format!("its upload took longer than {:?}", uploads.patience);
                    flight.end(Err(SendOutcome::Retry { after: None, scope: Scope::Message, reason }));
                }
            }
        });
    }

    /// Sends the message with the file in it; others who need the file wait for the id that comes of it.
    async fn send_with(&self, sending: &Sending<'_>, flight: Flight) -> SendOutcome {
        let Sending { from, to, part, media, limit, .. } = sending;
        let (at, last) = (flight.key.at(), sending.last());
        let fits = |time: Duration, bytes: u64| time.as_secs_f64() * self.rate.bytes() as f64 >= bytes as f64;
        let load = async {
            let bytes = self.files.size(at).await?;
            if !fits(limit.saturating_sub(CALL), bytes) {
                let (size, rate) = (Size::from_bytes(bytes), self.rate);
                return Err(FileTrouble::Missing(format!(
                    "the file has {size}, which {} takes with its message only: at {rate} a second that is more than a \
                     send may take; send a smaller file or an address, or raise channels.uploads.rate",
                    at.channel
                )));
            }
            let room = self.uploads.room(bytes).await;
            let (content, mime) = self.files.content(at).await?;
            Ok((room, content, mime, bytes))
        };
        let (_room, content, mime, bytes) = match timeout_at(last, load).await {
            Ok(Ok(loaded)) => loaded,
            Err(_) => return unsent(slow()),
            Ok(Err(trouble)) => return unsent(trouble),
        };
        if !fits(last.saturating_duration_since(Instant::now()), bytes) {
            return unsent(slow());
        }
        let file = File { content, mime, name: media.name.clone().unwrap_or_else(|| "file".to_owned()) };
        let (outcome, id) = self.channel.send_with(from, to, part, &file, sending.left()).await;
        if let Some(id) = id {
            drop(timeout(NOTE, self.files.note(at, &id, None)).await);
            flight.end(Ok(id));
        }
        outcome
    }
}

/// No process of ours asks a channel for what its `WAY` does not say.
fn never(way: Way) -> SendOutcome {
    let reason = format!("files go {way:?} here");
    SendOutcome::Rejected { scope: Scope::Message, reason }
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
