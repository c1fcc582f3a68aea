//! Bots' documents on their way into a shard: one writer per shard, open only while there is work.
//!
//! Guarantees: a bot that many ask for at once is indexed once; waiting bots share commits; a bot that was longest
//! unused makes room when a shard is full; a failure reaches everyone who waits and never stops the shard for good; of a
//! corpus that changed only what changed is written.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::IndexWriter;
use tantivy::indexer::IndexWriterOptions;
use tantivy::merge_policy::LogMergePolicy;
use tokio::sync::{Semaphore, oneshot};

use super::SearchError;
use super::analysis::{Analyzer, Language};
use super::resident::{Draft, Known, Resident};
use super::shard::{Key, Shard, View};
use super::snapshot::Opened;
use crate::domain::knowledge::Corpus;
use crate::telemetry;

/// Bots per commit: enough to share its cost, few enough that the first does not wait long.
const BATCH: usize = 16;

/// Tantivy's least is 15 MB; a batch of bots is far smaller.
const WRITER_BYTES: usize = 20_000_000;

/// What a shard may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Passages of all bots; a batch may pass it until the next one.
    pub(super) passages: usize,
    /// Bots.
    pub(super) bots: usize,
    /// Passages of one bot; what is more is left out with a warning.
    pub(super) per_bot: usize,
}

/// What waits to be indexed.
#[derive(Debug)]
pub(super) struct Builder {
    room: Room,
    open: Arc<Semaphore>,
    queue: Mutex<Queue>,
    /// True once a write failed.
    failed: AtomicBool,
    /// Passages that were analysed and written.
    written: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    /// As many as turns are at work in this process, at most.
    waiting: HashMap<Key, Job>,
    running: bool,
}

#[derive(Debug)]
struct Job {
    corpus: Corpus,
    /// Takes the place of what is indexed of it.
    snapshot: Option<Arc<Opened>>,
    waiters: Vec<oneshot::Sender<Result<Arc<View>, String>>>,
}

impl Builder {
    /// `open` bounds the writers that are open at once in the process.
    pub(super) fn new(room: Room, open: Arc<Semaphore>) -> Self {
        Self {
            room,
            open,
            queue: Mutex::default(),
            failed: AtomicBool::new(false),
            written: AtomicU64::new(0),
        }
    }

    /// Passages that were analysed and written since the beginning.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Indexes a corpus, together with whoever else waits, and gives the first view that holds it. What stands in `snapshot`
    /// is not indexed; where there is one, it takes the place of what was indexed of the corpus before.
    pub(super) async fn index(
        self: &Arc<Self>,
        shard: &Arc<Shard>,
        key: Key,
        corpus: Corpus,
        snapshot: Option<Arc<Opened>>,
    ) -> Result<Arc<View>, SearchError> {
        let (sender, done) = oneshot::channel();
        let start = {
            let mut queue = self.lock();
            let first = || Job { corpus: corpus.clone(), snapshot: None, waiters: vec![] };
            let job = queue.waiting.entry(key).or_insert_with(first);
            job.snapshot = snapshot.or_else(|| job.snapshot.take());
            if corpus.version() > job.corpus.version() {
                job.corpus = corpus;
            }
            job.waiters.push(sender);
            !std::mem::replace(&mut queue.running, true)
        };
        if start {
            let run = Run { builder: Arc::clone(self), shard: Arc::clone(shard), rested: false };
            tokio::spawn(async move {
                let open = Arc::clone(&run.builder.open);
                if let Ok(permit) = open.acquire_owned().await {
                    let work = move || {
                        run.drain();
                        drop(permit);
                    };
                    // A panic inside has ended `run`, which tells everyone who waits.
                    if let Err(error) = tokio::task::spawn_blocking(work).await {
                        tracing::error!(%error, "the builder of a text index stopped");
                    }
                }
            });
        }
        match done.await {
            Ok(view) => view.map_err(SearchError::Index),
            Err(_) => Err(SearchError::Index("the builder stopped".to_owned())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One opening of the writer. However it ends, the next job starts a new one.
struct Run {
    builder: Arc<Builder>,
    shard: Arc<Shard>,
    /// True after a regular end: from then on the queue is the next run's.
    rested: bool,
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.rested {
            return;
        }
        let mut queue = self.builder.lock();
        queue.running = false;
        // After a panic, or when no thread was to be had: their senders go, which is their answer.
        queue.waiting.clear();
    }
}

impl Run {
    fn drain(mut self) {
        let mut writer: Option<IndexWriter> = None;
        loop {
            let batch = self.take();
            if batch.is_empty() {
                match writer.take() {
                    // A dropped writer would leave its merges undone, and the index in ever smaller segments.
                    Some(open) => self.close(open),
                    None if self.rest() => return,
                    None => {}
                }
                continue;
            }
            let split = |(key, job): (Key, Job)| ((key, job.corpus, job.snapshot), job.waiters);
            let (jobs, waiters): (Vec<_>, Vec<_>) = batch.into_iter().map(split).unzip();
            let result = self.write(&mut writer, jobs).map_err(|error| error.to_string());
            if result.is_err() {
                self.builder.failed.store(true, Ordering::Relaxed);
                writer = None;
            }
            for waiter in waiters.into_iter().flatten() {
                // Whoever asked may be gone; the bot is indexed all the same.
                drop(waiter.send(result.clone()));
            }
        }
    }

    fn take(&self) -> Vec<(Key, Job)> {
        let mut queue = self.builder.lock();
        let keys: Vec<Key> = queue.waiting.keys().take(BATCH).cloned().collect();
        keys.into_iter().filter_map(|key| queue.waiting.remove_entry(&key)).collect()
    }

    /// Ends the run unless a job came in meanwhile.
    fn rest(&mut self) -> bool {
        let mut queue = self.builder.lock();
        queue.running = !queue.waiting.is_empty();
        self.rested = !queue.running;
        self.rested
    }

    fn open(&self) -> tantivy::Result<IndexWriter> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .build();
        let writer = self.shard.index.writer_with_options(options)?;
        // Bots come and go, so deleted passages have to make merges; by default they never do.
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(0.2);
        policy.set_min_num_segments(4);
        policy.set_min_layer_size(20_000);
        writer.set_merge_policy(Box::new(policy));
        Ok(writer)
    }

    fn close(&self, writer: IndexWriter) {
        let residents = self.shard.view().residents.clone();
        let done = writer.wait_merging_threads().and_then(|()| self.shard.publish(residents));
        if let Err(error) = done {
            tracing::warn!(%error, "merging a text index failed; it stays searchable");
        }
    }

    /// One commit: the batch in, its earlier versions and what has to make room out. Where nothing is written, as with a
    /// snapshot that holds all, there is none, and no writer is opened.
    fn write(
        &self,
        writer: &mut Option<IndexWriter>,
        batch: Vec<(Key, Corpus, Option<Arc<Opened>>)>,
    ) -> tantivy::Result<Arc<View>> {
        let mut pen = Pen { run: self, writer, used: false };
        let mut residents = self.shard.view().residents.clone();
        let fresh: HashSet<Key> = batch.iter().map(|(key, ..)| key.clone()).collect();
        for (key, corpus, snapshot) in batch {
            let old = residents.get(&key).cloned();
            // After a failure nobody knows what stands in the index: then it is written anew under a number of its own.
            let trusted =
                old.as_deref().filter(|_| snapshot.is_none() && !self.builder.failed.load(Ordering::Relaxed));
            if let (Some(old), None) = (&old, trusted) {
                self.delete(&mut pen, old)?;
            }
            let known = snapshot.as_ref().map_or_else(|| Known::from(trusted), Known::Snapshot);
            let resident = self.add(&mut pen, &key, known, corpus)?;
            self.shard.touch(&resident);
            residents.insert(key, Arc::new(resident));
        }
        self.make_room(&mut pen, &mut residents, &fresh)?;
        if !pen.used {
            return Ok(self.shard.reseat(residents));
        }
        pen.get()?.commit()?;
        self.shard.publish(residents)
    }

    fn delete(&self, pen: &mut Pen<'_>, resident: &Resident) -> tantivy::Result<()> {
        // What never got into the shard may still have got into it partly, where a write failed.
        if resident.in_shard() || self.builder.failed.load(Ordering::Relaxed) {
            pen.get()?.delete_term(self.shard.fields.of_owner(resident.owner));
        }
        Ok(())
    }

    /// Writes what of a corpus is not in the index yet, and takes out what is no more.
    fn add(
        &self,
        pen: &mut Pen<'_>,
        key: &Key,
        known: Known<'_>,
        corpus: Corpus,
    ) -> tantivy::Result<Resident> {
        let fields = &self.shard.fields;
        let mut draft = Draft::new(known, corpus, self.builder.room.per_bot, || self.shard.number());
        if draft.cut {
            let passages = draft.pieces.len();
            tracing::warn!(tenant = %key.0, corpus = %key.1, passages, "the documents are larger than search.max_passages_per_bot allows; the rest is not found");
        }
        for number in &draft.gone {
            pen.get()?.delete_term(fields.of_document(*number));
        }
        let mut analyzers: HashMap<Language, Analyzer> = HashMap::new();
        let mut written = 0;
        for at in std::mem::take(&mut draft.fresh) {
            let entry = draft.entry(at);
            let analyzer = analyzers.entry(entry.language).or_insert_with(|| Analyzer::new(entry.language));
            let mut tokens = [0; 2];
            for (place, piece) in (0..).zip(&draft.pieces[entry.passages()]) {
                let numbers = [draft.owner(), entry.number, place];
                let (document, [title, body]) = fields.document(numbers, piece, draft.corpus(), analyzer);
                pen.get()?.add_document(document)?;
                tokens = [tokens[0] + title, tokens[1] + body];
                written += 1;
            }
            draft.note(at, tokens);
        }
        self.builder.written.fetch_add(written, Ordering::Relaxed);
        telemetry::passages_indexed(written);
        Ok(draft.finish())
    }

    /// Takes out what was longest unused until the rest fits. The batch itself stays.
    fn make_room(
        &self,
        pen: &mut Pen<'_>,
        residents: &mut HashMap<Key, Arc<Resident>>,
        fresh: &HashSet<Key>,
    ) -> tantivy::Result<()> {
        let room = self.builder.room;
        let mut passages: usize = residents.values().map(|r| r.pieces.len()).sum();
        if passages <= room.passages && residents.len() <= room.bots {
            return Ok(());
        }
        let mut oldest: Vec<(u64, Key)> = residents
            .iter()
            .filter(|(key, _)| !fresh.contains(*key))
            .map(|(key, resident)| (resident.used.load(Ordering::Relaxed), key.clone()))
            .collect();
        oldest.sort_unstable();
        for (_, key) in oldest {
            if passages <= room.passages && residents.len() <= room.bots {
                break;
            }
            if let Some(gone) = residents.remove(&key) {
                passages -= gone.pieces.len();
                self.delete(pen, &gone)?;
            }
        }
        Ok(())
    }
}

/// The writer, opened when something is written.
struct Pen<'a> {
    run: &'a Run,
    writer: &'a mut Option<IndexWriter>,
    used: bool,
}

impl Pen<'_> {
    fn get(&mut self) -> tantivy::Result<&mut IndexWriter> {
        self.used = true;
        match &mut *self.writer {
            Some(open) => Ok(open),
            empty => Ok(empty.insert(self.run.open()?)),
        }
    }
}
