//! Which offsets of a partition are finished.
//!
//! Guarantee: [`Tracker::watermark`] is the smallest offset that is not finished, so committing it never passes
//! unfinished work; what was finished above it is a bitmap of at most [`SPAN`] bits. Pure; a property test compares it
//! with a set.

use std::collections::VecDeque;

/// The most offsets between the watermark and the newest admitted one. A power of two; 16,384 bits encode to less than
/// the 4,096 bytes that a commit's metadata may have.
pub const SPAN: u64 = 16_384;

/// The offsets of one partition in one assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracker {
    /// The next offset to commit: everything below it is finished.
    wm: u64,
    /// The next offset that may be admitted: everything below it was seen or never existed.
    pos: u64,
    /// Bit i tells whether `wm + i` is finished; the first word holds bits 0 to 63.
    words: VecDeque<u64>,
    /// How many bits of the first word lie below the watermark.
    skew: u32,
}

impl Tracker {
    /// A partition that is read from `from` on, of which `done` (bits from `from`) was finished by an earlier owner.
    #[must_use]
    pub fn new(from: u64, done: &[bool]) -> Self {
        let mut tracker = Self { wm: from, pos: from, words: VecDeque::new(), skew: 0 };
        for (i, _) in done.iter().enumerate().filter(|(_, done)| **done) {
            tracker.set(from + i as u64);
        }
        tracker.advance();
        tracker
    }

    /// The next offset to commit.
    #[must_use]
    pub const fn watermark(&self) -> u64 {
        self.wm
    }

    /// The next offset expected.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.pos
    }

    /// True when `offset` fits below the bound.
    #[must_use]
    pub const fn has_room(&self, offset: u64) -> bool {
        offset < self.wm + SPAN
    }

    /// Takes note of a record. False when it is finished already (by an earlier owner): skip it. Offsets between the
    /// last one and this never existed (compaction, markers) and count as finished.
    pub fn admit(&mut self, offset: u64) -> bool {
        for gone in self.pos.max(self.wm)..offset {
            self.set(gone);
        }
        self.pos = self.pos.max(offset + 1);
        let open = !self.is_done(offset);
        self.advance();
        open
    }

    /// The record's effect is durable. Repeating it changes nothing.
    pub fn complete(&mut self, offset: u64) {
        if offset >= self.wm {
            self.set(offset);
            self.advance();
        }
    }

    /// True when `offset` is finished.
    #[must_use]
    pub fn is_done(&self, offset: u64) -> bool {
        if offset < self.wm {
            return true;
        }
        let (word, bit) = self.place(offset);
        self.words.get(word).is_some_and(|bits| bits >> bit & 1 == 1)
    }

    /// What is finished above the watermark: bit i stands for `watermark + i`. Empty when nothing is.
    #[must_use]
    pub fn done_above(&self) -> Vec<bool> {
        let Some(last) = self.words.iter().rposition(|word| *word != 0) else { return Vec::new() };
        let top = last as u64 * 64 + 63 - u64::from(self.words[last].leading_zeros());
        let count = (top + 1).saturating_sub(u64::from(self.skew));
        (0..count).map(|i| self.is_done(self.wm + i)).collect()
    }

    fn place(&self, offset: u64) -> (usize, u32) {
        let bit = offset - self.wm + u64::from(self.skew);
        (usize::try_from(bit / 64).unwrap_or(usize::MAX), u32::try_from(bit % 64).unwrap_or(0))
    }

    fn set(&mut self, offset: u64) {
        let (word, bit) = self.place(offset);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << bit;
    }

    /// Moves the watermark over what is finished, 64 offsets at a step.
    fn advance(&mut self) {
        while let Some(first) = self.words.front() {
            let run = (first >> self.skew).trailing_ones();
            self.wm += u64::from(run);
            self.skew += run;
            if self.skew < 64 {
                break;
            }
            self.words.pop_front();
            self.skew = 0;
        }
        if self.words.is_empty() {
            self.skew = 0;
        }
        self.pos = self.pos.max(self.wm);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_watermark_waits_for_the_first_unfinished() {
        let mut tracker = Tracker::new(10, &[]);
        assert!((10..200).all(|offset| tracker.admit(offset)));
        (11..200).for_each(|offset| tracker.complete(offset));
        assert_eq!(tracker.watermark(), 10);
        assert_eq!(tracker.done_above().len(), 190);
        tracker.complete(10);
        assert_eq!((tracker.watermark(), tracker.done_above()), (200, Vec::new()));
    }

    #[test]
    fn what_an_earlier_owner_finished_is_skipped() {
        let mut tracker = Tracker::new(5, &[true, false, true]);
        assert_eq!(tracker.watermark(), 6);
        assert!(!tracker.admit(5));
        assert!(tracker.admit(6));
        assert!(!tracker.admit(7));
        tracker.complete(6);
        assert_eq!(tracker.watermark(), 8);
    }

    #[test]
    fn offsets_that_never_existed_do_not_hold_the_watermark() {
        let mut tracker = Tracker::new(0, &[]);
        assert!(tracker.admit(7));
        assert_eq!(tracker.watermark(), 7);
        tracker.complete(7);
        assert_eq!(tracker.watermark(), 8);
    }

    #[test]
    fn the_span_is_bounded() {
        let mut tracker = Tracker::new(3, &[]);
        assert!(tracker.admit(3));
        assert!(tracker.has_room(3 + SPAN - 1));
        assert!(!tracker.has_room(3 + SPAN));
    }

    proptest! {
        #[test]
        fn a_tracker_is_a_set(
            from in 0u64..200,
            steps in prop::collection::vec((0u64..4, any::<prop::sample::Index>()), 0..300),
        ) {
            let mut tracker = Tracker::new(from, &[]);
            let (mut open, mut next) = (BTreeSet::new(), from);
            for (gap, pick) in steps {
                if gap < 3 {
                    next += gap;
                    prop_assert!(tracker.admit(next));
                    open.insert(next);
                    next += 1;
                } else if !open.is_empty() {
                    let offset = *pick.get(&open.iter().copied().collect::<Vec<_>>());
                    tracker.complete(offset);
                    open.remove(&offset);
                }
                let smallest = open.first().copied().unwrap_or(next);
                prop_assert_eq!(tracker.watermark(), smallest);
                for offset in from..next {
                    prop_assert_eq!(tracker.is_done(offset), !open.contains(&offset));
                }
                // What a new owner recovers is what was finished.
                let again = Tracker::new(tracker.watermark(), &tracker.done_above());
                for offset in from..next {
                    prop_assert_eq!(again.is_done(offset), tracker.is_done(offset));
                }
            }
        }
    }
}
