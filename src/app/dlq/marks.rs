//! What all marks together say, and which dead letters are of one record.
//!
//! Guarantee: a letter that is done stays done. Memory: some 50 bytes a letter, and nothing of its value.

use std::collections::{HashMap, HashSet};

use super::mark::{Begun, Mark};
use super::place::Place;
use super::source::{Source, Start};
use crate::domain::redrive;
use crate::domain::topics::DEAD_LETTER;
use crate::log::{LogError, Record};

/// What is known of every letter.
#[derive(Debug, Default)]
pub struct Marks {
    /// Letters whose redrive was begun: how far it came has to be looked up, unless they are done.
    pub begun: HashMap<Place, Begun>,
    done: HashSet<Place>,
    topics: Vec<String>,
    /// The first letter of each record, by topic, partition and offset.
    first: HashMap<(usize, u32, u64), Place>,
    /// A crash between a dead letter and the commit behind it writes the letter again: each of those, and the first.
    twins: HashMap<Place, Place>,
}

impl Marks {
    /// Reads the dead letters.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn read(source: &Source, start: Start) -> Result<Self, LogError> {
        let mut marks = Self::default();
        source
            .scan(DEAD_LETTER, start, &mut |partition, record| {
                marks.take(partition, &record);
                true
            })
            .await?;
        Ok(marks)
    }

    /// Takes the next record of a partition in.
    pub fn take(&mut self, partition: u32, record: &Record) {
        let place = |offset| Place { partition, offset };
        match Mark::read(record) {
            Some(Mark::Done(letters)) => self.done.extend(letters.into_iter().map(place)),
            Some(Mark::Begin(letters)) => {
                self.begun.extend(letters.into_iter().map(|begun| (place(begun.offset), begun)));
            }
            Some(Mark::Unknown) => {}
            None => self.take_letter(place(record.offset), record),
        }
    }

    fn take_letter(&mut self, place: Place, record: &Record) {
        let header = |name| redrive::header(&record.headers, name);
        let number = |name| header(name).and_then(|text| text.parse::<u64>().ok());
        let origin = (header("millrace-topic"), number("millrace-partition"), number("millrace-offset"));
        let (Some(topic), Some(partition), Some(offset)) = origin else { return };
        let topic = self.topics.iter().position(|known| known == topic).unwrap_or_else(|| {
            self.topics.push(topic.to_owned());
            self.topics.len() - 1
        });
        let key = (topic, u32::try_from(partition).unwrap_or(u32::MAX), offset);
        let first = *self.first.entry(key).or_insert(place);
        if first != place {
            self.twins.insert(place, first);
        }
    }

    /// The first letter of the same record; the letter itself where there is no other.
    #[must_use]
    pub fn first(&self, place: Place) -> Place {
        self.twins.get(&place).copied().unwrap_or(place)
    }

    /// True when the letter's record was driven again, by this letter or by another of the same record.
    #[must_use]
    pub fn is_done(&self, place: Place) -> bool {
        self.done.contains(&place) || self.done.contains(&self.first(place))
    }

    /// The redrive of the letter's record that was begun and not finished.
    #[must_use]
    pub fn interrupted(&self, place: Place) -> Option<&Begun> {
        if self.is_done(place) { None } else { self.begun.get(&place) }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::time::Timestamp;

    fn letter(offset: u64, of: u64) -> Record {
        let headers =
            [("topic", "t.v1".to_owned()), ("partition", "1".to_owned()), ("offset", of.to_string())];
        let headers = headers.map(|(name, value)| (format!("millrace-{name}").into(), Bytes::from(value)));
        let (key, value) = (Bytes::new(), Bytes::new());
        Record { offset, at: Timestamp::default(), key, value, headers: headers.into() }
    }

    fn mark(offset: u64, mark: &Mark) -> Record {
        let out = mark.record(0).unwrap();
        Record { offset, at: Timestamp::default(), key: out.key, value: out.value, headers: out.headers }
    }

    #[test]
    fn letters_of_one_record_are_done_together() {
        let at = |offset| Place { partition: 0, offset };
        let mut marks = Marks::default();
        for record in [letter(0, 7), letter(1, 7), letter(2, 8)] {
            marks.take(0, &record);
        }
        assert_eq!((marks.first(at(1)), marks.first(at(2))), (at(0), at(2)));
        let begun = |offset| Begun { offset, topic: "t.v1".into(), partition: 1, end: 3 };
        marks.take(0, &mark(3, &Mark::Begin(vec![begun(0), begun(2)])));
        assert!(marks.interrupted(at(0)).is_some() && !marks.is_done(at(0)));
        marks.take(0, &mark(4, &Mark::Done(vec![0])));
        assert!(marks.is_done(at(0)) && marks.is_done(at(1)) && !marks.is_done(at(2)));
        assert!(marks.interrupted(at(0)).is_none() && marks.interrupted(at(2)).is_some());
        assert!(!marks.is_done(Place { partition: 1, offset: 0 }), "another partition's");
    }
}
