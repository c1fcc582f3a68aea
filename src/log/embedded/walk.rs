//! Walks a segment file frame by frame.
//!
//! Guarantee: a step is a whole frame with a good checksum and the sequence that has to come next, or it says where and why
//! there is none.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::SeekFrom;

use super::body;
use super::frame::{self, ALIGN, Fault, HEADER, Head, Kind};

/// What one read brings: large enough that calls into the kernel don't count.
const CHUNK: usize = 1 << 20;

/// A walk through a file.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    file: &'a File,
    salt: u32,
    len: u64,
    /// Where the next frame begins.
    at: u64,
    /// The next frame's sequence; `None` = any.
    expect: Option<u64>,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    base: u64,
}

/// One step.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// A frame and where it begins.
    Frame { at: u64, head: Head, frame: &'a [u8] },
    /// The file ends with the last frame.
    End,
    /// There is no frame that fits.
    Bad(Fault),
}

impl<'a> Walk<'a> {
    /// A walk that begins at `at` with the frame of sequence `expect`.
    pub(super) fn new(file: &'a File, salt: u32, at: u64, expect: Option<u64>) -> io::Result<Self> {
        Ok(Self { file, salt, len: file.metadata()?.len(), at, expect, buffer: Vec::new(), base: at })
    }

    /// The next frame's sequence.
    pub(super) fn expect(&self) -> Option<u64> {
        self.expect
    }

    /// The next step. After a bad one the walk stands still.
    pub(super) fn step(&mut self) -> io::Result<Step<'_>> {
        let at = self.at;
        if at == self.len {
            return Ok(Step::End);
        }
        let bad = |fault: Fault| Ok(Step::Bad(fault));
        self.fill(HEADER)?;
        let len = match frame::peek(self.window(), self.salt) {
            Ok((head, _)) => head.len(),
            Err(fault) => return bad(fault),
        };
        self.fill(len)?;
        let head = match frame::read(self.window(), self.salt) {
            Ok(head) => head,
            Err(fault) => return bad(fault),
        };
        if self.expect.is_some_and(|expect| expect != head.sequence) {
            return bad(Fault::Gap);
        }
        self.at += len as u64;
        let begin = usize::try_from(at - self.base).unwrap_or(usize::MAX);
        let frame = &self.buffer[begin..begin + len];
        self.expect = match head.kind {
            Kind::Bridge => body::decode_bridge(frame),
            _ => Some(head.sequence + 1),
        };
        Ok(Step::Frame { at, head, frame })
    }

    fn window(&self) -> &[u8] {
        let begin = usize::try_from(self.at - self.base).unwrap_or(usize::MAX);
        self.buffer.get(begin..).unwrap_or_default()
    }

    /// Brings `need` bytes from where the walk stands into the buffer, or fewer at the end of the file.
    fn fill(&mut self, need: usize) -> io::Result<()> {
        if self.window().len() >= need {
            return Ok(());
        }
        let begin = usize::try_from(self.at - self.base).unwrap_or(usize::MAX).min(self.buffer.len());
        self.buffer.drain(..begin);
        self.base = self.at;
        let left = usize::try_from(self.len - self.at).unwrap_or(usize::MAX);
        let have = self.buffer.len();
        let want = need.max(CHUNK).min(left);
        if want > have {
            self.buffer.resize(want, 0);
            self.file.read_exact_at(&mut self.buffer[have..], self.base + have as u64)?;
        }
        Ok(())
    }
}

/// What lies in a file after its last good frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Beyond {
    /// Bytes from the last good frame up to the last one that is not zero.
    pub(super) bytes: u64,
    /// Whole frames among them.
    pub(super) frames: u64,
    /// Where a whole frame begins that says that the frame of the sequence asked for was on the disk when it was written: so
    /// what is missing was not the unsynced end.
    pub(super) proof: Option<u64>,
}

/// Looks at what follows `from`, where the frame of sequence `lost` should be.
pub(super) fn beyond(file: &File, salt: u32, from: u64, lost: u64) -> io::Result<Beyond> {
    let len = file.metadata()?.len();
    let mut found = Beyond::default();
    let mut at = from;
    let mut chunk = Vec::new();
    while let Some(data) = next_data(file, at, len)? {
        // From a frame's border on, so that no frame that begins here is missed.
        at = data - data % ALIGN as u64;
        let size = CHUNK.min(usize::try_from(len - at).unwrap_or(usize::MAX));
        chunk.resize(size, 0);
        file.read_exact_at(&mut chunk, at)?;
        // Behind the last byte that is not zero begins nothing.
        let filled = filled(&chunk);
        if filled > 0 {
            found.bytes = (at + filled as u64).saturating_sub(from);
        }
        for begin in (0..filled).step_by(ALIGN) {
            let Ok((head, _)) = frame::peek(&chunk[begin..], salt) else { continue };
            let position = at + begin as u64;
            if position + head.len() as u64 > len || head.sequence <= lost {
                continue;
            }
            let mut whole = vec![0; head.len()];
            file.read_exact_at(&mut whole, position)?;
            if frame::read(&whole, salt).is_ok() {
                found.frames += 1;
                if head.synced >= lost {
                    found.proof = Some(position);
                    return Ok(found);
                }
            }
        }
        if at + size as u64 >= len {
            break;
        }
        // Headers that lie across the border are looked at again.
        at += (size - HEADER.next_multiple_of(ALIGN)) as u64;
    }
    Ok(found)
}

/// How many bytes there are up to the last one that is not zero. Most pages are all zero, and compared as a whole.
fn filled(chunk: &[u8]) -> usize {
    const PAGE: usize = 4096;
    static ZEROS: [u8; PAGE] = [0; PAGE];
    let Some((at, page)) =
        chunk.chunks(PAGE).enumerate().filter(|(_, page)| **page != ZEROS[..page.len()]).last()
    else {
        return 0;
    };
    at * PAGE + page.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Where the next bytes are that were ever written: a preallocated file is mostly not.
fn next_data(file: &File, at: u64, len: u64) -> io::Result<Option<u64>> {
    if at >= len {
        return Ok(None);
    }
    match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(data) => Ok(Some(data.max(at))),
        Err(rustix::io::Errno::NXIO) => Ok(None),
        // A file system that doesn't know holes: everything is data.
        Err(_) => Ok(Some(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_ends_with_the_last_byte_that_is_not_zero() {
        let mut chunk = vec![0; 10_000];
        assert_eq!(filled(&chunk), 0);
        for at in [0, 4_095, 4_096, 9_999] {
            chunk[at] = 1;
            assert_eq!(filled(&chunk), at + 1);
        }
        assert_eq!((filled(&[]), filled(&[0]), filled(&[0, 3])), (0, 0, 2));
    }
}
