//! A frame: the unit that is on the disk wholly or not at all.
//!
//! Guarantee: [`read`] gives back only what [`seal`] made for this very sequence of segments; every other byte string,
//! cut, zeroed or changed anywhere, is a [`Fault`].
//!
//! ```text
//!  0 u32 checksum of all that follows, padding included
//!  4 u32 length of the body
//!  8 u64 sequence: rises by one from frame to frame
//! 16 u64 the highest sequence that was known to be on the disk when this frame was written
//! 24 i64 when it was written, in milliseconds
//! 32 u32 salt: of this log and this sequence of segments
//! 36 u32 kind
//! 40     body, padded to 8 bytes
//! ```
//! All numbers are little-endian.

/// The bytes before a body.
pub(super) const HEADER: usize = 40;
/// Frames begin at multiples of this, so that a search for them after a bad one is cheap.
pub(super) const ALIGN: usize = 8;

/// What a frame's body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first frame of a segment: where its partitions begin and end, what is committed.
    Segment = 1,
    /// The records of one append.
    Records = 2,
    /// Offsets that a group commits.
    Commit = 3,
    /// Stands for the frames that a compaction left out: the body is the next sequence.
    Bridge = 4,
    /// Nothing; its header says that what came before it is on the disk.
    Mark = 5,
}

/// What is known of a frame besides its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) sequence: u64,
    pub(super) synced: u64,
    pub(super) at: i64,
    pub(super) kind: Kind,
    /// The body's length.
    pub(super) body: usize,
}

impl Head {
    /// The frame's length on the disk.
    pub(super) fn len(&self) -> usize {
        padded(HEADER + self.body)
    }
}

/// Why there is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The file ends before the frame does.
    Short,
    /// The header is all zeros: nothing was written here.
    Empty,
    /// The checksum differs, or the frame belongs to another log.
    Bad,
    /// A good frame, but not the one that comes next.
    Gap,
}

impl Fault {
    /// For an error's text.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Short => "the file ends inside a frame",
            Self::Empty => "zeros where a frame should be",
            Self::Bad => "the checksum of a frame does not match",
            Self::Gap => "frames are missing before this one",
        }
    }
}

/// An empty frame with room for a body of `body` bytes.
pub(super) fn with_room(body: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(padded(HEADER + body));
    frame.extend_from_slice(&[0; HEADER]);
    frame
}

/// Pads the body that was pushed onto [`with_room`]. To be called before [`seal`].
pub(super) fn pad(frame: &mut Vec<u8>) -> usize {
    let body = frame.len() - HEADER;
    frame.resize(padded(frame.len()), 0);
    body
}

/// Writes the header of a padded frame.
pub(super) fn seal(frame: &mut [u8], salt: u32, head: &Head) {
    debug_assert_eq!(frame.len(), head.len());
    frame[4..8].copy_from_slice(&u32::try_from(head.body).unwrap_or(u32::MAX).to_le_bytes());
    frame[8..16].copy_from_slice(&head.sequence.to_le_bytes());
    frame[16..24].copy_from_slice(&head.synced.to_le_bytes());
    frame[24..32].copy_from_slice(&head.at.to_le_bytes());
    frame[32..36].copy_from_slice(&salt.to_le_bytes());
    frame[36..40].copy_from_slice(&(head.kind as u32).to_le_bytes());
    let sum = crc32fast::hash(&frame[4..]);
    frame[..4].copy_from_slice(&sum.to_le_bytes());
}

/// The frame at the beginning of `bytes`.
pub(super) fn read(bytes: &[u8], salt: u32) -> Result<Head, Fault> {
    let (head, sum) = peek(bytes, salt)?;
    let frame = bytes.get(4..head.len()).ok_or(Fault::Short)?;
    if crc32fast::hash(frame) == sum { Ok(head) } else { Err(Fault::Bad) }
}

/// The same without the check of the sum, for a caller that has only a part of the frame: a length to believe only after
/// [`read`].
pub(super) fn peek(bytes: &[u8], salt: u32) -> Result<(Head, u32), Fault> {
    // A rest that is shorter than a header stays zero in every segment.
    if bytes.iter().take(HEADER).all(|byte| *byte == 0) {
        return Err(Fault::Empty);
    }
    let header: &[u8; HEADER] = bytes.first_chunk().ok_or(Fault::Short)?;
    let kind = match u32_at(header, 36) {
        1 => Kind::Segment,
        2 => Kind::Records,
        3 => Kind::Commit,
        4 => Kind::Bridge,
        5 => Kind::Mark,
        _ => return Err(Fault::Bad),
    };
    if u32_at(header, 32) != salt {
        return Err(Fault::Bad);
    }
    let head = Head {
        sequence: u64_at(header, 8),
        synced: u64_at(header, 16),
        at: u64_at(header, 24).cast_signed(),
        kind,
        body: u32_at(header, 4) as usize,
    };
    Ok((head, u32_at(header, 0)))
}

/// When the frame at the beginning of `bytes`, which was read before, was written.
pub(super) fn written_at(bytes: &[u8]) -> i64 {
    u64_at(bytes, 24).cast_signed()
}

fn padded(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_le_bytes(*four))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(body: &[u8]) -> Vec<u8> {
        let mut frame = with_room(body.len());
        frame.extend_from_slice(body);
        let body = pad(&mut frame);
        seal(&mut frame, 7, &Head { sequence: 3, synced: 2, at: -1, kind: Kind::Records, body });
        frame
    }

    #[test]
    fn a_frame_reads_back() {
        let frame = frame(b"hello");
        let head = read(&frame, 7).unwrap();
        assert_eq!(head, Head { sequence: 3, synced: 2, at: -1, kind: Kind::Records, body: 5 });
        assert_eq!(head.len(), frame.len());
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_seen() {
        let frame = frame(b"hello");
        for end in 0..frame.len() {
            assert!(read(&frame[..end], 7).is_err(), "cut at {end}");
        }
        for bit in 0..frame.len() * 8 {
            let mut changed = frame.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&changed, 7).is_err(), "bit {bit}");
        }
        assert_eq!(read(&frame, 8), Err(Fault::Bad));
        assert_eq!(read(&[0; 64], 7), Err(Fault::Empty));
    }
}
