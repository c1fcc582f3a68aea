//! The one writer of the timeline in a process.
//!
//! Guarantees: what many partitions hand in meanwhile shares a transaction; at most [`QUEUE`] hand-ins wait, and who
//! comes then waits outside; a hand-in that the database refuses fails alone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::bulk::Rows;
use super::positions::number;
use super::rows::JournalRow;
use crate::domain::failure::{Class, Classify, Origin};
use crate::failpoint::{self, Failpoint};
use crate::store::Store;
use crate::store::db::Tx;
use crate::store::error::StoreError;

/// Hand-ins that wait. A partition has one on its way at most, so this is more than the partitions of a process.
const QUEUE: usize = 256;

/// Rows of one linger from which on a batch lingers [`LINGERS`] times as long: ids spread over all of an index, so at such
/// a rate every transaction writes most of its pages, and fewer transactions are what saves writing.
const MANY: usize = 1_000;
const LINGERS: u32 = 5;

/// A partition's step forward.
#[derive(Debug)]
pub struct Advance {
    /// Which log.
    pub log_id: Arc<str>,
    /// The topic's name, without prefix.
    pub topic: Arc<str>,
    /// The partition.
    pub part: u32,
    /// Where the partition stands, as its owner believes.
    pub old: u64,
    /// Where it stands afterwards.
    pub new: u64,
    /// What the records between tell, a slice each: whoever hands them in keeps them until they are written.
    pub rows: Vec<Arc<[JournalRow]>>,
    /// More of the partition waits behind this step: it can't hand that in before this is written.
    pub more: bool,
}

impl Advance {
    fn count(&self) -> usize {
        self.rows.iter().map(|rows| rows.len()).sum()
    }
}

/// Why a step was not taken. Nothing of it was written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The partition stands elsewhere: another owner wrote it.
    #[error("the journal does not stand at {0} any more: another process wrote this partition")]
    Moved(u64),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classify for JournalError {
    fn class(&self) -> Class {
        match self {
            Self::Moved(_) => Class::TRANSIENT,
            Self::Store(error) => error.class(),
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Moved(_) => Origin::Platform,
            Self::Store(error) => error.origin(),
        }
    }
}

type Answer = oneshot::Sender<Result<(), JournalError>>;
type HandedIn = mpsc::Receiver<(Advance, Answer)>;

/// Hands steps to the writer's task, which ends when the last of these is dropped.
#[derive(Debug, Clone)]
pub struct JournalWriter {
    queue: mpsc::Sender<(Advance, Answer)>,
}

impl JournalWriter {
    /// Starts the task.
    #[must_use]
    pub fn start(store: Arc<Store>) -> Self {
        let (queue, handed_in) = mpsc::channel(QUEUE);
        tokio::spawn(run(store, handed_in));
        Self { queue }
    }

    /// Takes a step: returns when it is committed.
    ///
    /// # Errors
    /// See [`JournalError`]; the step was not taken, or (a lost connection) it may have been: the next one then fails
    /// with `Moved`.
    pub async fn write(&self, advance: Advance) -> Result<(), JournalError> {
        let (answer, answered) = oneshot::channel();
        let closed = || StoreError::Unavailable("the journal's writer has ended".to_owned());
        self.queue.send((advance, answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

async fn run(store: Arc<Store>, mut handed_in: HandedIn) {
    while let Some(first) = handed_in.recv().await {
        let (most, linger) = (store.config.batch as usize, store.config.linger.get());
        let batch = Batch::gather(first, &mut handed_in, most, linger).await;
        write_all(&store, batch.steps).await;
    }
}

/// What shares a transaction.
struct Batch {
    steps: VecDeque<(Advance, Answer)>,
    rows: usize,
    /// A partition has more than it could hand in.
    more: bool,
}

impl Batch {
    /// Takes what is handed in meanwhile, up to `most` rows.
    async fn gather(
        first: (Advance, Answer),
        handed_in: &mut HandedIn,
        most: usize,
        linger: Duration,
    ) -> Self {
        let began = Instant::now();
        let mut batch = Self { rows: first.0.count(), more: first.0.more, steps: VecDeque::from([first]) };
        batch.collect(handed_in, most, began + linger).await;
        if batch.rows >= MANY && !batch.more {
            batch.collect(handed_in, most, began + linger * LINGERS).await;
        }
        batch
    }

    async fn collect(&mut self, handed_in: &mut HandedIn, most: usize, until: Instant) {
        while self.rows < most {
            let Ok(Some(next)) = timeout_at(until, handed_in.recv()).await else { return };
            self.rows += next.0.count();
            self.more |= next.0.more;
            self.steps.push_back(next);
        }
    }
}

/// Writes the steps together; when the database refuses a statement, each alone, so that one bad row holds up nobody else.
async fn write_all(store: &Store, steps: VecDeque<(Advance, Answer)>) {
    let (mut advances, answers): (Vec<Advance>, Vec<Answer>) = steps.into_iter().unzip();
    let alone = match write(store, &mut advances).await {
        Ok(outcomes) => {
            for (answer, moved) in answers.into_iter().zip(outcomes) {
                // Who asked may be gone: its partition was taken away.
                drop(answer.send(moved.map_or(Ok(()), |old| Err(JournalError::Moved(old)))));
            }
            return;
        }
        Err(error) if answers.len() == 1 || matches!(error.class(), Class::Transient { .. }) => {
            let text = error.to_string();
            let mut first = Some(error);
            for answer in answers {
                let error = first.take().unwrap_or_else(|| StoreError::Unavailable(text.clone()));
                drop(answer.send(Err(error.into())));
            }
            return;
        }
        Err(error) => {
            tracing::warn!(%error, steps = answers.len(), "a batch of the journal is refused, writing its parts alone");
            advances.into_iter().zip(answers)
        }
    };
    for step in alone {
        Box::pin(write_all(store, VecDeque::from([step]))).await;
    }
}

/// One transaction. For each step: `None` = taken, `Some(old)` = the partition does not stand at `old`.
async fn write(store: &Store, steps: &mut [Advance]) -> Result<Vec<Option<u64>>, StoreError> {
    let mut tx = store.db.begin_batch().await?;
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by(|a, b| (&steps[*a].topic, steps[*a].part).cmp(&(&steps[*b].topic, steps[*b].part)));
    let mut outcomes = vec![None; steps.len()];
    let (mut rows, mut told) = (Rows::default(), Vec::new());
    for at in order {
        let step = &steps[at];
        if advance(&mut tx, step).await? {
            told.extend(step.rows.iter().flat_map(|rows| rows.iter()));
        } else {
            outcomes[at] = Some(step.old);
        }
    }
    store.not_forgotten(&mut tx, told).await?.into_iter().for_each(|row| rows.add(row));
    rows.write(&mut tx).await?;
    failpoint::pass(Failpoint::Journaling);
    tx.commit().await?;
    failpoint::pass(Failpoint::Journaled);
    Ok(outcomes)
}

/// Moves a partition's position; false when it does not stand where the step begins.
async fn advance(tx: &mut Tx, step: &Advance) -> Result<bool, StoreError> {
    let moved = sqlx::query(
        "UPDATE progress SET next = $1 WHERE log_id = $2 AND topic = $3 AND part = $4 AND next = $5",
    )
    .bind(number(step.new))
    .bind(&*step.log_id)
    .bind(&*step.topic)
    .bind(i64::from(step.part))
    .bind(number(step.old))
    .execute(tx.on())
    .await?;
    Ok(moved.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ConversationId, TenantId};
    use crate::domain::time::Timestamp;
    use crate::store::ClosedRow;

    const LINGER: Duration = Duration::from_millis(200);

    fn step(rows: usize, more: bool) -> (Advance, Answer) {
        let row = JournalRow::Closed(ClosedRow {
            tenant: TenantId::from("t"),
            conversation: ConversationId::from("c"),
            reason: String::new(),
            at: Timestamp::from_millis(0),
        });
        let rows = vec![Arc::from(vec![row; rows])];
        let advance = Advance { log_id: "".into(), topic: "".into(), part: 0, old: 0, new: 1, rows, more };
        (advance, oneshot::channel().0)
    }

    /// How long a batch of one step waits for another that never comes.
    async fn waits(rows: usize, more: bool) -> Duration {
        let (_queue, mut handed_in) = mpsc::channel(1);
        let began = Instant::now();
        Batch::gather(step(rows, more), &mut handed_in, 8_000, LINGER).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn many_rows_linger_longer_unless_their_partition_has_more() {
        let about = |took: Duration, lingers: u32| {
            let wanted = LINGER * lingers;
            assert!(took >= wanted && took < wanted + LINGER / 2, "{took:?} is not {lingers} lingers");
        };
        about(waits(MANY - 1, false).await, 1);
        about(waits(MANY, false).await, LINGERS);
        about(waits(MANY, true).await, 1);
        assert!(waits(8_000, false).await < LINGER / 2, "a full batch waits for nothing");
    }
}
