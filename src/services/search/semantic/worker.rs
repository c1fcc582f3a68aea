//! The thread that makes vectors.
//!
//! Guarantees: one text at a time; a corpus's vectors appear at once or not at all; what was embedded is never embedded
//! again, whichever version of the corpus it was made for, unless the process ends before its file is written; besides the
//! model's work a turn costs what is embedded in it, however large the corpus is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::made::Made;
use super::turns::{TURN, Turns};
use super::{files, name, text_of};
use crate::services::embed::Embed;
use crate::services::search::SearchError;
use crate::services::search::resident::Resident;
use crate::services::search::shard::Key;
use crate::services::search::vectors::{Row, Source, TextHash, Vectors, hash};

/// Corpora that wait for their vectors; one more is searched by words until it is indexed again.
const WAITING: usize = 10_000;

/// A corpus that waits.
#[derive(Debug)]
struct Job {
    resident: Weak<Resident>,
    /// Made in earlier turns and not in its file yet.
    rows: Made,
    /// What is to be done for this version of the corpus; absent until its first turn.
    plan: Option<Plan>,
}

/// What a corpus needs, looked up once for all of its turns.
#[derive(Debug)]
struct Plan {
    /// Of every passage, by number.
    hashes: Vec<TextHash>,
    /// The passages that are to be embedded still: of equal texts one.
    missing: VecDeque<usize>,
}

impl Plan {
    /// Leaves out what a file has and what earlier versions' turns made.
    fn of(resident: &Resident, rows: &Made, embed: &dyn Embed, folder: &Path) -> io::Result<Self> {
        let texts = resident.pieces.iter().map(|piece| text_of(piece, &resident.corpus));
        let hashes: Vec<TextHash> = texts.map(|text| hash(&text)).collect();
        let mut known: HashSet<TextHash> = rows.hashes().collect();
        for (folder, name) in files(folder, resident) {
            let vectors = Vectors::open(&folder, &name, embed.model())?;
            known.extend(vectors.iter().flat_map(|v| (0..v.len()).filter_map(|row| v.hash(row))));
        }
        let missing = (0..hashes.len()).filter(|n| known.insert(hashes[*n])).collect();
        Ok(Self { hashes, missing })
    }
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
        let job = Job { resident: Arc::downgrade(resident), rows: rows.unwrap_or_default(), plan: None };
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
    fn hand_on(&self, key: &Key, rows: Made) -> Option<Made> {
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
    let plan = match &mut job.plan {
        Some(plan) => plan,
        none => none.insert(Plan::of(&resident, &job.rows, embed, folder).map_err(failed)?),
    };
    let now = plan.missing.drain(..plan.missing.len().min(TURN));
    let texts: Vec<(TextHash, String)> =
        now.map(|n| (plan.hashes[n], text_of(&resident.pieces[n], &resident.corpus))).collect();
    drop(resident);
    for (hash, text) in texts {
        // A newer version waits, or the bot made room: its vectors are nobody's.
        if job.resident.strong_count() == 0 || queue.is_stopped() {
            return Ok(Turn::Left);
        }
        let vector = embed.passage(&text).map_err(failed)?;
        job.rows.add(hash, Row::of(&vector), folder, embed.model());
    }
    match plan.missing.len() {
        0 => finish(job, key, embed, folder),
        missing => Ok(Turn::Missing(missing)),
    }
}

/// Writes the file of a corpus that misses nothing, and gives it its vectors.
fn finish(job: &mut Job, key: &Key, embed: &dyn Embed, folder: &Path) -> Result<Turn, SearchError> {
    let (Some(resident), Some(plan)) = (job.resident.upgrade(), &job.plan) else { return Ok(Turn::Left) };
    let mut stored = Vec::new();
    for (folder, name) in files(folder, &resident) {
        stored.extend(Vectors::open(&folder, &name, embed.model()).map_err(failed)?);
    }
    drop(resident);
    let known: HashMap<TextHash, Source<'_>> = stored.iter().flat_map(rows_of).collect();
    let row = |hash: &TextHash| Some((*hash, known.get(hash).copied().or_else(|| job.rows.get(hash))?));
    let rows: Vec<_> = plan.hashes.iter().filter_map(row).collect();
    drop(known);
    let lost = plan.hashes.len() - rows.len();
    if lost > 0 {
        // A file that had them when the work was planned is gone.
        job.plan = None;
        return Ok(Turn::Missing(lost));
    }
    let vectors = Vectors::write(folder, &name(key), embed.model(), &rows).map_err(failed)?;
    if let (Some(resident), Some(vectors)) = (job.resident.upgrade(), vectors) {
        resident.vectors.store(Some(Arc::new(vectors)));
    }
    Ok(Turn::Done)
}

/// Adds rows to a corpus's file, for whoever needs them later.
fn keep(key: &Key, rows: Made, embed: &dyn Embed, folder: &Path) {
    if rows.is_empty() {
        return;
    }
    let name = name(key);
    let stored = match Vectors::open(folder, &name, embed.model()) {
        Ok(stored) => stored,
        // A file without the rows that it has would be worse than one without these.
        Err(error) => return lost(&error),
    };
    let mut all: HashMap<TextHash, Source<'_>> = stored.iter().flat_map(rows_of).collect();
    let before = all.len();
    all.extend(rows.hashes().filter_map(|hash| Some((hash, rows.get(&hash)?))));
    if all.len() == before {
        return;
    }
    let all: Vec<_> = all.into_iter().collect();
    if let Err(error) = Vectors::write(folder, &name, embed.model(), &all) {
        lost(&error);
    }
}

fn lost(error: &io::Error) {
    tracing::warn!(%error, "vectors that were made are lost and made again");
}

/// The rows of a file.
fn rows_of(vectors: &Vectors) -> impl Iterator<Item = (TextHash, Source<'_>)> {
    (0..vectors.len()).filter_map(|n| Some((vectors.hash(n)?, Source::Stored(vectors, n))))
}

fn failed(error: impl std::fmt::Display) -> SearchError {
    SearchError::Index(error.to_string())
}
