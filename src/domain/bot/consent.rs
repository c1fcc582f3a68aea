//! Words by which people say whether they want to be written to.
//!
//! Guarantee: a wish is the whole text and nothing else; a sentence that holds such a word is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::events::Consent;
use crate::domain::text::normalise;

/// Texts that say what a person wants; each is compared with the whole text, upper and lower case alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConsentWords {
    /// "Don't write to me".
    pub out: Vec<String>,
    /// "Write to me again".
    #[serde(rename = "in")]
    pub back: Vec<String>,
}

impl Default for ConsentWords {
    fn default() -> Self {
        let words = |words: [&str; 2]| words.map(str::to_owned).to_vec();
        Self { out: words(["stop", "unsubscribe"]), back: words(["start", "subscribe"]) }
    }
}

impl ConsentWords {
    /// What a text says of it.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Consent> {
        /// No such word is nearly as long.
        const LONGEST: usize = 64;
        let text = Some(text).filter(|text| !text.is_empty() && text.len() <= LONGEST).map(normalise)?;
        let said = |words: &[String]| words.iter().any(|word| normalise(word) == text);
        if said(&self.out) { Some(Consent::Out) } else { said(&self.back).then_some(Consent::In) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_the_whole_text_in_any_case_and_nothing_else() {
        let words = ConsentWords::default();
        let read = |text: &str| words.read(text);
        assert_eq!((read(" STOP "), read("Unsubscribe")), (Some(Consent::Out), Some(Consent::Out)));
        assert_eq!(read("start"), Some(Consent::In));
        for text in ["", "stop it", "the bus stop", &"stop".repeat(50)] {
            assert_eq!(read(text), None, "{text}");
        }
        let none: ConsentWords = serde_json::from_str(r#"{"out": [], "in": []}"#).unwrap();
        assert_eq!(none.read("stop"), None);
    }
}
