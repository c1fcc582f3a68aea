//! Uploads as sends meet them: a provider and an object store that take their time, which is paused.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use crate::config::Secret;
use crate::domain::events::{Content, Media, Part, Signal};
use crate::domain::units::Size;
use crate::services::channel::files::{File, FileTrouble, Files, Upload, Uploaded, Way, WithFiles};
use crate::services::channel::{Channel, Sender, Target};

const LIMIT: Duration = Duration::from_secs(8);
const MIB: u64 = 1 << 20;

/// A provider that takes a file apart (`A = true`) or with its message.
#[derive(Debug, Default)]
struct Provider<const A: bool> {
    takes: Duration,
    refuses: Mutex<Vec<SendOutcome>>,
    uploads: AtomicUsize,
    by_id: Mutex<Vec<String>>,
}

#[async_trait]
impl<const A: bool> Channel for Provider<A> {
    fn kind(&self) -> ChannelKind {
        if A { ChannelKind::Whatsapp } else { ChannelKind::Telegram }
    }

    fn split(&self, part: &Part) -> Vec<Part> {
        vec![part.clone()]
    }

    async fn send(&self, _: &Sender, _: &Target, part: &Part, _: &str, _: Duration) -> SendOutcome {
        let Some(Content::Media(media)) = part.content.as_deref() else { panic!("{part:?}") };
        self.by_id.lock().unwrap().push(media.id.clone().unwrap());
        SendOutcome::Sent { provider_id: None }
    }

    async fn signal(&self, _: &Sender, _: &Target, _: &Signal, _: Duration) -> SendOutcome {
        SendOutcome::Sent { provider_id: None }
    }
}

impl<const A: bool> Provider<A> {
    async fn take(&self) -> Result<String, SendOutcome> {
        self.uploads.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        match self.refuses.lock().unwrap().pop() {
            Some(outcome) => Err(outcome),
            None => Ok("f1".to_owned()),
        }
    }
}

#[async_trait]
impl<const A: bool> Upload for Provider<A> {
    const WAY: Way = if A { Way::Apart } else { Way::WithMessage };

    async fn upload(&self, _: &Sender, _: MediaKind, _: File, limit: Duration) -> Uploaded {
        assert!(A && limit > LIMIT, "it has its own time: {limit:?}");
        match self.take().await {
            Ok(id) => Uploaded::Id(id, None),
            Err(outcome) => Uploaded::Not(outcome),
        }
    }

    async fn send_with(
        &self,
        _: &Sender,
        _: &Target,
        _: &Part,
        _: &File,
        limit: Duration,
    ) -> (SendOutcome, Option<String>) {
        assert!(!A && limit <= LIMIT, "{limit:?}");
        match self.take().await {
            Ok(id) => (SendOutcome::Sent { provider_id: None }, Some(id)),
            Err(outcome) => (outcome, None),
        }
    }

    fn refuses_file(&self, _: &str) -> bool {
        false
    }
}

/// Files that are so many MiB large as their hash says.
#[derive(Debug, Default)]
struct Store {
    ids: Mutex<HashMap<Key, String>>,
    at_once: AtomicUsize,
}

fn mib(at: FileAt<'_>) -> u64 {
    at.hash.split('.').next().unwrap().parse::<u64>().unwrap() * MIB
}

#[async_trait]
impl Files for Store {
    async fn known(&self, at: FileAt<'_>) -> Result<Option<String>, FileTrouble> {
        Ok(self.ids.lock().unwrap().get(&Key::of(at)).cloned())
    }

    async fn size(&self, at: FileAt<'_>) -> Result<u64, FileTrouble> {
        Ok(mib(at))
    }

    async fn content(&self, _: FileAt<'_>) -> Result<(Bytes, String), FileTrouble> {
        self.at_once.fetch_add(1, Ordering::SeqCst);
        Ok((Bytes::from_static(b"x"), "video/mp4".to_owned()))
    }

    async fn note(&self, at: FileAt<'_>, id: &str, _: Option<Duration>) {
        self.ids.lock().unwrap().insert(Key::of(at), id.to_owned());
    }

    async fn forget(&self, at: FileAt<'_>, _: &str) {
        self.ids.lock().unwrap().remove(&Key::of(at));
    }
}

struct Bench<const A: bool> {
    channel: WithFiles<Provider<A>>,
    store: Arc<Store>,
}

impl<const A: bool> Bench<A> {
    fn new(takes: u64, refuses: Vec<SendOutcome>) -> Self {
        let store = Arc::new(Store::default());
        let config = UploadsConfig { memory: Size::mib(100), ..UploadsConfig::default() };
        let provider = Provider {
            takes: Duration::from_secs(takes),
            refuses: Mutex::new(refuses),
            ..Provider::default()
        };
        let channel = WithFiles {
            channel: Arc::new(provider),
            files: Arc::clone(&store) as _,
            uploads: Arc::new(Uploads::new(&config)),
            rate: config.rate,
        };
        Self { channel, store }
    }

    async fn send(&self, hash: &str) -> SendOutcome {
        self.send_as("55", hash).await
    }

    async fn send_as(&self, account: &str, hash: &str) -> SendOutcome {
        let from = Sender { account: account.into(), token: Secret::new("t".to_owned()) };
        let to = Target { chat: "9".to_owned(), thread: None, human_agent: false };
        let media = Media {
            kind: MediaKind::Video,
            id: None,
            url: None,
            name: None,
            file: None,
            hash: Some(hash.to_owned()),
        };
        let content = Some(Box::new(Content::Media(media)));
        let start = Instant::now();
        let outcome = self.channel.send(&from, &to, &Part { content, ..Part::default() }, "x", LIMIT).await;
        assert!(start.elapsed() <= LIMIT, "a send ends in its time");
        outcome
    }

    fn uploads(&self) -> usize {
        self.channel.channel.uploads.load(Ordering::SeqCst)
    }
}

fn sent(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Sent { .. })
}

/// After how many seconds the send is to come again.
fn again(outcome: &SendOutcome) -> u64 {
    match outcome {
        SendOutcome::Retry { after: Some(after), scope: Scope::Message, .. } => after.as_secs(),
        other => panic!("{other:?}"),
    }
}

fn lost() -> SendOutcome {
    SendOutcome::Retry { after: None, scope: Scope::Message, reason: "lost".to_owned() }
}

async fn seconds(n: u64) {
    tokio::time::sleep(Duration::from_secs(n)).await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_takes_a_minute_happens_once_and_no_send_waits_for_its_end() {
    let bench = Bench::<true>::new(60, Vec::new());
    let (one, other) = tokio::join!(bench.send("40"), bench.send("40"));
    assert_eq!((again(&one), again(&other)), (2, 2));
    seconds(30).await;
    assert_eq!(again(&bench.send("40").await), 15);
    seconds(30).await;
    assert!(sent(&bench.send("40").await));
    assert_eq!(bench.uploads(), 1);
    // What is known is not looked up at the provider again.
    assert!(sent(&bench.send("40").await));
    assert_eq!((bench.uploads(), bench.channel.channel.by_id.lock().unwrap().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_small_file_goes_out_with_the_send_that_asked_first() {
    let bench = Bench::<true>::new(1, Vec::new());
    let (one, other) = tokio::join!(bench.send("1"), bench.send("1"));
    assert!(sent(&one) && sent(&other));
    assert_eq!(bench.uploads(), 1);
}

#[tokio::test(start_paused = true)]
async fn uploads_that_fail_are_paused_and_given_up_in_the_end() {
    let bench = Bench::<true>::new(0, vec![lost(); 9]);
    let mut pauses = Vec::new();
    for _ in 1..TRIES {
        let pause = again(&bench.send("1").await);
        let before = bench.uploads();
        assert!(again(&bench.send("1").await) <= pause);
        assert_eq!(bench.uploads(), before, "not before the pause is over");
        pauses.push(pause);
        seconds(pause).await;
    }
    assert_eq!(pauses, [5, 10, 20, 40]);
    for _ in 0..3 {
        let given_up = bench.send("1").await;
        assert!(
            matches!(&given_up, SendOutcome::Rejected { scope: Scope::Message, reason } if reason.contains("5 uploads")),
            "{given_up:?}"
        );
    }
    assert_eq!(bench.uploads(), TRIES as usize);
    seconds(REFUSED.as_secs()).await;
    assert_eq!(again(&bench.send("1").await), 5, "begun anew");
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_is_told_and_not_remembered() {
    let closed = SendOutcome::Rejected { scope: Scope::Bot, reason: "190: token".to_owned() };
    let bench = Bench::<true>::new(0, vec![closed.clone()]);
    assert_eq!(bench.send("1").await, closed);
    assert!(sent(&bench.send("1").await), "mended meanwhile");
}

#[tokio::test(start_paused = true)]
async fn an_account_has_its_share_and_the_process_its_memory() {
    let bench = Bench::<true>::new(60, Vec::new());
    for hash in ["1.a", "1.b", "1.c"] {
        again(&bench.send(hash).await);
    }
    assert_eq!(bench.uploads(), PER_ACCOUNT, "the third waits");
    // 2 x 2 MiB are taken; 90 go, the next 90 don't beside them.
    again(&bench.send_as("66", "45").await);
    again(&bench.send_as("77", "45").await);
    assert_eq!((bench.uploads(), bench.store.at_once.load(Ordering::SeqCst)), (3, 3));
    seconds(61).await;
    assert!(sent(&bench.send_as("66", "45").await));
    assert_eq!(bench.uploads(), 4);
    // One that is larger than all memory goes alone.
    seconds(61).await;
    again(&bench.send_as("88", "400").await);
    assert_eq!(bench.uploads(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_goes_with_its_message_and_is_too_large_for_a_send_is_refused_at_once() {
    let bench = Bench::<false>::new(1, Vec::new());
    let refused = bench.send("25").await;
    let SendOutcome::Rejected { scope: Scope::Message, reason } = refused else { panic!("{refused:?}") };
    assert!(reason.contains("25 MiB") && reason.contains("channels.uploads.rate"), "{reason}");
    assert_eq!((bench.uploads(), bench.store.at_once.load(Ordering::SeqCst)), (0, 0));
    assert!(sent(&bench.send("24").await));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_goes_with_its_message_goes_once_and_others_take_its_id() {
    let bench = Bench::<false>::new(5, Vec::new());
    let (one, other) = tokio::join!(bench.send("4"), bench.send("4"));
    assert!(sent(&one));
    seconds(again(&other) + 1).await;
    assert!(sent(&bench.send("4").await));
    assert_eq!(
        (bench.uploads(), bench.channel.channel.by_id.lock().unwrap().as_slice()),
        (1, &["f1".to_owned()][..])
    );
    // One that comes to nothing leaves the way free.
    let bench = Bench::<false>::new(0, vec![SendOutcome::Unknown { reason: "lost".to_owned() }]);
    assert!(matches!(bench.send("4").await, SendOutcome::Unknown { .. }));
    assert!(sent(&bench.send("4").await));
}
