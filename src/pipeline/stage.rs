//! The contract of a stage that transforms one record: match, retrieve, answer.

use std::future::Future;

use bytes::Bytes;

use super::cx::Cx;
use super::error::StageError;
use crate::domain::envelope::Envelope;
use crate::domain::event::Event;
use crate::domain::events::Hop;
use crate::domain::stage::StageName;

/// One step of the flow.
///
/// The runtime calls [`Stage::handle`] once per record in key order, tries again what fails with
/// a class that allows it, and finishes the record's offset only after its outputs are acknowledged. A call may be
/// repeated after a crash: ids are derived, so its outputs are the same events again.
pub trait Stage: Send + Sync + 'static {
    /// The stage's name: group, pipeline file, metrics.
    const NAME: StageName;
    /// What it reads.
    type In: Event;
    /// What it writes: an enum whose variants are named outputs.
    type Out: Ports;

    /// A partition was given to this process. What the stage remembers of its keys may be old: another process may have
    /// worked on them meanwhile.
    fn assigned(&self) {}

    /// May this record wait behind others of its bot whose last try failed, without a try of its own? True where it needs
    /// what failed for them. Asked only where a pipeline has a [`Delay`](super::topology::Delay).
    fn waits_with_its_bot(&self, input: &Envelope<Self::In>) -> bool {
        let _ = input;
        false
    }

    /// Does this outcome show that what its bot's other records wait for works again? Asked as the above.
    fn shows_recovery(&self, input: &Envelope<Self::In>, outcome: &Outcome<Self::Out>) -> bool {
        self.waits_with_its_bot(input) && !matches!(outcome, Outcome::Drop(_))
    }

    /// Handles one record. Must not keep state that a second run would see differently, other than caches.
    fn handle(
        &self,
        cx: &Cx,
        input: &Envelope<Self::In>,
    ) -> impl Future<Output = Result<Outcome<Self::Out>, StageError>> + Send;
}

/// What became of a record.
#[derive(Debug)]
pub enum Outcome<O> {
    /// One output.
    Emit(O),
    /// Several, appended together.
    EmitAll(Vec<O>),
    /// None, with a reason that is written to `turn.dropped.v1`. A result, not an error.
    Drop(DropReason),
}

/// Why a record ends here: a fixed word for the topic and the metric, and a note for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct DropReason {
    /// For example `late`, `no_reply`.
    pub reason: &'static str,
    /// More, for a person.
    pub note: Option<String>,
    /// What was done with the turn until then, where that explains the end.
    pub hops: Vec<Hop>,
}

impl DropReason {
    /// A reason without a note.
    #[must_use]
    pub const fn new(reason: &'static str) -> Self {
        Self { reason, note: None, hops: Vec::new() }
    }
}

/// The named outputs of a stage; `pipelines/*.yaml` binds each name to a topic.
pub trait Ports: Send + 'static {
    /// Every name that [`Ports::into_emission`] can give.
    const NAMES: &'static [&'static str];

    /// The output as a record.
    fn into_emission(self) -> Emission;
}

/// A record on its way out, before its topic is known.
#[derive(Debug, Clone)]
pub struct Emission {
    /// The output's name.
    pub port: &'static str,
    /// The record's key.
    pub key: Bytes,
    /// A fixed partition; `None` = by key.
    pub partition: Option<u32>,
    /// The record's value.
    pub value: Bytes,
}

impl Emission {
    /// An event keyed by its conversation.
    #[must_use]
    pub fn by_conversation<T: Event>(port: &'static str, event: &Envelope<T>) -> Self {
        let key = Bytes::copy_from_slice(event.conversation.as_str().as_bytes());
        Self { port, key, partition: None, value: event.encode() }
    }

    /// An event keyed by its bot.
    #[must_use]
    pub fn by_bot<T: Event>(port: &'static str, event: &Envelope<T>) -> Self {
        let key = Bytes::copy_from_slice(event.bot.as_str().as_bytes());
        Self { port, key, partition: None, value: event.encode() }
    }
}
