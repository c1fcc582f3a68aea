//! What a document becomes, shown before anything is stored.

use serde::Serialize;

use super::analysis::Language;
use super::passages::{Place, pieces, tokens};
use std::sync::Arc;

use crate::domain::bot::Document;
use crate::domain::knowledge::{Corpus, KnowledgeBase};

/// A passage as it would be searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chunk {
    /// Title and headings above it.
    pub title: String,
    /// The bytes of the document's text that it is; absent for a Q&A pair.
    pub range: Option<(usize, usize)>,
    /// The same stretch in characters (Unicode scalar values).
    pub chars: Option<(u64, u64)>,
    /// The page, from 1, on which it begins; absent where there are no pages.
    pub page: Option<u32>,
    /// About how many tokens a model makes of it.
    pub tokens: usize,
    /// The question of a pair.
    pub question: Option<String>,
    /// The passage.
    pub text: String,
}

/// The language that a document is taken to be in, and its passages, in order.
#[must_use]
pub fn preview(document: Document) -> (&'static str, Vec<Chunk>) {
    let language = Language::of_document(&document).code();
    let base = KnowledgeBase {
        tenant: "preview".into(),
        base: "preview".into(),
        version: 1,
        documents: vec![document],
        pinned: Vec::new(),
    };
    let corpus = Corpus::Base(Arc::new(base));
    let pieces = pieces(0, &corpus.documents()[0]);
    let chunk = |piece: &super::passages::Piece| Chunk {
        title: piece.title(&corpus),
        range: match piece.place() {
            Place::Text(range) => Some((range.start, range.end)),
            Place::Pair(_) => None,
        },
        chars: match piece.place() {
            Place::Text(range) => piece.document(&corpus).chars(range),
            Place::Pair(_) => None,
        },
        page: piece.page(&corpus),
        tokens: tokens(piece.text(&corpus)),
        question: piece.question(&corpus).map(str::to_owned),
        text: piece.text(&corpus).to_owned(),
    };
    (language, pieces.iter().map(chunk).collect())
}

/// The language that a document is taken to be in, and how many passages it becomes.
#[must_use]
pub fn outline(document: &Document) -> (&'static str, usize) {
    (Language::of_document(document).code(), pieces(0, document).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_stand_where_they_say() {
        // The euro has three bytes and is one character.
        let text = "# Prices\nA haircut is 12 €.\n# Hours\nWe are open from nine to five.";
        let (language, chunks) =
            preview(Document { pages: vec![0, 33].into(), ..Document::text("shop.md", text) });
        assert_eq!((language, chunks.len()), ("en", 2));
        for chunk in chunks {
            let (from, to) = chunk.range.unwrap();
            assert_eq!(&text[from..to], chunk.text);
            let (first, last) = chunk.chars.unwrap();
            let counted: String = text.chars().skip(first as usize).take((last - first) as usize).collect();
            assert_eq!(counted, chunk.text);
            assert_eq!((first as usize == from, last as usize == to), (from < 33, false));
            assert!(chunk.title.starts_with("shop.md > "), "{chunk:?}");
            assert_eq!(chunk.page, Some(if from < 33 { 1 } else { 2 }), "{chunk:?}");
        }
    }
}
