//! The embedded log behind its trait: what groups and readers share.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;

use rustix::fs::FlockOperation;
use tokio::task::spawn_blocking;

use super::body::Commit;
use super::config::{EmbeddedConfig, SyncMode};
use super::group::Groups;
use super::offsets::Offsets;
use super::read::{Cache, Fetched, Wanted};
use super::recover;
use super::segment::failed;
use super::sequence::{Plan, Sequence};
use super::table::Table;
use super::topics::{Limit, Newer, Partition, Registry, Topic, Topics, is_kept};
use super::upkeep::{self, Bell};
use super::{lock, read_lock, write_lock};
use crate::domain::time::Clock;
use crate::domain::topics::Keep;
use crate::log::types::{LogError, TopicPartition};

/// Everything that is open.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) config: EmbeddedConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) log_id: String,
    pub(super) table: Mutex<Table>,
    pub(super) registry: Arc<Registry>,
    pub(super) offsets: Arc<Offsets>,
    pub(super) main: Arc<Sequence>,
    /// By topic number; made at the first append.
    keep: RwLock<HashMap<u16, Arc<Sequence>>>,
    pub(super) cache: Cache,
    pub(super) groups: Groups,
    /// Bytes of appends that wait for the disk.
    pub(super) waiting: AtomicU64,
    pub(super) closed: AtomicBool,
    /// Held while the log is open.
    locked: Mutex<Option<File>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) bell: Arc<Bell>,
    /// One upkeep at a time.
    pub(super) upkeep: Mutex<()>,
}

/// Memory for the newest records of a topic with a sequence of its own: these are read at a start and rarely after.
const KEEP_RING: usize = 1 << 20;

impl Core {
    /// Opens the folder, or makes a log in it.
    pub(super) fn open(config: EmbeddedConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, LogError> {
        let folder = &config.folder;
        std::fs::create_dir_all(folder).map_err(failed("creating", folder))?;
        let locked = take_lock(folder)?;
        let table = match Table::load(folder)? {
            Some(table) => table,
            None => {
                let mut table = Table::create()?;
                table.save(folder, std::iter::empty())?;
                table
            }
        };
        let registry = Arc::new(Registry::from_pointee(Topics::from_specs(table.specs())));
        let offsets = Arc::new(Offsets::default());
        let plan = plan_of(&config, &table.log_id, None);
        let bell = Arc::new(Bell::default());
        let main =
            recover::open(plan, Arc::clone(&registry), Arc::clone(&offsets), Arc::clone(&bell), clock.now())?;
        let core = Arc::new(Self {
            log_id: table.log_id.clone(),
            table: Mutex::new(table),
            registry,
            offsets,
            main: Arc::new(main),
            keep: RwLock::default(),
            cache: Cache::new(config.cache.bytes()),
            groups: Groups::default(),
            waiting: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            locked: Mutex::new(Some(locked)),
            threads: Mutex::default(),
            bell,
            upkeep: Mutex::default(),
            config,
            clock,
        });
        core.serve(&core.main)?;
        for topic in &core.registry.load().by_id {
            let plan = plan_of(&core.config, &core.log_id, Some(topic));
            if is_kept(topic.spec.keep) && plan.folder.exists() {
                core.keep_of(topic)?;
            }
        }
        // What is past its time is not shown again, whatever the last segment's first frame says.
        if let Err(error) = upkeep::retain_all(&core) {
            tracing::warn!(%error, "records that are past their time could not be removed");
        }
        let kept = Arc::clone(&core);
        core.spawn("log-upkeep", move || upkeep::run(&kept))?;
        Ok(core)
    }

    /// The sequence in which a topic lives; `None` = one of its own that has not been made.
    pub(super) fn home(&self, topic: &Topic) -> Option<Arc<Sequence>> {
        if is_kept(topic.spec.keep) {
            read_lock(&self.keep).get(&topic.id).cloned()
        } else {
            Some(Arc::clone(&self.main))
        }
    }

    /// The topic's own sequence, made if need be.
    pub(super) fn keep_of(&self, topic: &Topic) -> Result<Arc<Sequence>, LogError> {
        if let Some(sequence) = read_lock(&self.keep).get(&topic.id) {
            return Ok(Arc::clone(sequence));
        }
        let mut keep = write_lock(&self.keep);
        if let Some(sequence) = keep.get(&topic.id) {
            return Ok(Arc::clone(sequence));
        }
        self.check_open()?;
        let plan = plan_of(&self.config, &self.log_id, Some(topic));
        let (registry, offsets, bell) =
            (Arc::clone(&self.registry), Arc::clone(&self.offsets), Arc::clone(&self.bell));
        let sequence = Arc::new(recover::open(plan, registry, offsets, bell, self.clock.now())?);
        self.serve(&sequence)?;
        keep.insert(topic.id, Arc::clone(&sequence));
        Ok(sequence)
    }

    /// Every sequence that is open.
    pub(super) fn sequences(&self) -> Vec<Arc<Sequence>> {
        let keep = read_lock(&self.keep);
        std::iter::once(&self.main).chain(keep.values()).cloned().collect()
    }

    /// True when appends wait for the disk.
    pub(super) fn waits(&self) -> bool {
        self.config.sync == SyncMode::Group
    }

    /// An error when the log was closed.
    pub(super) fn check_open(&self) -> Result<(), LogError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(LogError::Closed("it was closed by this process".to_owned()));
        }
        Ok(())
    }

    /// The next records of a partition, from the ring or the segments.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        topic: &Topic,
        partition: &Partition,
        from: u64,
        limit: Limit,
    ) -> Result<Fetched, LogError> {
        let below = match partition.newest(from, limit) {
            Newer::Records(records) => {
                let next = records.last().map_or(from, |last| last.offset + 1);
                return Ok(Fetched { records, next });
            }
            Newer::Outside(range) => return Err(outside(topic, partition, &range, from)),
            Newer::Older(below) => below,
        };
        let Some(sequence) = self.home(topic) else { return Ok(Fetched { records: Vec::new(), next: from }) };
        let (core, gaps) = (Arc::clone(self), topic.spec.keep == Keep::Compact);
        let wanted = Wanted { part: partition.part, from, below, gaps, limit };
        let read = spawn_blocking(move || sequence.read(&core.cache, wanted)).await;
        match joined(read) {
            // Retention may have taken the segment between the two looks.
            Err(_) if from < partition.range().start => {
                Err(outside(topic, partition, &partition.range(), from))
            }
            result => result,
        }
    }

    /// Commits for a group; what is committed already is left out.
    pub(super) fn commit(&self, mut commit: Commit) -> Result<(), LogError> {
        self.check_open()?;
        let group = &commit.group;
        commit.offsets.retain(|(part, committed)| self.offsets.get(group, *part).as_ref() != Some(committed));
        if commit.offsets.is_empty() {
            return Ok(());
        }
        self.main.commit(commit, self.clock.now()).map(drop)
    }

    /// Ends everything; what was appended is on the disk if `flush`.
    pub(super) fn close(&self, flush: bool) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        // In this order: what is kept apart names offsets of the main sequence.
        for sequence in self.sequences() {
            if flush && let Err(error) = sequence.mark(self.clock.now()).and_then(|()| sequence.sync.flush())
            {
                tracing::error!(sequence = sequence.plan.name, %error, "closing the log");
            }
            sequence.sync.close("it was closed by this process".to_owned());
        }
        self.groups.wake();
        self.bell.end();
        for thread in lock(&self.threads).drain(..) {
            // Also without a flush: whoever opens the folder next must be alone in it.
            if thread.join().is_err() {
                tracing::error!("a thread of the log panicked");
            }
        }
        if let Some(locked) = lock(&self.locked).take()
            // By name: a child that is just being started holds the descriptor too, until it is a program of its own.
            && let Err(error) = rustix::fs::flock(&locked, FlockOperation::Unlock)
        {
            tracing::warn!(%error, "the log's folder could not be unlocked");
        }
    }

    /// Starts the thread that syncs a sequence.
    fn serve(&self, sequence: &Arc<Sequence>) -> Result<(), LogError> {
        let served = Arc::clone(sequence);
        self.spawn("log-sync", move || served.sync.run(|upto| served.publish(upto)))
    }

    /// Starts a thread that [`Core::close`] waits for.
    pub(super) fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LogError> {
        // These threads call a handful of functions: a small stack keeps many sequences cheap.
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(256 << 10).spawn(work);
        let thread =
            thread.map_err(|source| LogError::Io { what: format!("starting thread {name}"), source })?;
        lock(&self.threads).push(thread);
        Ok(())
    }
}

/// The result of blocking work; a panic goes on where it was waited for.
pub(super) fn joined<T>(result: Result<Result<T, LogError>, tokio::task::JoinError>) -> Result<T, LogError> {
    match result {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(LogError::Closed("the process is ending".to_owned())),
        },
    }
}

fn outside(topic: &Topic, partition: &Partition, range: &std::ops::Range<u64>, asked: u64) -> LogError {
    let partition =
        TopicPartition { topic: topic.name.clone(), partition: u32::from(partition.part.partition) };
    LogError::OutOfRange { partition, first: range.start, end: range.end, asked }
}

/// How a sequence is laid out.
pub(super) fn plan_of(config: &EmbeddedConfig, log_id: &str, topic: Option<&Topic>) -> Plan {
    let name = topic.map_or_else(|| "main".to_owned(), |topic| format!("keep/{}", topic.name));
    let ring = usize::try_from(config.ring.bytes()).unwrap_or(usize::MAX);
    Plan {
        folder: config.folder.join(&name),
        salt: salt(log_id, &name),
        topic: topic.map(|topic| topic.id),
        segment: if topic.is_some() { config.keep_segment } else { config.segment }.bytes(),
        ring: if topic.is_some() { ring.min(KEEP_RING) } else { ring },
        publish_synced: topic.is_some() && config.sync == SyncMode::Group,
        name,
    }
}

/// What the frames of a sequence carry.
pub(super) fn salt(log_id: &str, name: &str) -> u32 {
    crc32fast::hash(format!("{log_id}/{name}").as_bytes())
}

/// One process at a time.
pub(super) fn take_lock(folder: &Path) -> Result<File, LogError> {
    let path = folder.join("lock");
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = open.map_err(failed("opening", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LogError::Locked(folder.to_owned())),
        Err(error) => Err(failed("locking", &path)(error.into())),
    }
}
