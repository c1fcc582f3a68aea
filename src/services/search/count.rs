//! BM25 over the passages of a bot's corpora, one term at a time.
//!
//! Every passage has a cell; each term adds to the cells of the passages that have it. For a range of passages
//! that lie side by side this beats merging posting lists, needs no query objects, and leaves for each passage which
//! words it has, from which its coverage comes for nothing.

use std::sync::{Mutex, PoisonError};

use tantivy::fieldnorm::FieldNormReader;

use super::ground::Ground;
use super::part::{In, Part};
use super::query::Word;

/// The usual constants.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// The weight of a hit in title, headings or question, on top of its hit in the body.
const TITLE_WEIGHT: f32 = 0.3;

/// What a word that was only nearly found counts, against one that was found.
pub(super) const NEARLY: f32 = 0.8;

/// What is known of one passage while a question is counted.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    score: f32,
    /// A bit for each word that it has.
    words: u32,
}

/// A passage that has something of the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    /// Which of the searched corpora it is in.
    pub(super) corpus: usize,
    /// Its number in its corpus.
    pub(super) piece: usize,
    /// BM25.
    pub(super) score: f32,
    /// The share of the question's weight that it has.
    pub(super) coverage: f32,
}

/// Cells for those who count at the moment; what is given back is used again.
#[derive(Debug)]
pub(super) struct Cells {
    free: Mutex<Vec<Vec<Cell>>>,
    keep: usize,
}

impl Cells {
    /// Keeps at most as many as there are processors: more don't count at once for long.
    pub(super) fn new() -> Self {
        let keep = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { free: Mutex::default(), keep }
    }

    fn take(&self) -> Vec<Cell> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give(&self, cells: Vec<Cell>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.keep {
            free.push(cells);
        }
    }
}

/// The best `depth` passages, best first; equal ones by their place.
pub(super) fn count(
    grounds: &[Ground],
    words: &[Word],
    depth: usize,
    cells: &Cells,
) -> tantivy::Result<Vec<Hit>> {
    let mut free = cells.take();
    let mut best = Best::new(depth);
    let figures = Figures::of(grounds);
    let all = grounds.iter().enumerate().flat_map(|(n, ground)| ground.parts.iter().map(move |p| (n, p)));
    for (corpus, part) in all {
        let size = (part.run.end - part.run.start) as usize;
        free.clear();
        free.resize(size, Cell::default());
        add(part, &figures, words, &mut free)?;
        for (passage, cell) in (part.run.start..).zip(&free) {
            if cell.score > best.least
                && let Some(piece) = grounds[corpus].piece(part, passage)
            {
                best.add((corpus, piece), *cell);
            }
        }
    }
    cells.give(free);
    let whole: f32 = words.iter().map(|word| word.idf).sum();
    let hit = |((corpus, piece), cell): (Place, Cell)| {
        let has = words.iter().enumerate().filter(|(n, _)| cell.words & (1 << n) != 0);
        let nearly = |word: &Word| if word.frequency() == 0 { NEARLY } else { 1.0 };
        let part: f32 = has.map(|(_, word)| word.idf * nearly(word)).sum();
        Hit {
            corpus,
            piece,
            score: cell.score,
            coverage: if whole > 0.0 { (part / whole).min(1.0) } else { 0.0 },
        }
    };
    Ok(best.finish().into_iter().map(hit).collect())
}

/// Which corpus, and which passage of it.
type Place = (usize, usize);

/// What is the same for every passage of a question.
struct Figures {
    passages: u64,
    /// For title and body, what each of the 256 lengths dampens.
    tables: [[f32; 256]; 2],
}

impl Figures {
    fn of(grounds: &[Ground]) -> Self {
        let tables = [In::Title, In::Body].map(|place| shares(Ground::average(grounds, place)));
        Self { passages: Ground::passages(grounds) as u64, tables }
    }
}

fn add(part: &Part, figures: &Figures, words: &[Word], cells: &mut [Cell]) -> tantivy::Result<()> {
    let start = part.run.start;
    for (n, word) in words.iter().enumerate() {
        let bit = 1 << n;
        if word.frequency() == 0 {
            for term in word.correctable() {
                part.each_near(term, |passage| {
                    let cell = &mut cells[(passage - start) as usize];
                    if cell.words & bit == 0 {
                        cell.score += word.idf * NEARLY;
                        cell.words |= bit;
                    }
                })?;
            }
            continue;
        }
        for (term, frequency) in word.terms.iter().filter(|(_, frequency)| *frequency > 0) {
            let idf = super::query::idf(*frequency, figures.passages);
            for (place, weight) in [(In::Body, idf), (In::Title, idf * TITLE_WEIGHT)] {
                let (lengths, table) =
                    (&part.fields[place as usize].lengths, &figures.tables[place as usize]);
                part.each(place, term, |passage, often| {
                    let cell = &mut cells[(passage - start) as usize];
                    let often = often as f32;
                    let length = table[usize::from(lengths.fieldnorm_id(passage))];
                    cell.score += weight * (K1 + 1.0) * often / (often + length);
                    cell.words |= bit;
                })?;
            }
        }
    }
    Ok(())
}

/// For each of the 256 lengths, how much it dampens a hit.
fn shares(average: f32) -> [f32; 256] {
    std::array::from_fn(|id| {
        let length = FieldNormReader::id_to_fieldnorm(u8::try_from(id).unwrap_or(u8::MAX)) as f32;
        K1 * (1.0 - B + B * length / average.max(1.0))
    })
}

/// The best so far. Twice as many as wanted are kept, then the lesser half goes: cheaper than a heap for a hundred.
struct Best {
    seen: Vec<(Place, Cell)>,
    depth: usize,
    /// What a passage has to pass to matter.
    least: f32,
}

impl Best {
    fn new(depth: usize) -> Self {
        Self { seen: Vec::with_capacity(depth * 2), depth, least: 0.0 }
    }

    fn add(&mut self, piece: Place, cell: Cell) {
        self.seen.push((piece, cell));
        if self.seen.len() >= self.depth.max(1) * 2 {
            self.cut();
            // Equal ones are let in: their place decides between them.
            self.least = self.seen.last().map_or(0.0, |(_, cell)| cell.score.next_down());
        }
    }

    fn cut(&mut self) {
        self.seen.sort_unstable_by(|(a, x), (b, y)| y.score.total_cmp(&x.score).then(a.cmp(b)));
        self.seen.truncate(self.depth);
    }

    fn finish(mut self) -> Vec<(Place, Cell)> {
        self.cut();
        self.seen
    }
}
