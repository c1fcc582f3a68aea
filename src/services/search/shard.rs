//! One index that many corpora share: bots' own documents and knowledge bases.
//!
//! Guarantee: a [`View`] is one moment of the index: its searcher sees exactly the passages of its residents, so a
//! passage's number always means the text that was indexed under it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use tantivy::columnar::Column;
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::WhitespaceTokenizer;
use tantivy::{Index, IndexReader, IndexSettings, IndexSortByField, Order, ReloadPolicy};
use tantivy::{Searcher, SegmentReader, TantivyDocument, Term};

use super::analysis::Analyzer;
use super::passages::Piece;
use super::resident::Resident;
use super::scratch::{Scratch, Spill};
use crate::domain::ids::TenantId;
use crate::domain::knowledge::{Corpus, CorpusId};

/// Whose documents.
pub(super) type Key = (TenantId, CorpusId);

/// The fields of a passage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The resident's number: no two tenants' passages have the same. Segments are sorted by it.
    owner: Field,
    /// The number of the document in its present state.
    document: Field,
    /// The terms of title, headings and question.
    pub(super) title: Field,
    /// The terms of title, headings, question and text.
    pub(super) body: Field,
    /// The passage's place in its document.
    piece: Field,
}

impl Fields {
    /// The fields of every index.
    pub(super) fn schema() -> (Schema, Self) {
        let words = TextFieldIndexing::default()
            .set_tokenizer("terms")
            .set_index_option(IndexRecordOption::WithFreqs);
        let words = TextOptions::default().set_indexing_options(words);
        let mut schema = Schema::builder();
        let fields = Self {
            owner: schema.add_u64_field("owner", FAST | INDEXED),
            document: schema.add_u64_field("document", FAST | INDEXED),
            title: schema.add_text_field("title", words.clone()),
            body: schema.add_text_field("body", words),
            piece: schema.add_u64_field("piece", FAST),
        };
        (schema.build(), fields)
    }

    /// The number of each passage's document in a segment.
    pub(super) fn documents(&self, segment: &SegmentReader) -> tantivy::Result<Column<u64>> {
        let name = segment.schema().get_field_name(self.document).to_owned();
        segment.fast_fields().u64(&name)
    }

    /// The term that a corpus's passages are deleted by.
    pub(super) fn of_owner(&self, owner: u64) -> Term {
        Term::from_field_u64(self.owner, owner)
    }

    /// The term that a document's passages are deleted by.
    pub(super) fn of_document(&self, number: u64) -> Term {
        Term::from_field_u64(self.document, number)
    }

    /// A passage as the index takes it, and how many terms its title and its body have.
    pub(super) fn document(
        &self,
        [owner, number, place]: [u64; 3],
        piece: &Piece,
        corpus: &Corpus,
        analyzer: &mut Analyzer,
    ) -> (TantivyDocument, [u64; 2]) {
        let question = piece.question(corpus).unwrap_or_default();
        let heading = format!("{}\n{question}", piece.title(corpus));
        let mut join = |text: &str, out: &mut String| {
            let mut count = 0;
            analyzer.terms(text, |term| {
                out.push_str(term);
                out.push(' ');
                count += 1;
            });
            count
        };
        let mut title = String::new();
        let of_title = join(&heading, &mut title);
        let mut body = title.clone();
        let of_body = of_title + join(piece.text(corpus), &mut body);
        let mut document = TantivyDocument::new();
        document.add_u64(self.owner, owner);
        document.add_u64(self.document, number);
        document.add_text(self.title, title);
        document.add_text(self.body, body);
        document.add_u64(self.piece, place);
        (document, [of_title, of_body])
    }
}

/// A corpus as one name that no other has.
pub(super) fn name((tenant, corpus): &Key) -> String {
    match corpus {
        CorpusId::Own(bot) => format!("{tenant}\u{0}{bot}"),
        CorpusId::Base(base) => format!("{tenant}\u{0}kb\u{0}{base}"),
    }
}

/// One moment of the index.
pub(super) struct View {
    pub(super) searcher: Searcher,
    pub(super) residents: HashMap<Key, Arc<Resident>>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passages, bots) = (self.searcher.num_docs(), self.residents.len());
        f.debug_struct("View").field("passages", &passages).field("bots", &bots).finish()
    }
}

/// The index, and what is published of it.
pub(super) struct Shard {
    pub(super) index: Index,
    /// Where the index stands.
    spill: Spill,
    pub(super) fields: Fields,
    reader: IndexReader,
    view: ArcSwap<View>,
    clock: AtomicU64,
    numbers: AtomicU64,
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Shard {
    /// An empty index: in memory, or with its large parts in files of `scratch`.
    pub(super) fn new(scratch: Option<Arc<Scratch>>) -> tantivy::Result<Self> {
        let (schema, fields) = Fields::schema();
        let by_owner = IndexSortByField { field: "owner".to_owned(), order: Order::Asc };
        let settings = IndexSettings { sort_by_field: Some(by_owner), ..IndexSettings::default() };
        let builder = Index::builder().schema(schema).settings(settings);
        let spill = Spill::new(scratch);
        let index = builder.open_or_create(spill.clone())?;
        // Texts are analysed before they come here: their terms stand between spaces.
        index.tokenizers().register("terms", WhitespaceTokenizer::default());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let view = View { searcher: reader.searcher(), residents: HashMap::new() };
        Ok(Self {
            index,
            spill,
            fields,
            reader,
            view: ArcSwap::from_pointee(view),
            clock: AtomicU64::new(0),
            numbers: AtomicU64::new(1),
        })
    }

    /// What the index takes.
    pub(super) fn bytes(&self) -> tantivy::Result<u64> {
        Ok(self.view().searcher.space_usage()?.total().get_bytes())
    }

    /// What it takes of the process's own memory, about: see [`Resident::own_bytes`], and the index as far as it is in
    /// memory.
    pub(super) fn own_bytes(&self) -> usize {
        let residents = self.view().residents.values().map(|resident| resident.own_bytes()).sum::<usize>();
        residents + self.spill.own_bytes()
    }

    /// The present moment.
    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// A number for a corpus or a document that is about to be indexed; never given before.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Marks a bot as used now.
    pub(super) fn touch(&self, resident: &Resident) {
        resident.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Makes other residents visible in the same index. Only the builder calls it.
    pub(super) fn reseat(&self, residents: HashMap<Key, Arc<Resident>>) -> Arc<View> {
        let view = Arc::new(View { searcher: self.view().searcher.clone(), residents });
        self.view.store(Arc::clone(&view));
        view
    }

    /// Makes what was committed visible, with the bots that it holds. Only the builder calls it.
    pub(super) fn publish(&self, residents: HashMap<Key, Arc<Resident>>) -> tantivy::Result<Arc<View>> {
        self.reader.reload()?;
        let view = Arc::new(View { searcher: self.reader.searcher(), residents });
        self.view.store(Arc::clone(&view));
        Ok(view)
    }
}
