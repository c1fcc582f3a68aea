//! Records copied out of the client, once, into one buffer a batch.
//!
//! Guarantee: nothing borrowed from librdkafka outlives a call here. A borrowed message pins the whole answer of a fetch
//! it came in; a copy costs less than that memory.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use rdkafka::message::{BorrowedMessage, Headers as _, Message};
use smol_str::SmolStr;

use crate::domain::time::Timestamp;
use crate::log::{Batch, Record, TopicPartition};

/// A batch being gathered.
#[derive(Debug, Default)]
pub(super) struct Arena {
    buffer: BytesMut,
    marks: Vec<Mark>,
}

/// Where a record lies in the buffer.
#[derive(Debug)]
struct Mark {
    offset: u64,
    at: Timestamp,
    key: Range<usize>,
    value: Range<usize>,
    headers: Vec<(SmolStr, Bytes)>,
}

/// The one header of every event of ours.
const CONTENT_TYPE: (&str, &str) = ("content-type", crate::domain::envelope::CONTENT_TYPE);

impl Arena {
    /// Room for a batch like the last one.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { buffer: BytesMut::with_capacity(bytes), marks: Vec::new() }
    }

    /// Copies a message.
    pub(super) fn push(&mut self, message: &BorrowedMessage<'_>) {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers.iter().map(|one| header(one.key, one.value.unwrap_or_default())).collect()
        });
        let mark = Mark {
            offset: u64::try_from(message.offset()).unwrap_or_default(),
            at: Timestamp::from_millis(message.timestamp().to_millis().unwrap_or_default()),
            key: self.copy(message.key().unwrap_or_default()),
            value: self.copy(message.payload().unwrap_or_default()),
            headers,
        };
        self.marks.push(mark);
    }

    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        start..self.buffer.len()
    }

    /// How many records it holds.
    pub(super) fn records(&self) -> usize {
        self.marks.len()
    }

    /// How many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The batch; its records are slices of one allocation.
    pub(super) fn finish(self, partition: TopicPartition) -> Batch {
        let buffer: Bytes = self.buffer.freeze();
        let records = self
            .marks
            .into_iter()
            .map(|mark| Record {
                offset: mark.offset,
                at: mark.at,
                key: buffer.slice(mark.key),
                value: buffer.slice(mark.value),
                headers: mark.headers,
            })
            .collect();
        Batch { partition, records }
    }
}

/// Nearly always the one that every event has: nothing is copied for that.
fn header(name: &str, value: &[u8]) -> (SmolStr, Bytes) {
    if (name, value) == (CONTENT_TYPE.0, CONTENT_TYPE.1.as_bytes()) {
        (SmolStr::new_static(CONTENT_TYPE.0), Bytes::from_static(CONTENT_TYPE.1.as_bytes()))
    } else {
        (name.into(), Bytes::copy_from_slice(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_kept_as_it_came() {
        for (name, value) in [CONTENT_TYPE, ("content-type", "text/plain"), ("millrace-reason", "expired")] {
            assert_eq!(
                header(name, value.as_bytes()),
                (SmolStr::new(name), Bytes::copy_from_slice(value.as_bytes()))
            );
        }
    }
}
