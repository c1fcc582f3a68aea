//! What a commit says beside the offset: base64 of {version, epoch, low position, how the owner fares, bitmap of what is
//! finished above it}.
//!
//! Guarantee: never longer than 4,096 bytes for a span of [`SPAN`](super::tracker::SPAN) offsets, so nothing is ever left
//! out; metadata of another version is a refusal that names it, never a guess.

use data_encoding::BASE64_NOPAD;
use thiserror::Error;

/// The version written by this program. The one before it, without an end of care, is still read.
const VERSION: u8 = 3;
/// The first one, without how the owner fares: still read.
const SILENT: u8 = 1;
/// The owner finished what it had begun and went.
const RELEASED: u8 = 1;
/// A suspect follows.
const SUSPECT: u8 = 2;
/// The offset follows at which care ends.
const CAREFUL: u8 = 4;
/// The owner had records at work.
const BEGUN: u8 = 8;
/// The bitmap follows as alternating run lengths, unfinished first.
const RUNS: u8 = 0;
/// The bitmap follows as it is.
const RAW: u8 = 1;

/// Decoded commit metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The partition's epoch; the next owner takes one more.
    pub epoch: u64,
    /// The lowest ledger position that a restore needs; 0 where a stage has no ledger.
    pub low: u64,
    /// How the owner fares.
    pub fate: Fate,
    /// Bit i: the committed offset plus i is finished.
    pub done: Vec<bool>,
}

/// What the next owner should know of the last one's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fate {
    /// It finished what it had begun and gave the partition back.
    pub released: bool,
    /// So many owners in a row were gone without that, with records at work of which none could be finished.
    pub crashes: u32,
    /// It has records at work. Said before they are, once an owner is known to be gone.
    pub begun: bool,
    /// Up to this offset records go one by one, whoever owns the partition.
    pub until: Option<u64>,
    /// The record that was at work alone, and how often it was when its owner was gone.
    pub suspect: Option<(u64, u32)>,
}

/// Why metadata can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// Another program or a newer version wrote it.
    #[error(
        "commit metadata has version {0}, this program reads {VERSION}: run the version that wrote it, or reset the group's offsets"
    )]
    Version(u8),
    /// Not ours.
    #[error(
        "commit metadata is not readable: another program commits to this group; give it another name with kafka.prefix"
    )]
    Garbled,
}

impl Metadata {
    /// The text for a commit.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = vec![VERSION];
        push_varint(&mut out, self.epoch);
        push_varint(&mut out, self.low);
        let Fate { released, crashes, begun, until, suspect } = self.fate;
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(released, RELEASED) | flag(suspect.is_some(), SUSPECT) | flag(begun, BEGUN);
        out.push(flags | flag(until.is_some(), CAREFUL));
        push_varint(&mut out, u64::from(crashes));
        if let Some((offset, times)) = suspect {
            push_varint(&mut out, offset);
            push_varint(&mut out, u64::from(times));
        }
        if let Some(offset) = until {
            push_varint(&mut out, offset);
        }
        let runs = self.runs();
        if runs.len() <= self.done.len().div_ceil(8) {
            out.push(RUNS);
            out.extend(runs);
        } else {
            out.push(RAW);
            push_varint(&mut out, self.done.len() as u64);
            out.extend(self.done.chunks(8).map(|bits| {
                bits.iter().enumerate().fold(0u8, |byte, (i, done)| byte | u8::from(*done) << i)
            }));
        }
        BASE64_NOPAD.encode(&out)
    }

    /// Reads what [`Metadata::encode`] wrote; an empty text is a commit without metadata.
    ///
    /// # Errors
    /// When it is of another version or not ours.
    pub fn decode(text: &str) -> Result<Self, MetadataError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let bytes = BASE64_NOPAD.decode(text.as_bytes()).map_err(|_| MetadataError::Garbled)?;
        let (version, rest) = bytes.split_first().ok_or(MetadataError::Garbled)?;
        if !(SILENT..=VERSION).contains(version) {
            return Err(MetadataError::Version(*version));
        }
        Self::decode_body(*version, rest).ok_or(MetadataError::Garbled)
    }

    fn decode_body(version: u8, mut rest: &[u8]) -> Option<Self> {
        use super::tracker::SPAN;
        let epoch = take_varint(&mut rest)?;
        let low = take_varint(&mut rest)?;
        let fate = if version == SILENT { Fate::default() } else { Fate::take(&mut rest)? };
        let (kind, mut rest) = rest.split_first()?;
        let mut done = Vec::new();
        match *kind {
            RUNS => {
                let mut bit = false;
                while !rest.is_empty() {
                    let run = take_varint(&mut rest)?;
                    if run > SPAN - done.len() as u64 {
                        return None;
                    }
                    done.resize(done.len() + usize::try_from(run).ok()?, bit);
                    bit = !bit;
                }
            }
            RAW => {
                let count = usize::try_from(take_varint(&mut rest)?).ok()?;
                if count as u64 > SPAN || rest.len() != count.div_ceil(8) {
                    return None;
                }
                done.extend((0..count).map(|i| rest[i / 8] >> (i % 8) & 1 == 1));
            }
            _ => return None,
        }
        Some(Self { epoch, low, fate, done })
    }

    fn runs(&self) -> Vec<u8> {
        let (mut out, mut bit, mut run) = (Vec::new(), false, 0u64);
        for done in &self.done {
            if *done == bit {
                run += 1;
            } else {
                push_varint(&mut out, run);
                (bit, run) = (*done, 1);
            }
        }
        if run > 0 {
            push_varint(&mut out, run);
        }
        out
    }
}

impl Fate {
    fn take(rest: &mut &[u8]) -> Option<Self> {
        let (flags, after) = rest.split_first()?;
        *rest = after;
        let crashes = u32::try_from(take_varint(rest)?).ok()?;
        let suspect = if flags & SUSPECT == 0 {
            None
        } else {
            Some((take_varint(rest)?, u32::try_from(take_varint(rest)?).ok()?))
        };
        let until = if flags & CAREFUL == 0 { None } else { Some(take_varint(rest)?) };
        let (released, begun) = (flags & RELEASED != 0, flags & BEGUN != 0);
        Some(Self { released, crashes, begun, until, suspect })
    }
}

/// LEB128.
fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::runtime::tracker::SPAN;

    #[test]
    fn nothing_to_say_is_short() {
        assert!(Metadata { epoch: 3, ..Metadata::default() }.encode().len() <= 10);
        assert_eq!(Metadata::decode("").unwrap(), Metadata::default());
    }

    #[test]
    fn what_the_version_before_wrote_is_read() {
        let text = BASE64_NOPAD.encode(&[SILENT, 7, 9, RUNS, 1, 2]);
        let read = Metadata::decode(&text).unwrap();
        assert_eq!((read.epoch, read.low, read.fate), (7, 9, Fate::default()));
        assert_eq!(read.done, [false, true, true]);
    }

    #[test]
    fn another_version_is_named() {
        let text = BASE64_NOPAD.encode(&[9, 0, 0, 0]);
        assert_eq!(Metadata::decode(&text), Err(MetadataError::Version(9)));
        assert_eq!(Metadata::decode("!!"), Err(MetadataError::Garbled));
    }

    #[test]
    fn what_version_two_wrote_is_read() {
        // Epoch, low, released with a suspect, crashes, its offset and times, an empty bitmap.
        let text = BASE64_NOPAD.encode(&[2, 7, 5, RELEASED | SUSPECT, 3, 9, 2, RUNS]);
        let fate = Fate { released: true, crashes: 3, suspect: Some((9, 2)), ..Fate::default() };
        assert_eq!(Metadata::decode(&text), Ok(Metadata { epoch: 7, low: 5, fate, done: Vec::new() }));
    }

    #[test]
    fn the_worst_bitmap_fits_a_commit() {
        let done = (0..SPAN).map(|i| i % 2 == 1).collect();
        let suspect = Some((u64::MAX, u32::MAX));
        let fate = Fate { released: false, crashes: u32::MAX, begun: true, until: Some(u64::MAX), suspect };
        let text = Metadata { epoch: u64::MAX, low: u64::MAX, fate, done }.encode();
        assert!(text.len() < 4096, "{}", text.len());
    }

    #[test]
    fn a_run_beyond_every_bound_is_garbled() {
        let mut bytes = vec![SILENT, 0, 0, RUNS, 1];
        push_varint(&mut bytes, u64::MAX);
        assert_eq!(Metadata::decode(&BASE64_NOPAD.encode(&bytes)), Err(MetadataError::Garbled));
    }

    proptest! {
        #[test]
        fn metadata_survives(
            epoch: u64,
            low: u64,
            (released, crashes, begun) in any::<(bool, u32, bool)>(),
            (until, suspect) in any::<(Option<u64>, Option<(u64, u32)>)>(),
            runs in prop::collection::vec(0usize..600, 0..24),
        ) {
            let mut done = Vec::new();
            for (i, run) in runs.iter().enumerate() {
                done.resize(done.len() + run, i % 2 == 1);
            }
            let metadata = Metadata { epoch, low, fate: Fate { released, crashes, begun, until, suspect }, done };
            let text = metadata.encode();
            prop_assert!(text.len() < 4096);
            prop_assert_eq!(Metadata::decode(&text).unwrap(), metadata);
        }

        #[test]
        fn no_text_panics(text in "[A-Za-z0-9+/]{0,60}") {
            if let Ok(metadata) = Metadata::decode(&text) {
                prop_assert!(metadata.done.len() as u64 <= SPAN);
            }
        }
    }
}
