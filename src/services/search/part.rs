//! Where one bot's passages stand in the segments of a shard.
//!
//! Guarantee: a segment is sorted by owner, so a bot's passages are one run of numbers in it; nothing outside that run is
//! ever read, whatever other tenants wrote.

use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::fastfield::AliveBitSet;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::BlockSegmentPostings;
use tantivy::query::FuzzyTermQuery;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, InvertedIndexReader, Searcher, TERMINATED, Term};

use super::shard::Fields;
use super::snapshot::{OWNER, Opened};

/// A misspelt word has few neighbours; a short one that looks like many words means none of them.
const MAX_NEIGHBOURS: usize = 16;

/// Other bots write words too: this many of the shard's are looked at, at most.
const MAX_LOOKED_AT: usize = 1000;

/// A bot's run of passages in one segment.
pub(super) struct Part {
    /// Its numbers in the segment.
    pub(super) run: Range<DocId>,
    /// Title and body.
    pub(super) fields: [Indexed; 2],
    documents: Column<u64>,
    pieces: Column<u64>,
    whole: bool,
    /// Which of the segment's passages were not deleted; `None` when none was.
    alive: Option<Alive>,
}

/// Which passages of a segment count.
enum Alive {
    /// Those that the index did not delete.
    Segment(AliveBitSet),
    /// Of a snapshot, those whose documents the corpus still has.
    Snapshot(Arc<[bool]>),
}

impl Alive {
    fn has(&self, passage: DocId) -> bool {
        match self {
            Self::Segment(alive) => alive.is_alive(passage),
            Self::Snapshot(alive) => alive.get(passage as usize).copied().unwrap_or(false),
        }
    }
}

/// A field of a segment.
pub(super) struct Indexed {
    field: Field,
    terms: Arc<InvertedIndexReader>,
    /// How long the field is in each passage, in 256 steps.
    pub(super) lengths: FieldNormReader,
}

/// Which of a passage's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum In {
    /// Title, headings, question.
    Title = 0,
    /// All of it.
    Body = 1,
}

impl Part {
    /// The runs of an owner, one for each segment that has one.
    pub(super) fn all(searcher: &Searcher, fields: &Fields, owner: u64) -> tantivy::Result<Vec<Self>> {
        let mut out = Vec::new();
        for segment in searcher.segment_readers() {
            let owners = segment.fast_fields().u64("owner")?;
            let from = first_at_least(&owners, segment.max_doc(), owner);
            let to = first_at_least(&owners, segment.max_doc(), owner.saturating_add(1));
            if from == to {
                continue;
            }
            let indexed = |field| -> tantivy::Result<Indexed> {
                let (terms, lengths) =
                    (segment.inverted_index(field)?, segment.get_fieldnorms_reader(field)?);
                Ok(Indexed { field, terms, lengths })
            };
            out.push(Self {
                run: from..to,
                fields: [indexed(fields.title)?, indexed(fields.body)?],
                documents: segment.fast_fields().u64("document")?,
                pieces: segment.fast_fields().u64("piece")?,
                alive: segment.alive_bitset().cloned().map(Alive::Segment),
                whole: from == 0 && to == segment.max_doc(),
            });
        }
        Ok(out)
    }

    /// The passages of a snapshot; `alive` says which of them count, all where it is absent.
    pub(super) fn of(snapshot: &Opened, alive: Option<&Arc<[bool]>>) -> tantivy::Result<Vec<Self>> {
        let mut parts = Self::all(&snapshot.searcher, &snapshot.fields, OWNER)?;
        for part in &mut parts {
            part.alive = alive.map(|alive| Alive::Snapshot(Arc::clone(alive)));
        }
        Ok(parts)
    }

    /// The number of a passage's document, and its place in it.
    pub(super) fn place(&self, passage: DocId) -> Option<(u64, u64)> {
        self.documents.first(passage).zip(self.pieces.first(passage))
    }

    /// How many of the run's passages have a term in their body.
    pub(super) fn frequency(&self, term: &str) -> tantivy::Result<u64> {
        let body = &self.fields[In::Body as usize];
        let term = Term::from_field_text(body.field, term);
        if self.whole && self.alive.is_none() {
            return Ok(u64::from(body.terms.doc_freq(&term)?));
        }
        let Some(mut postings) = body.terms.read_block_postings(&term, IndexRecordOption::Basic)? else {
            return Ok(0);
        };
        if self.alive.is_some() {
            let mut count = 0;
            self.walk(postings, &mut |_, _| count += 1);
            return Ok(count);
        }
        let before = postings.rank(self.run.start);
        Ok(u64::from(postings.rank(self.run.end) - before))
    }

    /// Calls `take` with every passage of the run that has the term in a field, and how often.
    pub(super) fn each(
        &self,
        place: In,
        term: &str,
        mut take: impl FnMut(DocId, u32),
    ) -> tantivy::Result<()> {
        let field = &self.fields[place as usize];
        let term = Term::from_field_text(field.field, term);
        if let Some(postings) = field.terms.read_block_postings(&term, IndexRecordOption::WithFreqs)? {
            self.walk(postings, &mut take);
        }
        Ok(())
    }

    /// Calls `take` with every passage of the run whose body has a word that is one letter off.
    pub(super) fn each_near(&self, term: &str, mut take: impl FnMut(DocId)) -> tantivy::Result<()> {
        let body = &self.fields[In::Body as usize];
        let near = FuzzyTermQuery::new(Term::from_field_text(body.field, term), 1, true).automaton()?;
        let mut neighbours = body.terms.terms().search(near).into_stream()?;
        let mut count = 0;
        for _ in 0..MAX_LOOKED_AT {
            if count == MAX_NEIGHBOURS || !neighbours.advance() {
                break;
            }
            let option = IndexRecordOption::Basic;
            let postings = body.terms.read_block_postings_from_terminfo(neighbours.value(), option)?;
            let mut found = false;
            self.walk(postings, &mut |passage, _| {
                found = true;
                take(passage);
            });
            // A word that only other bots wrote takes no place: their texts must not show in this bot's results.
            count += usize::from(found);
        }
        Ok(())
    }

    fn walk(&self, mut postings: BlockSegmentPostings, take: &mut impl FnMut(DocId, u32)) {
        let mut at = postings.seek(self.run.start);
        loop {
            let (ids, counts) = (postings.docs(), postings.freqs());
            let last = ids.last().copied().unwrap_or(TERMINATED);
            let end = ids.partition_point(|id| *id < self.run.end);
            for (n, id) in ids.iter().enumerate().take(end).skip(at) {
                if self.alive.as_ref().is_none_or(|alive| alive.has(*id)) {
                    take(*id, counts.get(n).copied().unwrap_or(1));
                }
            }
            if last >= self.run.end {
                return;
            }
            at = 0;
            postings.advance();
        }
    }
}

/// The first passage whose owner is at least `owner`, in a column that only rises.
fn first_at_least(owners: &Column<u64>, count: DocId, owner: u64) -> DocId {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if owners.first(middle).unwrap_or(0) < owner { low = middle + 1 } else { high = middle }
    }
    low
}
