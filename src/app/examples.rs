//! What an author should know of a bot's rules: how its example sentences match, and which rules get in each other's way.
//!
//! Guarantee: the same model, line and order as the match stage uses; nothing is stored and nothing is sent.

use std::sync::Arc;

use serde::Serialize;

use super::meaning::{self, Need};
use super::settings::Settings;
use crate::domain::collisions::collisions;
use crate::domain::matcher::{Matcher, prefer};
use crate::domain::script::Rule;
use crate::services::embed::Embed;
use crate::services::search::classifier::{Learned, learn};
use crate::services::search::intents::{ALIKE, Confusion};

/// The most collisions that are named: a person looks at a few.
const MOST: usize = 50;

/// The most rules that a sentence names.
const SHOWN: usize = 10;

/// A bot's rules as they would answer.
#[derive(Debug)]
pub struct Rehearsal {
    matcher: Matcher,
    /// The model with the vectors of the examples; absent without a model or without examples.
    learned: Option<(Arc<dyn Embed>, Learned)>,
    /// What to tell the author.
    pub told: Told,
}

/// What there is to tell about a bot's rules.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// Example sentences.
    pub examples: usize,
    /// `meaning` or `words`: how they match; absent where there are none.
    pub by: Option<&'static str>,
    /// Why they match word for word.
    pub why: Option<String>,
    /// The least score of a match, by the examples.
    pub threshold: Option<f32>,
    /// How far a match has to be ahead of the next rule.
    pub margin: Option<f32>,
    /// Rules whose examples match word for word, since the model doesn't speak their language.
    pub unspoken: Vec<String>,
    /// Rules that want the same.
    pub collisions: Vec<String>,
}

/// What becomes of a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answered<'a> {
    /// The rule that answers.
    pub rule: Option<&'a Rule>,
    /// `words` or `meaning`: what took the text.
    pub by: Option<&'static str>,
    /// The rule whose examples are nearest, with its score; absent where meaning was not asked.
    pub nearest: Option<(String, f32)>,
    /// The next one.
    pub runner_up: Option<(String, f32)>,
}

impl Rehearsal {
    /// Compiles rules, and makes the vectors of their examples: milliseconds for each.
    ///
    /// # Errors
    /// When an expression is wrong or the model fails.
    pub fn new(settings: &Settings, rules: &[Rule]) -> anyhow::Result<Self> {
        let examples = rules.iter().map(|rule| rule.examples().count()).sum();
        let embed = if examples > 0 { meaning::embed(settings, Need::Examples) } else { None };
        Self::with(embed, settings, rules, examples)
    }

    fn with(
        embed: Option<Arc<dyn Embed>>,
        settings: &Settings,
        rules: &[Rule],
        examples: usize,
    ) -> anyhow::Result<Self> {
        let learned = match embed {
            Some(embed) => {
                let learned = learn(&*embed, settings.embed.weights_of(&embed.model().name), rules)?;
                Some((embed, learned))
            }
            None => None,
        };
        let mut told = Told {
            examples,
            by: (examples > 0).then_some("words"),
            why: None,
            threshold: None,
            margin: None,
            unspoken: Vec::new(),
            collisions: collisions(rules, MOST)
                .into_iter()
                .map(|c| format!("{} hides {}: both want {}", c.answers, c.hidden, c.what))
                .collect(),
        };
        match &learned {
            Some((_, learned)) if learned.intents.examples() > 0 => {
                let line = learned.intents.line();
                (told.by, told.threshold, told.margin) =
                    (Some("meaning"), Some(line.threshold), Some(line.margin));
                told.unspoken.clone_from(&learned.unspoken);
                let room = MOST - told.collisions.len();
                told.collisions.extend(learned.intents.confusions(room).iter().map(|c| sentence(c, rules)));
            }
            Some(_) => told.why = Some("the embedding model doesn't speak their language".to_owned()),
            None if examples > 0 => {
                told.why = Some("there is no embedding model: run `millrace models fetch`".to_owned());
            }
            None => {}
        }
        Ok(Self { matcher: Matcher::compile(rules)?, learned, told })
    }

    /// Which rule answers a text, and why.
    ///
    /// # Errors
    /// When the model fails.
    pub fn answer(&self, text: &str) -> anyhow::Result<Answered<'_>> {
        let said = self.matcher.find(text, None);
        let mut answered = Answered { rule: said, by: said.map(|_| "words"), ..Answered::default() };
        let Some((embed, learned)) = &self.learned else { return Ok(answered) };
        if text.trim().is_empty() || text.starts_with('/') {
            return Ok(answered);
        }
        let vector = embed.question(text)?;
        let Some(judged) = learned.intents.judge(&vector) else { return Ok(answered) };
        let owned = |(rule, score): (&str, f32)| (rule.to_owned(), score);
        (answered.nearest, answered.runner_up) = (Some(owned(judged.best)), judged.second.map(owned));
        let named = || self.matcher.rules().iter().find(|rule| rule.name == judged.best.0);
        let meant = judged.hit.then(named).flatten();
        let rule = prefer(said, meant);
        if rule != said {
            (answered.rule, answered.by) = (rule, Some("meaning"));
        }
        Ok(answered)
    }
}

impl Told {
    /// In sentences, one a line; none where there is nothing to tell.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let (Some(threshold), Some(margin)) = (self.threshold, self.margin) {
            lines.push(format!(
                "{} example sentences match by meaning: a score of {threshold:.2}, {margin:.2} ahead of the next rule",
                self.examples
            ));
        }
        if let Some(why) = &self.why {
            lines.push(format!("{} example sentences match word for word: {why}", self.examples));
        }
        if !self.unspoken.is_empty() {
            let rules = self.unspoken.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = self.unspoken.len().saturating_sub(SHOWN);
            let rules = if more > 0 { format!("{rules} and {more} more") } else { rules };
            lines.push(format!("word for word, since the model doesn't speak their language: {rules}"));
        }
        lines.extend(self.collisions.iter().map(|collision| format!("collision: {collision}")));
        lines
    }
}

fn sentence(confusion: &Confusion, rules: &[Rule]) -> String {
    match confusion {
        Confusion::Example { of, n, nearer, by } => {
            let rule = rules.iter().find(|rule| rule.name == *of);
            let example = rule.and_then(|rule| rule.examples().nth(*n)).unwrap_or_default();
            format!("the example \"{example}\" of {of} is nearer to {nearer}, by {by:.2}")
        }
        Confusion::Alike { one, other, cosine } => {
            format!("{one} and {other} mean much the same: {cosine:.2}, more than {ALIKE}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::embed::fake::FakeEmbed;

    fn rehearsal(model: bool) -> Rehearsal {
        let rules: Vec<Rule> = serde_saphyr::from_str(
            "
- {name: order, when: [{examples: [where is my order, my order did not come, pay my last bill]}], reply: [x]}
- {name: pay, when: [{examples: [pay my bill, pay this last bill]}], reply: [x]}
- {name: hours, when: [{any: [open, order]}], reply: [x]}
- {name: again, when: [{any: [open]}], reply: [x]}
",
        )
        .unwrap();
        let embed = model.then(|| Arc::new(FakeEmbed::default()) as Arc<dyn Embed>);
        Rehearsal::with(embed, &Settings::default(), &rules, 5).unwrap()
    }

    #[test]
    fn a_text_is_answered_as_the_stage_would_and_says_why() {
        let with = rehearsal(true);
        let answer = with.answer("my bill i pay").unwrap();
        assert_eq!((answer.rule.unwrap().name.as_str(), answer.by), ("pay", Some("meaning")));
        assert_eq!(answer.runner_up.unwrap().0, "order");
        let answer = with.answer("this order is where").unwrap();
        assert_eq!((answer.rule.unwrap().name.as_str(), answer.by), ("hours", Some("words")));
        assert_eq!(answer.nearest.unwrap().0, "order", "what it means is shown all the same");
        let answer = with.answer("who won").unwrap();
        assert_eq!((answer.rule, answer.by), (None, None));
        let without = rehearsal(false);
        assert_eq!(without.answer("my bill i pay").unwrap(), Answered::default());
        assert_eq!(without.answer("Pay my bill!").unwrap().rule.unwrap().name, "pay");
    }

    #[test]
    fn the_author_is_told_the_line_and_what_collides() {
        let lines = rehearsal(true).told.lines();
        assert_eq!(
            lines[0],
            "5 example sentences match by meaning: a score of 0.50, 0.03 ahead of the next rule"
        );
        assert_eq!(lines[1], "collision: hours hides again: both want the word \"open\"");
        assert!(lines[2].contains("\"pay my last bill\" of order is nearer to pay"), "{lines:?}");
        let lines = rehearsal(false).told.lines();
        assert!(lines[0].contains("word for word: there is no embedding model"), "{lines:?}");
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
}
