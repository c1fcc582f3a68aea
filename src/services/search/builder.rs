//! Bots' documents on their way into a shard: one writer per shard, open only while there is work.
//!
//! Guarantees: a bot that many ask for at once is indexed once; waiting bots share commits; a bot that was longest
//! unused makes room when a shard is full; a failure reaches everyone who waits and never stops the shard for good.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use tantivy::IndexWriter;
use tantivy::indexer::IndexWriterOptions;
use tantivy::merge_policy::LogMergePolicy;
use tokio::sync::{Semaphore, oneshot};

use super::SearchError;
use super::analysis::{Analyzer, Language};
use super::passages::pieces;
use super::shard::{Key, MAX_LANGUAGES, Resident, Shard, View};
use crate::domain::bot::Bot;

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
}

#[derive(Debug, Default)]
struct Queue {
    /// As many as turns are at work in this process, at most.
    waiting: HashMap<Key, Job>,
    running: bool,
}

#[derive(Debug)]
struct Job {
    bot: Arc<Bot>,
    waiters: Vec<oneshot::Sender<Result<Arc<View>, String>>>,
}

impl Builder {
    /// `open` bounds the writers that are open at once in the process.
    pub(super) fn new(room: Room, open: Arc<Semaphore>) -> Self {
        Self { room, open, queue: Mutex::default() }
    }

    /// Indexes a bot, together with whoever else waits, and gives the first view that holds it.
    pub(super) async fn index(
        self: &Arc<Self>,
        shard: &Arc<Shard>,
        key: Key,
        bot: Arc<Bot>,
    ) -> Result<Arc<View>, SearchError> {
        let (sender, done) = oneshot::channel();
        let start = {
            let mut queue = self.lock();
            let job =
                queue.waiting.entry(key).or_insert_with(|| Job { bot: Arc::clone(&bot), waiters: vec![] });
            if bot.version > job.bot.version {
                job.bot = bot;
            }
            job.waiters.push(sender);
            !std::mem::replace(&mut queue.running, true)
        };
        if start {
            let run = Run { builder: Arc::clone(self), shard: Arc::clone(shard) };
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
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut queue = self.builder.lock();
        queue.running = false;
        // After a regular end there are none; after a panic their senders go, which is their answer.
        queue.waiting.clear();
    }
}

impl Run {
    fn drain(self) {
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
            let (jobs, waiters): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|(key, job)| ((key, job.bot), job.waiters)).unzip();
            let result = self.write(&mut writer, jobs).map_err(|error| error.to_string());
            if result.is_err() {
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
    fn rest(&self) -> bool {
        let mut queue = self.builder.lock();
        queue.running = !queue.waiting.is_empty();
        !queue.running
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

    /// One commit: the batch in, its earlier versions and what has to make room out.
    fn write(
        &self,
        writer: &mut Option<IndexWriter>,
        batch: Vec<(Key, Arc<Bot>)>,
    ) -> tantivy::Result<Arc<View>> {
        let mut open = match writer.take() {
            Some(open) => open,
            None => self.open()?,
        };
        let mut residents = self.shard.view().residents.clone();
        let fresh: HashSet<Key> = batch.iter().map(|(key, _)| key.clone()).collect();
        for (key, bot) in batch {
            self.delete(&open, &key);
            let resident = self.add(&open, &key, bot)?;
            self.shard.touch(&resident);
            residents.insert(key, Arc::new(resident));
        }
        self.make_room(&open, &mut residents, &fresh);
        open.commit()?;
        *writer = Some(open);
        self.shard.publish(residents)
    }

    fn delete(&self, writer: &IndexWriter, key: &Key) {
        writer.delete_term(self.shard.fields.bot(key));
    }

    fn add(&self, writer: &IndexWriter, key: &Key, bot: Arc<Bot>) -> tantivy::Result<Resident> {
        let (pieces, cut) = pieces(&bot, self.builder.room.per_bot);
        if cut {
            let passages = pieces.len();
            tracing::warn!(tenant = %key.0, bot = %key.1, passages, "the bot's documents are larger than search.max_passages_per_bot allows; the rest is not found");
        }
        let owner = self.shard.next_owner();
        let mut tokens = [0; 2];
        let mut counts: HashMap<Language, usize> = HashMap::new();
        let by_document: Vec<Language> = bot.spec.documents.iter().map(Language::of_document).collect();
        let mut documents = BTreeMap::new();
        for language in &by_document {
            *documents.entry(*language).or_default() += 1;
        }
        let mut analyzers: HashMap<Language, Analyzer> = HashMap::new();
        for (number, piece) in pieces.iter().enumerate() {
            let language = by_document[piece.document as usize];
            let analyzer = analyzers.entry(language).or_insert_with(|| Analyzer::new(language));
            let (document, [title, body]) =
                self.shard.fields.document(key, owner, number, piece, &bot, analyzer);
            writer.add_document(document)?;
            tokens = [tokens[0] + title, tokens[1] + body];
            *counts.entry(language).or_default() += 1;
        }
        let mut languages: Vec<Language> = counts.keys().copied().collect();
        languages.sort_unstable_by_key(|language| (std::cmp::Reverse(counts[language]), *language));
        languages.truncate(MAX_LANGUAGES);
        Ok(Resident {
            owner,
            bot,
            pieces,
            languages,
            documents,
            tokens,
            vectors: ArcSwapOption::empty(),
            seen_to: AtomicBool::new(false),
            used: AtomicU64::new(0),
        })
    }

    /// Takes out what was longest unused until the rest fits. The batch itself stays.
    fn make_room(
        &self,
        writer: &IndexWriter,
        residents: &mut HashMap<Key, Arc<Resident>>,
        fresh: &HashSet<Key>,
    ) {
        let room = self.builder.room;
        let mut passages: usize = residents.values().map(|r| r.pieces.len()).sum();
        if passages <= room.passages && residents.len() <= room.bots {
            return;
        }
        let mut oldest: Vec<(u64, Key)> = residents
            .iter()
            .filter(|(key, _)| !fresh.contains(*key))
            .map(|(key, resident)| (resident.used.load(Ordering::Relaxed), key.clone()))
            .collect();
        oldest.sort_unstable();
        for (_, key) in oldest {
            if passages <= room.passages && residents.len() <= room.bots {
                return;
            }
            if let Some(gone) = residents.remove(&key) {
                passages -= gone.pieces.len();
                self.delete(writer, &key);
            }
        }
    }
}
