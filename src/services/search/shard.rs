//! One index that many bots share.
//!
//! Guarantee: a [`View`] is one moment of the index: its searcher sees exactly the passages of its residents, so a
//! passage's number always means the text that was indexed under it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use tantivy::schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::WhitespaceTokenizer;
use tantivy::{Index, IndexReader, IndexSettings, IndexSortByField, Order, ReloadPolicy};
use tantivy::{Searcher, TantivyDocument, Term};

use super::analysis::{Analyzer, Language};
use super::passages::Piece;
use super::vectors::Vectors;
use crate::domain::bot::Bot;
use crate::domain::ids::{BotId, TenantId};

/// Whose documents.
pub(super) type Key = (TenantId, BotId);

/// The fields of a passage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// Tenant and bot: what is deleted by it is never another tenant's.
    bot: Field,
    /// The resident's number. Segments are sorted by it.
    owner: Field,
    /// The terms of title, headings and question.
    pub(super) title: Field,
    /// The terms of title, headings, question and text.
    pub(super) body: Field,
    /// The passage's number in its resident.
    piece: Field,
}

impl Fields {
    /// The term that a bot's passages are deleted by.
    pub(super) fn bot(&self, (tenant, bot): &Key) -> Term {
        Term::from_field_text(self.bot, &format!("{tenant}\u{0}{bot}"))
    }

    /// A passage as the index takes it, and how many terms its title and its body have.
    pub(super) fn document(
        &self,
        key: &Key,
        owner: u64,
        number: usize,
        piece: &Piece,
        bot: &Bot,
        analyzer: &mut Analyzer,
    ) -> (TantivyDocument, [u64; 2]) {
        let question = piece.question(bot).unwrap_or_default();
        let heading = format!("{}\n{question}", piece.title(bot));
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
        let of_body = of_title + join(piece.text(bot), &mut body);
        let mut document = TantivyDocument::new();
        document.add_text(self.bot, self.bot(key).value().as_str().unwrap_or_default());
        document.add_u64(self.owner, owner);
        document.add_text(self.title, title);
        document.add_text(self.body, body);
        document.add_u64(self.piece, number as u64);
        (document, [of_title, of_body])
    }
}

/// A bot whose documents are in the index.
#[derive(Debug)]
pub(super) struct Resident {
    /// Given to this version of this bot and never again in the shard: no passage of another has it.
    pub(super) owner: u64,
    /// The bot that was indexed: passages are read from its documents.
    pub(super) bot: Arc<Bot>,
    /// Every passage, by number.
    pub(super) pieces: Vec<Piece>,
    /// The languages of its passages, the commonest first, at most [`MAX_LANGUAGES`].
    pub(super) languages: Vec<Language>,
    /// Documents by language.
    pub(super) documents: BTreeMap<Language, usize>,
    /// Terms in all titles and in all bodies: scores rest on the bot's own figures, never on its neighbours'.
    pub(super) tokens: [u64; 2],
    /// A vector for each passage, once all of them are made.
    pub(super) vectors: ArcSwapOption<Vectors>,
    /// True once its vectors were asked for.
    pub(super) seen_to: AtomicBool,
    /// The shard's clock at the last use.
    pub(super) used: AtomicU64,
}

/// A question is analysed once for each: more would cost more than they find.
pub(super) const MAX_LANGUAGES: usize = 3;

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
    pub(super) fields: Fields,
    reader: IndexReader,
    view: ArcSwap<View>,
    clock: AtomicU64,
    owners: AtomicU64,
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Shard {
    /// An empty index in memory.
    pub(super) fn new() -> tantivy::Result<Self> {
        let exact = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_index_option(IndexRecordOption::Basic)
            .set_fieldnorms(false);
        let words = TextFieldIndexing::default()
            .set_tokenizer("terms")
            .set_index_option(IndexRecordOption::WithFreqs);
        let exact = TextOptions::default().set_indexing_options(exact);
        let words = TextOptions::default().set_indexing_options(words);
        let mut schema = Schema::builder();
        let fields = Fields {
            bot: schema.add_text_field("bot", exact),
            owner: schema.add_u64_field("owner", FAST),
            title: schema.add_text_field("title", words.clone()),
            body: schema.add_text_field("body", words),
            piece: schema.add_u64_field("piece", FAST),
        };
        let by_owner = IndexSortByField { field: "owner".to_owned(), order: Order::Asc };
        let settings = IndexSettings { sort_by_field: Some(by_owner), ..IndexSettings::default() };
        let index = Index::builder().schema(schema.build()).settings(settings).create_in_ram()?;
        // Texts are analysed before they come here: their terms stand between spaces.
        index.tokenizers().register("terms", WhitespaceTokenizer::default());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let view = View { searcher: reader.searcher(), residents: HashMap::new() };
        Ok(Self {
            index,
            fields,
            reader,
            view: ArcSwap::from_pointee(view),
            clock: AtomicU64::new(0),
            owners: AtomicU64::new(1),
        })
    }

    /// What the index takes.
    pub(super) fn bytes(&self) -> tantivy::Result<u64> {
        Ok(self.view().searcher.space_usage()?.total().get_bytes())
    }

    /// The present moment.
    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// A number for a bot that is about to be indexed.
    pub(super) fn next_owner(&self) -> u64 {
        self.owners.fetch_add(1, Ordering::Relaxed)
    }

    /// Marks a bot as used now.
    pub(super) fn touch(&self, resident: &Resident) {
        resident.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Makes what was committed visible, with the bots that it holds. Only the builder calls it.
    pub(super) fn publish(&self, residents: HashMap<Key, Arc<Resident>>) -> tantivy::Result<Arc<View>> {
        self.reader.reload()?;
        let view = Arc::new(View { searcher: self.reader.searcher(), residents });
        self.view.store(Arc::clone(&view));
        Ok(view)
    }
}
