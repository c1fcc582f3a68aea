//! Records that were admitted and are not finished: a dead letter needs the original.

use std::collections::VecDeque;

use crate::log::Record;

/// Unfinished records of a partition by offset. Bounded by the tracker's span and the partition's bytes.
#[derive(Debug, Default)]
pub struct OpenRecords {
    records: VecDeque<(u64, Option<Record>)>,
    len: usize,
}

impl OpenRecords {
    /// Adds a record; offsets rise.
    pub fn push(&mut self, record: Record) {
        self.records.push_back((record.offset, Some(record)));
        self.len += 1;
    }

    /// The record at an offset, if it is unfinished.
    #[must_use]
    pub fn get(&self, offset: u64) -> Option<&Record> {
        self.records.get(self.place(offset)?)?.1.as_ref()
    }

    /// Takes a finished record out.
    pub fn take(&mut self, offset: u64) -> Option<Record> {
        let place = self.place(offset)?;
        let record = self.records[place].1.take();
        self.len -= usize::from(record.is_some());
        while self.records.front().is_some_and(|(_, record)| record.is_none()) {
            self.records.pop_front();
        }
        record
    }

    /// How many are unfinished.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn place(&self, offset: u64) -> Option<usize> {
        self.records.binary_search_by_key(&offset, |(offset, _)| *offset).ok()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn records_leave_in_any_order_and_once() {
        let mut open = OpenRecords::default();
        for offset in [3, 5, 9] {
            let at = Timestamp::default();
            open.push(Record { offset, at, key: Bytes::new(), value: Bytes::new(), headers: Vec::new() });
        }
        assert!(open.take(5).is_some() && open.take(5).is_none() && open.get(5).is_none());
        assert!(open.take(3).is_some());
        assert_eq!((open.records.len(), open.len()), (1, 1));
        assert!(open.get(9).is_some() && open.get(4).is_none());
    }
}
