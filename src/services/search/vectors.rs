//! The vectors of one bot's passages: a file that is mapped, never copied, and scanned whole.
//!
//! A row is a vector in bytes and the number that its largest entry stands for. Every question looks at every row: a bot
//! has at most some hundred thousand, and then nothing is missed, a deletion costs nothing, and there is no index to
//! build. From [`SKETCHED`] rows on a sketch of signs picks the rows that are looked at.
//! Guarantees: a file holds vectors of one model and version; a row carries the hash of the text that it stands for, so a
//! text that did not change is never embedded again; a machine that can't map a file is never taken for a file without rows.

use std::io::{self, Write};
use std::path::Path;

use tantivy::directory::error::{OpenDirectoryError, OpenReadError};
use tantivy::directory::{Directory, MmapDirectory, OwnedBytes};

use super::snapshot::is_systems;
use crate::services::embed::ModelVersion;

/// From this many rows on, signs are compared before bytes.
pub(super) const SKETCHED: usize = 20_000;

/// Of so many times the wanted rows the bytes are compared.
const RESCORED: usize = 4;

const MAGIC: &[u8; 8] = b"MRVECS01";
const HEADER: usize = 8 + 16 + 4 + 4;
const HASH: usize = 16;

/// The hash of a passage's text.
pub(super) type TextHash = [u8; HASH];

/// What stands for a text.
pub(super) fn hash(text: &str) -> TextHash {
    #[cfg(test)]
    work::count(|(hashed, opened)| (hashed + 1, opened));
    let mut out = [0; HASH];
    out.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..HASH]);
    out
}

/// A vector in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// What 1 stands for.
    scale: f32,
    values: Vec<i8>,
    signs: Vec<u64>,
}

impl Row {
    /// Of a vector of length one.
    pub(super) fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs())).max(f32::MIN_POSITIVE);
        let scale = largest / 127.0;
        let values = vector.iter().map(|x| (x / scale).round().clamp(-127.0, 127.0) as i8).collect();
        let sign =
            |chunk: &[f32]| chunk.iter().enumerate().fold(0, |bits, (n, x)| bits | u64::from(*x > 0.0) << n);
        Self { scale, values, signs: vector.chunks(64).map(sign).collect() }
    }
}

/// A mapped file.
pub(super) struct Vectors {
    /// All of it.
    file: OwnedBytes,
    count: usize,
    dimension: usize,
    hashes: OwnedBytes,
    scales: OwnedBytes,
    signs: OwnedBytes,
    values: OwnedBytes,
}

impl std::fmt::Debug for Vectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vectors").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Vectors {
    /// Maps a file; `None` when there is none, or it is of another model or version, or damaged.
    ///
    /// # Errors
    /// When the system refused to open or map it: its rows are there, and can't be had at the moment.
    pub(super) fn open(folder: &Path, name: &str, model: &ModelVersion) -> io::Result<Option<Self>> {
        #[cfg(test)]
        work::count(|(hashed, opened)| (hashed, opened + 1));
        Ok(map(folder, name)?.and_then(|bytes| Self::read(bytes, model)))
    }

    fn read(bytes: OwnedBytes, model: &ModelVersion) -> Option<Self> {
        let number = |at: usize| {
            let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(four)).ok()
        };
        let same = bytes.get(..8)? == MAGIC && bytes.get(8..24)? == model.hash;
        let (dimension, count) = (number(24)?, number(28)?);
        let sizes = sizes(count, dimension);
        if !same || dimension != model.dimension || bytes.len() != HEADER + sizes.iter().sum::<usize>() {
            return None;
        }
        let file = bytes.clone();
        let mut at = HEADER;
        let mut cut = |size: usize| {
            at += size;
            bytes.slice(at - size..at)
        };
        let [hashes, scales, signs, values] = sizes.map(&mut cut);
        Some(Self { file, count, dimension, hashes, scales, signs, values })
    }

    /// Writes a file of these rows, then maps it.
    pub(super) fn write(
        folder: &Path,
        name: &str,
        model: &ModelVersion,
        rows: &[(TextHash, Source<'_>)],
    ) -> io::Result<Option<Self>> {
        draft(folder, model, rows)?.persist(folder.join(name))?;
        Self::open(folder, name, model)
    }

    /// Maps a file of these rows that has no name any more: it goes with the value.
    pub(super) fn write_unnamed(
        folder: &Path,
        model: &ModelVersion,
        rows: &[(TextHash, Source<'_>)],
    ) -> io::Result<Self> {
        let file = draft(folder, model, rows)?;
        let name = file.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Self::open(folder, name, model)?.ok_or_else(|| io::Error::other("it is gone"))
    }

    /// The file as it stands on the disk.
    pub(super) fn file(&self) -> &[u8] {
        self.file.as_slice()
    }

    /// How many rows.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// Bytes on the disk.
    pub(super) fn bytes(&self) -> u64 {
        (HEADER + sizes(self.count, self.dimension).iter().sum::<usize>()) as u64
    }

    /// The text that a row stands for.
    pub(super) fn hash(&self, row: usize) -> Option<TextHash> {
        self.hashes.get(row * HASH..(row + 1) * HASH)?.try_into().ok()
    }

    /// A copy of a row.
    pub(super) fn row(&self, row: usize) -> Option<Row> {
        let values = self.values.get(row * self.dimension..(row + 1) * self.dimension)?;
        Some(Row {
            scale: self.scale(row),
            values: values.iter().map(|byte| byte.cast_signed()).collect(),
            signs: self.sign_words(row).collect(),
        })
    }

    /// The cosine of a question and a row.
    pub(super) fn cosine(&self, question: &Row, row: usize) -> f32 {
        let Some(values) = self.values.get(row * self.dimension..(row + 1) * self.dimension) else {
            return 0.0;
        };
        dot(&question.values, values) as f32 * question.scale * self.scale(row)
    }

    /// The nearest `depth` rows, nearest first; equal ones by their place.
    pub(super) fn nearest(&self, question: &Row, depth: usize) -> Vec<(usize, f32)> {
        let mut scores: Vec<(usize, f32)> = if self.count < SKETCHED {
            self.scan(question).into_iter().enumerate().collect()
        } else {
            let rows = self.sketched(question, depth * RESCORED);
            rows.into_iter().map(|row| (row, self.cosine(question, row))).collect()
        };
        best(&mut scores, depth);
        scores
    }

    /// The same among the rows that `only` allows: all of them are compared, since few may be left.
    pub(super) fn nearest_of(&self, question: &Row, depth: usize, only: &[bool]) -> Vec<(usize, f32)> {
        let all = self.scan(question).into_iter().enumerate();
        let mut scores = all.filter(|(row, _)| only.get(*row).copied().unwrap_or(false)).collect();
        best(&mut scores, depth);
        scores
    }

    /// The cosine of every row.
    pub(super) fn scan(&self, question: &Row) -> Vec<f32> {
        pulp::Arch::new().dispatch(Scan { vectors: self, question })
    }

    /// The rows with most signs in common.
    fn sketched(&self, question: &Row, most: usize) -> Vec<usize> {
        let distances = pulp::Arch::new().dispatch(Sketch { vectors: self, question });
        let mut counts = vec![0_usize; self.dimension + 1];
        distances.iter().for_each(|distance| counts[usize::from(*distance)] += 1);
        let (mut limit, mut sum) = (0, 0);
        while limit < self.dimension && sum + counts[limit] <= most {
            sum += counts[limit];
            limit += 1;
        }
        let near = distances.iter().enumerate().filter(|(_, distance)| usize::from(**distance) <= limit);
        near.map(|(row, _)| row).take(most * 2).collect()
    }

    fn scale(&self, row: usize) -> f32 {
        let four = self.scales.get(row * 4..row * 4 + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        four.map_or(0.0, f32::from_le_bytes)
    }

    fn sign_words(&self, row: usize) -> impl Iterator<Item = u64> {
        let size = self.dimension.div_ceil(64) * 8;
        words(self.signs.get(row * size..(row + 1) * size).unwrap_or_default())
    }
}

/// A row that is written: from memory, or out of another file.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Made(&'a Row),
    Stored(&'a Vectors, usize),
}

impl Source<'_> {
    /// A copy of it.
    #[cfg(test)]
    pub(super) fn row(&self) -> Option<Row> {
        match self {
            Self::Made(row) => Some((*row).clone()),
            Self::Stored(vectors, row) => vectors.row(*row),
        }
    }

    fn scale(&self) -> f32 {
        match self {
            Self::Made(row) => row.scale,
            Self::Stored(vectors, row) => vectors.scale(*row),
        }
    }

    fn put_signs(&self, out: &mut impl Write) -> io::Result<()> {
        let mut put = |word: u64| out.write_all(&word.to_le_bytes());
        match self {
            Self::Made(row) => row.signs.iter().try_for_each(|word| put(*word)),
            Self::Stored(vectors, row) => vectors.sign_words(*row).try_for_each(put),
        }
    }

    fn put_values(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Made(row) => row.values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes())),
            Self::Stored(vectors, row) => {
                let values = row * vectors.dimension..(row + 1) * vectors.dimension;
                out.write_all(vectors.values.get(values).unwrap_or_default())
            }
        }
    }
}

/// A file of these rows, without its name yet.
fn draft(
    folder: &Path,
    model: &ModelVersion,
    rows: &[(TextHash, Source<'_>)],
) -> io::Result<tempfile::NamedTempFile> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = io::BufWriter::new(file.as_file_mut());
    out.write_all(MAGIC)?;
    out.write_all(&model.hash)?;
    for number in [model.dimension, rows.len()] {
        out.write_all(&u32::try_from(number).map_err(io::Error::other)?.to_le_bytes())?;
    }
    rows.iter().try_for_each(|(hash, _)| out.write_all(hash))?;
    rows.iter().try_for_each(|(_, row)| out.write_all(&row.scale().to_le_bytes()))?;
    rows.iter().try_for_each(|(_, row)| row.put_signs(&mut out))?;
    rows.iter().try_for_each(|(_, row)| row.put_values(&mut out))?;
    out.flush()?;
    drop(out);
    // What the disk does not have yet would count as memory of this process, once it is mapped.
    file.as_file().sync_data()?;
    Ok(file)
}

/// The bytes of a file; `None` where it is not there or can't be such a file.
fn map(folder: &Path, name: &str) -> io::Result<Option<OwnedBytes>> {
    let refused = |error: &io::Error| match is_systems(error) {
        true => Err(io::Error::new(error.kind(), format!("{name} can't be mapped: {error}"))),
        false => Ok(None),
    };
    let directory = match MmapDirectory::open(folder) {
        Ok(directory) => directory,
        Err(OpenDirectoryError::IoError { io_error, .. }) => return refused(&io_error),
        Err(_) => return Ok(None),
    };
    match directory.open_read(Path::new(name)) {
        Ok(file) => file.read_bytes().map_or_else(|error| refused(&error), |bytes| Ok(Some(bytes))),
        Err(OpenReadError::IoError { io_error, .. }) => refused(&io_error),
        Err(_) => Ok(None),
    }
}

/// Leaves the nearest, nearest first.
fn best(scores: &mut Vec<(usize, f32)>, depth: usize) {
    let nearer = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if scores.len() > depth && depth > 0 {
        scores.select_nth_unstable_by(depth - 1, nearer);
    }
    scores.truncate(depth);
    scores.sort_unstable_by(nearer);
}

/// The four parts of a file.
const fn sizes(count: usize, dimension: usize) -> [usize; 4] {
    [count * HASH, count * 4, count * dimension.div_ceil(64) * 8, count * dimension]
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks_exact(8).map(|eight| u64::from_le_bytes(std::array::from_fn(|n| eight[n])))
}

/// Compiled for each kind of processor, chosen when it runs: the loop below becomes its widest multiply-add.
#[inline(always)]
fn dot(question: &[i8], row: &[u8]) -> i32 {
    let products = question.iter().zip(row).map(|(a, b)| i32::from(*a) * i32::from(b.cast_signed()));
    products.sum()
}

/// Every row's cosine.
struct Scan<'a> {
    vectors: &'a Vectors,
    question: &'a Row,
}

impl pulp::WithSimd for Scan<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<f32> {
        let Self { vectors, question } = self;
        let rows = vectors.values.chunks_exact(vectors.dimension.max(1));
        let scales =
            vectors.scales.chunks_exact(4).map(|b| f32::from_le_bytes(std::array::from_fn(|n| b[n])));
        rows.zip(scales)
            .map(|(row, scale)| dot(&question.values, row) as f32 * scale * question.scale)
            .collect()
    }
}

/// How many signs differ, for every row.
struct Sketch<'a> {
    vectors: &'a Vectors,
    question: &'a Row,
}

impl pulp::WithSimd for Sketch<'_> {
    type Output = Vec<u16>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Vec<u16> {
        let Self { vectors, question } = self;
        let size = vectors.dimension.div_ceil(64).max(1) * 8;
        let differ = |row: &[u8]| {
            let bits = words(row).zip(&question.signs).map(|(a, b)| (a ^ b).count_ones());
            bits.sum::<u32>() as u16
        };
        vectors.signs.chunks_exact(size).map(differ).collect()
    }
}

/// What a thread did with vectors, for tests that hold a job to its cost.
#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local! {
        static WORK: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    }

    pub(super) fn count(done: impl FnOnce((usize, usize)) -> (usize, usize)) {
        WORK.set(done(WORK.get()));
    }

    /// Texts that this thread hashed, and files that it opened.
    pub(in crate::services::search) fn done() -> (usize, usize) {
        WORK.get()
    }
}

#[cfg(test)]
mod tests;
