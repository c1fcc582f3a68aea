//! media: fetches the files that people sent, before their addresses die.
//!
//! Reads `media.wanted.v1`, writes nothing but the file's row and, when it comes, the file itself to the object store under
//! its hash. Never opens a file beyond its first bytes, never sends. Safe to repeat: a file that is settled is not asked
//! for again, and the same bytes are kept once. A file that is gone, too large or of a type that nobody takes is no
//! failure of the stage: its row says so.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::channel::ChannelKind;
use crate::domain::envelope::Envelope;
use crate::domain::events::{Attachment, MediaWanted};
use crate::domain::failure::{Class, Classify};
use crate::domain::ids::TenantId;
use crate::domain::media::MediaState;
use crate::domain::stage::StageName;
use crate::pipeline::{Cx, Emission, Outcome, Ports, Stage, StageError};
use crate::services::channel::Sender;
use crate::services::media::{Bounds, Download, DownloadError, MediaConfig, Room, is_taken, type_of};
use crate::services::objects::{ContentHash, ObjectError, Objects};
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

/// What a try came to.
enum Tried {
    /// The file, and what its bytes are.
    Came(Bytes, &'static str),
    /// Its row only has to say so.
    Settled(Fetched),
}

impl Tried {
    const fn state(&self) -> MediaState {
        match self {
            Self::Came(..) => MediaState::Stored,
            Self::Settled(fetched) => fetched.state(),
        }
    }
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
    async fn fetch(&self, cx: &Cx, input: &Envelope<MediaWanted>) -> Result<Tried, StageError> {
        let wanted = &input.data;
        let account = self.deps.directory.account(wanted.channel, &wanted.account).await?;
        let Some(account) = account.filter(|account| account.tenant == input.tenant) else {
            let reason = "the account is not connected any more".to_owned();
            return Ok(Tried::Settled(Fetched::Failed(reason)));
        };
        if wanted.channel == ChannelKind::Webchat {
            return self.kept(&input.tenant, &wanted.attachment).await;
        }
        let to = Sender { account: account.id.clone(), token: account.token.clone() };
        let config = &self.deps.config;
        let limit = config.timeout.get().min(cx.remaining());
        let bounds = Bounds { most: config.max_size.bytes(), limit };
        match self.deps.download.download(wanted.channel, &to, &wanted.attachment, bounds).await {
            Ok(content) => Ok(self.came(content)),
            Err(error) => self.judge(cx, error).map(Tried::Settled),
        }
    }

    /// A file of a web-chat visitor: the edge put it where files are kept, and it stays there for a while.
    async fn kept(&self, tenant: &TenantId, file: &Attachment) -> Result<Tried, StageError> {
        let settled = |fetched| Ok(Tried::Settled(fetched));
        let Some(hash) = file.id.as_deref().and_then(|id| id.parse::<ContentHash>().ok()) else {
            return settled(Fetched::Refused("it names no file that was sent to the page".to_owned()));
        };
        match self.deps.objects.get(tenant, hash, self.deps.config.max_size.bytes()).await {
            Ok(content) => Ok(self.came(content)),
            Err(ObjectError::Missing(_)) => {
                settled(Fetched::Expired("nobody had it kept within two days".to_owned()))
            }
            Err(error @ (ObjectError::TooLarge { .. } | ObjectError::Damaged(_))) => {
                settled(Fetched::Refused(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn came(&self, content: Bytes) -> Tried {
        let mime = type_of(&content);
        if is_taken(&self.deps.config.types, mime) {
            return Tried::Came(content, mime);
        }
        Tried::Settled(Fetched::Refused(format!("files of type {mime} are not taken (media.types)")))
    }

    /// Notes what a try came to, and keeps the file that came. False where the file was settled before, or its row is gone.
    async fn settle(&self, input: &Envelope<MediaWanted>, tried: Tried) -> Result<bool, StageError> {
        let (store, tenant) = (&self.deps.store, &input.tenant);
        let place = (input.data.turn, input.data.n);
        let (content, mime) = match tried {
            Tried::Settled(fetched) => return Ok(store.media_fetched(tenant, place, &fetched).await?),
            Tried::Came(content, mime) => (content, mime),
        };
        let (hash, bytes) = (ContentHash::of(&content).to_string(), content.len() as u64);
        let fetched = Fetched::Stored { hash: hash.clone(), mime: mime.to_owned(), bytes };
        let keep = async {
            self.deps.objects.put(tenant, content).await?;
            Ok::<_, StageError>(store.media_fetched(tenant, place, &fetched).await?)
        };
        let noted = store.file_held(tenant, &hash, keep).await?;
        if !matches!(noted, Ok(true)) {
            // The row went with the person whose it was: nothing may stay of the file that nothing else has.
            store.file_drop_unused(tenant, &hash, self.deps.objects.delete_named(tenant, &hash)).await?;
        }
        noted
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
        let whose = (&input.bot, &input.conversation);
        // Asked for again after the person was forgotten: of them nothing is noted any more.
        let here = (&input.conversation, wanted.turn);
        if self.deps.store.is_forgotten(&input.tenant, here, input.roottime).await? {
            return DONE;
        }
        let listed = self.deps.store.media_want(&input.tenant, whose, wanted).await?;
        if !wanted.now || !listed.state.is_open() {
            return DONE;
        }
        // Its place is kept until the file is: what is in memory is bounded by the places.
        let (tried, _place) = if cx.late || cx.remaining().is_zero() {
            // One of more than the bot has places for, or it waited for all of its time behind others.
            let reason = "too many files of this bot were waiting: ask for this one again".to_owned();
            (Tried::Settled(Fetched::Failed(reason)), None)
        } else {
            let Some(place) = self.room.enter(&input.tenant, &input.bot).await else { return DONE };
            (self.fetch(cx, input).await?, Some(place))
        };
        let state = tried.state();
        if self.settle(input, tried).await? {
            telemetry::media_fetched(wanted.channel, state.as_str());
        }
        DONE
    }
}

#[cfg(test)]
mod tests;
