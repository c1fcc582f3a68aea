//! Dead letters for the API: what `millrace dlq` does, in the process that has the log open.
//!
//! Guarantees: one redrive at a time, which goes on without whoever asked for it and ends with the process; what became of
//! the last one is kept until the next, bounded by the letters of one redrive.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::filter::Filter;
use super::judge::Change;
use super::letter::Letter;
use super::marks::Marks;
use super::place::Place;
use super::redrive;
use super::shelf::{Keep, Shelf, start};
use super::show;
use super::source::Source;
use super::work::{self, Prepared, Work, filter};
use crate::api::types::{
    LetterList, LetterShow, RedriveAsk, RedriveLine, RedriveProgress, RedriveStarted, RedriveState,
    RedriveTally,
};
use crate::api::{ApiError, DeadLetters, ErrorCode};
use crate::domain::time::Clock;
use crate::domain::topics::TopicSpec;
use crate::log::{Log, LogError, Position};

/// Lines of one answer.
const LINES: usize = 1000;

/// Reads and redrives on an open log.
#[derive(Debug)]
pub struct Desk {
    log: Arc<dyn Log>,
    topics: Vec<TopicSpec>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    /// Fires when the process is to end.
    stop: CancellationToken,
    /// The redrive that runs, or the last one.
    last: Mutex<Option<Arc<Job>>>,
}

/// A redrive.
#[derive(Debug)]
struct Job {
    name: String,
    dry_run: bool,
    stop: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    state: RedriveState,
    error: Option<String>,
    tally: RedriveTally,
    lines: Vec<RedriveLine>,
}

/// Somebody stopped it.
#[derive(Debug, thiserror::Error)]
#[error("the redrive was stopped")]
struct Stopped;

impl Desk {
    /// Over a log whose topics are these.
    #[must_use]
    pub fn new(
        log: Arc<dyn Log>,
        topics: Vec<TopicSpec>,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self { log, topics, clock, tasks, stop, last: Mutex::default() }
    }

    fn source(&self) -> Source {
        Source::Log(Arc::clone(&self.log))
    }

    fn job(&self, name: &str) -> Result<Arc<Job>, ApiError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let found = last.as_ref().filter(|job| job.name == name).cloned();
        found.ok_or_else(|| ApiError::missing("redrive", name))
    }
}

#[async_trait]
impl DeadLetters for Desk {
    async fn list(&self, ask: RedriveAsk, limit: u32) -> Result<LetterList, ApiError> {
        let filter: Filter = filter(&ask, self.clock.now())?;
        let source = self.source();
        let keep = Keep::Newest(usize::try_from(limit).unwrap_or(usize::MAX));
        let read = async {
            let marks = Marks::read(&source, start(&filter)).await?;
            Shelf::read(&source, &marks, filter, keep).await
        };
        let shelf = read.await.map_err(unavailable)?;
        let letters = shelf.letters.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        Ok(LetterList {
            letters: letters.map_err(broken)?,
            matched: shelf.matched,
            redriven: shelf.redriven,
            seen: shelf.seen,
        })
    }

    async fn show(&self, position: &str) -> Result<LetterShow, ApiError> {
        let place: Place =
            position.parse().map_err(|why: String| ApiError::new(ErrorCode::BadRequest, why))?;
        let shown = show::find(&self.source(), place).await.map_err(unavailable)?;
        let shown = shown.map_err(|missing| ApiError::new(ErrorCode::NotFound, missing.to_string()))?;
        Ok(LetterShow { letter: serde_json::to_value(shown.json()).map_err(broken)? })
    }

    fn redrive(&self, ask: RedriveAsk) -> Result<RedriveStarted, ApiError> {
        let work = Work::read(&ask, self.clock.now())?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(busy) = last.as_ref().filter(|job| !job.state().state.is_over()) {
            let message = format!("redrive {} is at work: wait for its end, or stop it", busy.name);
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        let job = Arc::new(Job {
            name: format!("{:08x}", fastrand::u32(..)),
            dry_run: work.dry_run,
            stop: self.stop.child_token(),
            state: Mutex::new(State {
                state: RedriveState::Reading,
                error: None,
                tally: RedriveTally::default(),
                lines: Vec::new(),
            }),
        });
        *last = Some(Arc::clone(&job));
        drop(last);
        tracing::info!(redrive = job.name, ?work, "dead letters are driven again");
        let started = RedriveStarted { redrive: job.name.clone() };
        let (log, topics, now) = (Arc::clone(&self.log), self.topics.clone(), self.clock.now());
        self.tasks.spawn(async move {
            let prepared = async {
                let source = Source::Log(Arc::clone(&log));
                let prepared = Prepared::make(&source, &work, topics, now).await?;
                job.run(&*log, &work, prepared).await
            };
            let outcome = tokio::select! {
                outcome = prepared => outcome,
                // Reading can be left at any point; writing is left between two batches, by `told`.
                () = job.stopped_while_reading() => Err(Stopped.into()),
            };
            job.end(outcome);
        });
        Ok(started)
    }

    fn progress(&self, redrive: &str, after: u64) -> Result<RedriveProgress, ApiError> {
        Ok(self.job(redrive)?.progress(after))
    }

    fn stop(&self, redrive: &str) -> Result<RedriveProgress, ApiError> {
        let job = self.job(redrive)?;
        job.stop.cancel();
        Ok(job.progress(u64::MAX))
    }
}

impl Job {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, log: &dyn Log, work: &Work, prepared: Prepared) -> anyhow::Result<()> {
        {
            let mut state = self.state();
            state.tally = prepared.tally;
            state.lines.extend(prepared.stays());
            if work.dry_run {
                let State { tally, lines, .. } = &mut *state;
                let would = prepared.plan.writes.iter();
                lines.extend(would.map(|(letter, change)| work::written(letter, change, None, tally)));
                return Ok(());
            }
            if self.stop.is_cancelled() {
                return Err(Stopped.into());
            }
            state.state = RedriveState::Writing;
        }
        let mut told = |letter: &Letter, change: &Change, position: Position| {
            let mut state = self.state();
            let State { tally, lines, .. } = &mut *state;
            lines.push(work::written(letter, change, Some(position), tally));
            Ok(())
        };
        let go_on = || !self.stop.is_cancelled();
        match redrive::run_while(log, &prepared.marks, &prepared.plan, work.rate, &mut told, &go_on).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stopped.into()),
            Err(error) => Err(error),
        }
    }

    async fn stopped_while_reading(&self) {
        self.stop.cancelled().await;
        if self.state().state != RedriveState::Reading {
            std::future::pending::<()>().await;
        }
    }

    fn end(&self, outcome: anyhow::Result<()>) {
        let mut state = self.state();
        (state.state, state.error) = match outcome {
            Ok(()) => (RedriveState::Done, None),
            Err(error) if error.is::<Stopped>() => (RedriveState::Stopped, None),
            Err(error) => {
                tracing::warn!(
                    redrive = self.name,
                    error = format!("{error:#}"),
                    "a redrive could not go on"
                );
                (RedriveState::Failed, Some(format!("{error:#}")))
            }
        };
        let (written, stay) = (state.tally.written, state.tally.stay);
        tracing::info!(redrive = self.name, state = ?state.state, written, stay, "a redrive is over");
    }

    fn progress(&self, after: u64) -> RedriveProgress {
        let state = self.state();
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(state.lines.len());
        let upto = state.lines.len().min(from + LINES);
        RedriveProgress {
            redrive: self.name.clone(),
            state: state.state,
            dry_run: self.dry_run,
            error: state.error.clone(),
            tally: state.tally,
            lines: state.lines[from..upto].to_vec(),
            next: upto as u64,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error away")]
fn unavailable(error: LogError) -> ApiError {
    tracing::warn!(%error, "dead letters could not be read");
    ApiError::new(ErrorCode::Unavailable, "the log is not available: try again")
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error away")]
fn broken(error: serde_json::Error) -> ApiError {
    tracing::error!(%error, "a dead letter did not serialise");
    ApiError::new(ErrorCode::Internal, "something is wrong on our side: the log of this process says what")
}

#[cfg(test)]
mod tests;
