//! One sync for everyone who waits.
//!
//! Guarantee: [`GroupSync::wait`] answers `Ok` only after a sync that began after the frame was written. A sync that failed
//! closes the sequence for writing: what the kernel has dropped can't be written again by syncing again. Who waits while
//! the disk rests is answered at once; while it is busy, syncs begin [`PACE`] apart, or sooner when [`CROWD`] wait.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::lock;
use super::segment::Segment;
use crate::log::types::LogError;

/// The time from the beginning of one sync to the next. A sync of ten records costs what a sync of one does, and each one
/// wakes a thread and everybody who waited: without a pace, a fast disk takes a quarter of a core for syncs of two records.
const PACE: Duration = Duration::from_millis(4);
/// With so many waiting, a sync is worth its cost now.
const CROWD: usize = 64;

/// Who waits for the disk, and up to where it has come.
#[derive(Debug)]
pub(super) struct GroupSync {
    name: String,
    /// The last frame that was written.
    written: AtomicU64,
    /// The last frame that is on the disk.
    synced: AtomicU64,
    closed: AtomicBool,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    /// The last segment; older ones are on the disk.
    segment: Arc<Segment>,
    waiters: Vec<oneshot::Sender<Result<(), String>>>,
    /// The thread sleeps until somebody asks, not only until the next sync may begin.
    idle: bool,
    /// Why nothing is written any more.
    closed: Option<String>,
}

impl GroupSync {
    /// Everything up to `synced` is on the disk.
    pub(super) fn new(name: &str, segment: Arc<Segment>, synced: u64) -> Self {
        Self {
            name: name.to_owned(),
            written: AtomicU64::new(synced),
            synced: AtomicU64::new(synced),
            closed: AtomicBool::new(false),
            state: Mutex::new(State { segment, waiters: Vec::new(), idle: false, closed: None }),
            wake: Condvar::new(),
        }
    }

    /// The last frame that was written.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// The last frame that is known to be on the disk.
    pub(super) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// A frame was written. Called under the writer's lock.
    pub(super) fn wrote(&self, sequence: u64) {
        self.written.store(sequence, Ordering::Release);
    }

    /// An error when the sequence is closed for writing.
    pub(super) fn writable(&self) -> Result<(), LogError> {
        if self.closed.load(Ordering::Acquire) {
            let why = lock(&self.state).closed.clone().unwrap_or_default();
            return Err(LogError::Closed(why));
        }
        Ok(())
    }

    /// Waits until the frame is on the disk.
    pub(super) async fn wait(&self, sequence: u64) -> Result<(), LogError> {
        if self.synced() >= sequence {
            return Ok(());
        }
        let (waiter, ring) = {
            let mut state = lock(&self.state);
            if let Some(why) = &state.closed {
                return Err(LogError::Closed(why.clone()));
            }
            let (done, waiter) = oneshot::channel();
            state.waiters.push(done);
            (waiter, std::mem::take(&mut state.idle) || state.waiters.len() == CROWD)
        };
        if ring {
            self.wake.notify_one();
        }
        match waiter.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(LogError::Closed(why)),
            Err(_) => Err(LogError::Closed("the log was dropped".to_owned())),
        }
    }

    /// Syncs now, on the caller's thread.
    pub(super) fn flush(&self) -> Result<(), LogError> {
        self.writable()?;
        let segment = Arc::clone(&lock(&self.state).segment);
        let upto = self.written();
        if self.synced() >= upto {
            return Ok(());
        }
        match rustix::fs::fdatasync(&segment.sync) {
            Ok(()) => {
                self.synced.fetch_max(upto, Ordering::AcqRel);
                Ok(())
            }
            Err(error) => {
                self.close(self.why(&segment, error));
                self.writable()
            }
        }
    }

    /// The writer goes on in another segment; what it wrote before is on the disk.
    pub(super) fn turn(&self, segment: Arc<Segment>) {
        lock(&self.state).segment = segment;
    }

    /// Ends the thread; nothing is written from now on.
    pub(super) fn close(&self, why: String) {
        let waiters = {
            let mut state = lock(&self.state);
            state.closed.get_or_insert_with(|| why.clone());
            self.closed.store(true, Ordering::Release);
            std::mem::take(&mut state.waiters)
        };
        self.wake.notify_all();
        for waiter in waiters {
            drop(waiter.send(Err(why.clone())));
        }
    }

    /// The thread's loop. `synced` is called after each sync, before those who wait for it are told.
    pub(super) fn run(&self, synced: impl Fn(u64)) {
        let mut next = Instant::now();
        loop {
            let (segment, upto, waiters) = {
                let Some(mut state) = self.due(next) else { return };
                // Both under the lock: a writer turns to another segment only under it, so what is written up to here lies
                // in this segment or before it, and everyone who waits has written before.
                (Arc::clone(&state.segment), self.written(), std::mem::take(&mut state.waiters))
            };
            next = Instant::now() + PACE;
            let result = match rustix::fs::fdatasync(&segment.sync) {
                Ok(()) => {
                    self.synced.fetch_max(upto, Ordering::AcqRel);
                    synced(upto);
                    Ok(())
                }
                Err(error) => {
                    let why = self.why(&segment, error);
                    tracing::error!(sequence = self.name, %why, "the log is closed for writing");
                    self.close(why.clone());
                    Err(why)
                }
            };
            for waiter in waiters {
                // A caller that doesn't wait any more dropped its end.
                drop(waiter.send(result.clone()));
            }
        }
    }

    /// Sleeps until somebody waits and the next sync may begin; `None` when the sequence was closed.
    fn due(&self, next: Instant) -> Option<MutexGuard<'_, State>> {
        let mut state = lock(&self.state);
        while state.closed.is_none() {
            if state.waiters.is_empty() {
                state.idle = true;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let rest = next.saturating_duration_since(Instant::now());
            if rest.is_zero() || state.waiters.len() >= CROWD {
                state.idle = false;
                return Some(state);
            }
            state = self.wake.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }

    fn why(&self, segment: &Segment, error: rustix::io::Errno) -> String {
        let path = segment.path.display();
        format!("syncing {path} failed ({error}): check the disk, then start again")
    }
}
