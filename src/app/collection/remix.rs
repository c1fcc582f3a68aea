//! A small collection made large: documents of mixed sentences, as many as one wants.
//!
//! Guarantee: the same seed gives the same documents; every word comes from the collection, so that words are as common
//! as they are there.

use super::{Collection, Doc};

/// About what a passage has.
const BYTES: usize = 800;

/// The documents of a collection and as many remixed ones as it takes to be `count`.
#[must_use]
pub fn fill(collection: &Collection, count: usize, seed: u64) -> Vec<Doc> {
    let mut random = fastrand::Rng::with_seed(seed);
    let sentences: Vec<&str> = collection.docs.iter().flat_map(|doc| sentences(&doc.text)).collect();
    let mut docs: Vec<Doc> = collection.docs.iter().take(count).cloned().collect();
    if sentences.is_empty() {
        return docs;
    }
    while docs.len() < count {
        let mut text = String::with_capacity(BYTES + 200);
        while text.len() < BYTES {
            text.push_str(sentences[random.usize(..sentences.len())]);
            text.push(' ');
        }
        text.truncate(text.floor_char_boundary(BYTES));
        let title = collection.docs[random.usize(..collection.docs.len())].title.clone();
        docs.push(Doc { id: format!("remix-{}", docs.len()), title, text, intent: None });
    }
    docs
}

/// A query's first words.
#[must_use]
pub fn cut(query: &str, words: usize) -> String {
    query.split_whitespace().take(words).collect::<Vec<_>>().join(" ")
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '!', '?', '\n']).map(str::trim).filter(|sentence| sentence.len() > 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_documents() {
        let doc =
            |id: &str, text: &str| Doc { id: id.into(), title: "T".into(), text: text.into(), intent: None };
        let docs =
            vec![doc("a", "A haircut is 12 EUR. A beard is 7 EUR."), doc("b", "We open at nine o'clock.")];
        let collection = Collection { docs, ..Collection::default() };
        let (one, two) = (fill(&collection, 5, 1), fill(&collection, 5, 1));
        assert_eq!(one.len(), 5);
        let texts = |docs: &[Doc]| docs.iter().map(|doc| doc.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&one), texts(&two));
        assert_ne!(texts(&one), texts(&fill(&collection, 5, 2)));
        assert!(one[2..].iter().all(|doc| doc.text.len() == BYTES));
        assert_eq!(cut("a b  c d", 3), "a b c");
    }
}
