//! One sync for everyone who waits.
//!
//! Guarantee: [`GroupSync::wait`] answers `Ok` only after a sync that began after the frame was written. A sync that failed
//! closes the sequence for writing: what the kernel has dropped can't be written again by syncing again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::lock;
use super::segment::Segment;
use crate::log::types::LogError;

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
    asked: bool,
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
            state: Mutex::new(State { segment, waiters: Vec::new(), asked: false, closed: None }),
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
        let waiter = {
            let mut state = lock(&self.state);
            if let Some(why) = &state.closed {
                return Err(LogError::Closed(why.clone()));
            }
            let (done, waiter) = oneshot::channel();
            state.waiters.push(done);
            state.asked = true;
            waiter
        };
        self.wake.notify_one();
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
        loop {
            let (segment, upto, waiters) = {
                let mut state = lock(&self.state);
                while !state.asked && state.closed.is_none() {
                    state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                if state.closed.is_some() {
                    return;
                }
                state.asked = false;
                // Both under the lock: a writer turns to another segment only under it, so what is written up to here lies
                // in this segment or before it, and everyone who waits has written before.
                (Arc::clone(&state.segment), self.written(), std::mem::take(&mut state.waiters))
            };
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

    fn why(&self, segment: &Segment, error: rustix::io::Errno) -> String {
        let path = segment.path.display();
        format!("syncing {path} failed ({error}): check the disk, then start again")
    }
}
