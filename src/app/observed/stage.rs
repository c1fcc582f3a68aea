//! How long a stage takes for a record, and how often it fails.

use std::time::Instant;

use crate::domain::envelope::Envelope;
use crate::domain::stage::StageName;
use crate::pipeline::{Cx, Outcome, Stage, StageError};
use crate::telemetry;

/// A stage whose calls are counted.
#[derive(Debug)]
pub struct ObservedStage<S>(pub S);

impl<S: Stage> Stage for ObservedStage<S> {
    const NAME: StageName = S::NAME;
    type In = S::In;
    type Out = S::Out;

    fn assigned(&self) {
        self.0.assigned();
    }

    fn waits_with_its_bot(&self, input: &Envelope<S::In>) -> bool {
        self.0.waits_with_its_bot(input)
    }

    fn shows_recovery(&self, input: &Envelope<S::In>, outcome: &Outcome<S::Out>) -> bool {
        self.0.shows_recovery(input, outcome)
    }

    async fn handle(&self, cx: &Cx, input: &Envelope<S::In>) -> Result<Outcome<S::Out>, StageError> {
        let began = Instant::now();
        let outcome = self.0.handle(cx, input).await;
        match &outcome {
            Ok(_) => telemetry::handled(S::NAME, 1, began.elapsed()),
            Err(error) => telemetry::try_failed(S::NAME, error.class),
        }
        outcome
    }
}
