//! Marks among the dead letters: these are about to be driven again, these were.
//!
//! A mark is a record of `dead.letter.v1` with the header `millrace-mark` and no key, in the partition of its letters. Its
//! value is JSON: `{"letters":[{"offset":17,"topic":"reply.ready.v1","partition":2,"end":881}]}` before the records are
//! written (`end` = where the topic's partition ended then), `{"letters":[17]}` after.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::redrive::{self, BEGIN, DONE, MARK};
use crate::domain::topics::DEAD_LETTER;
use crate::log::{Outgoing, Record, TopicName};

/// What a mark says of letters in its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// They are about to be written to their topics.
    Begin(Vec<Begun>),
    /// They were, or stood there already. Offsets.
    Done(Vec<u64>),
    /// Of a program that knows more.
    Unknown,
}

/// A letter that is about to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The letter's offset.
    pub offset: u64,
    /// The topic that it goes to.
    pub topic: String,
    /// The partition that it goes to.
    pub partition: u32,
    /// The first offset at which it can stand there.
    pub end: u64,
}

#[derive(Serialize, Deserialize)]
struct Letters<T> {
    letters: Vec<T>,
}

impl Mark {
    /// The mark that a record is; `None` for a dead letter.
    #[must_use]
    pub fn read(record: &Record) -> Option<Self> {
        let begun = || serde_json::from_slice::<Letters<Begun>>(&record.value).ok();
        let done = || serde_json::from_slice::<Letters<u64>>(&record.value).ok();
        // A dead letter keeps the headers of its record, but no record that stood on a topic has this one.
        let known = match redrive::header(&record.headers, MARK)? {
            BEGIN => begun().map(|mark| Self::Begin(mark.letters)),
            DONE => done().map(|mark| Self::Done(mark.letters)),
            _ => None,
        };
        Some(known.unwrap_or(Self::Unknown))
    }

    /// The record to append to `partition` of the dead letters.
    ///
    /// # Errors
    /// Never for marks of ours.
    pub fn record(&self, partition: u32) -> serde_json::Result<Outgoing> {
        let (word, value) = match self {
            Self::Begin(letters) => (BEGIN, serde_json::to_vec(&Letters { letters: letters.clone() })?),
            Self::Done(letters) => (DONE, serde_json::to_vec(&Letters { letters: letters.clone() })?),
            Self::Unknown => ("unknown", b"{}".to_vec()),
        };
        Ok(Outgoing {
            topic: TopicName::from(DEAD_LETTER),
            partition: Some(partition),
            key: Bytes::new(),
            value: Bytes::from(value),
            headers: vec![(SmolStr::new_static(MARK), Bytes::from_static(word.as_bytes()))],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn stored(out: Outgoing) -> Record {
        let Outgoing { key, value, headers, .. } = out;
        Record { offset: 1, at: Timestamp::default(), key, value, headers }
    }

    #[test]
    fn a_mark_reads_as_written_and_a_letter_is_none() {
        let begun = Begun { offset: 17, topic: "reply.ready.v1".into(), partition: 2, end: 881 };
        for mark in [Mark::Begin(vec![begun]), Mark::Done(vec![17, 18]), Mark::Unknown] {
            let out = mark.record(5).unwrap();
            assert_eq!((out.topic.as_str(), out.partition), (DEAD_LETTER, Some(5)));
            assert_eq!(Mark::read(&stored(out)), Some(mark));
        }
        let mut letter = stored(Mark::Unknown.record(0).unwrap());
        letter.headers = vec![("millrace-stage".into(), Bytes::from_static(b"answer"))];
        assert_eq!(Mark::read(&letter), None);
    }
}
