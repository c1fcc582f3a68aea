//! One record, tries included.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Effect, Transform};
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::TurnDropped;
use crate::domain::failure::{Class, Classify, Origin};
use crate::domain::ids::{BotId, TenantId};
use crate::domain::stage::StageName;
use crate::domain::time::Clock;
use crate::failpoint;
use crate::log::Record;
use crate::pipeline::topology::{DROPPED, Pipeline};
use crate::pipeline::{Cx, DropReason, Emission, Outcome, PartitionCx, Ports, Stage, StageError};
use crate::runtime::actor::panic_text;
use crate::runtime::retry::{Failed, Verdict, judge};

/// What a record came to.
#[derive(Debug)]
pub enum Fate {
    /// These outputs, and whether they show that what fails for others works.
    Out(Vec<Emission>, bool),
    /// It is given up.
    Dead(StageError),
    /// It failed with what may pass, and its time is over: it waits, at least for so long.
    Later(StageError, Option<Duration>),
    /// It was to be tried again, but its partition goes: the next owner begins anew.
    Left,
}

/// Whose a record is; nobody's where it can't be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
pub struct Whose {
    #[serde(default)]
    tenant: TenantId,
    #[serde(default)]
    bot: BotId,
}

impl From<crate::runtime::delayed::Whose> for Whose {
    fn from((tenant, bot): crate::runtime::delayed::Whose) -> Self {
        Self { tenant, bot }
    }
}

impl Whose {
    pub(super) fn of(record: &Record) -> Self {
        serde_json::from_slice(&record.value).unwrap_or_default()
    }
}

/// Handles records of a stage.
pub(super) struct Handler<S> {
    pub(super) stage: Arc<S>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cancel: CancellationToken,
    /// Cancelled when the partition is to be given back: nobody waits for a further try then.
    pub(super) leaving: CancellationToken,
}

impl<S: Stage> Transform<S> {
    pub(super) fn handler(&self, cx: &PartitionCx<Effect>) -> Handler<S> {
        Handler {
            stage: Arc::clone(&self.stage),
            pipeline: Arc::clone(&self.pipeline),
            clock: Arc::clone(&cx.clock),
            cancel: cx.cancel.clone(),
            leaving: self.leaving.clone(),
        }
    }
}

/// A stage panicked on a record.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

impl Classify for Panicked {
    fn class(&self) -> Class {
        Class::Bug
    }

    fn origin(&self) -> Origin {
        Origin::Platform
    }

    fn reason(&self) -> Option<&'static str> {
        Some("panic")
    }
}

impl<S: Stage> Handler<S> {
    /// Tries until it is done, given up, or its budget since `admitted` is over.
    pub(super) async fn handle(&self, record: &Record, admitted: Instant) -> Fate {
        self.decode_and_try(record, self.cx(admitted)).await
    }

    /// The same of one of a share; `late` = it came when its owner had no place left for it.
    pub(super) async fn handle_shared(&self, record: &Record, admitted: Instant, late: bool) -> Fate {
        self.decode_and_try(record, Cx { late, ..self.cx(admitted) }).await
    }

    /// Tries once: it has waited, and may wait again.
    pub(super) async fn handle_once(&self, record: &Record) -> Fate {
        self.decode_and_try(record, Cx { once: true, ..self.cx(Instant::now()) }).await
    }

    fn cx(&self, admitted: Instant) -> Cx {
        Cx {
            clock: Arc::clone(&self.clock),
            until: admitted + self.pipeline.budget.get(),
            attempt: 1,
            waits: self.pipeline.delay.is_some(),
            once: false,
            late: false,
            cancel: self.cancel.clone(),
        }
    }

    async fn decode_and_try(&self, record: &Record, cx: Cx) -> Fate {
        match Envelope::<S::In>::decode(&record.value) {
            Ok(input) => self.try_until_judged(&record.value, &input, cx).await,
            Err(error) => Fate::Dead(error.into()),
        }
    }

    async fn try_until_judged(&self, raw: &[u8], input: &Envelope<S::In>, mut cx: Cx) -> Fate {
        loop {
            let trying = async {
                failpoint::taste(S::NAME, raw);
                self.stage.handle(&cx, input).await
            };
            let tried = AssertUnwindSafe(trying).catch_unwind().await;
            let (mut error, panicked) = match tried {
                Ok(Ok(outcome)) => {
                    let well = self.stage.shows_recovery(input, &outcome);
                    return Fate::Out(emissions(S::NAME, &cx, input, outcome), well);
                }
                Ok(Err(error)) => (error, false),
                Err(panic) => (Panicked(panic_text(&*panic)).into(), true),
            };
            error.attempts = cx.attempt;
            // What panics is tried again at once, so it takes nothing of the time that one which waited does not have.
            let left = if cx.once && !panicked { Duration::ZERO } else { cx.remaining() };
            let failed = Failed { class: error.class, panicked, attempt: cx.attempt, left, waits: cx.waits };
            match judge(&self.pipeline.retry, failed, fastrand::f64()) {
                Verdict::Again(wait) => {
                    tracing::debug!(stage = %S::NAME, id = %input.id, attempt = cx.attempt, wait_ms = wait.as_millis(), %error, "trying again");
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep(wait) => cx.attempt += 1,
                        () = self.leaving.cancelled() => return Fate::Left,
                    }
                }
                Verdict::Later(asked) => return Fate::Later(error, asked),
                Verdict::Dead(reason) => {
                    error.reason.get_or_insert(reason);
                    return Fate::Dead(error);
                }
            }
        }
    }
}

/// What an outcome appends.
fn emissions<T: Event, O: Ports>(
    name: StageName,
    cx: &Cx,
    input: &Envelope<T>,
    outcome: Outcome<O>,
) -> Vec<Emission> {
    match outcome {
        Outcome::Emit(output) => vec![output.into_emission()],
        Outcome::EmitAll(outputs) => outputs.into_iter().map(Ports::into_emission).collect(),
        Outcome::Drop(why) => {
            let DropReason { reason, note, hops } = why;
            let dropped = TurnDropped { stage: name, reason: reason.to_owned(), note, noted: None, hops };
            vec![Emission::by_conversation(DROPPED, &input.follow(name, cx.now(), 0, dropped))]
        }
    }
}
