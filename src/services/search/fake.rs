//! A search that finds what a test put in.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Grounding, Search, SearchError, Verdict};
use crate::domain::events::{Considered, Fate, Passage, Searched, WordsOnly};
use crate::domain::knowledge::Corpus;

/// Answers every question with the same passages.
#[derive(Debug, Default)]
pub struct FakeSearch {
    passages: Mutex<Vec<Passage>>,
    asked: Mutex<Vec<String>>,
}

impl FakeSearch {
    /// Finds these passages.
    #[must_use]
    pub fn with(passages: Vec<Passage>) -> Self {
        Self { passages: Mutex::new(passages), asked: Mutex::default() }
    }

    /// The questions that were asked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Search for FakeSearch {
    async fn ground(&self, _: &[Corpus], question: &str, top: usize) -> Result<Grounding, SearchError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(question.to_owned());
        let passages = self.passages.lock().unwrap_or_else(PoisonError::into_inner);
        let passages: Vec<_> = passages.iter().take(top).cloned().collect();
        let (verdict, confidence) =
            if passages.is_empty() { (Verdict::Abstain, 0.0) } else { (Verdict::Answer, 1.0) };
        let considered = |(n, passage): (u32, &Passage)| Considered {
            rank: n,
            document: passage.document.clone(),
            base: passage.base.clone(),
            generation: passage.generation.unwrap_or_default(),
            page: passage.page,
            range: passage.range,
            pair: None,
            score: passage.score,
            bm25: passage.score,
            coverage: passage.coverage,
            cosine: passage.cosine,
            fate: Fate::Carried,
        };
        let searched = Searched {
            verdict,
            confidence,
            weight: 0.0,
            words_only: Some(WordsOnly::NoModel),
            encode_us: None,
            found: u32::try_from(passages.len()).unwrap_or(u32::MAX),
            candidates: (1..).zip(&passages).map(considered).collect(),
        };
        Ok(Grounding { passages, verdict, confidence, encode: Duration::ZERO, searched })
    }
}
