//! What a redrive that was interrupted had written already.
//!
//! Guarantee: a letter is `written` only when its record was seen in its topic, with the letter's position in a header.
//! A scan begins at the offset that the begin mark names: it is short, unless much was written since.

use std::collections::{BTreeMap, HashSet};

use super::letter::Letter;
use super::mark::Begun;
use super::marks::Marks;
use super::place::Place;
use super::source::{Source, Start};
use crate::domain::redrive;
use crate::log::{LogError, TopicPartition};

/// What was found of interrupted redrives.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Letters whose records stand in their topics.
    pub written: HashSet<Place>,
    /// Letters of which nobody can tell any more: the topic has forgotten that time.
    pub lost: HashSet<Place>,
}

impl Resumed {
    /// Looks for the records of those letters whose redrive was begun and not finished.
    ///
    /// # Errors
    /// When a topic can't be read.
    pub async fn look_up(source: &Source, marks: &Marks, letters: &[Letter]) -> Result<Self, LogError> {
        let mut wanted: BTreeMap<(&str, u32), Vec<(Place, &Begun)>> = BTreeMap::new();
        for letter in letters {
            if let Some(begun) = marks.interrupted(letter.position) {
                let at = (begun.topic.as_str(), begun.partition);
                wanted.entry(at).or_default().push((letter.position, begun));
            }
        }
        let mut found = Self::default();
        for ((topic, partition), letters) in wanted {
            match found.search(source, topic, partition, &letters).await {
                // Where it was to go is gone: the verdict on it says so.
                Ok(()) | Err(LogError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn search(
        &mut self,
        source: &Source,
        topic: &str,
        partition: u32,
        letters: &[(Place, &Begun)],
    ) -> Result<(), LogError> {
        let first = match source {
            Source::Log(log) => log.range(&TopicPartition::new(topic, partition)).await?.start,
            Source::Files(..) => 0,
        };
        let from = letters.iter().map(|(_, begun)| begun.end).min().unwrap_or(first).max(first);
        let wanted: HashSet<String> = letters.iter().map(|(place, _)| place.to_string()).collect();
        source
            .scan(topic, Start::At(partition, from), &mut |_, record| {
                let letter = redrive::header(&record.headers, redrive::LETTER);
                if let Some(letter) = letter.filter(|letter| wanted.contains(*letter)) {
                    self.written.extend(letter.parse::<Place>());
                }
                true
            })
            .await?;
        let forgotten = letters.iter().filter(|(_, begun)| begun.end < first).map(|(place, _)| *place);
        let unseen: Vec<Place> = forgotten.filter(|place| !self.written.contains(place)).collect();
        self.lost.extend(unseen);
        Ok(())
    }
}
