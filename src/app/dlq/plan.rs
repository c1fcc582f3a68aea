//! What a redrive will do, decided before it writes anything.

use std::collections::HashSet;

use super::judge::{Change, Judge, Refusal, Verdict};
use super::ledger::Facts;
use super::letter::Letter;
use super::marks::Marks;
use super::place::Place;
use super::resume::Resumed;
use super::source::Source;
use crate::domain::time::Timestamp;
use crate::domain::topics::TopicSpec;
use crate::log::LogError;

/// What becomes of each letter.
#[derive(Debug, Default)]
pub struct Plan {
    /// To be written, and how, oldest first.
    pub writes: Vec<(Letter, Change)>,
    /// To stay, and why.
    pub refused: Vec<(Letter, Refusal)>,
    /// Written by a redrive that was interrupted before it could say so.
    pub found: Vec<Place>,
    /// Letters of a record that another letter here is of, too.
    pub repeats: u64,
}

impl Plan {
    /// Judges each of the letters. Reads the ledger, and the topics where a redrive was interrupted.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn make(
        source: &Source,
        marks: &Marks,
        letters: Vec<Letter>,
        topics: Vec<TopicSpec>,
        now: Timestamp,
        force: bool,
    ) -> Result<Self, LogError> {
        let resumed = Resumed::look_up(source, marks, &letters).await?;
        let facts = Facts::about(source, &letters).await?;
        let topics = topics.into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        let judge = Judge { facts: &facts, topics, now, force };
        let (mut plan, mut records) = (Self::default(), HashSet::new());
        for letter in letters {
            let place = letter.position;
            if resumed.written.contains(&place) {
                records.insert(marks.first(place));
                plan.found.push(place);
            } else if !records.insert(marks.first(place)) {
                plan.repeats += 1;
            } else {
                match judge.verdict(&letter, resumed.lost.contains(&place)) {
                    Verdict::Write(change) => plan.writes.push((letter, change)),
                    Verdict::Refuse(refusal) => plan.refused.push((letter, refusal)),
                }
            }
        }
        Ok(plan)
    }
}
