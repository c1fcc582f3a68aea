//! What the ledger says about replies, and about the replies of turns.
//!
//! Guarantee: only looks. It says how far back it reaches where that is not far enough: a ledger is kept for 8 days, a
//! dead letter for 30.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::letter::Letter;
use super::source::{Source, Start};
use crate::domain::events::{Settled, SettledStatus};
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::domain::topics::{REPLY_SETTLED, TURN_GROUNDED, TURN_OPENED, TURN_ROUTED, WEBHOOK_RECEIVED};
use crate::log::{LogError, TopicPartition};

/// What became of one part of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The reply's id.
    pub id: EventId,
    /// Which part, from 0.
    pub part: u32,
    /// Of how many.
    pub of: u32,
    /// What became of it.
    pub status: SettledStatus,
    /// The provider's id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// Why it was not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many tries it took.
    pub attempt: u32,
    /// When it was settled.
    pub at: Timestamp,
}

/// What was found out about some letters.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// By the reply's id.
    replies: HashMap<EventId, Vec<Line>>,
    /// By the event that is answered.
    roots: HashMap<EventId, Vec<Line>>,
    /// Since when a partition of the ledger knows anything, where it has forgotten something.
    reaches: HashMap<u32, Timestamp>,
}

/// What to ask of a partition of the ledger.
#[derive(Debug)]
struct Question {
    since: Timestamp,
    ids: HashSet<EventId>,
}

/// Between two machines' clocks.
const SKEW_MS: i64 = 60_000;

impl Facts {
    /// Asks about each of the letters, reading every partition once.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn about(source: &Source, letters: &[Letter]) -> Result<Self, LogError> {
        let mut questions: BTreeMap<u32, Question> = BTreeMap::new();
        for letter in letters {
            let Some((partition, id)) = asked(source, letter).await? else { continue };
            let written = letter.event.as_ref().and_then(|event| event.written).unwrap_or(letter.time);
            let since = Timestamp::from_millis(written.min(letter.time).millis().saturating_sub(SKEW_MS));
            let question =
                questions.entry(partition).or_insert_with(|| Question { since, ids: HashSet::new() });
            question.since = question.since.min(since);
            question.ids.insert(id);
        }
        let mut facts = Self::default();
        if let Source::Files(..) = source {
            // The files hold all partitions together: they are read once.
            let ids = questions.into_values().flat_map(|question| question.ids).collect::<HashSet<_>>();
            if !ids.is_empty() {
                facts.read(source, Start::First, &ids).await?;
            }
            return Ok(facts);
        }
        for (partition, question) in questions {
            facts.ask(source, partition, &question).await?;
        }
        Ok(facts)
    }

    /// Takes in what the ledger says of these ids. The first record that was read: its offset, and when it was written.
    async fn read(
        &mut self,
        source: &Source,
        start: Start,
        ids: &HashSet<EventId>,
    ) -> Result<Option<(u64, Timestamp)>, LogError> {
        let mut first = None;
        source
            .scan(REPLY_SETTLED, start, &mut |_, record| {
                first.get_or_insert((record.offset, record.at));
                if let Ok(settled) = serde_json::from_slice::<Settled>(&record.value) {
                    self.note(ids, settled);
                }
                true
            })
            .await?;
        Ok(first)
    }

    async fn ask(&mut self, source: &Source, partition: u32, question: &Question) -> Result<(), LogError> {
        let first = self.read(source, Start::Part(partition, question.since), &question.ids).await?;
        if let Source::Log(log) = source {
            let range = log.range(&TopicPartition::new(REPLY_SETTLED, partition)).await?;
            // Something was forgotten, and what is left does not begin before the question does.
            if range.start > 0 {
                let reaches = match first {
                    Some((offset, at)) if offset <= range.start => Some(at),
                    Some(_) => None,
                    None => Some(Timestamp::from_millis(i64::MAX)),
                };
                self.reaches.extend(reaches.map(|at| (partition, at)));
            }
        }
        Ok(())
    }

    /// Takes a record of the ledger in, if it is about one of the ids.
    pub fn note(&mut self, ids: &HashSet<EventId>, settled: Settled) {
        let Settled::Result { id, part, of, status, provider_id, reason, attempt, root, at, .. } = settled
        else {
            return;
        };
        let line = Line { id, part, of, status, provider_id, reason, attempt, at };
        if ids.contains(&id) {
            self.replies.entry(id).or_default().push(line.clone());
        }
        if ids.contains(&root) {
            self.roots.entry(root).or_default().push(line);
        }
    }

    /// Since when a partition of the ledger knows anything, if it has forgotten something.
    #[must_use]
    pub fn reaches(&self, partition: u32) -> Option<Timestamp> {
        self.reaches.get(&partition).copied()
    }

    /// What became of a letter's reply, or of the reply to its turn.
    #[must_use]
    pub fn lines(&self, letter: &Letter) -> &[Line] {
        let found = if letter.is_reply {
            letter.id().and_then(|id| self.replies.get(&id))
        } else if leads_to_reply(letter) {
            root(letter).and_then(|root| self.roots.get(&root))
        } else {
            None
        };
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// The same with something that a partition has forgotten.
    #[cfg(test)]
    pub(super) fn forgetting(mut self, partition: u32, before: Timestamp) -> Self {
        self.reaches.insert(partition, before);
        self
    }
}

/// True for an event from which a reply follows in the end.
fn leads_to_reply(letter: &Letter) -> bool {
    let topics = [WEBHOOK_RECEIVED, TURN_OPENED, TURN_ROUTED, TURN_GROUNDED];
    letter.from.as_ref().is_some_and(|from| topics.contains(&&*from.topic))
}

fn root(letter: &Letter) -> Option<EventId> {
    letter.event.as_ref()?.rootid
}

/// Which partition of the ledger knows about the letter, and by which id.
async fn asked(source: &Source, letter: &Letter) -> Result<Option<(u32, EventId)>, LogError> {
    if letter.is_reply {
        return Ok(letter.from.as_ref().map(|from| from.partition).zip(letter.id()));
    }
    match root(letter) {
        Some(root) if leads_to_reply(letter) && !letter.bot().is_empty() => {
            Ok(Some((source.partition(REPLY_SETTLED, letter.bot()).await?, root)))
        }
        _ => Ok(None),
    }
}
