//! Knowledge: what bots may answer from. A bot has documents of its own, written in its file; a knowledge base serves
//! many bots of its tenant. Both are searched as a [`Corpus`].

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bot::{Bot, Document};
use super::ids::{BaseId, BotId, TenantId};
use super::text::normalise;

/// A knowledge base as the stages see it: what can be searched at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeBase {
    /// Whose.
    pub tenant: TenantId,
    /// Unique in its tenant.
    pub base: BaseId,
    /// Counts up with every change.
    pub version: i64,
    /// The documents that were read, by name.
    pub documents: Vec<Document>,
    /// Answers that come before any search.
    pub pinned: Vec<Pinned>,
}

/// A question with the answer that its author wants, word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// As people ask; upper and lower case, spaces and punctuation around it don't count.
    pub question: String,
    /// What to say.
    pub answer: String,
}

/// What is searched together under one set of figures: a bot's own documents, or a knowledge base.
#[derive(Debug, Clone)]
pub enum Corpus {
    /// The documents in a bot's file.
    Own(Arc<Bot>),
    /// A knowledge base.
    Base(Arc<KnowledgeBase>),
    /// Of a knowledge base the documents that have one of these tags.
    Tagged(Arc<KnowledgeBase>, Arc<[String]>),
}

/// Which corpus, in its tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CorpusId {
    /// A bot's own.
    Own(BotId),
    /// A knowledge base.
    Base(BaseId),
}

impl Corpus {
    /// Whose.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Own(bot) => &bot.tenant,
            Self::Base(base) | Self::Tagged(base, _) => &base.tenant,
        }
    }

    /// Which.
    #[must_use]
    pub fn id(&self) -> CorpusId {
        match self {
            Self::Own(bot) => CorpusId::Own(bot.spec.bot.clone()),
            Self::Base(base) | Self::Tagged(base, _) => CorpusId::Base(base.base.clone()),
        }
    }

    /// The knowledge base; `None` for a bot's own documents.
    #[must_use]
    pub fn base(&self) -> Option<&BaseId> {
        match self {
            Self::Own(_) => None,
            Self::Base(base) | Self::Tagged(base, _) => Some(&base.base),
        }
    }

    /// Counts up with every change.
    #[must_use]
    pub fn version(&self) -> i64 {
        match self {
            Self::Own(bot) => bot.version,
            Self::Base(base) | Self::Tagged(base, _) => base.version,
        }
    }

    /// True when what is indexed of another is what would be indexed of this one.
    ///
    /// The versions of a bot begin again with a later tenant of the same id, which must never be answered from the documents
    /// of the one before: they are compared, where they were loaded anew.
    #[must_use]
    pub fn is_like(&self, indexed: &Self) -> bool {
        self.version() == indexed.version()
            && match (self, indexed) {
                (Self::Own(one), Self::Own(other)) => {
                    Arc::ptr_eq(one, other) || one.spec.documents == other.spec.documents
                }
                _ => true,
            }
    }

    /// What is indexed; see [`Self::allowed`].
    #[must_use]
    pub fn documents(&self) -> &[Document] {
        match self {
            Self::Own(bot) => &bot.spec.documents,
            Self::Base(base) | Self::Tagged(base, _) => &base.documents,
        }
    }

    /// A knowledge base as far as it has these tags; all of it where there are none.
    #[must_use]
    pub fn tagged(base: Arc<KnowledgeBase>, tags: &[String]) -> Self {
        if tags.is_empty() { Self::Base(base) } else { Self::Tagged(base, tags.into()) }
    }

    /// For each document whether it may answer; `None` where all may.
    #[must_use]
    pub fn allowed(&self) -> Option<Vec<bool>> {
        let Self::Tagged(base, tags) = self else { return None };
        let wanted: Vec<String> = tags.iter().map(|tag| normalise(tag)).collect();
        let one = |document: &Document| document.tags.iter().any(|tag| wanted.contains(&normalise(tag)));
        Some(base.documents.iter().map(one).collect())
    }
}

impl From<&Arc<Bot>> for Corpus {
    fn from(bot: &Arc<Bot>) -> Self {
        Self::Own(Arc::clone(bot))
    }
}

impl fmt::Display for CorpusId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(bot) => write!(f, "bot {bot}"),
            Self::Base(base) => write!(f, "knowledge base {base}"),
        }
    }
}

/// How far a document is on its way from a file to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    /// Its file is kept; nobody has read it yet.
    Submitted,
    /// It was read.
    Parsed,
    /// It is found by its words.
    Searchable,
    /// It is found by its meaning too.
    SemanticReady,
    /// It can't be read; the reason stands beside it.
    Failed,
}

impl DocumentStatus {
    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Parsed => "parsed",
            Self::Searchable => "searchable",
            Self::SemanticReady => "semantic_ready",
            Self::Failed => "failed",
        }
    }

    /// True when nothing more happens to it by itself, other than that it is found by meaning later.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Searchable | Self::SemanticReady | Self::Failed)
    }
}

impl fmt::Display for DocumentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DocumentStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Submitted, Self::Parsed, Self::Searchable, Self::SemanticReady, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no status of a document"))
    }
}

/// A question without what people write differently: case, spaces, punctuation around it.
#[must_use]
pub fn normalised(question: &str) -> String {
    let words = question.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let text = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    caseless::default_case_fold_str(&text)
}

impl KnowledgeBase {
    /// The answer that is pinned to a question.
    #[must_use]
    pub fn pinned(&self, question: &str) -> Option<&Pinned> {
        let question = normalised(question);
        self.pinned.iter().find(|pinned| !question.is_empty() && normalised(&pinned.question) == question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_answer_is_found_however_it_is_asked() {
        let pinned = Pinned { question: "What are your hours?".into(), answer: "Nine to five.".into() };
        let base = KnowledgeBase {
            tenant: "t".into(),
            base: "shop".into(),
            version: 1,
            documents: vec![],
            pinned: vec![pinned.clone()],
        };
        for asked in ["what are your hours", "  WHAT are   your hours ?!", "¿What are your hours?"] {
            assert_eq!(base.pinned(asked), Some(&pinned), "{asked}");
        }
        for asked in ["", "?!", "what are your hours today"] {
            assert_eq!(base.pinned(asked), None, "{asked}");
        }
    }

    #[test]
    fn a_status_is_read_as_it_is_written() {
        for status in ["submitted", "parsed", "searchable", "semantic_ready", "failed"] {
            assert_eq!(status.parse::<DocumentStatus>().unwrap().to_string(), status);
            let json = serde_json::to_string(&status.parse::<DocumentStatus>().unwrap()).unwrap();
            assert_eq!(json, format!("\"{status}\""));
        }
        assert!("done".parse::<DocumentStatus>().is_err());
    }
}
