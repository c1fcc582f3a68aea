//! media on a SQLite file, a folder of objects and a provider that gives what a test puts in.

use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::Secret;
use crate::domain::channel::ChannelKind;
use crate::domain::events::{Attachment, AttachmentKind};
use crate::domain::ids::{EventId, TenantId};
use crate::domain::media::MediaState;
use crate::domain::time::{ManualClock, Timestamp};
use crate::domain::units::Size;
use crate::services::media::fake::FakeDownload;
use crate::services::objects::ContentHash;
use crate::store::fake::FakeDirectory;
use crate::store::{Account, MediaItem, StoreConfig};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

struct Bench {
    stage: Media,
    provider: Arc<FakeDownload>,
    tenant: TenantId,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = Store::open_migrated(&StoreConfig::default(), folder.path(), clock).await.unwrap();
        let directory = FakeDirectory::default();
        directory.put_account(Account {
            tenant: "acme".into(),
            bot: "shop".into(),
            channel: ChannelKind::Telegram,
            id: "77".into(),
            app: None,
            token: Secret::new("77:x".to_owned()),
            secret: Secret::default(),
            origins: Vec::new(),
            rests_until: Timestamp::default(),
            refusal: None,
            refusals_since: Timestamp::default(),
        });
        directory.put_account(Account {
            channel: ChannelKind::Webchat,
            token: Secret::default(),
            ..(*directory.account(ChannelKind::Telegram, &"77".into()).await.unwrap().unwrap()).clone()
        });
        let provider = Arc::new(FakeDownload::default());
        let deps = MediaDeps {
            config: MediaConfig { max_size: Size::kib(1), tries: 3, ..MediaConfig::default() },
            store,
            directory: Arc::new(directory),
            objects: Objects::folder(&folder.path().join("objects")).unwrap(),
            download: Arc::clone(&provider) as _,
        };
        Self { stage: Media::new(deps), provider, tenant: "acme".into(), _folder: folder }
    }

    fn wanted(&self, n: u32, now: bool) -> Envelope<MediaWanted> {
        let turn = EventId::root(ChannelKind::Telegram, "77", "1");
        let attachment = Attachment {
            kind: AttachmentKind::Image,
            id: Some(format!("file{n}")),
            url: None,
            mime: None,
            name: None,
        };
        let data =
            MediaWanted { channel: ChannelKind::Telegram, account: "77".into(), turn, n, attachment, now };
        let mut event = Envelope::root(turn, "acme/telegram/77/5", NOW, NOW, data);
        (event.tenant, event.bot) = (self.tenant.clone(), "shop".into());
        event.conversation = "acme/telegram/77/5".into();
        event
    }

    async fn handle(&self, input: &Envelope<MediaWanted>, attempt: u32) -> Result<(), StageError> {
        self.handle_within(input, attempt, 600).await
    }

    async fn handle_within(
        &self,
        input: &Envelope<MediaWanted>,
        attempt: u32,
        seconds: u64,
    ) -> Result<(), StageError> {
        self.handle_as(input, cx(attempt, seconds)).await
    }

    async fn handle_as(&self, input: &Envelope<MediaWanted>, cx: Cx) -> Result<(), StageError> {
        match self.stage.handle(&cx, input).await? {
            Outcome::EmitAll(none) => assert!(none.is_empty()),
            other => panic!("{other:?}"),
        }
        Ok(())
    }

    async fn item(&self, n: u32) -> Option<MediaItem> {
        let turn = EventId::root(ChannelKind::Telegram, "77", "1");
        self.stage.deps.store.media_item(&self.tenant, (turn, n)).await.unwrap()
    }

    async fn state(&self, n: u32) -> MediaState {
        self.item(n).await.unwrap().state
    }
}

fn cx(attempt: u32, seconds: u64) -> Cx {
    Cx {
        clock: Arc::new(ManualClock::at(NOW)),
        until: Instant::now() + Duration::from_secs(seconds),
        attempt,
        waits: false,
        once: false,
        late: false,
        cancel: CancellationToken::new(),
    }
}

#[tokio::test]
async fn a_file_is_kept_once_and_asked_for_once() {
    let bench = Bench::new().await;
    bench.provider.give(Ok(Bytes::from_static(PNG)));
    let event = bench.wanted(0, true);
    bench.handle(&event, 1).await.unwrap();
    bench.handle(&event, 1).await.unwrap();
    let item = bench.item(0).await.unwrap();
    assert_eq!((item.state, item.mime.as_str(), item.bytes), (MediaState::Stored, "image/png", 16));
    assert_eq!(bench.provider.asked(), ["file0"]);
    let hash: ContentHash = item.hash.parse().unwrap();
    assert_eq!(bench.stage.deps.objects.get(&bench.tenant, hash, 99).await.unwrap(), PNG);
    let other = bench.stage.deps.objects.get(&"other".into(), hash, 99).await;
    assert!(other.is_err(), "another tenant has no such file");
}

#[tokio::test]
async fn what_is_gone_too_large_or_not_taken_is_said_to_be() {
    let bench = Bench::new().await;
    bench.provider.give(Err(DownloadError::Expired("gone".to_owned())));
    bench.provider.give(Ok(Bytes::from(vec![b'a'; 1025])));
    bench.provider.give(Ok(Bytes::from_static(b"\0\x01\x02\x03")));
    for n in 0..3 {
        bench.handle(&bench.wanted(n, true), 1).await.unwrap();
    }
    let mut seen = Vec::new();
    for n in 0..3 {
        let item = bench.item(n).await.unwrap();
        assert!(item.hash.is_empty());
        seen.push((item.state, item.reason));
    }
    assert_eq!(seen[0], (MediaState::Expired, "gone".to_owned()));
    assert!(seen[1].0 == MediaState::Refused && seen[1].1.contains("1024"), "{seen:?}");
    assert!(seen[2].0 == MediaState::Refused && seen[2].1.contains("octet-stream"), "{seen:?}");
    assert!(bench.stage.deps.objects.list(&bench.tenant).await.unwrap().is_empty());
    // Settled is settled: a repeat asks nobody.
    bench.handle(&bench.wanted(0, true), 1).await.unwrap();
    assert_eq!(bench.provider.asked().len(), 3);
}

#[tokio::test]
async fn a_lost_answer_is_tried_again_and_the_last_try_fails_it() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        bench.provider.give(Err(DownloadError::Lost("no clear answer".to_owned())));
    }
    let event = bench.wanted(0, true);
    let error = bench.handle(&event, 1).await.unwrap_err();
    assert!(matches!(error.class, Class::Transient { .. }));
    assert_eq!(bench.state(0).await, MediaState::Pending);
    bench.handle(&event, 3).await.unwrap();
    assert_eq!(bench.state(0).await, MediaState::Failed);
    // Somebody asks once more, and now it comes.
    bench.provider.give(Ok(Bytes::from_static(PNG)));
    bench.handle(&event, 1).await.unwrap();
    assert_eq!(bench.state(0).await, MediaState::Stored);
}

#[tokio::test]
async fn a_provider_that_asks_to_wait_is_given_its_time() {
    let bench = Bench::new().await;
    let after = |seconds| DownloadError::Throttled {
        after: Some(Duration::from_secs(seconds)),
        reason: "429".to_owned(),
    };
    bench.provider.give(Err(after(7)));
    bench.provider.give(Err(after(3600)));
    let event = bench.wanted(0, true);
    let error = bench.handle(&event, 99).await.unwrap_err();
    assert_eq!(error.class, Class::Throttled { retry_after: Some(Duration::from_secs(7)) });
    bench.handle(&event, 1).await.unwrap();
    assert_eq!(bench.state(0).await, MediaState::Failed, "an hour is more than it has");
}

#[tokio::test]
async fn one_for_which_the_bot_has_no_place_fails_at_once_and_can_be_asked_for() {
    let bench = Bench::new().await;
    for (n, cx) in [(0, Cx { late: true, ..cx(1, 600) }), (1, cx(1, 0))] {
        let event = bench.wanted(n, true);
        bench.handle_as(&event, cx).await.unwrap();
        let item = bench.item(n).await.unwrap();
        assert!(item.state == MediaState::Failed && item.reason.contains("too many files"), "{item:?}");
        assert!(bench.provider.asked().len() == n as usize);
        bench.provider.give(Ok(Bytes::from_static(PNG)));
        bench.handle(&event, 1).await.unwrap();
        assert_eq!(bench.state(n).await, MediaState::Stored);
    }
}

#[tokio::test]
async fn a_file_that_comes_while_the_same_one_is_removed_is_there_afterwards() {
    let bench = Bench::new().await;
    bench.provider.give(Ok(Bytes::from_static(PNG)));
    bench.provider.give(Ok(Bytes::from_static(PNG)));
    let (store, objects, event) = (&bench.stage.deps.store, &bench.stage.deps.objects, bench.wanted(0, true));
    let hash = objects.put(&bench.tenant, Bytes::from_static(PNG)).await.unwrap();
    // Nothing had it when the remover looked; the person sends it before the remover is done.
    let delete = async {
        let error = bench.handle(&event, 1).await.unwrap_err();
        assert!(matches!(error.class, Class::Transient { .. }), "{error}");
        objects.delete(&bench.tenant, hash).await
    };
    assert!(store.file_drop_unused(&bench.tenant, &hash.to_string(), delete).await.unwrap());
    assert_eq!(bench.state(0).await, MediaState::Pending);
    bench.handle(&event, 2).await.unwrap();
    assert_eq!(bench.state(0).await, MediaState::Stored);
    assert_eq!(objects.get(&bench.tenant, hash, 99).await.unwrap(), PNG);
    let (name, delete) = (hash.to_string(), objects.delete(&bench.tenant, hash));
    assert!(!store.file_drop_unused(&bench.tenant, &name, delete).await.unwrap(), "somebody has it");
}

#[tokio::test]
async fn on_view_is_only_noted_and_a_replay_asks_nobody() {
    let bench = Bench::new().await;
    bench.handle(&bench.wanted(0, false), 1).await.unwrap();
    assert_eq!(bench.state(0).await, MediaState::Pending);
    let mut replayed = bench.wanted(1, true);
    replayed.runid = Some("r1".to_owned());
    bench.handle(&replayed, 1).await.unwrap();
    assert!(bench.item(1).await.is_none());
    assert!(bench.provider.asked().is_empty());
}

#[tokio::test]
async fn an_account_of_another_tenant_asks_for_nothing() {
    let mut bench = Bench::new().await;
    bench.tenant = "other".into();
    bench.handle(&bench.wanted(0, true), 1).await.unwrap();
    assert_eq!(bench.state(0).await, MediaState::Failed);
    assert!(bench.provider.asked().is_empty());
}

#[tokio::test]
async fn a_visitors_file_is_taken_from_where_the_edge_put_it() {
    let bench = Bench::new().await;
    let hash = bench.stage.deps.objects.put(&bench.tenant, Bytes::from_static(PNG)).await.unwrap();
    let gone = ContentHash::of(b"gone");
    for (n, id, state) in [
        (0, hash.to_string(), MediaState::Stored),
        (1, gone.to_string(), MediaState::Expired),
        (2, "../../etc/passwd".to_owned(), MediaState::Refused),
    ] {
        let mut event = bench.wanted(n, true);
        event.data.channel = ChannelKind::Webchat;
        event.data.attachment.id = Some(id);
        bench.handle(&event, 1).await.unwrap();
        assert_eq!(bench.state(n).await, state);
    }
    let item = bench.item(0).await.unwrap();
    assert_eq!((item.hash.as_str(), item.mime.as_str()), (hash.to_string().as_str(), "image/png"));
    assert!(bench.provider.asked().is_empty(), "no provider is asked");
}
