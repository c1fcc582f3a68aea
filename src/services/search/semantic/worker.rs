//! The thread that makes vectors.
//!
//! Guarantees: one text at a time; a corpus's vectors appear at once or not at all; what was embedded is never embedded
//! again, whichever version of the corpus it was made for, unless the process ends before its file is written.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::turns::{TURN, Turns};
use super::{files, name, text_of};
use crate::services::embed::Embed;
use crate::services::search::SearchError;
use crate::services::search::resident::Resident;
use crate::services::search::shard::Key;
use crate::services::search::vectors::{Row, TextHash, Vectors, hash};

/// Corpora that wait for their vectors; one more is searched by words until it is indexed again.
const WAITING: usize = 10_000;

/// A corpus that waits.
#[derive(Debug)]
struct Job {
    resident: Weak<Resident>,
    /// Made in earlier turns and not in its file yet.
    rows: HashMap<TextHash, Row>,
}

/// Those that wait, and whether to go on.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    turns: Turns<Job>,
    stop: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        let state = State { turns: Turns::new(WAITING), stop: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Has the vectors of a corpus made, of which so many are missing. False where too many wait.
    pub(super) fn put(&self, key: Key, missing: usize, resident: &Arc<Resident>) -> bool {
        let mut state = self.lock();
        // A new version takes over what was made for the one before.
        let rows = state.turns.get_mut(&key).map(|before| std::mem::take(&mut before.rows));
        let job = Job { resident: Arc::downgrade(resident), rows: rows.unwrap_or_default() };
        let taken = state.turns.put(key, missing, job).is_ok();
        self.changed.notify_one();
        taken
    }

    /// Ends the thread after the text that it is at.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_one();
    }

    fn is_stopped(&self) -> bool {
        self.lock().stop
    }

    /// Waits for a job; `None` at the end.
    fn next(&self) -> Option<(Key, Job)> {
        let mut state = self.lock();
        loop {
            if state.stop {
                return None;
            }
            if let Some(next) = state.turns.next() {
                return Some(next);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives rows of a version that is no more to the one that waits; gives them back where none does.
    fn hand_on(&self, key: &Key, rows: HashMap<TextHash, Row>) -> Option<HashMap<TextHash, Row>> {
        match self.lock().turns.get_mut(key) {
            Some(next) => {
                next.rows.extend(rows);
                None
            }
            None => Some(rows),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a turn ended.
enum Turn {
    /// It has its vectors.
    Done,
    /// So many are missing still.
    Missing(usize),
    /// Its corpus was changed or has left, or the process ends.
    Left,
}

/// Works until the queue is stopped. What was made by then is kept.
pub(super) fn run(queue: &Queue, embed: &dyn Embed, folder: &Path) {
    while let Some((key, mut job)) = queue.next() {
        match turn(&mut job, &key, queue, embed, folder) {
            Ok(Turn::Done) => {}
            Ok(Turn::Missing(missing)) => {
                let resident = job.resident.clone();
                let put = {
                    let mut state = queue.lock();
                    match state.turns.get_mut(&key) {
                        Some(next) => {
                            next.rows.extend(std::mem::take(&mut job.rows));
                            Ok(None)
                        }
                        None => state.turns.put(key.clone(), missing, job),
                    }
                };
                if let (Err(job), Some(resident)) = (put, resident.upgrade()) {
                    resident.seen_to.store(false, Ordering::Relaxed);
                    keep(&key, job.rows, embed, folder);
                }
            }
            // What was made is kept: a corpus that changes all the time would never be done.
            Ok(Turn::Left) => {
                if let Some(rows) = queue.hand_on(&key, job.rows) {
                    keep(&key, rows, embed, folder);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a bot's vectors could not be made; it is searched by words");
                if let Some(resident) = job.resident.upgrade() {
                    resident.seen_to.store(false, Ordering::Relaxed);
                }
                // One text that the model fails on does not cost the others once more.
                keep(&key, job.rows, embed, folder);
            }
        }
    }
    let left = queue.lock().turns.take_all();
    left.into_iter().for_each(|(key, job)| keep(&key, job.rows, embed, folder));
}

/// At most so many texts, and the file when none is missing.
fn turn(
    job: &mut Job,
    key: &Key,
    queue: &Queue,
    embed: &dyn Embed,
    folder: &Path,
) -> Result<Turn, SearchError> {
    let Some(resident) = job.resident.upgrade() else { return Ok(Turn::Left) };
    let texts: Vec<String> = resident.pieces.iter().map(|piece| text_of(piece, &resident.corpus)).collect();
    let hashes: Vec<TextHash> = texts.iter().map(|text| hash(text)).collect();
    let mut known: HashMap<TextHash, Row> = HashMap::new();
    for (folder, name) in files(folder, &resident) {
        known.extend(stored(&folder, &name, embed));
    }
    drop(resident);
    let mut new = HashSet::new();
    let is_new = |hash: &TextHash| !known.contains_key(hash) && !job.rows.contains_key(hash);
    let missing: Vec<usize> =
        (0..hashes.len()).filter(|n| is_new(&hashes[*n]) && new.insert(hashes[*n])).collect();
    for n in missing.iter().copied().take(TURN) {
        // A newer version waits, or the bot made room: its vectors are nobody's.
        if job.resident.strong_count() == 0 || queue.is_stopped() {
            return Ok(Turn::Left);
        }
        let vector = embed.passage(&texts[n]).map_err(failed)?;
        job.rows.insert(hashes[n], Row::of(&vector));
    }
    if missing.len() > TURN {
        return Ok(Turn::Missing(missing.len() - TURN));
    }
    let row = |hash: &TextHash| Some((*hash, known.get(hash).or_else(|| job.rows.get(hash))?.clone()));
    let rows: Vec<_> = hashes.iter().filter_map(row).collect();
    let vectors = Vectors::write(folder, &name(key), embed.model(), &rows).map_err(failed)?;
    if let (Some(resident), Some(vectors)) = (job.resident.upgrade(), vectors) {
        resident.vectors.store(Some(Arc::new(vectors)));
    }
    Ok(Turn::Done)
}

/// Adds rows to a corpus's file, for whoever needs them later.
fn keep(key: &Key, rows: HashMap<TextHash, Row>, embed: &dyn Embed, folder: &Path) {
    if rows.is_empty() {
        return;
    }
    let name = name(key);
    let mut all: HashMap<TextHash, Row> = stored(folder, &name, embed).collect();
    let before = all.len();
    all.extend(rows);
    if all.len() == before {
        return;
    }
    let all: Vec<_> = all.into_iter().collect();
    if let Err(error) = Vectors::write(folder, &name, embed.model(), &all) {
        tracing::warn!(%error, "vectors that were made are lost and made again");
    }
}

/// The rows of a file; none where there is no such file of this model.
fn stored(folder: &Path, name: &str, embed: &dyn Embed) -> impl Iterator<Item = (TextHash, Row)> + use<> {
    let vectors = Vectors::open(folder, name, embed.model());
    let rows =
        |vectors: Vectors| (0..vectors.len()).filter_map(move |n| Some((vectors.hash(n)?, vectors.row(n)?)));
    vectors.into_iter().flat_map(rows)
}

fn failed(error: impl std::fmt::Display) -> SearchError {
    SearchError::Index(error.to_string())
}
