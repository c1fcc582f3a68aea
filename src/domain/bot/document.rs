//! What a bot may answer from: a text, or questions with their answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::body::Text;
use crate::domain::few::Few;

/// A text that a bot may answer from, or a list of questions and answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Unique in the bot, for example `prices.md`; shown in citations.
    #[schemars(with = "String")]
    pub name: SmolStr,
    /// Shown in citations; the name where absent.
    #[serde(default)]
    pub title: Text,
    /// Plain text or Markdown.
    #[serde(default)]
    pub text: Text,
    /// A file with the text, relative to the bot's file; read by `bot apply`, never stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Box<str>>,
    /// Questions and answers.
    #[serde(default)]
    pub qa: Few<Pair>,
    /// Where in the text each page begins, in bytes; empty where there are no pages.
    #[serde(default, skip_serializing_if = "<[u64]>::is_empty")]
    pub pages: Few<u64>,
    /// What it is about: a bot may answer from the documents with a tag alone.
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    pub tags: Few<String>,
}

impl Document {
    /// A text under a name.
    #[must_use]
    pub fn text(name: impl Into<SmolStr>, text: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            title: Text::default(),
            text: text.into(),
            file: None,
            qa: Few::new(),
            pages: Few::new(),
            tags: Few::new(),
        }
    }

    /// What it takes of the process's own memory, about, in bytes: what stands in a mapped file is not counted.
    #[must_use]
    pub fn own_bytes(&self) -> usize {
        /// The longest name that has no memory of its own.
        const INLINE: usize = 23;
        let name = Some(self.name.len()).filter(|len| *len > INLINE).unwrap_or_default();
        let pairs = self.qa.iter().map(|pair| pair.q.len() + pair.a.len() + size_of::<Pair>());
        let tags = self.tags.iter().map(|tag| tag.len() + size_of::<String>());
        size_of::<Self>()
            + name
            + self.title.own_bytes()
            + self.text.own_bytes()
            + self.pages.len() * size_of::<u64>()
            + pairs.sum::<usize>()
            + tags.sum::<usize>()
    }

    /// A stretch of the text, given in bytes, in characters (Unicode scalar values): the first, and the last plus one.
    #[must_use]
    pub fn chars(&self, bytes: std::ops::Range<usize>) -> Option<(u64, u64)> {
        let before = self.text.count(0..bytes.start)?;
        Some((before, before + self.text.count(bytes)?))
    }

    /// The page, from 1, on which a byte of the text stands; `None` where there are no pages.
    #[must_use]
    pub fn page(&self, at: usize) -> Option<u32> {
        let before = self.pages.partition_point(|start| *start <= at as u64);
        u32::try_from(before).ok().filter(|page| *page > 0)
    }
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// As a person would ask it.
    pub q: String,
    /// What to say.
    pub a: String,
}
