//! media: fetches the files that people sent, before their addresses die.
//!
//! Reads `media.wanted.v1`, writes nothing but the file's row and, when it comes, the file itself to the object store under
//! its hash. Never opens a file beyond its first bytes, never sends. Safe to repeat: a file that is settled is not asked
//! for again, and the same bytes are kept once. A file that is gone, too large or of a type that nobody takes is no
//! failure of the stage: its row says so.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::envelope::Envelope;
use crate::domain::events::MediaWanted;
use crate::domain::failure::{Class, Classify};
use crate::domain::stage::StageName;
use crate::pipeline::{Cx, Emission, Outcome, Ports, Stage, StageError};
use crate::services::channel::Sender;
use crate::services::media::{Bounds, Download, DownloadError, MediaConfig, Room, is_taken, type_of};
use crate::services::objects::Objects;
use crate::store::{Directory, Fetched, Store};
use crate::telemetry;

/// What media needs.
#[derive(Debug, Clone)]
pub struct MediaDeps {
    /// Its bounds.
    pub config: MediaConfig,
    /// Where each file's state is.
    pub store: Arc<Store>,
    /// Whose token asks.
    pub directory: Arc<dyn Directory>,
    /// Where files are kept.
    pub objects: Objects,
    /// Who fetches them.
    pub download: Arc<dyn Download>,
}

/// The stage.
#[derive(Debug)]
pub struct Media {
    deps: MediaDeps,
    room: Room,
}

/// It has no outputs.
#[derive(Debug)]
pub enum MediaOut {}

impl Ports for MediaOut {
    const NAMES: &'static [&'static str] = &[];

    fn into_emission(self) -> Emission {
        match self {}
    }
}

impl Media {
    /// The stage.
    #[must_use]
    pub fn new(deps: MediaDeps) -> Self {
        let room = Room::new(deps.config.at_once, deps.config.at_once_per_bot);
        Self { deps, room }
    }

    /// What a try came to; an error where another try may do better.
    async fn fetch(&self, cx: &Cx, input: &Envelope<MediaWanted>) -> Result<Fetched, StageError> {
        let wanted = &input.data;
        let account = self.deps.directory.account(wanted.channel, &wanted.account).await?;
        let Some(account) = account.filter(|account| account.tenant == input.tenant) else {
            return Ok(Fetched::Failed("the account is not connected any more".to_owned()));
        };
        let to = Sender { account: account.id.clone(), token: account.token.clone() };
        let config = &self.deps.config;
        let limit = config.timeout.get().min(cx.remaining());
        let bounds = Bounds { most: config.max_size.bytes(), limit };
        match self.deps.download.download(wanted.channel, &to, &wanted.attachment, bounds).await {
            Ok(content) => self.keep(input, content).await,
            Err(error) => self.judge(cx, error),
        }
    }

    async fn keep(&self, input: &Envelope<MediaWanted>, content: Bytes) -> Result<Fetched, StageError> {
        let mime = type_of(&content);
        if !is_taken(&self.deps.config.types, mime) {
            return Ok(Fetched::Refused(format!("files of type {mime} are not taken (media.types)")));
        }
        let bytes = content.len() as u64;
        let hash = self.deps.objects.put(&input.tenant, content).await?.to_string();
        Ok(Fetched::Stored { hash, mime: mime.to_owned(), bytes })
    }

    /// The row is gone, with the person whose it was: nothing may stay of the file that nothing else has.
    async fn drop_unlisted(&self, input: &Envelope<MediaWanted>, hash: &str) -> Result<(), StageError> {
        if !self.deps.store.base_file_used(&input.tenant, hash).await?
            && let Ok(hash) = hash.parse()
        {
            self.deps.objects.delete(&input.tenant, hash).await?;
        }
        Ok(())
    }

    /// What cannot be mended settles the file. What can is tried again, as often as the settings say and while there is
    /// time for one more wait.
    fn judge(&self, cx: &Cx, error: DownloadError) -> Result<Fetched, StageError> {
        let reason = error.to_string();
        match error {
            DownloadError::Expired(_) => Ok(Fetched::Expired(reason)),
            DownloadError::TooLarge { .. } | DownloadError::Refused(_) => Ok(Fetched::Refused(reason)),
            DownloadError::Closed(_) => Ok(Fetched::Failed(reason)),
            DownloadError::Throttled { .. } | DownloadError::Lost(_) => {
                let wait = match error.class() {
                    Class::Throttled { retry_after } => retry_after.unwrap_or(LONGEST_WAIT),
                    Class::Transient { .. } if cx.attempt < self.deps.config.tries => LONGEST_WAIT,
                    Class::Transient { .. } | Class::Permanent | Class::Bug => {
                        return Ok(Fetched::Failed(reason));
                    }
                };
                if wait < cx.remaining() { Err(error.into()) } else { Ok(Fetched::Failed(reason)) }
            }
        }
    }
}

/// The longest back-off between two tries, as `pipelines/media.yaml` has it: with less time left, this try is the last.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(30);

impl Stage for Media {
    const NAME: StageName = StageName::Media;
    type In = MediaWanted;
    type Out = MediaOut;

    async fn handle(&self, cx: &Cx, input: &Envelope<MediaWanted>) -> Result<Outcome<MediaOut>, StageError> {
        const DONE: Result<Outcome<MediaOut>, StageError> = Ok(Outcome::EmitAll(Vec::new()));
        // A replay asks no provider for anything.
        if input.runid.is_some() {
            return DONE;
        }
        let wanted = &input.data;
        let place = (wanted.turn, wanted.n);
        let whose = (&input.bot, &input.conversation);
        let listed = self.deps.store.media_want(&input.tenant, whose, wanted).await?;
        if !wanted.now || !listed.state.is_open() {
            return DONE;
        }
        let fetched = if cx.remaining().is_zero() {
            // One of more than the bot has places for, or it waited for all of its time behind others.
            Fetched::Failed("too many files of this bot were waiting: ask for this one again".to_owned())
        } else {
            let Some(_place) = self.room.enter(&input.tenant, &input.bot).await else { return DONE };
            self.fetch(cx, input).await?
        };
        if self.deps.store.media_fetched(&input.tenant, place, &fetched).await? {
            telemetry::media_fetched(wanted.channel, fetched.state().as_str());
        } else if let Fetched::Stored { hash, .. } = &fetched {
            self.drop_unlisted(input, hash).await?;
        }
        DONE
    }
}

#[cfg(test)]
mod tests;
