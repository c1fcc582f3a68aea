//! One dead letter with everything that is known of it.

use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

use super::ledger::{Facts, Line};
use super::letter::Letter;
use super::mark::Mark;
use super::marks::Marks;
use super::place::Place;
use super::source::{Source, Start};
use crate::domain::topics::DEAD_LETTER;
use crate::log::{LogError, Record};

/// A dead letter, its record, and what the ledger says of it.
#[derive(Debug)]
pub struct Shown {
    /// The letter.
    pub letter: Letter,
    /// Its record, untouched.
    pub record: Record,
    facts: Facts,
}

/// Why there is nothing to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Missing {
    /// A redrive's own record stands there.
    #[error("{0} is a mark that a redrive left, no dead letter: `millrace dlq list` shows those")]
    Mark(Place),
    /// Nothing does.
    #[error("there is no dead letter at {0}: `millrace dlq list` shows where they are")]
    Nothing(Place),
}

/// Finds the letter at a place.
///
/// # Errors
/// When the log can't be read; within, when no letter stands there.
pub async fn find(source: &Source, place: Place) -> Result<Result<Shown, Missing>, LogError> {
    let (mut found, mut marks) = (None, Marks::default());
    source
        .scan(DEAD_LETTER, Start::At(place.partition, place.offset), &mut |partition, record| {
            marks.take(partition, &record);
            if record.offset == place.offset {
                found = Some(record);
            }
            true
        })
        .await?;
    let record = match found {
        Some(record) if Mark::read(&record).is_some() => return Ok(Err(Missing::Mark(place))),
        Some(record) => record,
        None => return Ok(Err(Missing::Nothing(place))),
    };
    let mut letter = Letter::read(place.partition, &record);
    letter.redriven = marks.is_done(place);
    let facts = Facts::about(source, std::slice::from_ref(&letter)).await?;
    Ok(Ok(Shown { letter, record, facts }))
}

impl Shown {
    /// What the ledger says of the letter's reply, or of its turn's.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        self.facts.lines(&self.letter)
    }

    /// All of it as one JSON object.
    #[must_use]
    pub fn json(&self) -> impl Serialize {
        let headers = self.record.headers.iter();
        Json {
            letter: &self.letter,
            headers: headers.map(|(name, value)| (name.as_str(), Content::of(value, false))).collect(),
            key: Content::of(&self.record.key, false),
            value: Content::of(&self.record.value, true),
            ledger: self.lines(),
        }
    }
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    letter: &'a Letter,
    headers: Vec<(&'a str, Content)>,
    key: Content,
    value: Content,
    ledger: &'a [Line],
}

/// Bytes, as what they are.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    /// JSON, as it was written.
    Json(Box<RawValue>),
    /// Other text.
    Text(String),
    /// Anything else, in hexadecimal digits.
    Hex(String),
}

impl Content {
    fn of(bytes: &[u8], may_be_json: bool) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => match serde_json::from_str(text) {
                Ok(json) if may_be_json => Self::Json(json),
                _ => Self::Text(text.to_owned()),
            },
            Err(_) => Self::Hex(data_encoding::HEXLOWER.encode(bytes)),
        }
    }
}
