//! Records that were admitted and are not finished: a dead letter needs the original.

use std::collections::VecDeque;

use crate::log::Record;

/// Unfinished records of a partition by offset. Bounded by the tracker's span and the partition's bytes.
#[derive(Debug, Default)]
pub struct OpenRecords(VecDeque<(u64, Option<Record>)>);

impl OpenRecords {
    /// Adds a record; offsets rise.
    pub fn push(&mut self, record: Record) {
        self.0.push_back((record.offset, Some(record)));
    }

    /// The record at an offset, if it is unfinished.
    #[must_use]
    pub fn get(&self, offset: u64) -> Option<&Record> {
        self.0.get(self.place(offset)?)?.1.as_ref()
    }

    /// Takes a finished record out.
    pub fn take(&mut self, offset: u64) -> Option<Record> {
        let place = self.place(offset)?;
        let record = self.0[place].1.take();
        while self.0.front().is_some_and(|(_, record)| record.is_none()) {
            self.0.pop_front();
        }
        record
    }

    fn place(&self, offset: u64) -> Option<usize> {
        self.0.binary_search_by_key(&offset, |(offset, _)| *offset).ok()
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
        assert_eq!(open.0.len(), 1);
        assert!(open.get(9).is_some() && open.get(4).is_none());
    }
}
