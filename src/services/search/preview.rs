//! What a document becomes, shown before anything is stored.

use serde::Serialize;

use super::analysis::Language;
use super::passages::{Place, pieces, tokens};
use crate::domain::bot::{Bot, BotSpec, Document};

/// A passage as it would be searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chunk {
    /// Title and headings above it.
    pub title: String,
    /// The bytes of the document's text that it is; absent for a Q&A pair.
    pub range: Option<(usize, usize)>,
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
    let spec = BotSpec { documents: vec![document], ..BotSpec::named("preview".into()) };
    let bot = Bot { tenant: "preview".into(), version: 1, enabled: true, spec, accounts: Vec::new() };
    let (pieces, _) = pieces(&bot, usize::MAX);
    let chunk = |piece: &super::passages::Piece| Chunk {
        title: piece.title(&bot),
        range: match &piece.place {
            Place::Text(range) => Some((range.start, range.end)),
            Place::Pair(_) => None,
        },
        tokens: tokens(piece.text(&bot)),
        question: piece.question(&bot).map(str::to_owned),
        text: piece.text(&bot).to_owned(),
    };
    (language, pieces.iter().map(chunk).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_stand_where_they_say() {
        let text = "# Prices\nA haircut is 12 EUR.\n# Hours\nWe are open from nine to five.";
        let document = Document {
            name: "shop.md".into(),
            title: String::new(),
            text: text.into(),
            file: None,
            qa: Vec::new(),
        };
        let (language, chunks) = preview(document);
        assert_eq!((language, chunks.len()), ("en", 2));
        for chunk in chunks {
            let (from, to) = chunk.range.unwrap();
            assert_eq!(&text[from..to], chunk.text);
            assert!(chunk.title.starts_with("shop.md > "), "{chunk:?}");
        }
    }
}
